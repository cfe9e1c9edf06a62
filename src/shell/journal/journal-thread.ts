/**
 * The thread that writes the journal. It does what it is told, one message at a time, and says
 * when it is on the disk. It keeps no facts and decides nothing; after a failed commit it writes
 * nothing more.
 *
 * @module
 */

import { parentPort, workerData } from "node:worker_threads";
import { assertNever, present } from "../../base/assert.ts";
import type { ErrorCode } from "../../model/errors.ts";
import { openForWriting, preallocateLog } from "./database.ts";
import { commitChecksum } from "./fact-codec.ts";
import type { FromJournalThread, JournalThreadData, ToJournalThread } from "./journal-protocol.ts";
import { SnapshotWriter } from "./snapshot-writer.ts";

const port = present(parentPort, "the journal thread runs as a worker thread");
const { dataDir, epoch } = workerData as JournalThreadData;
const database = openForWriting(dataDir);
preallocateLog(dataDir);
const insertCommit = database.prepare(
  `INSERT INTO commits (first, last, epoch, at, checksum, blob) SELECT ?, ?, ?, ?, ?, ?
   WHERE (SELECT value FROM meta WHERE name = 'epoch') = ?`,
);
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

/** One statement is one transaction: the row is written under our epoch, or not at all. */
function commit(message: Extract<ToJournalThread, { type: "commit" }>): void {
  if (broken) return;
  const { first, last, at, blob } = message;
  try {
    const checksum = commitChecksum({ first, last, epoch, at }, blob);
    const { changes } = insertCommit.run(first, last, epoch, at, checksum, blob, String(epoch));
    if (changes === 1) say({ type: "committed", last });
    else fail("STALE_EPOCH", "another controller has taken over this data directory");
  } catch (error) {
    fail("DISK_FAILED", `the journal could not be written: ${(error as Error).message}`);
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
