/**
 * The directories of commands: one for each attempt, and what becomes of it when the attempt ends.
 *
 *     <root>/<attemptId>/work      where it runs; removed when it has ended
 *     <root>/<attemptId>/output    what it leaves for people; kept with the logs
 *     <root>/<attemptId>/logs      what it wrote; the launcher writes here
 *
 * An attempt whose `work` is there has not been brought to its end, which is how the next agent
 * finds out. Removing goes on behind the attempts, one after the other: nobody waits for it.
 *
 * Most short commands leave nothing at all. Their directories become the next attempt's by being
 * renamed, because to make and remove them costs more than such a command does. That is done at
 * once: to ask a thread for it costs several times what these calls take, which touch no disk.
 *
 * @module
 */

import { existsSync, mkdirSync, readdirSync, renameSync, statSync, unlinkSync } from "node:fs";
import { lstat, mkdir, readdir, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { exitFileName } from "../launcher/log-format.ts";
import {
  keptAttemptBytesMax,
  keptAttemptMs,
  keptAttemptsMax,
  processLogSettleMs,
  spareDirectoriesMax,
} from "./limits.ts";

/** Where one attempt lives; all absolute. */
export interface AttemptPaths {
  /** Of the three others. */
  readonly root: string;
  readonly work: string;
  readonly output: string;
  readonly logs: string;
}

/** What is kept of ended attempts; past any of these the oldest goes. */
export interface Retention {
  readonly attemptsMax: number;
  readonly bytesMax: number;
  readonly ageMaxMs: number;
}

export const defaultRetention: Retention = {
  attemptsMax: keptAttemptsMax,
  bytesMax: keptAttemptBytesMax,
  ageMaxMs: keptAttemptMs,
};

export interface DirectoriesOptions {
  readonly root: string;
  readonly retention: Retention;
  /** Something could not be removed: it stays. */
  readonly onTrouble: (path: string, error: unknown) => void;
}

interface KeptAttempt {
  readonly attemptId: string;
  readonly bytes: number;
  /** Unix milliseconds. */
  readonly endedAtMs: number;
}

const directoryMode = 0o700;
const attemptNames = ["logs", "output", "work"].join();

const attemptName = /^\d+\.\d+$/;

export class AttemptDirectories {
  readonly #options: DirectoriesOptions;
  /** Made or found, and not brought to their end. */
  readonly #open = new Set<string>();
  /** Oldest first. */
  #kept: KeptAttempt[] = [];
  #keptBytes = 0;
  #work: Promise<void> = Promise.resolve();
  /** Of attempts that left nothing: empty, and nobody's. */
  #spares: string[] = [];
  #nextSpare = 1;
  /** In processes that they share, to a moment after their end. */
  readonly #shared = new Set<string>();
  /** Of those, what has ended; oldest first. */
  #settling: { readonly attemptId: string; readonly at: number }[] = [];
  #settle: NodeJS.Timeout | null = null;
  /** Ended attempts that wrote nothing and of which nothing is kept; oldest first. */
  readonly #silent = new Set<string>();

  constructor(options: DirectoriesOptions) {
    this.#options = options;
    mkdirSync(options.root, { recursive: true, mode: 0o700 });
  }

  pathsOf(attemptId: string): AttemptPaths {
    const root = join(this.#options.root, attemptId);
    const [work, output, logs] = ["work", "output", "logs"].map((name) => join(root, name));
    return { root, work, output, logs };
  }

  /** True of one that has ended and wrote nothing, as long as that is remembered. */
  wasSilent(attemptId: string): boolean {
    return this.#silent.has(attemptId);
  }

  /** The logs of an attempt that is, or was, here; null if nothing is known of it. */
  logsOf(attemptId: string): string | null {
    if (!attemptName.test(attemptId)) return null;
    const { logs } = this.pathsOf(attemptId);
    return existsSync(logs) ? logs : null;
  }

  /** Makes the directories of a new attempt, all empty. Throws what the file system says. */
  async make(attemptId: string): Promise<void> {
    const { root, work, output, logs } = this.pathsOf(attemptId);
    this.#open.add(attemptId);
    this.#silent.delete(attemptId);
    const spare = this.#spares.pop();
    if (spare !== undefined) {
      if (isRenamed(spare, root)) return;
      this.#later(() => this.#remove(spare));
    }
    try {
      await mkdir(root, { mode: 0o700 });
    } catch (error) {
      if (!hasCode(error, "EEXIST")) throw error;
      // Another cluster gave the same number before; this one's is the later.
      await this.#forget(attemptId);
      await mkdir(root, { mode: 0o700 });
    }
    await Promise.all([work, output, logs].map((path) => mkdir(path, { mode: directoryMode })));
  }

  /** The attempt has ended: its work directory goes, the rest is kept for a while. Idempotent. */
  end(attemptId: string): void {
    if (!this.#open.delete(attemptId)) return;
    const { work } = this.pathsOf(attemptId);
    this.#later(async () => {
      // Most commands leave nothing there: then that is one call, and no walk.
      await rmdir(work).catch(() => this.#remove(work));
      await this.#keep(attemptId, Date.now());
      await this.#enforce();
    });
  }

  /** Like `end`, for one that wrote nothing: if it left no file either, nothing of it is kept. */
  endSilent(attemptId: string): void {
    if (!this.#open.has(attemptId)) return;
    const hasRoom = this.#spares.length < spareDirectoriesMax;
    if (!hasRoom || !this.#isUntouched(attemptId)) return this.end(attemptId);
    this.#park(attemptId);
  }

  /** The attempt never ran: nothing of it is kept. */
  discard(attemptId: string): void {
    if (!this.#open.delete(attemptId)) return;
    const { root } = this.pathsOf(attemptId);
    this.#later(() => this.#remove(root));
  }

  /** It runs in a process that it shares: who starts that makes its logs, if there will be any. */
  beginShared(attemptId: string): void {
    this.#shared.add(attemptId);
  }

  /** It has ended. What it wrote, if it wrote anything, may still be on its way. */
  endShared(attemptId: string): void {
    this.#settling.push({ attemptId, at: performance.now() + processLogSettleMs });
    this.#settle ??= setTimeout(() => this.#settleShared(), processLogSettleMs).unref();
  }

  /** How long its logs may still grow although it has ended, in milliseconds; else 0. */
  settlesInMs(attemptId: string): number {
    const settling = this.#settling.find((each) => each.attemptId === attemptId);
    return settling === undefined ? 0 : Math.max(0, settling.at - performance.now());
  }

  /** Its logs may still grow, or come into being. */
  isShared(attemptId: string): boolean {
    return this.#shared.has(attemptId);
  }

  /** Removes what has become too old. */
  sweep(): void {
    this.#later(() => this.#enforce());
  }

  /**
   * Reads what an earlier agent left. Returns the attempts that it did not bring to their end; what
   * is to become of them is the caller's to say.
   */
  async takeStock(): Promise<readonly string[]> {
    const unfinished: string[] = [];
    const ended: KeptAttempt[] = [];
    for (const attemptId of await readdir(this.#options.root)) {
      const { root, work } = this.pathsOf(attemptId);
      if (!attemptName.test(attemptId)) await this.#remove(root);
      else if (existsSync(work)) unfinished.push(attemptId);
      else ended.push(await this.#measure(attemptId, (await lstat(root)).mtimeMs));
    }
    for (const attemptId of unfinished) this.#open.add(attemptId);
    ended.sort((a, b) => a.endedAtMs - b.endedAtMs);
    this.#kept = [...ended, ...this.#kept];
    for (const { bytes } of ended) this.#keptBytes += bytes;
    await this.#enforce();
    return unfinished;
  }

  /** Resolves when everything that was to be removed is gone. */
  async settled(): Promise<void> {
    await this.#work;
  }

  /** As it was made. These looks do not wait for the disk: all of it has just been used. */
  #isUntouched(attemptId: string): boolean {
    const { root, work, output, logs } = this.pathsOf(attemptId);
    try {
      const isAsMade = (path: string) => (statSync(path).mode & 0o7777) === directoryMode;
      return (
        namesIn(root) === attemptNames &&
        namesIn(logs) === exitFileName &&
        namesIn(work) === "" &&
        namesIn(output) === "" &&
        [work, output, logs].every(isAsMade)
      );
    } catch {
      return false; // The program removed it, or took our right to look: not worth keeping.
    }
  }

  #park(attemptId: string): void {
    const { root, logs } = this.pathsOf(attemptId);
    const spare = join(this.#options.root, `spare-${this.#nextSpare++}`);
    try {
      unlinkSync(join(logs, exitFileName));
      renameSync(root, spare);
    } catch {
      return this.end(attemptId);
    }
    this.#open.delete(attemptId);
    this.#spares.push(spare);
    this.#noteSilent(attemptId);
  }

  #noteSilent(attemptId: string): void {
    this.#silent.add(attemptId);
    const [oldest] = this.#silent;
    if (this.#silent.size > this.#options.retention.attemptsMax) this.#silent.delete(oldest);
  }

  #settleShared(): void {
    this.#settle = null;
    const now = performance.now();
    const due = this.#settling.filter(({ at }) => at <= now);
    this.#settling = this.#settling.slice(due.length);
    for (const { attemptId } of due) this.#settleOne(attemptId);
    if (this.#settling.length === 0) return;
    const waitMs = Math.max(1, this.#settling[0].at - now);
    this.#settle = setTimeout(() => this.#settleShared(), waitMs).unref();
  }

  #settleOne(attemptId: string): void {
    this.#shared.delete(attemptId);
    if (!existsSync(this.pathsOf(attemptId).root)) return this.#noteSilent(attemptId);
    this.#later(async () => {
      await this.#keep(attemptId, Date.now());
      await this.#enforce();
    });
  }

  async #keep(attemptId: string, endedAtMs: number): Promise<void> {
    const kept = await this.#measure(attemptId, endedAtMs);
    this.#kept.push(kept);
    this.#keptBytes += kept.bytes;
  }

  async #measure(attemptId: string, endedAtMs: number): Promise<KeptAttempt> {
    const { root } = this.pathsOf(attemptId);
    return { attemptId, bytes: await bytesUnder(root), endedAtMs };
  }

  async #enforce(): Promise<void> {
    const { attemptsMax, bytesMax, ageMaxMs } = this.#options.retention;
    const isTooMuch = ({ endedAtMs }: KeptAttempt) =>
      this.#kept.length > attemptsMax ||
      this.#keptBytes > bytesMax ||
      Date.now() - endedAtMs > ageMaxMs;
    while (this.#kept.length > 0 && isTooMuch(this.#kept[0])) {
      const { attemptId, bytes } = this.#kept[0];
      this.#kept.shift();
      this.#keptBytes -= bytes;
      await this.#remove(this.pathsOf(attemptId).root);
    }
  }

  async #forget(attemptId: string): Promise<void> {
    const known = this.#kept.find((kept) => kept.attemptId === attemptId);
    if (known !== undefined) {
      this.#kept = this.#kept.filter((kept) => kept !== known);
      this.#keptBytes -= known.bytes;
    }
    await rm(this.pathsOf(attemptId).root, { recursive: true, force: true });
  }

  async #remove(path: string): Promise<void> {
    try {
      await rm(path, { recursive: true, force: true });
    } catch (error) {
      this.#options.onTrouble(path, error);
    }
  }

  #later(work: () => Promise<void>): void {
    this.#work = this.#work
      .then(work)
      .catch((error: unknown) => this.#options.onTrouble(this.#options.root, error));
  }
}

function isRenamed(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch {
    return false; // There is one of that name: another cluster gave the same number before.
  }
}

/** In order, with commas between. */
function namesIn(directory: string): string {
  return readdirSync(directory).sort().join();
}

/** Bytes of all files below a directory; links are not followed. What vanishes meanwhile is 0. */
async function bytesUnder(directory: string): Promise<number> {
  let bytes = 0;
  const directories = [directory];
  for (let next = directories.pop(); next !== undefined; next = directories.pop()) {
    for (const entry of await entriesOf(next)) {
      const path = join(next, entry.name);
      if (entry.isDirectory()) directories.push(path);
      else if (entry.isFile()) bytes += (await lstatOrNull(path))?.size ?? 0;
    }
  }
  return bytes;
}

async function entriesOf(directory: string) {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  }
}

async function lstatOrNull(path: string) {
  try {
    return await lstat(path);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return null;
    throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
