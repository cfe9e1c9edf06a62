/**
 * Each rule of the controller can be broken, and is then named: by a look at the whole state, and
 * by a look at what a fact touched.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { present } from "../../src/base/assert.ts";
import { workerOfActor } from "../../src/controller/actors.ts";
import { auditInSteps } from "../../src/controller/audit.ts";
import { actorOf, isActor, isCall } from "../../src/controller/call-lines.ts";
import type { ActorCalls } from "../../src/controller/call-state.ts";
import type { Fact } from "../../src/controller/facts.ts";
import { InvariantChecker } from "../../src/controller/invariant-checker.ts";
import { checkInvariants, findViolations, invariants } from "../../src/controller/invariants.ts";
import { finish } from "../../src/controller/scan.ts";
import {
  type ControllerState,
  type Reservation,
  type Shape,
  shapeOf,
} from "../../src/controller/state.ts";
import { attemptFlag } from "../../src/controller/tables/attempt-table.ts";
import { noSlot, stage, taskFlag } from "../../src/controller/tables/task-table.ts";
import { attemptCauseCode, isTerminalCode, taskStateCode } from "../../src/model/states.ts";
import { SimulatedCluster } from "../../src/simulator/cluster.ts";
import { noFaults } from "../../src/simulator/faults.ts";

/** How to break a rule: on which record, and how. */
interface Breakage {
  readonly on: (state: ControllerState, index: number) => boolean;
  readonly by: (state: ControllerState, index: number) => void;
}

type Subject = Exclude<keyof typeof invariants, "whole">;

const always = () => true;
const isOpen = ({ tasks }: ControllerState, task: number) => !isTerminalCode(tasks.state[task]);
const isQueued = ({ tasks }: ControllerState, task: number) => tasks.stage[task] === stage.queued;
const hasInputs = ({ tasks }: ControllerState, task: number) => tasks.dependencyCount[task] > 0;
const isPlaced = ({ tasks }: ControllerState, task: number) => tasks.attempt[task] !== noSlot;
const isHeld = ({ tasks }: ControllerState, task: number) => tasks.holder[task] !== noSlot;
const isLaunched = ({ jobs }: ControllerState, job: number) => jobs[job].launch !== null;
const isQueue = ({ shapes }: ControllerState, shape: number) => shapes[shape].queued > 0;
const isBusy = ({ workers }: ControllerState, worker: number) => workers[worker].liveAttempts > 0;

const isCallInLine = (state: ControllerState, task: number) =>
  isCall(state, task) && state.tasks.stage[task] !== stage.none;
const isOpenActor = (state: ControllerState, task: number) =>
  isActor(state, task) && isOpen(state, task);

const tasks: Record<string, Breakage> = {
  callsWaitInTheLineOfTheirActor: {
    on: isCallInLine,
    by: (state, task) => state.calls.byActor.delete(actorOf(state, task)),
  },
  callsTakeNothing: {
    on: isCallInLine,
    by: (state, task) => {
      state.tasks.stage[task] = stage.queued;
    },
  },
  actorsAreNeeded: {
    on: (state, task) => isOpenActor(state, task) && state.tasks.pendingDependents[task] === 0,
    by: (state, task) => {
      state.tasks.wants[task] = 0;
    },
  },
  actorsHaveNoValue: {
    on: isOpenActor,
    by: (state, task) => {
      state.tasks.holder[task] = 0;
    },
  },
  everyEdgeIsListedAtBothEnds: {
    on: hasInputs,
    by: (state, task) => {
      state.tasks.edges.owner[state.tasks.dependenciesStart[task]] = task + 1;
    },
  },
  dependentsAreListedAndCounted: {
    on: always,
    by: (state, task) => state.tasks.pendingDependents[task]++,
  },
  waitingCountsAreExact: { on: isOpen, by: (state, task) => state.tasks.waitingOn[task]++ },
  everyMissingInputWillCome: {
    on: (state, task) => state.tasks.stage[task] === stage.waiting,
    by: (state, task) => {
      state.tasks.state[state.tasks.dependency(task, 0)] = taskStateCode.FAILED;
    },
  },
  availableValuesHaveLiveHolders: {
    on: isHeld,
    by: (state, task) => {
      state.tasks.holder[task] = noSlot;
    },
  },
  assignedTasksHaveOneCurrentAttempt: {
    on: isPlaced,
    by: (state, task) => {
      state.tasks.attempt[task] = noSlot;
    },
  },
  whatIsQueuedHasItsInputs: {
    on: isQueued,
    by: (state, task) => state.tasks.waitingOn[task]++,
  },
  goneValuesAreNotNeeded: {
    on: isHeld,
    by: ({ tasks: table }, task) => {
      table.flags[task] |= taskFlag.valueGone | taskFlag.awaited;
    },
  },
  wantsMirrorTheHandles: { on: always, by: (state, task) => state.tasks.wants[task]++ },
  exactlyTheFailedHaveAFailure: {
    on: isOpen,
    by: (state, task) => state.failures.set(task, Object({})),
  },
  nobodyAwaitsWhatHasFailed: {
    on: isQueued,
    by: ({ tasks: table }, task) => {
      table.state[task] = taskStateCode.FAILED;
      table.flags[task] |= taskFlag.awaited;
    },
  },
  whatNobodyNeedsIsForgotten: {
    on: (state, task) =>
      isHeld(state, task) &&
      state.tasks.dependentCount[task] === 0 &&
      state.jobs[state.tasks.job[task]].launch === null,
    by: (state, task) => {
      state.tasks.wants[task] = 0;
    },
  },
  everyOpenTaskHasAWaker: {
    on: isQueued,
    by: (state, task) => {
      state.tasks.stage[task] = stage.delayed;
    },
  },
};

const attempts: Record<string, Breakage> = {
  attemptsAreKnownToTheirTasks: {
    on: always,
    by: (state, row) => {
      state.tasks.attempt[state.attempts.task[row]] = noSlot;
      state.strays.clear();
    },
  },
  endedTasksHaveNoAttempt: {
    on: (state, row) => state.tasks.attempt[state.attempts.task[row]] === row,
    by: (state, row) => {
      state.tasks.state[state.attempts.task[row]] = taskStateCode.KILLED;
    },
  },
  attemptsHoldTheirRequest: {
    on: always,
    by: (state, row) => {
      state.attempts.grants[row] = new Float64Array(1);
    },
  },
  evictionsServeBetterBands: {
    on: always,
    by: ({ attempts: table }, row) => {
      table.band[row] = 0;
      table.flags[row] |= attemptFlag.stopping;
      table.stopReason[row] = attemptCauseCode("preempted");
    },
  },
};

function aReservation(worker: number): Reservation {
  return { id: 999, shape: 0, reason: "gang", workers: [worker], expiresAt: 0 };
}

const workers: Record<string, Breakage> = {
  usageIsTheSumOfGrants: { on: always, by: (state, worker) => state.workers[worker].used[0]++ },
  usageStaysWithinCapacity: {
    on: (state, worker) => state.workers[worker].capacity.length > 0,
    by: (state, worker) => {
      state.workers[worker].used[0] = -1;
    },
  },
  workerIndexesEqualTheirRecount: {
    on: isBusy,
    by: (state, worker) => {
      for (const entry of state.workers[worker].shapes.values()) entry.granted++;
    },
  },
  linesBeginWithWhatWaits: {
    on: isBusy,
    by: (state, worker) => {
      for (const { waiting } of state.workers[worker].shapes.values()) {
        while (waiting.length > 0) waiting.popFront();
        waiting.pushBack(63);
      }
    },
  },
  believedValuesEqualTheirRecount: {
    on: always,
    by: (state, worker) => state.workers[worker].valuesDigest++,
  },
  devicesAreGrantedOnce: {
    on: (state, worker) => state.workers[worker].deviceUse.size > 0,
    by: (state, worker) => {
      for (const use of state.workers[worker].deviceUse.values()) use[0] += 1;
    },
  },
  reservationsOfAWorkerAreThere: {
    on: always,
    by: (state, worker) => {
      state.workers[worker].reservations = [aReservation(worker)];
    },
  },
};

const queues: Record<string, Breakage> = {
  queueCountsEqualTheirRecount: {
    on: isQueue,
    by: (state, shape) => state.shapes[shape].queued++,
  },
  everyQueueHasAHead: {
    on: isQueue,
    by: (state, shape) => {
      const { fresh, woken } = state.shapes[shape];
      while (fresh.length > 0) fresh.popFront();
      while (woken.length > 0) woken.popFront();
    },
  },
  noQueuedShapeFitsFreeCapacity: {
    on: (state, shape) => isQueue(state, shape) && fitsSomewhere(state, state.shapes[shape]),
    by: (state) => {
      for (const worker of state.workers) worker.used.fill(0);
    },
  },
};

/** A shape of plain tasks that some open worker would hold if it were empty. */
function fitsSomewhere(state: ControllerState, shape: Shape): boolean {
  if (shape.gang >= 0 || shape.resources.devices.length > 0) return false;
  const { request, constraints } = shape;
  return state.workers.some(
    ({ connected, lost, suspect, cordoned, draining, trouble, capacity, ...worker }) =>
      connected &&
      !(lost || suspect || cordoned || draining) &&
      trouble === "" &&
      constraints.length + worker.reservations.length + worker.taints.length === 0 &&
      request.used.every((index) => (capacity[index] ?? 0) >= request.amounts[index]),
  );
}

const jobs: Record<string, Breakage> = {
  jobCountsCoverTheirTasks: { on: always, by: (state, job) => state.jobs[job].stateCounts[0]++ },
  jobsEndWithTheirTasks: {
    on: (state, job) => state.jobs[job].launch?.ended === null,
    by: (state, job) => {
      const { launch } = state.jobs[job];
      if (launch !== null) launch.ended = "KILLED";
    },
  },
  launchesOwnTheirRows: {
    on: isLaunched,
    by: (state, job) => {
      const { launch } = state.jobs[job];
      if (launch !== null) launch.liveAttempts++;
    },
  },
  chargesAddUp: {
    on: isLaunched,
    by: (state, job) => {
      const { launch } = state.jobs[job];
      if (launch !== null) launch.failureCount++;
    },
  },
  gangsAreWhole: {
    on: ({ jobs: all, tasks: table }, job) => {
      const { launch } = all[job];
      if (launch === null || launch.gang === null || launch.rows.length < 2) return false;
      return launch.rows.every((row) => table.attempt[row] !== noSlot);
    },
    by: (state, job) => {
      const first = state.jobs[job].launch?.rows[0] ?? 0;
      state.tasks.attempt[first] = noSlot;
    },
  },
  tokensLeadToTheirJobs: {
    on: isLaunched,
    by: (state, job) => state.jobsByTokenHash.delete(state.jobs[job].launch?.tokenHash ?? ""),
  },
  jobTreesAreLinked: {
    on: isLaunched,
    by: (state, job) => state.jobs[job].launch?.children.add(job),
  },
  successionsAreLinked: {
    on: isLaunched,
    by: (state, job) => {
      const { launch } = state.jobs[job];
      if (launch !== null) launch.predecessor = job;
    },
  },
};

const users: Record<string, Breakage> = {
  usersPayForTheirAttempts: { on: always, by: (state, user) => state.users[user].openTasks++ },
};

const clients: Record<string, Breakage> = {
  everyHandleNamesATask: {
    on: (state, client) => state.clients[client] !== null,
    by: (state, client) => state.clients[client]?.handles.set(5_000, 0),
  },
};

const records: Record<Subject, Record<string, Breakage>> = {
  ...{ tasks, attempts, workers, queues, jobs, users, clients },
};

/** An actor that can be called and is not. */
const isRunning = (state: ControllerState, task: number) =>
  isActor(state, task) && workerOfActor(state, task) !== null && !state.calls.byActor.has(task);

/** A line of these calls, of which one more was sent than there are. */
function callsOf(rows: number[]): ActorCalls {
  const lastSent = Number.MAX_SAFE_INTEGER;
  return {
    rows,
    orders: rows.map(() => 0),
    head: 0,
    sent: 1,
    sentReaders: 0,
    lastSent,
    lastOrder: -1,
  };
}

const whole: Record<string, (state: ControllerState) => void> = {
  everyTotalEqualsItsRecount: (state) => state.tasks.live++,
  straysAreStoppingAttempts: (state) => state.strays.set(12_345, 0),
  listsAreOfWhatIsRemembered: (state) => state.extraHolders.set(state.tasks.length + 1, [0]),
  timersAreOfWhatWaits: (state) => {
    const task = indicesOf(state, "tasks")[0];
    state.tasks.flags[task] |= taskFlag.everStarted;
    state.startBy.set(task, 1);
  },
  linesOfCallsAreExact: (state) => state.calls.byActor.set(0, callsOf([])),
  noCallWaitsThatCouldGo: (state) => {
    const actor = indicesOf(state, "tasks").find((task) => workerOfActor(state, task) !== null);
    const call = indicesOf(state, "tasks").find((task) => task !== actor) ?? -1;
    state.tasks.stage[call] = stage.called;
    state.calls.byActor.set(actor ?? -1, callsOf([call]));
  },
  smallValuesAddUp: (state) => state.inline.totalBytes++,
  argumentsGoWithTheLastTask: (state) => state.submissions.push(Object({ live: 1 })),
  eventsAreNumberedWithoutGaps: (state) => state.story.events.splice(-2, 1),
  keysNameLiveTasks: (state) => state.keys.add(1, 0),
  tokensBelongToTheirJobs: (state) => state.jobsByTokenHash.set("no hash", 0),
  reservationsAreListed: (state) => state.reservations.set(999, aReservation(0)),
  scratchIsEmptyBetweenSteps: (state) => state.touchedJobs.add(0),
  everyTokenIsFoundByItsHash: (state) => state.access.tokensByHash.set("x", "t1"),
  endpointIndexesEqualTheirRecount: (state) =>
    state.access.endpointsByName.set("/x", new Set(["e9"])),
  publishedValuesAreRemembered: (state) => state.shared.publishedCounts.set(0, 7),
  offeredValuesAreBrought: (state) =>
    state.shared.offers.set(indicesOf(state, "tasks")[0], [{ client: 0, number: 9_999 }]),
  uploadsAreOfWhatIsOffered: (state) => state.shared.uploadCounts.set(0, 7),
  detachedTasksAreOpen: (state) => state.shared.detached.add(state.tasks.length + 1),
  whatLacksCopiesIsKnown: ({ copies, tasks }) =>
    copies.needs.set(tasks.length + 1, { ordered: [], failed: [] }),
  copiesAreOrderedWhereTheyCanCome: ({ copies }) => copies.orders.set(0, new Set([1])),
  waitsForInputsAreBounded: (state) => {
    const task = indicesOf(state, "tasks").find((one) => isRunning(state, one)) ?? -1;
    const until = state.at + 1_000;
    state.dataWaits.waits.set(task, { worker: 0, bytes: 1, expectedAt: until, until });
  },
  runningSinceEqualsItsRecount: (state) => {
    const task = indicesOf(state, "tasks").find((one) => isRunning(state, one)) ?? -1;
    const row = state.tasks.attempt[task];
    const { shapes } = state.workers[state.attempts.worker[row]];
    present(shapes.get(state.attempts.shape[row]), "what runs is counted").startedMs++;
  },
  surplusCopiesAreListed: (state) => state.copies.listed.add(state.tasks.length + 1),
  locksHaveOneHolder: (state) => addLock(state),
  resultsAddUp: ({ shared }) => {
    shared.results.totalBytes++;
  },
  restartsAreOfOpenSessions: ({ shared }) => {
    const restarting = { client: 999, by: "", reason: "", before: 0, below: 0 };
    shared.restarting.set(999, restarting);
  },
  leasesAreLookedAt: (state) => addLock(state),
  noEndpointOutlivesItsAttempt: (state) => addEndpoint(state),
  everyLeaseIsLookedAtInTime: (state) => addEndpoint(state),
  administrationStaysWithinItsLimits: (state) => {
    for (let i = 0; i < 10_001; i++) state.access.budgets.set(`u${i}`, Object({}));
  },
};

/** Held by nobody who is known, for ever. */
function addLock({ shared }: ControllerState): void {
  const holder = { client: 9_999, id: 1, leaseMs: 1_000, token: 1e9, grantedAt: 0, expiresAt: -1 };
  shared.locks.set("u\nn", { user: "u", name: "n", holder, waiting: [] });
}

function addEndpoint({ access }: ControllerState): void {
  const endpoint = { endpointId: "e1", name: "/x", attempt: 1, taskId: "t", task: 1, expiresAt: 1 };
  access.endpoints.set("e1", Object(endpoint));
}

/** Which records of a subject there are. */
function indicesOf(state: ControllerState, subject: Subject): number[] {
  const below = (count: number) => Array.from({ length: count }, (_, index) => index);
  switch (subject) {
    case "tasks":
      return below(state.tasks.length).filter((task) => state.tasks.isLive(task));
    case "attempts":
      return below(state.attempts.length).filter((row) => state.attempts.id[row] !== 0);
    case "jobs":
      return below(state.jobs.length).filter((job) => !state.jobs[job].pruned);
    case "queues":
      return below(state.shapes.length);
    default:
      return below(state[subject].length);
  }
}

/** A fact after which the rules look at this record; null where only a whole look does. */
function touching(state: ControllerState, subject: Subject, index: number): Fact | null {
  const { tasks: table, jobs: all } = state;
  const touchTask = (isIts: (task: number) => boolean): Fact | null => {
    const task = indicesOf(state, "tasks").find(isIts);
    if (task === undefined) return null;
    return { type: "outcomes-awaited", tasks: Uint32Array.of(task), awaited: false };
  };
  switch (subject) {
    case "tasks":
      return touchTask((task) => task === index);
    case "attempts":
      return { type: "retracts-ordered", attempts: Uint32Array.of(index), on: false };
    case "workers":
      return { type: "worker-absent", worker: index };
    case "queues":
      return touchTask((task) => shapeOf(state, task).index === index);
    case "jobs":
      return { type: "gang-returned", job: index };
    case "users":
      return touchTask((task) => all[table.job[task]].userIndex === index);
    case "clients":
      return null;
  }
}

const lively = {
  ...noFaults,
  actors: 0.3,
  jobLaunch: 0.6,
  release: 0.2,
  taskFailure: 0.1,
  runUsMax: 400_000,
};

/** Runs clusters until one is in a state that `wanted` accepts. */
function clusterWhere(wanted: (state: ControllerState) => boolean): ControllerState {
  for (let seed = 1; seed <= 60; seed++) {
    const cluster = new SimulatedCluster({ seed, faults: { ...lively }, checks: false });
    for (let action = 0; action < 40; action++) {
      cluster.act(action);
      cluster.runUntil(cluster.timeline.now + 2_000);
      if (wanted(cluster.state)) return cluster.state;
    }
  }
  throw new Error("no cluster comes into that state");
}

function sentenceOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

describe("a rule of the controller that is broken is named", () => {
  for (const [subject, breakages] of Object.entries(records) as [
    Subject,
    Record<string, Breakage>,
  ][]) {
    for (const [name, { on, by }] of Object.entries(breakages)) {
      test(`${subject}: ${sentenceOf(name)}`, () => {
        const state = clusterWhere((one) =>
          indicesOf(one, subject).some((index) => on(one, index)),
        );
        const index = indicesOf(state, subject).find((one) => on(state, one)) ?? -1;
        const checker = new InvariantChecker({ wholeUpTo: 0, wholeEvery: 1_000 });
        checker.checkAll(state);
        const fact = touching(state, subject, index);
        by(state, index);
        const rules = findViolations(state).map(({ rule }) => rule);
        const inSteps = finish(auditInSteps(state)).map(({ rule }) => rule);
        assert.deepEqual(new Set(inSteps), new Set(rules), "an audit in steps finds the same");
        assert.ok(rules.includes(sentenceOf(name)), rules.join("\n"));
        if (fact === null) return;
        assert.throws(() => checker.check(state, [fact]), new RegExp(`${sentenceOf(name)}:`));
      });
    }
  }

  for (const [name, by] of Object.entries(whole)) {
    test(`whole: ${sentenceOf(name)}`, () => {
      const state = clusterWhere(
        (one) => one.workers.length > 0 && indicesOf(one, "tasks").some((t) => isRunning(one, t)),
      );
      assert.deepEqual(findViolations(state), []);
      by(state);
      const rules = findViolations(state).map(({ rule }) => rule);
      const inSteps = finish(auditInSteps(state)).map(({ rule }) => rule);
      assert.deepEqual(new Set(inSteps), new Set(rules), "an audit in steps finds the same");
      assert.ok(rules.includes(sentenceOf(name)), rules.join("\n"));
    });
  }

  test("no rule is left out", () => {
    for (const [subject, breakages] of Object.entries({ ...records, whole })) {
      const rules = invariants[subject as keyof typeof invariants].map(({ name }) => name);
      assert.deepEqual(Object.keys(breakages).sort(), [...rules].sort(), subject);
    }
  });

  test("what happened to its tasks is told", () => {
    const state = clusterWhere((one) =>
      indicesOf(one, "tasks").some((task) => isPlaced(one, task)),
    );
    const task = indicesOf(state, "tasks").find((one) => isPlaced(state, one)) ?? -1;
    state.tasks.wants[task]++;
    assert.throws(() => checkInvariants(state), /wants mirror the handles: .*\n.*submitted at \d+/);
  });

  test("a small state is looked at whole though no fact names a row", () => {
    const state = clusterWhere(({ tasks: table }) => table.live > 5);
    const checker = new InvariantChecker({ wholeUpTo: state.tasks.live + 1, wholeEvery: 1_000 });
    checker.checkAll(state);
    state.tasks.live++;
    checker.check(state, [{ type: "time-passed", at: state.at }]); // No rule reads what it changes.
    const unnamed: Fact = { type: "wants-dropped", client: 0, numbers: new Uint32Array(0) };
    assert.throws(() => checker.check(state, [unnamed]), /every total equals its recount/);
  });

  test("what no fact names is found by the next look at the whole", () => {
    const state = clusterWhere(({ tasks: table }) => table.live > 5);
    const checker = new InvariantChecker({ wholeUpTo: 0, wholeEvery: 3 });
    checker.checkAll(state);
    state.tasks.live++;
    const quiet: Fact = { type: "time-passed", at: state.at };
    checker.check(state, [quiet]);
    checker.check(state, [quiet]);
    assert.throws(() => checker.check(state, [quiet]), /every total equals its recount/);
  });
});
