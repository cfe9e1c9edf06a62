/**
 * What the counters of the state should say: sums over the rows of tasks and attempts alone.
 *
 * Each row's part in the sums is remembered, so that a row that changed is counted again in
 * constant time: the whole recount is the same work for every row.
 *
 * @module
 */

import { mixId } from "../../base/digest.ts";
import type { DeviceAmount } from "../../model/resources.ts";
import { bandCode, bands, isTerminalCode, taskStates } from "../../model/states.ts";
import { deviceDimension } from "../../scheduler/dimensions.ts";
import type { Scan } from "../scan.ts";
import { type ControllerState, specRecord } from "../state.ts";
import { attemptFlag } from "../tables/attempt-table.ts";
import { noSlot, stage } from "../tables/task-table.ts";

/** What a task adds to the sums, as it was when it was counted. */
interface TaskPart {
  /** `noSlot` while it adds nothing. */
  job: number;
  user: number;
  state: number;
  /** In whose queue it is, or `noSlot`. */
  queue: number;
  holder: number;
  extraHolders: readonly number[];
  /** Mixed id of the task and its value's size: what its holders hold. */
  mixed: number;
  bytes: number;
}

/** What an attempt adds to the sums, as it was when it was counted. */
interface AttemptPart {
  /** 0 while it adds nothing. */
  id: number;
  task: number;
  worker: number;
  shape: number;
  user: number;
  job: number;
  band: number;
  isGranted: boolean;
  isRetracting: boolean;
  isStarted: boolean;
  value: number;
  grant: Float64Array | null;
  devices: readonly DeviceAmount[];
}

export class ShapeTally {
  queued = 0;
  prefetched = 0;
  retracting = 0;

  clear(): void {
    this.queued = this.prefetched = this.retracting = 0;
  }
}

export class JobTally {
  tasks = 0;
  attempts = 0;
  readonly states = new Uint32Array(taskStates.length);

  clear(): void {
    this.tasks = this.attempts = 0;
    this.states.fill(0);
  }
}

export class UserTally {
  openTasks = 0;
  spend = 0;
  used = new Float64Array(8);

  clear(): void {
    this.openTasks = this.spend = 0;
    this.used.fill(0);
  }
}

export class WorkerTally {
  attempts = 0;
  granted = 0;
  attemptsDigest = 0;
  used = new Float64Array(8);
  valuesDigest = 0;
  valueBytes = 0;
  valueCount = 0;
  /** By shape. */
  grantedOf = new Int32Array(8);
  prefetchedOf = new Int32Array(8);
  startedOf = new Int32Array(8);
  /** Device dimension → thousandths in use of each index. */
  readonly devices = new Map<number, number[]>();

  clear(): void {
    this.attempts = this.granted = this.attemptsDigest = 0;
    this.valuesDigest = this.valueBytes = this.valueCount = 0;
    this.used.fill(0);
    this.grantedOf.fill(0);
    this.prefetchedOf.fill(0);
    this.startedOf.fill(0);
    for (const milli of this.devices.values()) milli.fill(0);
  }
}

const noDevices: readonly DeviceAmount[] = [];
const nobody: readonly number[] = [];

export class Tally {
  readonly shapes: ShapeTally[] = [];
  readonly jobs: JobTally[] = [];
  readonly users: UserTally[] = [];
  readonly workers: WorkerTally[] = [];
  readonly grantedByBand = new Int32Array(bands.length);
  tasks = 0;
  attempts = 0;
  readonly #taskParts: TaskPart[] = [];
  readonly #attemptParts: AttemptPart[] = [];
  /** What serves for every row, where none is remembered. */
  readonly #onlyTaskPart: TaskPart | null;
  readonly #onlyAttemptPart: AttemptPart | null;

  /** @param remembers Default true. False: it counts everything at once and nothing again. */
  constructor({ remembers = true }: { readonly remembers?: boolean } = {}) {
    this.#onlyTaskPart = remembers ? null : newTaskPart();
    this.#onlyAttemptPart = remembers ? null : newAttemptPart();
  }

  /** Counts everything anew. */
  recount(state: ControllerState): void {
    this.#makePlaces(state);
    this.tasks = this.attempts = 0;
    this.grantedByBand.fill(0);
    for (const list of [this.shapes, this.jobs, this.users, this.workers]) {
      for (const one of list) one.clear();
    }
    for (const part of this.#taskParts) part.job = noSlot;
    for (const part of this.#attemptParts) part.id = 0;
    const { tasks, attempts } = state;
    for (let task = 0; task < tasks.length; task++) {
      if (tasks.job[task] !== noSlot) this.#addTask(state, task);
    }
    for (let row = 0; row < attempts.length; row++) {
      if (attempts.id[row] !== 0) this.#addAttempt(state, row);
    }
  }

  /** Makes room for what `recount` will count, in steps: so that it is done sooner. */
  *prepare(state: ControllerState): Scan<void> {
    this.#makePlaces(state);
    for (const worker of this.workers) {
      if (worker.grantedOf.length < state.shapes.length) growShapes(worker, state.shapes.length);
      yield;
    }
  }

  /** Before rows are counted again: places for whatever is new in the state. */
  #makePlaces(state: ControllerState): void {
    while (this.shapes.length < state.shapes.length) this.shapes.push(new ShapeTally());
    while (this.jobs.length < state.jobs.length) this.jobs.push(new JobTally());
    while (this.users.length < state.users.length) this.users.push(new UserTally());
    while (this.workers.length < state.workers.length) this.workers.push(new WorkerTally());
  }

  /** Counts these rows again; what was forgotten or has ended adds nothing any more. */
  recountRows(
    state: ControllerState,
    tasks: { readonly length: number; at(position: number): number },
    attempts: { readonly length: number; at(position: number): number },
  ): void {
    this.#makePlaces(state);
    for (let i = 0; i < tasks.length; i++) {
      const task = tasks.at(i);
      this.#removeTask(task);
      if (state.tasks.isLive(task)) this.#addTask(state, task);
    }
    for (let i = 0; i < attempts.length; i++) {
      const row = attempts.at(i);
      this.#removeAttempt(state, row);
      if (state.attempts.id[row] !== 0) this.#addAttempt(state, row);
    }
  }

  /** The task as it was when it was counted: its row may be another one's now. */
  lastTask(task: number): Readonly<TaskPart> | null {
    const part = this.#taskParts[task];
    return part === undefined || part.job === noSlot ? null : part;
  }

  /** The attempt as it was when it was counted: its row may be another one's now. */
  lastAttempt(row: number): Readonly<AttemptPart> | null {
    const part = this.#attemptParts[row];
    return part === undefined || part.id === 0 ? null : part;
  }

  #addTask(state: ControllerState, task: number): void {
    const { tasks } = state;
    const part = this.#taskPart(task);
    part.job = tasks.job[task];
    part.user = state.jobs[part.job].userIndex;
    part.state = tasks.state[task];
    const isQueued = tasks.stage[task] === stage.queued;
    part.queue = isQueued ? specRecord(state, tasks.spec[task]).shape : noSlot;
    part.holder = tasks.holder[task];
    part.extraHolders = state.extraHolders.size > 0 ? extrasOf(state, task) : nobody;
    part.mixed = 0;
    part.bytes = tasks.valueBytes[task];
    if (part.holder !== noSlot || part.extraHolders.length > 0) part.mixed = mixId(tasks.ref(task));
    this.#countTask(part, 1);
  }

  #removeTask(task: number): void {
    if (task >= this.#taskParts.length || this.#taskParts[task].job === noSlot) return;
    const part = this.#taskParts[task];
    this.#countTask(part, -1);
    part.job = noSlot;
  }

  #countTask(part: TaskPart, sign: 1 | -1): void {
    this.tasks += sign;
    const job = this.jobs[part.job];
    job.tasks += sign;
    job.states[part.state] += sign;
    if (!isTerminalCode(part.state)) this.users[part.user].openTasks += sign;
    if (part.queue !== noSlot) this.shapes[part.queue].queued += sign;
    if (part.holder !== noSlot) this.#countValue(part.holder, part, sign);
    for (const worker of part.extraHolders) this.#countValue(worker, part, sign);
  }

  #countValue(worker: number, { mixed, bytes }: TaskPart, sign: 1 | -1): void {
    const tally = this.workers[worker];
    tally.valuesDigest = (tally.valuesDigest + sign * mixed) >>> 0;
    tally.valueBytes += sign * bytes;
    tally.valueCount += sign;
  }

  #addAttempt(state: ControllerState, row: number): void {
    const { attempts } = state;
    const part = this.#attemptPart(row);
    part.id = attempts.id[row];
    part.task = attempts.task[row];
    part.worker = attempts.worker[row];
    part.shape = attempts.shape[row];
    part.user = state.shapes[part.shape].user;
    part.job = state.tasks.job[attempts.task[row]];
    part.band = attempts.band[row];
    part.isGranted = attempts.isGranted(row);
    part.isRetracting = attempts.hasFlag(row, attemptFlag.retracting);
    part.isStarted = attempts.hasFlag(row, attemptFlag.started);
    part.value = state.shapes[part.shape].value;
    part.grant = attempts.grants[row];
    part.devices = state.deviceGrants.get(row) ?? noDevices;
    this.#countAttempt(state, part, 1);
  }

  #removeAttempt(state: ControllerState, row: number): void {
    if (row >= this.#attemptParts.length || this.#attemptParts[row].id === 0) return;
    const part = this.#attemptParts[row];
    this.#countAttempt(state, part, -1);
    part.id = 0;
  }

  #countAttempt(state: ControllerState, part: AttemptPart, sign: 1 | -1): void {
    this.attempts += sign;
    const worker = this.workers[part.worker];
    worker.attempts += sign;
    worker.attemptsDigest = (worker.attemptsDigest + sign * mixId(part.id)) >>> 0;
    if (part.job !== noSlot) this.jobs[part.job].attempts += sign;
    if (part.isRetracting) this.shapes[part.shape].retracting += sign;
    if (part.shape >= worker.grantedOf.length) growShapes(worker, part.shape + 1);
    if (part.isStarted) worker.startedOf[part.shape] += sign;
    if (part.isGranted) return this.#countGrant(state, part, sign);
    worker.prefetchedOf[part.shape] += sign;
    this.shapes[part.shape].prefetched += sign;
  }

  #countGrant(state: ControllerState, part: AttemptPart, sign: 1 | -1): void {
    const worker = this.workers[part.worker];
    const user = this.users[part.user];
    worker.granted += sign;
    worker.grantedOf[part.shape] += sign;
    this.grantedByBand[part.band] += sign;
    if (part.band !== bandCode.batch) user.spend += sign * part.value;
    const { grant } = part;
    if (grant !== null) {
      if (grant.length > worker.used.length) worker.used = longer(worker.used, grant.length);
      if (grant.length > user.used.length) user.used = longer(user.used, grant.length);
      for (let i = 0; i < grant.length; i++) {
        worker.used[i] += sign * grant[i];
        user.used[i] += sign * grant[i];
      }
    }
    for (const amount of part.devices) countDevices(state, worker, amount, sign);
  }

  #taskPart(task: number): TaskPart {
    if (this.#onlyTaskPart !== null) return this.#onlyTaskPart;
    while (this.#taskParts.length <= task) this.#taskParts.push(newTaskPart());
    return this.#taskParts[task];
  }

  #attemptPart(row: number): AttemptPart {
    if (this.#onlyAttemptPart !== null) return this.#onlyAttemptPart;
    while (this.#attemptParts.length <= row) this.#attemptParts.push(newAttemptPart());
    return this.#attemptParts[row];
  }
}

function extrasOf(state: ControllerState, task: number): readonly number[] {
  return state.extraHolders.get(task) ?? nobody;
}

/** Whole devices but for the last, which may be given in part. */
function countDevices(
  state: ControllerState,
  worker: WorkerTally,
  { kind, variant, countMilli, indices }: DeviceAmount,
  sign: 1 | -1,
): void {
  const dimension = state.dimensions.intern(deviceDimension(kind, variant));
  let use = worker.devices.get(dimension);
  if (use === undefined) {
    use = [];
    worker.devices.set(dimension, use);
  }
  for (let position = 0; position < indices.length; position++) {
    const device = indices[position];
    while (use.length <= device) use.push(0);
    use[device] += sign * Math.min(1000, countMilli - position * 1000);
  }
}

function growShapes(worker: WorkerTally, atLeast: number): void {
  const capacity = Math.max(atLeast, worker.grantedOf.length * 2);
  const granted = new Int32Array(capacity);
  const prefetched = new Int32Array(capacity);
  const started = new Int32Array(capacity);
  granted.set(worker.grantedOf);
  prefetched.set(worker.prefetchedOf);
  started.set(worker.startedOf);
  worker.grantedOf = granted;
  worker.prefetchedOf = prefetched;
  worker.startedOf = started;
}

function longer(vector: Float64Array, length: number) {
  const larger = new Float64Array(length);
  larger.set(vector);
  return larger;
}

function newTaskPart(): TaskPart {
  return {
    ...{ job: noSlot, user: 0, state: 0, queue: noSlot, holder: noSlot },
    ...{ extraHolders: nobody, mixed: 0, bytes: 0 },
  };
}

function newAttemptPart(): AttemptPart {
  return {
    ...{ id: 0, task: 0, worker: 0, shape: 0, user: 0, job: noSlot, band: 0, value: 0 },
    ...{ isGranted: false, isRetracting: false, isStarted: false, grant: null, devices: noDevices },
  };
}
