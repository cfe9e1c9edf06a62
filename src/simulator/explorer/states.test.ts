/**
 * Copies, hashes and the table of hashes: what an exhaustive search stands on.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../../base/prng.ts";
import { step } from "../../controller/step.ts";
import { newClientNode } from "./client-node.ts";
import { controllerKind, newControllerNode } from "./controller-node.ts";
import { Copier } from "./copy.ts";
import { StateHash } from "./hash.ts";
import { HashTable } from "./hash-table.ts";
import { Queues } from "./interner.ts";
import { realKernels } from "./kernels.ts";
import { helloOf, newWorkerNode, type WorkerIdentity, workerKind } from "./worker-node.ts";

const identity: WorkerIdentity = {
  ...{ workerId: "w0", slots: 1, cpuMilli: 1000, commandSlots: 1, slice: "s" },
  announcesStarts: false,
  devices: [],
};

function hashOf(state: unknown, isGraph = false): string {
  const hash = new StateHash(isGraph);
  hash.value(state);
  return `${hash.low} ${hash.high}`;
}

test("the words of a hash are integers of 32 bits, as the table keeps them", () => {
  const prng = new Prng(1);
  for (let i = 0; i < 1_000; i++) {
    const hash = new StateHash();
    hash.number(prng.below(2 ** 31));
    assert.deepEqual([hash.low | 0, hash.high | 0], [hash.low, hash.high]);
  }
});

test("a table of hashes numbers them as they come, and knows them again", () => {
  const prng = new Prng(2);
  const table = new HashTable();
  const hashes = Array.from({ length: 20_000 }, (_unused, i) => [prng.below(2 ** 31) | 0, -i]);
  for (const [low, high] of hashes) assert.equal(table.add(low, high), -1);
  for (const [number, [low, high]] of hashes.entries()) {
    assert.equal(table.add(low, high), number);
    assert.ok(table.has(low, high));
  }
  assert.equal(table.size, hashes.length);
  assert.equal(table.has(1, 1), false);
});

test("queues of equal content are one", () => {
  const queues = new Queues();
  const queue = queues.push(queues.push(0, 7), 8);
  assert.equal(queues.head(queue), 7);
  assert.equal(queues.shift(queue), queues.push(0, 8));
  assert.equal(queues.keep(queue, 1), queues.push(0, 7));
});

test("a copy of a controller hashes as the original, and shares nothing that is written", () => {
  const node = newControllerNode();
  const kind = controllerKind(realKernels);
  kind.step(node, { type: "serve" });
  kind.step(node, { type: "greet-client", clientId: "c0" });
  const before = hashOf(node);
  const copy = new Copier().copy(node);
  assert.equal(hashOf(copy), before);
  step(copy.kernel, {
    ...{ type: "worker-connected", at: copy.now, hello: helloOf(identity, 1) },
    inventory: {
      type: "inventory",
      attempts: new Float64Array(0),
      attemptTasks: new Float64Array(0),
      phases: new Uint8Array(0),
      values: new Float64Array(0),
      valueSizes: new Float64Array(0),
    },
  });
  assert.notEqual(hashOf(copy), before);
  assert.equal(hashOf(node), before);
});

test("a copy of a worker keeps which record is which", () => {
  const node = newWorkerNode(identity);
  const kind = workerKind(realKernels);
  kind.step(node, { type: "start-process" });
  const copy = new Copier().copy(node);
  assert.equal(hashOf(copy, true), hashOf(node, true));
  kind.step(copy, { type: "connect", epoch: 1, index: 0 });
  assert.notEqual(hashOf(copy, true), hashOf(node, true));
  assert.equal(node.kernel?.connection.up, false);
});

test("two records that are equal are not one record", () => {
  const one = { count: 1 };
  assert.notEqual(hashOf([one, one], true), hashOf([one, { count: 1 }], true));
  assert.equal(hashOf([one, one]), hashOf([one, { count: 1 }]));
});

test("the program of a client does not make two clients equal", () => {
  const program = { clientId: "c0", specs: [], requests: [] };
  const other = { ...program, clientId: "c1" };
  assert.notEqual(hashOf(newClientNode(program)), hashOf(newClientNode(other)));
});
