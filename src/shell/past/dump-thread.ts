/**
 * The thread that writes one dump and ends: the loop of the controller does none of it.
 *
 * @module
 */

import { parentPort, workerData } from "node:worker_threads";
import { present } from "../../base/assert.ts";
import { CapstanError } from "../../model/errors.ts";
import { checkReadable, openFileForReading } from "../journal/database.ts";
import { type DumpAbout, dumpJournal, dumpState, type LiveState } from "./write-dump.ts";

export interface DumpThreadData {
  /** The journal's file, or a state that is in none. */
  readonly source: string | LiveState;
  /** Where to write it; there must be no such file. */
  readonly path: string;
  readonly about: DumpAbout;
}

/** What comes back: null when it is whole. */
export type DumpReply = null | { readonly code: string; readonly message: string };

const port = present(parentPort, "a dump is written by a worker thread");
port.postMessage(write(workerData as DumpThreadData));

function write({ source, path, about }: DumpThreadData): DumpReply {
  if (typeof source !== "string") {
    dumpState(source, path, about);
    return null;
  }
  const database = openFileForReading(source);
  try {
    checkReadable(database);
    dumpJournal(database, path, about);
    return null;
  } catch (error) {
    if (!(error instanceof CapstanError)) throw error;
    const { code, message } = error;
    return { code, message };
  } finally {
    database.close();
  }
}
