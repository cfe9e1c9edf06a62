/**
 * Says clearly that this Node is too old, before anything fails in a way that does not say so.
 * Must not import what an old Node cannot load.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";

/** The first major version of Node that has what Capstan uses (`node:sqlite`, type stripping). */
export const nodeMajorMin = 24;

/** What is wrong with this version of Node (`"20.1.0"`), as a sentence, or null. */
export function explainNodeVersion(version: string): string | null {
  const major = Number.parseInt(version, 10);
  if (major >= nodeMajorMin) return null;
  const found = `this is Node ${version} (${process.execPath})`;
  return (
    `Capstan needs Node ${nodeMajorMin} or newer, and ${found}. ` +
    "Install a newer Node, or start the program through an npm script of a project that has " +
    '"node" among its devDependencies.'
  );
}

/** Throws CapstanError INVALID_SPEC when the running Node is too old. */
export function checkNodeVersion(): void {
  const problem = explainNodeVersion(process.versions.node);
  if (problem !== null) throw new CapstanError("INVALID_SPEC", problem);
}
