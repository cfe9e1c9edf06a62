/**
 * The thread that writes the journal. It does what it is told, one message at a time, and says
 * when it is on the disk. It keeps no facts and decides nothing; after a failed commit it writes
 * nothing more.
 *
 * @module
 */

import { parentPort, workerData } from "node:worker_threads";
import { assertNever, present } from "../../base/assert.ts";
import { CapstanError, type ErrorCode } from "../../model/errors.ts";
import { CommitRowWriter } from "./commit-row.ts";
import { openForWriting, preallocateLog } from "./database.ts";
import type { FromJournalThread, JournalThreadData, ToJournalThread } from "./journal-protocol.ts";
import { SnapshotWriter } from "./snapshot-writer.ts";

const port = present(parentPort, "the journal thread runs as a worker thread");
const { dataDir, epoch } = workerData as JournalThreadData;
const database = openForWriting(dataDir);
preallocateLog(dataDir);
const rows = new CommitRowWriter(database);
const snapshots = new SnapshotWriter(database, {
  onWritten: (sequence) => say({ type: "snapshot-written", sequence }),
  onFailed: (message) => say({ type: "snapshot-failed", message }),
});
let broken = false;

port.on("message", (message: ToJournalThread) => {
  switch (message.type) {
    case "commit":
      commit(message);
      break;
    case "write-snapshot":
      snapshots.begin(message);
      break;
    case "close":
      close();
      break;
    default:
      assertNever(message);
  }
});
say({ type: "ready" });

function say(message: FromJournalThread): void {
  port.postMessage(message);
}

function commit({ first, last, at, blob }: Extract<ToJournalThread, { type: "commit" }>): void {
  if (broken) return;
  const startedAt = performance.now();
  try {
    rows.write({ first, last, epoch, at }, blob);
    say({ type: "committed", last, bytes: blob.length, ms: performance.now() - startedAt });
  } catch (error) {
    if (!(error instanceof CapstanError)) throw error;
    fail(error.code, error.message);
  }
}

function fail(code: ErrorCode, message: string): void {
  broken = true;
  say({ type: "commit-failed", code, message });
}

function close(): void {
  snapshots.cancel();
  database.close();
  port.close();
}
