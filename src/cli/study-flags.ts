/**
 * What the commands about studies share: where studies are, and which one is meant.
 *
 * @module
 */

import { defaultStudiesDirectory } from "../client/studies/study-options.ts";
import { type GlobalFlags, globalFlags, parseText } from "./global-flags.ts";

export interface StudyFlags extends GlobalFlags {
  /** Where studies are kept. */
  readonly dir: string;
}

export const studyFlags = {
  ...globalFlags,
  dir: {
    kind: "parsed",
    parse: parseText,
    default: defaultStudiesDirectory,
    placeholder: "DIR",
    brief: "Where studies are kept",
  },
} as const;

/** The name of a study. */
export const studyArgument = {
  kind: "tuple",
  parameters: [{ parse: parseText, brief: "Name of the study", placeholder: "NAME" }],
} as const;
