/**
 * Tasks that need plugins, and workers where those cannot be set up.
 *
 * @module
 */

import { setupFailedAttribute, type TaskSpec } from "../../src/model/spec.ts";
import { someFailure } from "./fake-worker.ts";

export const hash = (digit: string) => digit.repeat(64);

/** What needs the set of this key. */
export function plugged(digit = "a"): Partial<TaskSpec> {
  const key = hash(digit);
  const plugin = { name: "licence", bundle: hash("b"), setup: "up", teardown: "" };
  const constraint = { key: setupFailedAttribute(key), op: "not-exists", values: [] } as const;
  return {
    run: {
      kind: "function",
      executor: "thread",
      bundle: hash("0"),
      functionName: "f",
      plugins: { key, plugins: [plugin] },
    },
    constraints: [{ ...constraint, mode: "REQUIRED" }],
  };
}

const error = { name: "PluginError", message: "licence: none left", stack: "", causes: [] };
const failure = { ...someFailure, error };
/** What a worker says of a task whose plugins it could not set up. */
export const setupFailed = { cause: "setup-failed", failure } as const;
