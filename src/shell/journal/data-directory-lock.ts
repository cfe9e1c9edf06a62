/**
 * One controller per data directory. The lock is SQLite's exclusive lock on `lock.sqlite`, held
 * by an open transaction for the life of the process: the operating system drops it when the
 * process dies, however it dies. `lock.json` beside it only tells people who holds it.
 *
 * The lock file itself is never opened by other means: closing any other descriptor of it in this
 * process would drop the lock.
 *
 * @module
 */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { CapstanError } from "../../model/errors.ts";
import { makeDirectory } from "../make-directory.ts";

const sqliteBusy = 5;

/** Holds a data directory until `release` or the end of the process. */
export interface DataDirectoryLock {
  release(): void;
}

/** Throws DATA_DIRECTORY_IN_USE naming the process that has it. Creates the directory. */
export function lockDataDirectory(dataDir: string): DataDirectoryLock {
  makeDirectory(dataDir, "the data directory");
  const database = new DatabaseSync(join(dataDir, "lock.sqlite"), { timeout: 0 });
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (isBusy(error)) throw inUse(dataDir);
    throw error;
  }
  writeFileSync(join(dataDir, "lock.json"), `${JSON.stringify({ pid: process.pid })}\n`);
  return { release: () => database.close() };
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === sqliteBusy;
}

function inUse(dataDir: string): CapstanError {
  const pid = holderOf(dataDir);
  const who = pid === null ? "another process" : `process ${pid}`;
  return new CapstanError(
    "DATA_DIRECTORY_IN_USE",
    `the data directory ${dataDir} is in use by ${who}: stop that controller first, ` +
      "or give this one a directory of its own",
    { details: { dataDir, pid } },
  );
}

/** Null while the holder has the lock but has not said yet who it is. */
function holderOf(dataDir: string): number | null {
  const path = join(dataDir, "lock.json");
  if (!existsSync(path)) return null;
  const found = /"pid":(\d+)/.exec(readFileSync(path, "utf8"));
  return found === null ? null : Number(found[1]);
}
