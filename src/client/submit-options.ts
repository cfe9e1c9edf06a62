/**
 * What may be said about a task when it is submitted. The options themselves are the model's; here
 * they are split into what names one task and what specifies a thousand.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import { taskKeyCharactersMax } from "../model/limits.ts";
import type { TaskOptions } from "../model/task-options.ts";

/** Options of one task. */
export type SubmitOptions = TaskOptions;

/** Options that the tasks of one `map` share. */
export type MapOptions = Omit<TaskOptions, "key">;

/** Options, split. */
export interface SplitOptions {
  /** "" for none. */
  readonly key: string;
  readonly pure: boolean;
  /** What is left, or null for nothing. */
  readonly specOptions: { readonly [name: string]: unknown } | null;
}

const noOptions: SplitOptions = { key: "", pure: false, specOptions: null };

/** Takes `key` and `pure` out. Throws INVALID_ARGUMENT or INVALID_SPEC for a wrong one. */
export function splitOptions(options: SubmitOptions | undefined): SplitOptions {
  if (options === undefined) return noOptions;
  if (typeof options !== "object" || options === null) {
    throw new CapstanError("INVALID_ARGUMENT", "options: expected an object");
  }
  const { key, pure, ...specOptions } = options;
  if (key !== undefined && !isKey(key)) {
    throw new CapstanError(
      "INVALID_ARGUMENT",
      `key: expected a string of 1 to ${taskKeyCharactersMax} characters`,
    );
  }
  if (pure !== undefined && typeof pure !== "boolean") {
    throw new CapstanError("INVALID_ARGUMENT", "pure: expected true or false");
  }
  if (key !== undefined && pure === true) {
    throw new CapstanError(
      "INVALID_SPEC",
      "pure: a pure task's key follows from its arguments; leave `key` out",
    );
  }
  return { key: key ?? "", pure: pure ?? false, specOptions };
}

function isKey(key: unknown): boolean {
  return typeof key === "string" && key !== "" && key.length <= taskKeyCharactersMax;
}
