/**
 * What of a directory does not belong to its workspace: the lines of `.capstanignore`, which are a
 * part of what git reads.
 *
 *     # a comment        data/           a directory of this name, anywhere
 *     *.log              /build          only at the top
 *     src/*.tmp          a/**\/b         `*` and `?` stay within a name, `**` does not
 *     !keep.log          what an earlier line left out, and this one takes in again
 *
 * The last line that matches decides. Nothing below a directory that is left out is looked at.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import { ignoreLinesMax } from "./limits.ts";

/** Left out unless a line such as `!node_modules` takes it in. */
const alwaysIgnored = [".git", "node_modules"];

/** Whether an entry is left out; `path` is relative, with `/` between names. */
export type IgnoreRule = (path: string, isDirectory: boolean) => boolean;

interface IgnoreLine {
  readonly pattern: RegExp;
  readonly takesIn: boolean;
  readonly onlyDirectories: boolean;
}

/** The rule of a file's text; "" for a directory without one. Throws INVALID_ARGUMENT. */
export function parseIgnoreRule(text: string): IgnoreRule {
  const written = text.split(/\r?\n/).filter((line) => /\S/.test(line) && !line.startsWith("#"));
  if (written.length > ignoreLinesMax) {
    const message = `.capstanignore: ${written.length} lines; at most ${ignoreLinesMax}`;
    throw new CapstanError("INVALID_ARGUMENT", message);
  }
  const lines = [...alwaysIgnored, ...written].map(parseLine).toReversed();
  return (path, isDirectory) => {
    const last = lines.find(
      ({ pattern, onlyDirectories }) => (isDirectory || !onlyDirectories) && pattern.test(path),
    );
    return last !== undefined && !last.takesIn;
  };
}

function parseLine(line: string): IgnoreLine {
  const trimmed = line.trimEnd();
  const takesIn = trimmed.startsWith("!");
  const written = takesIn ? trimmed.slice(1) : trimmed;
  const onlyDirectories = written.endsWith("/");
  const glob = onlyDirectories ? written.slice(0, -1) : written;
  const isAnchored = glob.includes("/");
  const source = translateGlob(glob.startsWith("/") ? glob.slice(1) : glob);
  const pattern = new RegExp(isAnchored ? `^${source}$` : `(?:^|/)${source}$`, "su");
  return { pattern, takesIn, onlyDirectories };
}

/** `**` with a slash behind it is any number of directories, also none. */
function translateGlob(glob: string): string {
  return glob.replace(/\*\*\/|\*\*|\*|\?|[\\^$.*+?()[\]{}|/]/g, (part) => {
    if (part === "**/") return "(?:.*/)?";
    if (part === "**") return ".*";
    if (part === "*") return "[^/]*";
    return part === "?" ? "[^/]" : `\\${part}`;
  });
}
