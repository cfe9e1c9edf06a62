/**
 * Functions that wait for their gang: prepared, taken back, released, and their ports.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { attemptId } from "../../model/ids.ts";
import type { StartedExecution } from "../../worker/events.ts";
import { PortBook } from "./command-ports.ts";
import { FunctionMembers } from "./function-members.ts";

const attempt = attemptId(1, 7);
const context = JSON.stringify({
  ...{ taskId: "/ann/g/1", jobId: "/ann/g", attemptId: "1.7", index: 1, replicas: 2 },
  ...{ devices: [], token: "" },
});
const order: StartedExecution = {
  ...{ execution: 3, lane: 0, attempt, task: 9, spec: 0, shape: 0, context },
  ...{ args: new Uint8Array(0), inputs: [] },
};
const names = { portNames: ["ring", "metrics"], needs: Promise.resolve() };

/** Counts what is taken of the machine's ports. */
class CountedPorts extends PortBook {
  readonly taken = new Set<number>();

  override async choose(wanted: readonly string[]) {
    const ports = await super.choose(wanted);
    for (const port of Object.values(ports)) this.taken.add(port);
    return ports;
  }

  override release(ports: { readonly [name: string]: number }): void {
    super.release(ports);
    for (const port of Object.values(ports)) this.taken.delete(port);
  }
}

function members() {
  const ports = new CountedPorts();
  return { ports, members: new FunctionMembers({ host: "h1", ports }) };
}

test("a prepared function has its ports, and learns of its gang when it is released", async () => {
  const { ports, members: book } = members();
  const member = await book.prepare(order, names);
  assert.deepEqual(Object.keys(member?.ports ?? {}), ["ring", "metrics"]);
  assert.equal(ports.taken.size, 2);
  assert.equal(book.gangOf(3), undefined, "nobody has told it yet");
  const other = { host: "h0", ports: { ring: 1, metrics: 2 } };
  const peers = [other, member ?? other];
  assert.equal(book.release(3, peers), order);
  assert.equal(book.release(3, peers), null, "it is told once");
  assert.deepEqual(book.gangOf(3), { rank: 1, size: 2, peers });
  assert.equal(book.withdraw(3), false, "it may have begun");
  assert.equal(book.end(3), true);
  assert.equal(ports.taken.size, 0);
  assert.equal(book.end(3), false);
});

test("one that is taken back while it is prepared says nothing and leaves no port", async () => {
  const { ports, members: book } = members();
  const gate = Promise.withResolvers<void>();
  const preparing = book.prepare(order, { ...names, needs: gate.promise });
  assert.equal(book.release(3, []), null, "it is not prepared");
  assert.equal(book.withdraw(3), true);
  gate.resolve();
  assert.equal(await preparing, null);
  assert.equal(ports.taken.size, 0);
});

test("what it needs and cannot be had is said, unless it was taken back", async () => {
  const { members: book } = members();
  const failing = () => Promise.reject(new Error("no such bundle"));
  await assert.rejects(book.prepare(order, { ...names, needs: failing() }), /no such bundle/);
  assert.equal(book.end(3), false, "nothing is kept of it");
  const withdrawn = book.prepare(order, { ...names, needs: failing() });
  book.withdraw(3);
  assert.equal(await withdrawn, null);
});

test("an order without a context is refused: it would not know its rank", async () => {
  const { members: book } = members();
  const bad = { ...order, context: "{}" };
  await assert.rejects(book.prepare(bad, names), { code: "PROTOCOL_ERROR" });
});
