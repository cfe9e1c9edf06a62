/**
 * A controller process as the simulator sees it: the real kernel, a clock, a timer, and a journal
 * that loses what was not synced.
 *
 *     event ─▶ step ─▶ append ─▶ sync ─▶ sends
 *
 * It can die at each arrow. What was being written then is durable as a whole or not at all, as one
 * transaction is; what waited behind it is lost; nobody heard of either.
 *
 * @module
 */

import { InvariantError } from "../base/assert.ts";
import type { Micros } from "../base/time.ts";
import { apply } from "../controller/apply.ts";
import { nextDeadline } from "../controller/deadlines.ts";
import type { ControllerEvent, ControllerSend } from "../controller/events.ts";
import { type DurableFact, isDurable } from "../controller/facts.ts";
import { InvariantChecker } from "../controller/invariant-checker.ts";
import { durableText, snapshotOf, stateOf } from "../controller/snapshot.ts";
import { type ControllerState, newControllerState } from "../controller/state.ts";
import { step } from "../controller/step.ts";
import type { DrawStream, Randomness } from "./draws.ts";
import type { FaultKind } from "./fault-kinds.ts";
import type { Faults } from "./faults.ts";
import type { Observer } from "./observer.ts";
import { isSameData } from "./same-data.ts";
import { SimulatedClock } from "./simulated-clock.ts";
import type { Timeline } from "./timeline.ts";

/** Where a controller can die. */
export const boundaries = ["before-append", "before-sync", "after-sync", "between-sends"] as const;
export type Boundary = (typeof boundaries)[number];

const killedAt: { readonly [B in Boundary]: FaultKind } = {
  "before-append": "controller killed before append",
  "before-sync": "controller killed before sync",
  "after-sync": "controller killed after sync",
  "between-sends": "controller killed between sends",
};

export interface ControllerSurroundings {
  readonly timeline: Timeline;
  readonly randomness: Randomness;
  readonly faults: Faults;
  readonly checks: boolean;
  readonly foldChecks: boolean;
  readonly observer: Required<Observer>;
  /** Carries out one order of the kernel: it may leave. */
  readonly deliver: (send: ControllerSend) => void;
  /** It died; nothing of it is left but its journal. `byFault`: somebody must start it again. */
  readonly onDeath: (byFault: boolean) => void;
}

/** What leaves when the facts before it are durable: an order of the kernel, or an act. */
type Held = ControllerSend | (() => void);

interface Turn {
  readonly at: Micros;
  readonly facts: readonly DurableFact[];
  readonly held: Held[];
}

/** A loop that stood still this long tells the kernel first of all. */
const pauseNoticedUs = 2_000_000;
const dayUs = 86_400_000_000;

export class SimulatedController {
  state: ControllerState = newControllerState();
  isUp = false;
  epoch = 0;
  events = 0;
  readonly journal: DurableFact[] = [];
  /** Of the last commit. */
  #journaledAt: Micros = 0;
  readonly #around: ControllerSurroundings;
  readonly #disk: DrawStream;
  readonly #crash: DrawStream;
  readonly #policies: DrawStream;
  readonly #placement: DrawStream;
  #clock: SimulatedClock;
  /** The fold of all facts, journaled or not yet; null unless compared. */
  #fold: ControllerState | null = null;
  readonly #checker = new InvariantChecker();
  #waiting: Turn[] = [];
  #writing: Turn[] = [];
  #isSyncing = false;
  #leaving: Held[] = [];
  #timerAt = Number.POSITIVE_INFINITY;
  #dieAt: Boundary | null = null;
  #pausedAt = -1;
  #backlog: (() => void)[] = [];

  constructor(around: ControllerSurroundings) {
    this.#around = around;
    this.#disk = around.randomness.stream("disk");
    this.#crash = around.randomness.stream("controller");
    this.#policies = around.randomness.stream("policy");
    this.#placement = around.randomness.stream("placement");
    this.#clock = new SimulatedClock(around.timeline, around.timeline.now, 0);
  }

  /** Its own time. */
  now(): Micros {
    return this.#clock.now();
  }

  /** Facts that are not durable yet. */
  get unsyncedCount(): number {
    const turns = [...this.#writing, ...this.#waiting];
    return turns.reduce((sum, { facts }) => sum + facts.length, 0);
  }

  /** It runs, and nothing waits for the disk. */
  get isIdle(): boolean {
    return this.isUp && !this.isPaused && this.unsyncedCount === 0;
  }

  get isPaused(): boolean {
    return this.#pausedAt >= 0;
  }

  /** A new process takes up the journal. */
  start(): void {
    const { timeline, faults, foldChecks, observer } = this.#around;
    this.epoch++;
    this.state = newControllerState();
    for (const fact of this.journal) apply(this.state, fact);
    if (foldChecks) this.#fold = stateOf(snapshotOf(this.state));
    // From the facts alone, or from a snapshot of what they make.
    if (this.#crash.chance(0.5)) this.state = stateOf(snapshotOf(this.state));
    // So little that passes are paused on clusters as small as these.
    if (this.#placement.chance(0.3)) this.state.fleet.turnUnits = 1 + this.#placement.below(100);
    if (this.#placement.chance(0.3)) {
      this.state.closing.handlesPerStep = 1 + this.#placement.below(30);
      this.state.shared.endsPerStep = 1 + this.#placement.below(5);
    }
    let wall = timeline.now;
    if (this.#crash.chance(faults.clockSetBack)) {
      wall = Math.max(0, wall - this.#crash.below(dayUs));
      observer.onFault("clock set back", "controller");
    }
    const ppm = drawRate(this.#crash, faults.clockRatePpm);
    this.#clock = new SimulatedClock(timeline, Math.max(this.#journaledAt, wall), ppm);
    this.isUp = true;
    this.#timerAt = Number.POSITIVE_INFINITY;
    // Whoever runs it may choose another one with each start.
    const isOther = this.#policies.chance(faults.otherPolicy);
    const policy = isOther ? this.#policies.pick(["fifo", "slowdown"] as const) : "fair";
    this.take({ type: "controller-started", at: this.now(), epoch: this.epoch, policy });
    if (this.#crash.chance(faults.crashInRecovery)) this.#dieSoon();
  }

  /** Ends the process now: what was being written may have become durable. */
  die(byFault = false): void {
    if (!this.isUp) return;
    this.isUp = false;
    if (this.#isSyncing && this.#crash.chance(0.5)) this.#commit(this.#writing);
    this.#waiting = [];
    this.#writing = [];
    this.#isSyncing = false;
    this.#dieAt = null;
    this.#pausedAt = -1;
    this.#backlog = [];
    this.#leaving = [];
    this.#around.onDeath(byFault);
  }

  /** Ends the process when it next gets there. */
  dieAt(boundary: Boundary): void {
    this.#dieAt = boundary;
  }

  /** It does not die at a boundary that it was to die at. */
  spare(): void {
    this.#dieAt = null;
  }

  /** The process dies while it has hardly begun. */
  #dieSoon(): void {
    const { epoch } = this;
    this.#around.timeline.after(this.#crash.below(2_000), () => {
      if (!this.isUp || epoch !== this.epoch) return;
      this.#around.observer.onFault("controller killed in recovery", "controller");
      this.die(true);
    });
  }

  /** Its loop stands still for so long; what comes meanwhile waits. */
  pause(durationUs: number): void {
    if (!this.isUp || this.isPaused) return;
    const { epoch } = this;
    const { timeline } = this.#around;
    this.#pausedAt = timeline.now;
    timeline.after(durationUs, () => {
      if (this.isUp && epoch === this.epoch) this.resume();
    });
  }

  /** Its loop goes on, with what came meanwhile in its order. */
  resume(): void {
    if (!this.isPaused) return;
    const { epoch } = this;
    const pausedUs = this.#around.timeline.now - this.#pausedAt;
    this.#pausedAt = -1;
    if (pausedUs >= pauseNoticedUs) {
      this.take({ type: "controller-paused", at: this.now(), pausedUs });
    }
    const backlog = this.#backlog;
    this.#backlog = [];
    for (const action of backlog) if (this.isUp && epoch === this.epoch) action();
  }

  /** Does `action` as soon as the loop runs, if this process lives until then. */
  whenAwake(action: () => void): void {
    if (!this.isUp) return;
    if (this.isPaused) this.#backlog.push(action);
    else action();
  }

  /** Runs `act` after everything sent so far, once everything decided so far is durable. */
  hold(act: () => void): void {
    const last = this.#waiting.at(-1) ?? this.#writing.at(-1);
    if (last === undefined) this.#letGo([act]);
    else last.held.push(act);
  }

  /**
   * Steps the kernel, journals its facts, and lets its sends go when they are durable; `first` is
   * done right before them.
   */
  take(event: ControllerEvent, first: (() => void) | null = null): void {
    if (!this.isUp) return;
    this.events++;
    const output = step(this.state, event);
    if (this.#around.checks) this.#checker.check(this.state, output.facts);
    this.#around.observer.onControllerStep(this, event, output);
    if (this.#diesAt("before-append")) return;
    const facts = output.facts.filter(isDurable);
    if (this.#fold !== null) this.#compareFold(this.#fold, facts);
    this.#append(facts, first === null ? output.sends : [first, ...output.sends]);
    this.#arm();
  }

  #compareFold(fold: ControllerState, facts: readonly DurableFact[]): void {
    for (const fact of facts) apply(fold, fact);
    assertSameDurably(this.state, fold);
  }

  #append(facts: readonly DurableFact[], sends: readonly Held[]): void {
    const last = this.#waiting.at(-1) ?? this.#writing.at(-1);
    if (facts.length > 0) {
      this.#waiting.push({ at: this.state.at, facts, held: [...sends] });
      this.#sync();
    } else if (last !== undefined) last.held.push(...sends);
    else this.#letGo(sends);
  }

  #diesAt(boundary: Boundary): boolean {
    if (this.#dieAt !== boundary) return false;
    this.#around.observer.onFault(killedAt[boundary], "controller");
    this.die(true);
    return true;
  }

  /** One write at a time; what comes while it lasts goes with the next one. */
  #sync(): void {
    if (this.#isSyncing || this.#waiting.length === 0) return;
    this.#isSyncing = true;
    this.#writing = this.#waiting;
    this.#waiting = [];
    const { epoch } = this;
    if (this.#diesAt("before-sync")) return;
    this.#around.timeline.after(this.#disk.below(this.#around.faults.syncUsMax), () => {
      if (this.isUp && epoch === this.epoch) this.whenAwake(() => this.#onSynced());
    });
  }

  #onSynced(): void {
    const { observer, faults } = this.#around;
    if (this.#disk.chance(faults.diskFailure)) {
      this.#writing = [];
      this.#isSyncing = false;
      observer.onFault("disk failed", "controller");
      this.die(true);
      return;
    }
    const synced = this.#writing;
    this.#commit(synced);
    this.#isSyncing = false;
    this.#writing = [];
    if (this.#diesAt("after-sync")) return;
    this.#letGo(synced.flatMap(({ held }) => held));
    if (this.isUp) this.#sync();
  }

  #commit(turns: readonly Turn[]): void {
    for (const { at, facts } of turns) {
      for (const fact of facts) this.journal.push(fact);
      this.#journaledAt = at;
    }
  }

  /** In order, also when what leaves makes the kernel say more. */
  #letGo(held: readonly Held[]): void {
    const isLeaving = this.#leaving.length > 0;
    for (const each of held) this.#leaving.push(each);
    if (isLeaving) return;
    for (let i = 0; i < this.#leaving.length; i++) {
      if (i > 0 && this.#diesAt("between-sends")) return;
      const each = this.#leaving[i];
      if (typeof each === "function") each();
      else this.#around.deliver(each);
    }
    this.#leaving = [];
  }

  #arm(): void {
    if (!this.isUp) return;
    const due = nextDeadline(this.state);
    if (due === null) return;
    const { timeline, faults } = this.#around;
    const late = faults.timerLateUsMax > 0 ? this.#crash.below(faults.timerLateUsMax) : 0;
    const moment = this.#clock.when(due) + late;
    if (moment >= this.#timerAt) return;
    this.#timerAt = moment;
    const { epoch } = this;
    timeline.at(moment, () => {
      if (!this.isUp || epoch !== this.epoch || this.#timerAt !== moment) return;
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.whenAwake(() => this.take({ type: "tick", at: this.now() }));
    });
  }

  /** At rest: every invariant holds, and the durable state is the fold of the journal. */
  assertSound(): void {
    if (this.#around.checks) this.#checker.checkAll(this.state);
    const folded = newControllerState();
    for (const fact of this.journal) apply(folded, fact);
    if (this.unsyncedCount > 0) throw new InvariantError("the journal is synced at rest");
    assertSameDurably(this.state, folded);
  }
}

/** A rate between minus and plus `ppmMax`; 0 for the dull draw. */
export function drawRate(draws: DrawStream, ppmMax: number): number {
  const drawn = draws.below(2 * ppmMax + 1);
  return drawn % 2 === 0 ? drawn / 2 : -(drawn + 1) / 2;
}

/** The durable state is the fold of the journal; if not, where they part. */
function assertSameDurably(state: ControllerState, fold: ControllerState): void {
  if (isSameData(snapshotOf(state), snapshotOf(fold))) return;
  const actual = durableText(state);
  const folded = durableText(fold);
  if (actual === folded) return; // They differ in what no text shows: a key without a value.
  let at = 0;
  while (actual[at] === folded[at]) at++;
  const near = (text: string) => text.slice(Math.max(0, at - 200), at + 60);
  throw new InvariantError("the state is not the fold of its journal", [
    near(actual),
    near(folded),
  ]);
}
