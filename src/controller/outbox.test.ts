/**
 * What one step sends: to each peer in one order, in few messages, and to nobody who is away.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import { blobsOf } from "../base/blobs.ts";
import { digestWith, mixId } from "../base/digest.ts";
import type { ToWorkerMessage } from "../protocol/messages.ts";
import type { ComputeEntry } from "./compute-builder.ts";
import { messageBytesMax } from "./limits.ts";
import { Outbox } from "./outbox.ts";

/** Two workers and a client, and the outbox of a step. */
function aStep() {
  const harness = new ControllerHarness();
  const workers = [harness.aWorker(), harness.aWorker()];
  const client = harness.aClient();
  const [first, second] = workers.map(({ index }) => harness.state.workers[index]);
  return { harness, state: harness.state, out: new Outbox(), first, second, client };
}

function anEntry(attempt: number, bytes = 1): ComputeEntry {
  return {
    ...{ attempt, task: attempt + 100, spec: 0, shape: 0, prefetched: false, context: "" },
    ...{ args: blobsOf([new Uint8Array(bytes)]), argsIndex: 0, inputs: [] },
  };
}

const stop: ToWorkerMessage = {
  type: "stop",
  attempts: Float64Array.of(1),
  tasks: Float64Array.of(2),
};

/** `0 compute 1 2`, `1 forget 7`, `client results 3`: who is sent what, about which. */
function sent(out: Outbox, state: ControllerHarness["state"]): string[] {
  return out.finish(state).sends.map((send) => {
    if (send.type === "send-to-client") {
      const { tasks = [] } = send.message as { readonly tasks?: Iterable<number> };
      return ["client", send.message.type, ...tasks].join(" ");
    }
    assert.equal(send.type, "send-to-worker");
    const { message, worker } = send as typeof send & { readonly worker: number };
    const { attempts, tasks } = message as {
      readonly attempts?: Iterable<number>;
      readonly tasks: Iterable<number>;
    };
    return [worker, message.type, ...(attempts ?? tasks)].join(" ");
  });
}

describe("orders for a worker", () => {
  test("go in one message for each, in the order of the first ones", () => {
    const { state, out, first, second } = aStep();
    out.compute(state, second.index, anEntry(1));
    out.compute(state, first.index, anEntry(2));
    out.compute(state, second.index, anEntry(3));
    assert.deepEqual(sent(out, state), ["1 compute 1 3", "0 compute 2"]);
  });

  test("go before what is said afterwards, and after what is to be forgotten first", () => {
    const { state, out, first } = aStep();
    out.compute(state, first.index, anEntry(1));
    out.toWorker(state, first.index, stop);
    out.compute(state, first.index, anEntry(2));
    out.forget(first.index, 7, false);
    out.compute(state, first.index, anEntry(3));
    out.forget(first.index, 8, false);
    const lines = ["compute 1", "stop 1", "compute 2", "forget 7", "compute 3", "forget 8"];
    assert.deepEqual(
      sent(out, state),
      lines.map((line) => `0 ${line}`),
    );
  });

  test("do not wait for what others are to forget", () => {
    const { state, out, first, second } = aStep();
    out.compute(state, first.index, anEntry(1));
    out.forget(second.index, 7, false);
    out.forget(second.index, 8, false);
    out.compute(state, first.index, anEntry(2));
    assert.deepEqual(sent(out, state), ["0 compute 1 2", "1 forget 7 8"]);
  });

  test("are sent when they are as large as a message may be, and the rest in the end", () => {
    const { state, out, first } = aStep();
    out.compute(state, first.index, anEntry(1, messageBytesMax));
    out.compute(state, first.index, anEntry(2));
    out.compute(state, first.index, anEntry(3));
    assert.deepEqual(sent(out, state), ["0 compute 1 2", "0 compute 3"]);
  });

  test("are not sent to one who is away, and not counted as sent", () => {
    const { state, out, first } = aStep();
    const before = first.sentCount;
    first.connected = false;
    out.compute(state, first.index, anEntry(1));
    out.toWorker(state, first.index, stop);
    out.forget(first.index, 7, true);
    assert.deepEqual(sent(out, state), []);
    assert.deepEqual([first.sentCount, first.unapplied.length], [before, 0]);
  });

  test("are remembered until they are applied: what they add, or take away", () => {
    const { state, out, first } = aStep();
    const before = first.sentCount;
    out.compute(state, first.index, anEntry(1));
    out.compute(state, first.index, anEntry(2));
    out.toWorker(state, first.index, stop);
    out.forget(first.index, 7, true);
    out.forget(first.index, 8, false);
    out.forget(first.index, 9, true);
    out.finish(state);
    assert.equal(first.sentCount, before + 3);
    const values = (mixId(7) + mixId(9)) >>> 0;
    assert.deepEqual(first.unapplied, [
      { sequence: before + 1, attempts: [1, 2].reduce(digestWith, 0), values: 0 },
      { sequence: before + 3, attempts: 0, values },
    ]);
  });
});

describe("what a client is told", () => {
  const value = (bytes = 1) => new Uint8Array(bytes);

  test("comes as one message of results, before what is said after them", () => {
    const { state, out, client } = aStep();
    out.result(client.index, 1, value());
    out.resultFrom(client.index, 2, blobsOf([value(), value()]), 1);
    out.toClient(state, client.index, { type: "accepted", sequence: 9 });
    out.result(client.index, 3, value());
    const lines = ["client results 1 2", "client accepted", "client results 3"];
    assert.deepEqual(sent(out, state), lines);
  });

  test("is sent when it is as large as a message may be", () => {
    const { state, out, client } = aStep();
    out.result(client.index, 1, value(messageBytesMax));
    out.result(client.index, 2, value());
    out.resultFrom(client.index, 3, blobsOf([value(messageBytesMax)]), 0);
    out.resultFrom(client.index, 4, blobsOf([value()]), 0);
    out.result(client.index, 5, value());
    const lines = ["client results 1 2", "client results 3 4", "client results 5"];
    assert.deepEqual(sent(out, state), lines);
  });

  test("is not said to one who is away, or gone", () => {
    const { state, out, client } = aStep();
    out.toClient(state, client.index + 1, { type: "accepted", sequence: 9 });
    client.disconnects();
    out.toClient(state, client.index, { type: "accepted", sequence: 9 });
    assert.deepEqual(sent(out, state), []);
  });
});

test("facts that the journal keeps are counted, however they come", () => {
  const { state, out, first } = aStep();
  const before = state.journaled;
  const lost = { type: "worker-lost", at: state.at, worker: first.index, reason: "" } as const;
  out.record(state, lost);
  out.note(state, lost);
  out.note(state, { type: "time-passed", at: state.at });
  assert.equal(state.journaled, before + 2);
  assert.deepEqual(
    out.facts.map(({ type }) => type),
    ["worker-lost", "worker-lost", "time-passed"],
  );
});
