/**
 * The journal under the real kernel's facts: what a restart finds is what the controller had.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { blobsOf } from "../../src/base/blobs.ts";
import type { ControllerEvent } from "../../src/controller/events.ts";
import { type Fact, isDurable } from "../../src/controller/facts.ts";
import { snapshotOf } from "../../src/controller/snapshot.ts";
import { newControllerState } from "../../src/controller/state.ts";
import { step } from "../../src/controller/step.ts";
import { defaultRequest } from "../../src/model/resources.ts";
import { specDefaults } from "../../src/model/spec.ts";
import type { ClientMessage, WorkerHello } from "../../src/protocol/messages.ts";
import { foldKernel, foldModule } from "../../src/shell/controller-process/controller-fold.ts";
import { type Journal, openJournal } from "../../src/shell/journal/journal.ts";

let dataDir = "";
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "capstan-journal-"));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const hello: WorkerHello = {
  role: "worker",
  protocolVersion: 1,
  workerId: "w1",
  incarnation: "i1",
  clusterId: "",
  epoch: 0,
  address: "127.0.0.1:9",
  pid: 1,
  capacity: { ...defaultRequest, cpuMilli: 2000 },
  slots: 2,
  commandSlots: 8,
  attributes: { zone: "a" },
};

function said(at: number, message: Exclude<ClientMessage, { type: "call" }>): ControllerEvent {
  return { type: "client-messaged", at, client: 0, message };
}

/** The `n`th submit: a chain of three. */
function aSubmit(at: number, n: number): ControllerEvent {
  const first = (n - 1) * 3;
  return said(at, {
    type: "submit",
    sequence: 2 * n,
    first,
    groupSpecs: new Uint32Array([0]),
    groupCounts: new Uint32Array([3]),
    args: blobsOf([new Uint8Array([n]), new Uint8Array(0), new Uint8Array(300)]),
    dependencyCounts: new Uint32Array([0, 1, 1]),
    dependencies: new Uint32Array([first, first + 1]),
    keys: [],
  });
}

function* events(submits: number): Generator<ControllerEvent> {
  let at = 1_000_000;
  yield { type: "controller-started", at, epoch: 1 };
  yield { type: "client-connected", at: ++at, clientId: "c", user: "ann" };
  const run = {
    kind: "function",
    bundle: "0".repeat(64),
    functionName: "f",
    executor: "thread",
  } as const;
  const rest = { name: "f", resources: defaultRequest, constraints: [] };
  yield said(++at, {
    type: "define-spec",
    spec: 0,
    definition: { run, ...rest, ...specDefaults },
  });
  for (let n = 1; n <= submits; n++) {
    yield aSubmit(++at, n);
    if (n === 2) yield { type: "worker-connected", at: ++at, hello, inventory };
    if (n % 4 !== 0) continue;
    const tasks = [(n - 1) * 3];
    yield said(++at, { type: "cancel", sequence: 2 * n + 1, tasks, reason: "no" });
  }
  yield { type: "worker-exited", at: ++at, workerId: "w1", incarnation: "i1", ...killed };
}

const killed = { exitCode: null, signal: "SIGKILL", launcherLives: false };

const inventory = {
  type: "inventory",
  attempts: new Float64Array(0),
  attemptTasks: new Float64Array(0),
  phases: new Uint8Array(0),
  values: new Float64Array(0),
  valueSizes: new Float64Array(0),
} as const;

/** Steps the kernel through all events, a turn each, and waits until all of it is durable. */
async function lived(journal: Journal<Fact>, submits: number): Promise<void> {
  const state = newControllerState();
  for (const event of events(submits)) {
    const facts = step(state, event).facts.filter(isDurable);
    const sequence = journal.append(facts, event.at);
    while (journal.durableSequence < sequence) {
      await new Promise<void>((resolve) => {
        journal.onDurable = () => resolve();
      });
    }
  }
}

/** The durable view of the same events, without any journal between. */
function foldedInMemory(submits: number): unknown {
  const state = newControllerState();
  const view = newControllerState();
  for (const event of events(submits)) {
    for (const fact of step(state, event).facts) if (isDurable(fact)) foldKernel.apply(view, fact);
  }
  return snapshotOf(view);
}

describe("the real kernel's journal", () => {
  it("folds into the same state on disk as in memory", async () => {
    const journal = await openJournal<Fact>({ dataDir });
    await lived(journal, 12);
    await journal.close();
    const again = await openJournal<Fact>({ dataDir });
    assert.deepEqual(snapshotOf(again.restore(foldKernel).state), foldedInMemory(12));
    await again.close();
  });

  it("folds into the same state through a snapshot", async () => {
    const journal = await openJournal<Fact>({ dataDir, foldModule, snapshotAfterCommits: 15 });
    const written = new Promise<string>((resolve) => {
      journal.onNotice = ({ type }) => resolve(type);
    });
    await lived(journal, 20);
    assert.equal(await written, "snapshot-written");
    await journal.close();
    const again = await openJournal<Fact>({ dataDir });
    const restored = again.restore(foldKernel);
    assert.ok(restored.snapshotSequence > 0);
    assert.deepEqual(snapshotOf(restored.state), foldedInMemory(20));
    await again.close();
  });
});
