/**
 * Unpacks the archive that a command brings into its work directory.
 *
 * An archive comes from a submitter: every entry is checked before it is written. It must not write
 * outside the directory, by its name or through a link, nor fill the disk.
 *
 * @module
 */

import { once } from "node:events";
import { createReadStream } from "node:fs";
import { posix } from "node:path";
import { type ReadEntry, Unpack } from "tar";
import { CapstanError } from "../../model/errors.ts";
import { workspaceBytesMax, workspaceEntriesMax } from "./limits.ts";

export interface UnpackOptions {
  /** A tar archive, gzipped or not. */
  readonly archive: string;
  /** Existing and empty. */
  readonly directory: string;
  readonly signal: AbortSignal;
  /** Entries that are allowed; default `workspaceEntriesMax`. */
  readonly entriesMax?: number;
  /** Bytes of all files together that are allowed; default `workspaceBytesMax`. */
  readonly bytesMax?: number;
}

/**
 * Unpacks everything or throws; what was written until then stays for the caller to remove.
 *
 * @throws CapstanError TASK_BUILD_FAILED that names the entry; the signal's reason when aborted.
 */
export async function unpackWorkspace(options: UnpackOptions): Promise<void> {
  const check = new EntryCheck(options);
  const unpack = new Unpack({
    cwd: options.directory,
    strict: true,
    preserveOwner: false,
    filter: (_path, entry) => check.accepts(entry as ReadEntry),
  });
  const closed = once(unpack, "close");
  closed.catch(() => undefined); // Met below, or another failure comes first.
  try {
    for await (const chunk of createReadStream(options.archive)) {
      options.signal.throwIfAborted();
      check.throwIfRefused();
      if (!unpack.write(chunk)) await drained(unpack, closed);
    }
    unpack.end();
    await closed;
  } catch (error) {
    options.signal.throwIfAborted();
    check.throwIfRefused();
    throw refusal("it cannot be unpacked", error);
  }
  check.throwIfRefused();
}

/** Resolves when more may be written; fails when the unpacking does. */
async function drained(unpack: Unpack, closed: Promise<unknown>): Promise<void> {
  const drain = new Promise((resolve) => unpack.once("drain", resolve));
  await Promise.race([drain, closed]);
}

const writtenTypes: readonly string[] = ["File", "OldFile", "ContiguousFile", "Directory"];

/** Judges entries before anything of them is written; after the first refusal all are refused. */
class EntryCheck {
  readonly #entriesMax: number;
  readonly #bytesMax: number;
  #entries = 0;
  #bytes = 0;
  #refusal: CapstanError | null = null;

  constructor({ entriesMax = workspaceEntriesMax, bytesMax = workspaceBytesMax }: UnpackOptions) {
    this.#entriesMax = entriesMax;
    this.#bytesMax = bytesMax;
  }

  accepts(entry: ReadEntry): boolean {
    if (this.#refusal !== null) return false;
    const problem = this.#problemOf(entry);
    if (problem === null) return true;
    this.#refusal = refusal(`its entry ${JSON.stringify(entry.path)} ${problem}`);
    return false;
  }

  throwIfRefused(): void {
    if (this.#refusal !== null) throw this.#refusal;
  }

  #problemOf(entry: ReadEntry): string | null {
    this.#entries++;
    this.#bytes += entry.size;
    if (this.#entries > this.#entriesMax) return `is one more than ${this.#entriesMax} entries`;
    if (this.#bytes > this.#bytesMax) return `takes it past ${this.#bytesMax} bytes`;
    if (isOutside(entry.path)) return "is not inside the work directory";
    if (writtenTypes.includes(entry.type)) return null;
    if (entry.type === "SymbolicLink") return problemOfLink(entry.path, entry.linkpath ?? "");
    if (entry.type !== "Link") return `is a ${entry.type}; files, folders and links are allowed`;
    return isOutside(entry.linkpath ?? "") ? "links out of the work directory" : null;
  }
}

/** True unless the path goes down from the directory only. */
function isOutside(path: string): boolean {
  return path === "" || posix.isAbsolute(path) || path.split("/").includes("..");
}

/**
 * A symbolic link may climb first and then descend, no higher than the directory. `..` after a name
 * is refused: the name may itself be a link, and then nobody can tell from the text where it leads.
 */
function problemOfLink(path: string, target: string): string | null {
  const parts = target.split("/").filter((part) => part !== "" && part !== ".");
  const climbs = parts.findIndex((part) => part !== "..");
  const down = climbs === -1 ? [] : parts.slice(climbs);
  if (down.includes("..")) return "is a link with `..` after a name: write it without";
  const height = parts.length - down.length;
  const depth = path.split("/").filter((part) => part !== "" && part !== ".").length - 1;
  const leadsOut = target === "" || posix.isAbsolute(target) || height > depth;
  return leadsOut ? "links out of the work directory" : null;
}

function refusal(what: string, cause?: unknown): CapstanError {
  const reason = cause instanceof Error ? `: ${cause.message}` : "";
  const message = `the workspace was not unpacked: ${what}${reason}`;
  return new CapstanError("TASK_BUILD_FAILED", message, { cause });
}
