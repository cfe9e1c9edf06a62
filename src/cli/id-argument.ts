/**
 * The one positional argument of the commands that are about one thing.
 *
 * @module
 */

import { parseText } from "./global-flags.ts";

/** One id, required. */
export const idArgument = idOf("Id of the task, or its key");

/** The id of a job. */
export const jobArgument = idOf("Id of the job, such as /root/train");

/** The id of a worker. */
export const workerArgument = idOf("Id of the worker");

/** One required argument that `brief` describes. */
export function idOf(brief: string) {
  return {
    kind: "tuple",
    parameters: [{ parse: parseText, brief, placeholder: "ID" }],
  } as const;
}
