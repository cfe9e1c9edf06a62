/**
 * The thread that looks at the past: it folds a journal and answers, one call after the other. The
 * loop of the controller does none of it.
 *
 * @module
 */

import { parentPort, workerData } from "node:worker_threads";
import { present } from "../../base/assert.ts";
import { CapstanError } from "../../model/errors.ts";
import { checkReadable, openFileForReading } from "../journal/database.ts";
import { type PastCall, PastFold } from "./past-fold.ts";

export interface PastThreadData {
  /** The journal's file. */
  readonly path: string;
}

/** What comes back of each call. */
export type PastReply =
  | { readonly text: string; readonly sequence: number; readonly at: number }
  | { readonly code: string; readonly message: string; readonly details: object };

const port = present(parentPort, "the thread of the past runs as a worker thread");
const database = openFileForReading((workerData as PastThreadData).path);
const fold = new PastFold(database);

port.on("message", (call: PastCall) => port.postMessage(replyTo(call)));

function replyTo(call: PastCall): PastReply {
  try {
    checkReadable(database);
    const { result, sequence, at } = fold.answer(call);
    return { text: JSON.stringify(result), sequence, at };
  } catch (error) {
    if (!(error instanceof CapstanError)) throw error;
    const { code, message, details } = error;
    return { code, message, details };
  }
}
