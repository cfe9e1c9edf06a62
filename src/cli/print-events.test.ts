/**
 * What a line about an event says.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { paintFor } from "./print.ts";
import { describeEvent } from "./print-events.ts";
import type { EventView } from "./responses.ts";

const stdout = { write: () => true };
const paint = paintFor({ stdout, stderr: stdout, env: { NO_COLOR: "1" } });
const at = "2026-11-23T05:17:51.139Z";

const lineOf = (event: object) => describeEvent(paint, event as EventView);

test("a line has what the message does not say, and the place in the journal always", () => {
  const worker = { at, type: "worker-registered", id: "w-3", sequence: 4 };
  const message = "pid 11023 at 127.0.0.1:32965, 4 slots";
  assert.equal(
    lineOf({ ...worker, message, journalSequence: 3 }),
    `${at}  worker-registered  ${message}  w-3  journalSequence=3`,
  );
  const started = { at, type: "controller-started", id: "1", message: "epoch 1", sequence: 1 };
  assert.equal(
    lineOf({ ...started, journalSequence: 1 }),
    `${at}  controller-started  epoch 1  journalSequence=1`,
  );
});

test("what is empty is left out, and so is a type that the message begins with", () => {
  const event = { at, type: "ended", workerId: "w-1", detail: "finished", attemptId: null };
  const message = "ended attempt 1.2 on w-1: finished";
  assert.equal(lineOf({ ...event, message, inputs: [] }), `${at}  ${message}`);
});
