/**
 * The placement pass: who runs where, now.
 *
 * Work follows what changed: a queue is tried when it grew or when the room of some worker did, and
 * its line of workers that fit (`fleet.ts`) catches up with what changed since it was last tried. A
 * shape that does not fit blocks nothing behind it. Order between shapes: band, then the user with
 * the least share, then within a user priority, depth in the tree of jobs, age; within a shape,
 * first come, first served, except that tasks which their inputs have just woken go first. Gangs
 * and single tasks are in one order.
 *
 * Under a policy with one order over all users every queue is looked at in each pass, and the first
 * that does not fit has its turn kept (`turns.ts`). Under `fair` only who has waited for long has.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import type { WorkerIndex } from "../model/ids.ts";
import { type QueueKey, walkFairly, walkInOrder } from "../scheduler/fair-order.ts";
import { lateTurnRestUs, lateTurnWorkersMax } from "../scheduler/limits.ts";
import { keepsTurns, lateTurnRankOf, rankOf, turnRankOf } from "../scheduler/queue-policy.ts";
import { lookAtKept } from "./fleet.ts";
import { isWhole, launchOfGang, placeGang, useGangHold } from "./gang-placement.ts";
import { preemptionsPerPassMax } from "./limits.ts";
import type { Outbox } from "./outbox.ts";
import { placeSome, useReservations } from "./place-solo.ts";
import { affordable, isSpent, payFor } from "./placement-budget.ts";
import { preemptFor } from "./preempt.ts";
import {
  mayPrefetch,
  prefetchShape,
  promotePrefetched,
  retractForIdle,
  retractForRival,
  withCappedLines,
} from "./prefetching.ts";
import { headTask, lineWaitOf, queueKeyOf, waitingOf, waitsForRoom } from "./queue-order.ts";
import { AssignmentRecorder } from "./recorders.ts";
import { isSwayed, reservationsOf } from "./reservations.ts";
import {
  type ControllerState,
  isOpen,
  orderOf,
  type Shape,
  type User,
  type Worker,
} from "./state.ts";
import { endTurns, keepTurn } from "./turns.ts";
import { clusterTotal, effectiveBand, hasCap, shareOf } from "./users.ts";

/**
 * Places what can be placed, until the turn has spent its budget. Changes nothing when nothing
 * changed. What a pass itself makes free, because nobody waits for it any more, is looked at in
 * another one.
 */
export function placeQueued(state: ControllerState, out: Outbox, at: Micros): void {
  for (let passes = 0; passes < passesMax; passes++) {
    if (state.touchedWorkers.size + state.untriedShapes.size === 0 || isSpent(state)) return;
    placeOnce(state, out, at);
  }
}

/** Passes of one step: two are the rule where a reservation has ended, more were never seen. */
const passesMax = 8;

function placeOnce(state: ControllerState, out: Outbox, at: Micros): void {
  const touched = [...state.touchedWorkers].map((index) => state.workers[index]).filter(isOpen);
  const untried = new Set(state.untriedShapes);
  out.record(state, { type: "placement-passed" });
  const lines = withCappedLines(state, touched);
  const deferred = lines.filter((worker) => !promotePrefetched(state, out, worker));
  const pass = new Pass(state, out, { touched, deferred, untried, at });
  if (pass.run()) return retractForIdle(state, out, touched);
  const workers = Uint32Array.from(touched, ({ index }) => index);
  out.record(state, { type: "placement-paused", workers, shapes: Uint32Array.from(untried) });
}

/** A queue in the order, and where it may go. */
interface Turn extends QueueKey {
  readonly shape: Shape;
  /** Its queue grew, or what it may use: of workers that did not change, too. */
  readonly isUntried: boolean;
}

/** Tasks of a queue that are placed before the next user's turn. */
const commandQuantum = 1;
const functionQuantum = 8;

class Pass {
  readonly #state: ControllerState;
  readonly #out: Outbox;
  readonly #at: Micros;
  readonly #touched: readonly Worker[];
  /** Where what was sent ahead gets what this pass leaves. */
  readonly #deferred: readonly Worker[];
  readonly #untried: ReadonlySet<number>;
  readonly #blocked: Turn[] = [];
  /** Request of a gang → the smallest size of it that found no place in this pass. */
  readonly #gangMisfits = new Map<string, number>();
  /** Shape → where this pass has placed tasks of it. */
  readonly #places = new Map<number, Set<WorkerIndex>>();
  #open: readonly Worker[] | null = null;
  #assignments: AssignmentRecorder;

  constructor(
    state: ControllerState,
    out: Outbox,
    pass: {
      readonly touched: readonly Worker[];
      readonly deferred: readonly Worker[];
      readonly untried: ReadonlySet<number>;
      readonly at: Micros;
    },
  ) {
    const { touched, deferred, untried, at } = pass;
    this.#state = state;
    this.#out = out;
    this.#at = at;
    this.#touched = touched;
    this.#deferred = deferred;
    this.#untried = untried;
    this.#assignments = new AssignmentRecorder(at);
  }

  /** Whether it came to its end: what it leaves, another one must look at from the beginning. */
  run(): boolean {
    const turns = this.#turns();
    if (turns.length === 0) return true;
    if (keepsTurns(this.#state.policy)) this.#placeInOrder(turns);
    else this.#placeFairly(turns);
    this.#close();
    if (isSpent(this.#state)) return false;
    for (const worker of this.#deferred) promotePrefetched(this.#state, this.#out, worker, true);
    // What waits on a worker goes ahead of others: not where the order is one over all.
    if (!keepsTurns(this.#state.policy)) {
      for (const turn of this.#blocked) this.#prefetch(turn);
      this.#close();
      for (const turn of this.#blocked) this.#callBackFor(turn);
    }
    this.#close();
    this.#preempt();
    return true;
  }

  /** Every queue that is not empty and for which something has changed. */
  #turns(): Turn[] {
    const state = this.#state;
    const turns: Turn[] = [];
    for (const index of state.queuedShapes) {
      const shape = state.shapes[index];
      // What ends anywhere makes room under a user's cap, and that may be used everywhere.
      const isUntried = this.#untried.has(shape.index) || hasCap(state, state.users[shape.user]);
      const isSame = !isUntried && this.#touched.length === 0;
      if (isSame && !keepsTurns(state.policy)) continue;
      if (isSwayed(state, shape)) lookAtKept(state, shape);
      turns.push({ shape, isUntried, ...queueKeyOf(state, shape) });
    }
    return turns;
  }

  /** Where something may have changed for the queue. */
  #candidates({ isUntried }: Turn): readonly Worker[] {
    if (!isUntried) return this.#touched;
    this.#open ??= this.#state.workers.filter(isOpen);
    return this.#open;
  }

  #placeFairly(turns: readonly Turn[]): void {
    const state = this.#state;
    this.#keepLateTurn();
    const [only] = turns;
    if (turns.length === 1) return this.#placeAll(only);
    const isShared = turns.some((turn) => turn.user !== turns[0].user);
    const total = isShared ? clusterTotal(state) : new Float64Array(0);
    const waiting = leastServedFirst(state, turns);
    const ranks = new Map(waiting.map(({ index }, rank) => [index, rank]));
    const ranked = turns.map((turn) => ({ ...turn, user: ranks.get(turn.user) ?? 0 }));
    const share = (rank: number) => shareOf(state, waiting[rank], total);
    walkFairly(ranked, share, (turn) => {
      if (!isShared) {
        this.#placeAll(turn);
        return turn.shape.queued > 0 ? "blocked" : "empty";
      }
      const quantum = turn.shape.isCommand ? commandQuantum : functionQuantum;
      const placed = this.#place(turn, quantum);
      if (placed > 0 && turn.shape.queued > 0) return share(turn.user);
      if (turn.shape.queued > 0) this.#blocked.push(turn);
      return placed > 0 ? share(turn.user) : turn.shape.queued > 0 ? "blocked" : "empty";
    });
  }

  /** Shares do not count for the one queue, over all users, that has waited for too long. */
  #keepLateTurn(): void {
    const state = this.#state;
    let late: Shape | null = null;
    let first = Number.POSITIVE_INFINITY;
    let tops: Map<number, number> | null = null;
    for (const index of state.queuedShapes) {
      const shape = state.shapes[index];
      const rank = lateTurnRankOf(lineWaitOf(state, shape));
      if (rank >= first || !waitsForRoom(state, shape)) continue;
      tops ??= topPriorities(state);
      // What its own user wants first is not late for the sake of others.
      if (shape.priority < (tops.get(shape.user) ?? 0)) continue;
      late = shape;
      first = rank;
    }
    if (late === null) return endTurns(state, this.#out);
    // To choose the worker costs a look at all that runs, and a long queue has many late heads.
    if (this.#at < state.fleet.lateTurnAt + lateTurnRestUs) return;
    const turn = { shape: late, at: this.#at, workersMax: lateTurnWorkersMax };
    if (keepTurn(state, this.#out, turn)) state.fleet.lateTurnAt = this.#at;
  }

  /** One order over all users; what is first and does not fit has its turn kept. */
  #placeInOrder(turns: readonly Turn[]): void {
    let first: Turn | null = null;
    walkInOrder(this.#ranked(turns, turnRankOf), (turn) => {
      if (this.#placeOne(turn)) return this.#ranked([turn], turnRankOf)[0];
      if (isSpent(this.#state)) return "stop";
      if (turn.shape.queued === 0 || !waitsForRoom(this.#state, turn.shape)) return null;
      first = turn;
      return "stop";
    });
    if (isSpent(this.#state)) return;
    this.#close(); // A reservation is recorded on the way.
    const waiting = turns.filter(({ shape }) => shape.queued > 0);
    if (first === null) {
      this.#blocked.push(...waiting);
      return endTurns(this.#state, this.#out);
    }
    const { shape } = first as Turn;
    const turn = { shape, at: this.#at, workersMax: Number.POSITIVE_INFINITY };
    keepTurn(this.#state, this.#out, turn);
    walkInOrder(this.#ranked(waiting, rankOf), (turn) => {
      if (this.#placeOne(turn)) return this.#ranked([turn], rankOf)[0];
      if (turn.shape.queued > 0) this.#blocked.push(turn);
      return null;
    });
  }

  #placeOne(turn: Turn): boolean {
    return this.#place(turn, 1) > 0 && turn.shape.queued > 0;
  }

  #ranked(turns: readonly Turn[], rank: typeof rankOf): Turn[] {
    const state = this.#state;
    return turns.map((turn) => {
      const { shape } = turn;
      return {
        ...turn,
        rank: rank(state.policy, waitingOf(state, shape)),
        headOrder: orderOf(state, headTask(shape)),
      };
    });
  }

  #placeAll(turn: Turn): void {
    this.#place(turn, turn.shape.queued);
    if (turn.shape.queued > 0) this.#blocked.push(turn);
  }

  #place(turn: Turn, limit: number): number {
    const { shape } = turn;
    const state = this.#state;
    if (shape.queued === 0 || isSpent(state)) return 0;
    if (shape.gang >= 0) return this.#placeGang(turn);
    const assignments = this.#assignments;
    const most = Math.min(limit, affordable(state, shape));
    const used = placeSome(state, this.#out, { shape, limit: most, assignments });
    payFor(state, shape, used.length);
    this.#rememberPlaces(shape, used);
    if (used.length > 0 && state.reservations.size > 0) {
      this.#close();
      useReservations(state, this.#out, shape, used);
    }
    return used.length;
  }

  /** Where nobody else waits it matters to nobody. */
  #rememberPlaces(shape: Shape, used: readonly WorkerIndex[]): void {
    if (used.length === 0 || !shape.prefetchable || this.#state.queuedShapes.size < 2) return;
    const known = this.#places.get(shape.index);
    if (known === undefined) this.#places.set(shape.index, new Set(used));
    else for (const worker of used) known.add(worker);
  }

  #placeGang({ shape }: Turn): number {
    const launch = launchOfGang(this.#state, shape);
    // One that waits in pieces goes nowhere, and says nothing of whether a like one has room.
    if (launch === null || !isWhole(shape, launch)) return 0;
    const size = shape.queued;
    const misfit = gangKey(this.#state, shape);
    const hasOwn = reservationsOf(this.#state, shape.index).length > 0;
    // Room only shrinks in a pass: what found no place for as many does not for these.
    if (!hasOwn && size >= (this.#gangMisfits.get(misfit) ?? Number.POSITIVE_INFINITY)) return 0;
    this.#close(); // A reservation may be recorded on the way.
    const about = { shape, assignments: this.#assignments, at: this.#at };
    if (!placeGang(this.#state, this.#out, about)) {
      this.#gangMisfits.set(misfit, Math.min(size, this.#gangMisfits.get(misfit) ?? size));
      return 0;
    }
    this.#close();
    useGangHold(this.#state, this.#out, shape);
    payFor(this.#state, shape, size);
    return size;
  }

  #prefetch(turn: Turn): void {
    const { shape } = turn;
    if (!mayPrefetch(shape)) return;
    // What waits on a worker goes ahead of others; for programs that would be long.
    if (shape.isCommand && this.#blocked.length > 1) return;
    const assignments = this.#assignments;
    const candidates = this.#candidates(turn);
    const placedOn = this.#places.get(shape.index) ?? nowhere;
    prefetchShape(this.#state, this.#out, { shape, candidates, placedOn, assignments });
  }

  /** Of what was sent ahead before its queue grew. */
  #callBackFor(turn: Turn): void {
    const { shape, isUntried } = turn;
    if (!isUntried || shape.queued === 0) return;
    const candidates = () => this.#candidates(turn);
    retractForRival(this.#state, this.#out, { rival: shape, candidates });
  }

  #preempt(): void {
    let left = preemptionsPerPassMax;
    for (const turn of this.#blocked) {
      const { shape } = turn;
      // One eviction may not be enough for a queue of several.
      while (left > 0) {
        const candidates = () => this.#candidates(turn);
        if (!preemptFor(this.#state, this.#out, { shape, candidates, at: this.#at })) break;
        left--; // What helps nobody keeps nobody behind it from being helped.
      }
    }
  }

  #close(): void {
    this.#assignments.close(this.#state, this.#out);
    this.#assignments = new AssignmentRecorder(this.#at);
  }
}

const nowhere: ReadonlySet<WorkerIndex> = new Set();

/** What gangs have in common that fit the same workers. */
function gangKey(state: ControllerState, shape: Shape): string {
  const groupBy = launchOfGang(state, shape)?.spec.task.groupBy ?? "";
  const { requestKey, user } = shape;
  return JSON.stringify([effectiveBand(state, shape), user, groupBy, requestKey]);
}

/** The users of these queues: of equal shares, whoever was served longest ago begins. */
function leastServedFirst(state: ControllerState, turns: readonly Turn[]): User[] {
  const users = new Set(turns.map(({ user }) => state.users[user]));
  return [...users].sort((a, b) => a.lastServed - b.lastServed || a.index - b.index);
}

/** User → the highest priority of what waits. */
function topPriorities({ queuedShapes, shapes }: ControllerState): Map<number, number> {
  const tops = new Map<number, number>();
  for (const index of queuedShapes) {
    const { user, priority } = shapes[index];
    tops.set(user, Math.max(priority, tops.get(user) ?? priority));
  }
  return tops;
}
