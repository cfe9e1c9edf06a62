/**
 * Which records a fact touched: those that it names, and those that follow from it.
 *
 * A fact that changes much and comes rarely says `everything`: the whole state is looked at.
 *
 * @module
 */

import type { Fact, FactOf } from "../facts.ts";
import { type ControllerState, shapeOf } from "../state.ts";
import { noEdge } from "../tables/edges.ts";
import { noSlot } from "../tables/task-table.ts";
import type { RowSet } from "./row-set.ts";
import type { Subjects } from "./subjects.ts";
import type { Tally } from "./tally.ts";

/** What a fact names, by the fields that hold it. */
type Fields = {
  readonly tasks?: Uint32Array;
  readonly attempts?: Uint32Array;
  readonly successors?: Uint32Array;
  readonly workers?: Uint32Array;
  readonly holders?: Uint32Array;
  readonly task?: number;
  readonly attempt?: number;
  readonly worker?: number;
  readonly job?: number;
};

/**
 * How far a fact reaches: no rule reads what it changes; what it changes is named by no row, so
 * that in a larger state the next look at everything sees it; the rows that it names; those that it
 * submitted; or everything.
 */
type Reach = "unread" | "unnamed" | "named" | "submitted" | "everything";

const reach: { readonly [T in Fact["type"]]: Reach } = {
  "controller-started": "everything",
  "client-opened": "everything",
  "client-closing": "unnamed",
  "client-closed": "everything",
  "spec-defined": "unnamed",
  "tasks-submitted": "submitted",
  "sequence-taken": "unnamed",
  // By number, and the numbers are gone.
  "wants-dropped": "unnamed",
  "attempts-assigned": "named",
  "attempts-granted": "named",
  "attempts-building": "named",
  "attempt-measured": "named",
  "attempts-started": "named",
  "attempts-hung": "named",
  "attempts-yielded": "named",
  "attempts-stopping": "named",
  "attempts-ended": "named",
  "attempt-superseded": "named",
  "attempt-reinstated": "named",
  "tasks-succeeded": "named",
  "results-returned": "named",
  "tasks-failed": "named",
  "tasks-requeued": "named",
  "tasks-resumed": "named",
  "tasks-revived": "named",
  "values-gone": "named",
  "values-moved": "named",
  "tasks-forgotten": "named",
  "worker-registered": "everything",
  "worker-lost": "everything",
  "worker-adopted": "everything",
  "worker-closed-to-work": "named",
  "drain-gave-up": "named",
  "worker-setup-failed": "everything",
  "job-launched": "everything",
  "job-ended": "named",
  "jobs-pruned": "everything",
  "gang-returned": "named",
  "gangs-rested": "unnamed",
  "capacity-reserved": "everything",
  "reservation-ended": "everything",
  "token-created": "everything",
  "token-revoked": "everything",
  "tokens-forgotten": "everything",
  "budget-set": "everything",
  "endpoint-registered": "everything",
  "endpoints-dropped": "everything",
  "value-published": "named",
  "value-unpublished": "everything",
  "value-fetched": "named",
  "tasks-detached": "named",
  "copies-wanted": "named",
  "restart-begun": "everything",
  "session-restarted": "everything",
  "cluster-restarted": "everything",
  "keys-given-up": "named",
  "values-offered": "everything",
  "lock-asked": "everything",
  "lock-left": "everything",
  "leases-renewed": "unnamed",
  "leases-swept": "unnamed",
  "time-passed": "unread",
  "client-present": "unnamed",
  "client-absent": "unnamed",
  "outcomes-awaited": "named",
  "worker-present": "named",
  "worker-absent": "named",
  "worker-heard": "unread",
  "traffic-told": "unread",
  "progress-told": "unnamed",
  "worker-suspected": "named",
  "worker-health": "named",
  "worker-emptying": "named",
  "worker-emptied": "unnamed",
  "member-prepared": "named",
  "silence-excused": "unnamed",
  "deadlines-passed": "unnamed",
  "silence-checked": "unread",
  "hangs-looked-for": "unread",
  "copies-added": "named",
  "copies-removed": "named",
  "copies-touched": "unnamed",
  "copies-reviewed": "unnamed",
  "copies-moving": "unnamed",
  "copies-let-go": "unnamed",
  "copies-ordered": "unnamed",
  "copies-closed": "unnamed",
  "copies-looked-at": "unnamed",
  "data-waits-begun": "unnamed",
  "data-waits-ended": "unnamed",
  "durations-sampled": "unread",
  "input-failed": "unnamed",
  "input-unreachable": "unnamed",
  // It names its task by reference, not by row.
  "value-kept": "everything",
  "value-cached": "unnamed",
  "placement-passed": "unnamed",
  "placement-paused": "unnamed",
  "retracts-ordered": "named",
  "upload-directed": "unnamed",
  "actors-tended": "unnamed",
};

/** How far facts reach together. */
export function reachOf(facts: readonly Fact[]): "unread" | "unnamed" | "something" | "everything" {
  let reached: "unread" | "unnamed" | "something" = "unread";
  for (const { type } of facts) {
    const own = reach[type];
    if (own === "everything") return own;
    if (own === "unnamed" && reached === "unread") reached = own;
    else if (own === "named" || own === "submitted") reached = "something";
  }
  return reached;
}

/** Adds what the facts touched, none of which reaches everything. */
export function addTouched(
  { state, tally }: { readonly state: ControllerState; readonly tally: Tally },
  facts: readonly Fact[],
  subjects: Subjects,
): void {
  for (const fact of facts) {
    if (fact.type === "tasks-submitted") addSubmitted(state, fact, subjects);
    else if (reach[fact.type] === "named") addNamed(subjects, fact as Fields);
  }
  addNeighbours(state, tally, subjects);
}

function addNamed(subjects: Subjects, fact: Fields): void {
  addEach(subjects.tasks, fact.tasks);
  addEach(subjects.attempts, fact.attempts);
  addEach(subjects.attempts, fact.successors);
  addEach(subjects.workers, fact.workers);
  addEach(subjects.workers, fact.holders);
  if (fact.task !== undefined) subjects.tasks.add(fact.task);
  if (fact.attempt !== undefined) subjects.attempts.add(fact.attempt);
  if (fact.worker !== undefined) subjects.workers.add(fact.worker);
  if (fact.job !== undefined) subjects.jobs.add(fact.job);
}

function addEach(set: RowSet, rows: Uint32Array | undefined): void {
  if (rows === undefined) return;
  for (let i = 0; i < rows.length; i++) if (rows[i] !== noSlot) set.add(rows[i]);
}

function addSubmitted(
  state: ControllerState,
  fact: FactOf<"tasks-submitted">,
  subjects: Subjects,
): void {
  const { submit } = fact;
  const client = state.clients[fact.client];
  const end = submit.first + submit.args.offsets.length - 1;
  for (let number = submit.first; number < end; number++) {
    const task = client?.handles.get(number) ?? -1;
    if (task >= 0) subjects.tasks.add(task);
  }
  subjects.clients.add(fact.client);
}

/** What a touched record may have changed besides: the tasks around it, and who counts it. */
function addNeighbours(state: ControllerState, tally: Tally, subjects: Subjects): void {
  const { tasks, attempts, shapes } = subjects;
  const ended = attempts.length;
  for (let i = 0; i < ended; i++) addPlace(state, tally, subjects, attempts.at(i));
  const touched = tasks.length;
  for (let i = 0; i < touched; i++) addAround(state, subjects, tasks.at(i));
  for (let i = 0; i < tasks.length; i++) addOwners(state, tally, subjects, tasks.at(i));
  for (let i = ended; i < attempts.length; i++)
    subjects.workers.add(state.attempts.worker[attempts.at(i)]);
  // Room may have come free anywhere: whatever waits is tried against it.
  for (const shape of state.queuedShapes) shapes.add(shape);
}

/** Where an attempt is, and where the one was that had its row before. */
function addPlace(state: ControllerState, tally: Tally, subjects: Subjects, row: number): void {
  const { attempts } = state;
  subjects.tasks.add(attempts.task[row]);
  subjects.workers.add(attempts.worker[row]);
  subjects.shapes.add(attempts.shape[row]);
  const last = tally.lastAttempt(row);
  if (last === null) return;
  subjects.tasks.add(last.task);
  subjects.workers.add(last.worker);
  subjects.shapes.add(last.shape);
  if (last.job !== noSlot) addSuccessor(state, subjects, last.job);
}

function addAround(state: ControllerState, subjects: Subjects, task: number): void {
  const { tasks } = state;
  if (tasks.attempt[task] !== noSlot) subjects.attempts.add(tasks.attempt[task]);
  const stray = state.strayOfTask.size > 0 ? state.strayOfTask.get(task) : undefined;
  if (stray !== undefined) subjects.attempts.add(stray);
  if (!tasks.isLive(task)) return;
  const start = tasks.dependenciesStart[task];
  for (let edge = start; edge < start + tasks.dependencyCount[task]; edge++)
    subjects.tasks.add(tasks.edges.target[edge]);
  for (let edge = tasks.dependentsHead[task]; edge !== noEdge; edge = tasks.edges.next[edge])
    subjects.tasks.add(tasks.edges.owner[edge]);
  if (tasks.holder[task] !== noSlot) subjects.workers.add(tasks.holder[task]);
}

function addOwners(state: ControllerState, tally: Tally, subjects: Subjects, task: number): void {
  const { tasks, jobs } = state;
  const last = tally.lastTask(task);
  if (last !== null) {
    subjects.jobs.add(last.job);
    subjects.users.add(last.user);
  }
  if (!tasks.isLive(task)) return;
  const job = tasks.job[task];
  subjects.jobs.add(job);
  subjects.users.add(jobs[job].userIndex);
  subjects.shapes.add(shapeOf(state, task).index);
}

/** When the last attempt of a replaced job ends, the tasks of the one that waits for it go on. */
function addSuccessor(state: ControllerState, subjects: Subjects, index: number): void {
  const { jobs, jobsById } = state;
  const { id, launch } = jobs[index];
  if (launch === null || launch.liveAttempts > 0) return;
  const latest = jobsById.get(id) ?? index;
  if (latest === index) return;
  for (const task of jobs[latest].launch?.rows ?? []) subjects.tasks.add(task);
}
