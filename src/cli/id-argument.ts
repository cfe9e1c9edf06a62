/**
 * The one positional argument of the commands that are about one thing.
 *
 * @module
 */

import { parseText } from "./global-flags.ts";

/** One id, required. */
export const idArgument = {
  kind: "tuple",
  parameters: [{ parse: parseText, brief: "Id of the task", placeholder: "ID" }],
} as const;
