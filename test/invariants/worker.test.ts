/**
 * Each rule of a worker can be broken, and is then named.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TaskRef } from "../../src/model/ids.ts";
import { SimulatedCluster } from "../../src/simulator/cluster.ts";
import { noFaults } from "../../src/simulator/faults.ts";
import { mayStart } from "../../src/worker/answers.ts";
import { WorkerInvariantChecker } from "../../src/worker/invariant-checker.ts";
import {
  checkWorkerInvariants,
  findWorkerViolations,
  workerRules,
} from "../../src/worker/invariants.ts";
import { fetchBytesMax } from "../../src/worker/limits.ts";
import type { Execution, Run, TaskRecord, TaskState, WorkerState } from "../../src/worker/state.ts";
import { unstartedRun } from "../../src/worker/state.ts";

/** Breaks a rule; false if the state has nothing to break it on. */
type Breakage = (state: WorkerState) => boolean;

/** Writes to what is only read elsewhere. */
function write<T extends object>(target: T, fields: { readonly [K in keyof T]?: T[K] }): true {
  Object.assign(target, fields);
  return true;
}

function recordIn(
  state: WorkerState,
  isWanted: (record: TaskRecord) => boolean,
): TaskRecord | undefined {
  return [...state.tasks.values()].find(isWanted);
}

function ofType(...types: readonly TaskState["type"][]) {
  return (record: TaskRecord) => types.includes(record.state.type);
}

/** Breaks the first record of these types. */
function onRecord<T extends TaskState["type"]>(
  type: T,
  breaks: (
    record: TaskRecord & { readonly state: Extract<TaskState, { type: T }> },
    state: WorkerState,
  ) => boolean,
): Breakage {
  return (state) => {
    const record = recordIn(state, ofType(type));
    return record !== undefined && breaks(record as never, state);
  };
}

function onRun(breaks: (run: Run, state: WorkerState) => boolean): Breakage {
  return (state) => {
    const record = recordIn(state, ofType("ready", "blocked"));
    const run = record === undefined ? null : unstartedRun(record.state);
    return run !== null && breaks(run, state);
  };
}

function onExecution(breaks: (execution: Execution, state: WorkerState) => boolean): Breakage {
  return (state) => {
    const [execution] = state.executions.values();
    return execution !== undefined && breaks(execution, state);
  };
}

const nobody = 999_999 as TaskRef;

const breakages: Record<string, Breakage> = {
  "W1 every task has one record": onRecord("memory", (record) => write(record, { task: nobody })),
  "W2 a state has exactly its own fields": onRecord("memory", ({ state }) =>
    write(state, { run: null } as object),
  ),
  "W9 a waiting task misses exactly what is not in memory": onRecord("waiting", ({ state }) => {
    state.missing.add(nobody);
    return true;
  }),
  "W10 every missing input has a waker": onRecord("waiting", ({ state }, worker) => {
    const [input] = state.missing;
    const record = worker.tasks.get(input);
    return record !== undefined && write(record, { state: { type: "failed", kind: "transfer" } });
  }),
  "W12 a record and what it holds agree": onRecord("memory", ({ state }) =>
    write(state.value, { gone: true }),
  ),
  "W13 what is to be fetched has live sources": onRecord("in-flight", ({ state }, { connection }) =>
    write(state, { sources: new Set([connection.index]) }),
  ),
  "W14 a ready task has all its inputs": onRun((run) =>
    write(run, { dependencies: [...run.dependencies, nobody] }),
  ),
  "W14 every ready run is in its one queue": onRun((run) => write(run, { queue: null })),
  "W18 at rest nothing is needed": (state) => {
    const record = recordIn(state, ofType("released", "failed", "rescheduled"));
    return record !== undefined && write(record, { neededBy: new Set([nobody]) });
  },
  "W19 nothing is remembered without a cause": (state) => {
    const record = recordIn(state, ofType("released", "failed", "rescheduled"));
    return record !== undefined && write(record, { hadRun: false });
  },
  "W22 needs are symmetric": onRecord("memory", (record) =>
    write(record, { neededBy: new Set([nobody]) }),
  ),
  "W42 a copy that was ordered is on its way": onRecord("memory", (record) =>
    write(record, { copyOrdered: true }),
  ),
  "W34 in trouble nothing waits to start": (state) =>
    recordIn(state, ofType("waiting", "ready", "blocked")) !== undefined &&
    write(state, { trouble: "its disk is full" }),
  "W35 what waits yields unless something queues behind it": onExecution((execution) =>
    write(execution, { waits: !execution.waits }),
  ),
  "W36 every value is in one place and counts once": (state) =>
    write(state.residence, { residentBytes: state.residence.residentBytes + 1 }),
  "W37 what may go to the disk is known": onRecord("memory", ({ state: { value } }, state) => {
    state.residence.spillable.delete(value);
    return write(value, { sizeBytes: 1_000_000, pins: 0 });
  }),
  "W38 what is read is in memory or comes back": onExecution(
    ({ values }) => values.length > 0 && !values[0].gone && write(values[0], { place: "disk" }),
  ),
  "W39 what exceeds the target is on its way out": ({ residence }) =>
    residence.spillable.size > 0 && write(residence, { targetBytes: 0 }),
  "W40 a worker is paused exactly while it is short of memory": ({ residence }) =>
    write(residence, { rssBytes: 2, pauseBytes: 1 }),
  "W45 a value is told in a message that was sent": onRecord(
    "memory",
    ({ state: { value } }, { connection }) => write(value, { toldIn: connection.sent + 2 }),
  ),
  "W12 held values add up": (state) => write(state, { valueBytes: state.valueBytes + 1 }),
  "W14 what may start is known": (state) =>
    write(state, { prefetchedReady: state.prefetchedReady + 1 }),
  "W18 at rest nothing is held": onRecord("released", ({ task }, state) => {
    const [transfer] = state.transfers.values();
    if (transfer === undefined) return false;
    transfer.wanted.add(task);
    return true;
  }),
  "W21 specs never change": (state) => {
    const [spec] = state.specs.values();
    return spec !== undefined && write(spec, { amounts: [...spec.amounts, 0, 1] });
  },
  "W23 queues are in strict order": onRun((run, state) => {
    const { queue } = run;
    if (queue === null || queue.size < 2) return false;
    const [first] = queue;
    return write(first, { arrival: state.nextArrival + 1 });
  }),
  "W3 the head of each lane and nothing else pays": onExecution((execution) =>
    write(execution, { paying: !execution.paying }),
  ),
  "W4 what is used is what paying executions hold": (state) => {
    state.used[0]++;
    return true;
  },
  "W5 an execution has an owner or is an orphan": onExecution((execution) =>
    write(execution, { orphan: !execution.orphan }),
  ),
  "W6 at most one execution of a task is live": onExecution((execution, state) => {
    state.orphans.set(nobody, execution);
    return true;
  }),
  "W11 what is read stays": (state) => {
    const reader = [...state.executions.values()].find(({ values }) => values.length > 0);
    return reader !== undefined && write(reader.values[0], { pins: 0 });
  },
  "W15 nothing that fits is left waiting": onRun((run, state) => {
    if (run.spec.kind !== "function" || !mayStart(state)) return false;
    run.shape.granted.push(run);
    state.startable.add(run.shape);
    state.used.fill(0);
    return write(state, { idleLanes: 1 });
  }),
  "W17 every run is owed exactly one answer": (state) =>
    write(state, { openRuns: state.openRuns + 1 }),
  "W32 commands stay in their slots": onExecution((execution, state) => {
    if (state.commands.has(execution)) state.commands.delete(execution);
    else state.commands.add(execution);
    return true;
  }),
  "W33 a member starts when it is released": onExecution((execution) =>
    write(execution, { released: true, member: null }),
  ),
  "W41 what shares a lane shares an executor": (state) => {
    const entry = state.lanes.find(({ entries }) => entries.length > 1)?.entries[1];
    if (entry === undefined) return false;
    const { spec } = entry.run;
    const run = { ...spec.definition.run, executor: "process" };
    return write(entry.run, {
      spec: { ...spec, definition: { ...spec.definition, run } },
    } as never);
  },
  "W43 progress that is news is that of an execution": onExecution((execution, state) => {
    state.progressed.add({ ...execution });
    return true;
  }),
  "W44 calls of an actor keep their order": (state) => {
    const calls = [...state.executions.values()].filter(({ run }) => run.spec.isCall);
    return calls.length > 0 && write(calls[0].run, { arrival: 0 });
  },
  "W29 every orphan is on its way out": onExecution((execution, state) => {
    if (execution.orphan) return false;
    state.unsentStops.set(execution, 0);
    return true;
  }),
  "W1 peer queues are those of the records": (state) => {
    const [peer] = state.peers.values();
    if (peer === undefined) return false;
    peer.queue.add(nobody);
    return true;
  },
  "W7 in flight is what a live transfer wants": (state) => {
    const [transfer] = state.transfers.values();
    if (transfer === undefined) return false;
    transfer.wanted.add(nobody);
    return true;
  },
  "W8 transfers stay in their bounds": (state) => {
    const [peer] = state.peers.values();
    return peer !== undefined && write(peer, { transfers: peer.transfers + 1 });
  },
  "W8 bytes under way stay within the budget": (state) => {
    if (state.transfers.size < 2) return false;
    const [first] = state.transfers.values();
    const { residence } = state;
    const grown = residence.arrivingBytes - first.sizeBytes + fetchBytesMax;
    return write(first, { sizeBytes: fetchBytesMax }) && write(residence, { arrivingBytes: grown });
  },
  "W13 what is missing is asked for": (state) => {
    state.missing.add(nobody);
    return true;
  },
  "W16 nothing to fetch has an idle peer": (state) => {
    if (!state.connection.up || state.pause !== null || state.transfers.size > 0) return false;
    const [peer] = state.peers.values();
    if (peer === undefined || peer.busyUntil > 0 || state.trouble !== "") return false;
    state.fetchable.add(peer);
    return true;
  },
};

const lively = {
  ...noFaults,
  ...{ jobLaunch: 0.4, release: 0.2, taskFailure: 0.1, fetchFailure: 0.2, largeValue: 0.6 },
  ...{ runUsMax: 400_000, cancel: 0.1, connectionLoss: 0.05, actors: 0.3 },
};

/** A state of some worker that this rule could be broken in, and is. */
function brokenState(breakage: Breakage): WorkerState {
  for (let seed = 1; seed <= 200; seed++) {
    const cluster = new SimulatedCluster({ seed, faults: { ...lively }, checks: false });
    for (let action = 0; action < 40; action++) {
      cluster.act(action);
      cluster.runUntil(cluster.timeline.now + 2_000);
      for (const { state } of cluster.workers) {
        assert.deepEqual(findWorkerViolations(state), []);
        if (breakage(state)) return state;
      }
    }
  }
  throw new Error("no worker comes into that state");
}

describe("a rule of the worker that is broken is named", () => {
  for (const [rule, breakage] of Object.entries(breakages)) {
    test(rule, () => {
      const state = brokenState(breakage);
      const rules = findWorkerViolations(state).map((one) => one.rule);
      assert.ok(rules.includes(rule), rules.join("\n"));
      assert.throws(() => checkWorkerInvariants(state), /^InvariantError: W/);
    });
  }

  test("no rule is left out", () => {
    assert.deepEqual(Object.keys(breakages).sort(), [...workerRules].sort());
  });

  test("the whole of a definition stays, and not only what it asks for", () => {
    const state = brokenState(({ specs }) => specs.size > 0);
    const [spec] = state.specs.values();
    const retries = spec.definition.maxRetriesFailure;
    const isSeen = { message: /W21 specs never change.* is defined as it was/s };
    write(spec.definition, { maxRetriesFailure: retries + 1 });
    assert.throws(() => checkWorkerInvariants(state), isSeen);
    write(spec.definition, { maxRetriesFailure: retries });
    checkWorkerInvariants(state);
    write(spec, { definition: { ...spec.definition } });
    assert.throws(() => checkWorkerInvariants(state), isSeen);
  });

  test("what a fact names is looked at with it, and the rest in time", () => {
    let wrong: TaskRecord | undefined;
    const state = brokenState((one) => {
      wrong = one.tasks.size < 3 ? undefined : recordIn(one, ofType("memory"));
      return wrong !== undefined;
    });
    const checker = new WorkerInvariantChecker({ wholeUpTo: 0, wholeEvery: 4 });
    checker.check(state, []);
    assert.ok(wrong);
    const { task } = wrong;
    const other = recordIn(state, (record) => record !== wrong)?.task ?? task;
    wrong.hadRun = false;
    write(wrong, { state: { type: "released" } });
    checker.check(state, []);
    checker.check(state, [{ type: "run-answered", attempt: 1 }]);
    const isSeen = { message: /W19 nothing is remembered without a cause/ };
    assert.throws(() => checker.check(state, [{ type: "task-released", task }]), isSeen);
    assert.throws(() => checker.check(state, [{ type: "task-readied", task: other }]), isSeen);
  });
});
