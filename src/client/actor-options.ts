/**
 * What may be said about an actor when it is created.
 *
 * @module
 */

import { retryCountMax } from "../model/limits.ts";
import { invalidSpec, parseFields, parseInteger } from "../model/parse-fields.ts";
import { specDefaults, type TaskSpec } from "../model/spec.ts";
import { parseTaskOptions, type TaskOptions } from "../model/task-options.ts";

/** Options of an actor. Durations are `"90s"`, `"5m"` or milliseconds. */
export interface ActorOptions
  extends Pick<
    TaskOptions,
    | "name"
    | "constraints"
    | "priority"
    | "band"
    | "schedulingTimeout"
    | "workers"
    | "allowOtherWorkers"
  > {
  /**
   * What it holds from its start to its end, whether it is called or not. Default: nothing, not
   * even a CPU: what is held idle keeps others away.
   */
  readonly resources?: TaskOptions["resources"];
  /**
   * How often it begins again with a new object, elsewhere if need be, when it failed or was lost.
   * Default 0. More: calls that were not sent yet reach an object without the state of the last.
   */
  readonly restarts?: number | undefined;
}

const optionNames = [
  ...([
    "resources",
    "restarts",
    "workers",
    "allowOtherWorkers",
    "constraints",
    "priority",
  ] as const),
  ...(["band", "schedulingTimeout", "name"] as const),
] as const;

/** What a task may be told, and an actor may not. */
const taskOnly = ["retries", "retryBackoff", "timeout", "key", "pure", "executor", "exclusive"];

type Parsed = Omit<TaskSpec, "run">;

/** Throws INVALID_ARGUMENT or INVALID_SPEC naming the option that is at fault. */
export function parseActorOptions(options: ActorOptions, name: string): Parsed {
  for (const option of taskOnly) {
    if (Object.hasOwn(options, option))
      throw invalidSpec(option, "means nothing for an actor; leave it out");
  }
  parseFields("", options, optionNames);
  const { restarts = 0, resources = {}, ...rest } = options;
  const times = parseInteger("restarts", restarts, 0, retryCountMax);
  const fields = parseTaskOptions({ ...rest, resources: { cpu: 0, ...resources } }, name);
  return { ...fields, maxRetriesFailure: times, maxRetriesPreemption: times };
}

/** A call takes nothing, is never tried again, and competes as its actor does. */
export function fieldsOfCall(name: string, actor: Parsed): Parsed {
  const nothing = parseTaskOptions({ resources: { cpu: 0 } }, name);
  const { band, priority, graceMs } = actor;
  return { ...nothing, ...specDefaults, band, priority, graceMs, maxRetriesPreemption: 0 };
}
