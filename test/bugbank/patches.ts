/**
 * The bugs of the bank: wrong variants of the kernels, each a small patch of their source.
 *
 *     # A title that is a sentence: what this variant does wrong.
 *
 *     from: where such a bug was met, or named
 *
 *     --- src/controller/gangs.ts
 *     whole lines as they stand there
 *     +++
 *     what stands there instead, or nothing
 *
 * A patch may have several such parts. The old lines must be found exactly once, so that a change
 * of the kernels cannot leave a bug behind that is none any more.
 *
 * @module
 */

import { readdirSync, readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";

/** One replacement of whole lines. */
export interface Edit {
  /** Relative to the root, with forward slashes. */
  readonly path: string;
  readonly oldText: string;
  readonly newText: string;
}

export interface Bug {
  /** The name of its file without `.patch.txt`. */
  readonly name: string;
  readonly title: string;
  readonly from: string;
  readonly edits: readonly Edit[];
}

const ending = ".patch.txt";
const bugsFolder = join(import.meta.dirname, "bugs");

/** Every bug of the bank, by name. */
export function readBugs(): readonly Bug[] {
  return readdirSync(bugsFolder)
    .filter((file) => file.endsWith(ending))
    .sort()
    .map((file) => readBug(file.slice(0, -ending.length)));
}

export function readBug(name: string): Bug {
  return parseBug(name, readFileSync(join(bugsFolder, `${name}${ending}`), "utf8"));
}

/** Throws Error where the text is not that of a bug. */
export function parseBug(name: string, text: string): Bug {
  const [head, ...parts] = text.trimEnd().split(/^--- /m);
  const title = /^# ([^\n]+(?:\n# [^\n]+)*)\n/.exec(head)?.[1].replaceAll("\n# ", " ");
  const from = /^from: (.+)$/m.exec(head)?.[1];
  if (title === undefined || from === undefined) throw new Error(`${name}: no title, or no from`);
  if (parts.length === 0) throw new Error(`${name}: it changes nothing`);
  return { name, title, from, edits: parts.map((part) => parseEdit(name, part)) };
}

function parseEdit(name: string, part: string): Edit {
  const lines = part.trimEnd().split("\n");
  const middle = lines.indexOf("+++");
  if (middle < 2) throw new Error(`${name}: expected old lines, +++ and new lines`);
  const oldText = lines.slice(1, middle).join("\n");
  const newText = lines.slice(middle + 1).join("\n");
  if (oldText === newText) throw new Error(`${name}: old and new lines are the same`);
  return { path: lines[0], oldText, newText };
}

/** The source of one file with a bug in it; throws Error unless each edit fits exactly once. */
export function patchSource(bug: Bug, path: string, source: string): string {
  let text = `\n${source}`;
  for (const edit of bug.edits) {
    if (edit.path !== path) continue;
    const wanted = `\n${edit.oldText}\n`;
    const count = text.split(wanted).length - 1;
    if (count !== 1) {
      throw new Error(`${bug.name}: its old lines are in ${path} ${count} times, expected once`);
    }
    const replacement = edit.newText === "" ? "\n" : `\n${edit.newText}\n`;
    text = text.replace(wanted, () => replacement);
  }
  return text.slice(1);
}

/** The files that a bug changes. */
export function pathsOf(bug: Bug): readonly string[] {
  return [...new Set(bug.edits.map(({ path }) => path))];
}

/** Throws unless a bug fits the sources under `root` and leaves them readable. */
export function checkBug(root: string, bug: Bug): void {
  for (const path of pathsOf(bug)) {
    stripTypeScriptTypes(patchSource(bug, path, readFileSync(join(root, path), "utf8")));
  }
}
