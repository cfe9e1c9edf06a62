/**
 * A directory of this machine as the work directory of tasks: one archive (tar, gzip), named by its
 * content and unpacked for each attempt.
 *
 * The same files make the same bytes: names are sorted, times and owners left out, and of the
 * permissions only whether a file can be run is kept.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Stats } from "node:fs";
import { resolve } from "node:path";
import { CapstanError } from "../model/errors.ts";
import { bundleBytesMax } from "../shell/api/limits.ts";
import { ignoreFile, listEntries, messageOf, workspaceError } from "./workspace-entries.ts";

/** A packed workspace. */
export interface Workspace {
  /** SHA-256 of `bytes`, hex. */
  readonly hash: string;
  readonly bytes: Uint8Array;
  /** Files, links and directories. */
  readonly entryCount: number;
}

/**
 * Packs a directory, without `.git`, `node_modules` and what its `.capstanignore` lists. Links stay
 * links and may not lead out of it.
 *
 * Rejects with INVALID_ARGUMENT, which names the entry: not readable, a link that leads out, too
 * large (512 MiB of files, 100,000 entries), changed while it was read.
 */
export async function packWorkspace(directory: string): Promise<Workspace> {
  const root = resolve(directory);
  const paths = await listEntries(root);
  const bytes = await packEntries(root, paths);
  const hash = createHash("sha256").update(bytes).digest("hex");
  return { hash, bytes, entryCount: paths.length };
}

/** Times are those of nobody's clock. */
const timeless = new Date(0);

async function packEntries(root: string, paths: readonly string[]): Promise<Uint8Array> {
  const { Pack } = await import("tar"); // Only programs with workspaces pay for it.
  const pack = new Pack({
    cwd: root,
    gzip: { level: 6 },
    portable: true,
    noDirRecurse: true,
    mtime: timeless,
    filter: (_, stat) => {
      makePortable(stat as Stats);
      return true;
    },
  });
  // Who unpacks takes an archive without any entry for none.
  for (const path of paths.length === 0 ? ["."] : paths) pack.add(path);
  pack.end();
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of pack) {
      length += chunk.length;
      if (length > bundleBytesMax) throw tooLarge(root);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof CapstanError) throw error;
    throw workspaceError(root, `could not be packed: ${messageOf(error)}`, error);
  }
  return Buffer.concat(chunks, length);
}

const typeBits = 0o170000;
const runBits = 0o111;

/** Keeps of the permissions only who may run it, and makes of each hard link a file. */
function makePortable(stat: Stats): void {
  const canRun = stat.isDirectory() || (stat.mode & runBits) !== 0;
  stat.mode = (stat.mode & typeBits) | (canRun ? 0o755 : 0o644);
  stat.nlink = 1;
}

function tooLarge(root: string): CapstanError {
  const why = `takes more than ${bundleBytesMax} bytes when it is packed`;
  return workspaceError(root, `${why}; list what tasks do not need in ${ignoreFile}`);
}
