/**
 * The options of a scatter, as the SDK's user writes them.
 *
 * @module
 */

import { taskKeyCharactersMax, taskNameCharactersMax } from "../model/limits.ts";
import {
  invalidSpec,
  parseBoolean,
  parseFields,
  parseInteger,
  parseText,
} from "../model/parse-fields.ts";
import { copiesMax } from "../protocol/limits.ts";

/** See `Client.scatter`. */
export interface ScatterOptions {
  /**
   * Names the value within its user: the same key is the same value, and is brought once. A key
   * that names other content is refused with KEY_CONFLICT. Default: made up.
   */
  readonly key?: string | undefined;
  /** The key follows from the content: equal values are one. Costs a SHA-256. Default false. */
  readonly hash?: boolean | undefined;
  /**
   * On how many workers it is to be: `true` is every worker, also those that come later. It is
   * brought to one, with which the future has its value; the others have it from there, and one
   * that is lost is replaced. Default false: one.
   */
  readonly broadcast?: boolean | number | undefined;
  /** Ids of the workers that may have it. Default: all. */
  readonly workers?: string | readonly string[] | undefined;
  /** For people. Default `"scattered"`. */
  readonly name?: string | undefined;
}

/** Options, checked. */
export interface ParsedScatter {
  /** "" for none. */
  readonly key: string;
  readonly hash: boolean;
  /** 0 for all. */
  readonly copies: number;
  /** For the specification. */
  readonly specOptions: { readonly [name: string]: unknown };
}

const names = ["key", "hash", "broadcast", "workers", "name"] as const;

/** Throws INVALID_ARGUMENT or INVALID_SPEC naming the option. */
export function parseScatter(options: ScatterOptions | undefined): ParsedScatter {
  const raw = parseFields("", options ?? {}, names);
  const { broadcast = false, workers, name = "scattered" } = raw;
  const hash = raw.hash !== undefined && parseBoolean("hash", raw.hash);
  const key = raw.key === undefined ? "" : parseText("key", raw.key, taskKeyCharactersMax);
  if (hash && key !== "")
    throw invalidSpec("hash", "the key follows from the content; leave `key` out");
  const places = workers === undefined ? {} : { workers };
  return {
    key,
    hash,
    copies: copiesOf(broadcast),
    specOptions: {
      ...places,
      name: parseText("name", name, taskNameCharactersMax),
      resources: { cpu: 0 },
    },
  };
}

function copiesOf(broadcast: unknown): number {
  if (typeof broadcast === "number") return parseInteger("broadcast", broadcast, 1, copiesMax);
  return parseBoolean("broadcast", broadcast) ? 0 : 1;
}
