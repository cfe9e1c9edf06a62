/**
 * What the programs of a simulated cluster do: how long each execution runs and how it ends. By
 * default the seed draws it.
 *
 * @module
 */

import type { AttemptFailure } from "../model/failure.ts";
import type { AttemptId, TaskRef } from "../model/ids.ts";
import type { Progress } from "../model/progress.ts";
import { partOf, runsInProcess, type TaskSpec } from "../model/spec.ts";
import type { GangMember } from "../protocol/messages.ts";
import type { ExecutionId, WorkerEvent } from "../worker/events.ts";
import type { Draws } from "./draws.ts";
import type { FaultKind } from "./fault-kinds.ts";
import type { Faults } from "./faults.ts";
import type { Timeline } from "./timeline.ts";

/** An execution that really begins to run now, on a lane or as a process. */
export interface RunningExecution {
  readonly workerId: string;
  readonly task: TaskRef;
  readonly attempt: AttemptId;
  readonly definition: TaskSpec;
  /** The `AttemptContext` as JSON, or "". */
  readonly context: string;
  readonly args: Uint8Array;
  /** All members of its gang, by rank; empty for what is of none. */
  readonly members: readonly GangMember[];
  /** Of a function, in the order of its arguments; null for bytes that are not here. */
  readonly inputs: readonly { readonly task: TaskRef; readonly bytes: Uint8Array | null }[];
}

/** How an execution ends by itself. */
export type Ending =
  | { readonly type: "finished"; readonly value: SimulatedValue }
  | { readonly type: "failed"; readonly failure: AttemptFailure }
  /** A plugin could not be set up where it was to run. */
  | { readonly type: "setup-failed"; readonly failure: AttemptFailure }
  /** Its function asked to run later. */
  | { readonly type: "rescheduled"; readonly failure: AttemptFailure }
  /** Somebody else killed the process. */
  | { readonly type: "killed" }
  /** An input could not be loaded. */
  | { readonly type: "input-failed"; readonly task: TaskRef };

/** A value: its size, and its bytes; only small ones travel with messages. */
export interface SimulatedValue {
  readonly sizeBytes: number;
  readonly bytes: Uint8Array;
}

/** What a function tells of itself while it runs. */
export interface ExecutionNews {
  /** It waits for tasks of its own, or does not any more. */
  waits(waits: boolean): void;
  /** How far it is. */
  progress(progress: Progress): void;
}

export const noNews: ExecutionNews = { waits: () => undefined, progress: () => undefined };

export interface Behaviour {
  /**
   * Begins an execution, and calls `end` once when it is over. Nobody listens to the end of one
   * that was stopped or died with its machine.
   */
  begin(execution: RunningExecution, end: (ending: Ending) => void, news?: ExecutionNews): void;
  /** An execution is told to stop; it is gone a moment later, whatever becomes of this. */
  abort?(attempt: AttemptId, reason: "stopped" | "timeout"): void;
  /** Called once when a stop is ordered: how long it takes, microseconds; undefined is drawn. */
  stopUs?(attempt: AttemptId): number | undefined;
}

/** A value of more bytes than this stays with its worker. */
export const inlineBytesMax = 50_000;

const largeValueBytes = 100_000;

/** So large that its readers rather wait where it is. */
const hugeValueBytes = 3_000_000;

/** What the kernel is told of an ending; its time is filled in. */
export function endEventOf(
  ending: Ending,
  { execution, durationUs }: { readonly execution: ExecutionId; readonly durationUs: number },
): WorkerEvent {
  const at = 0;
  switch (ending.type) {
    case "input-failed":
      return { type: "execution-input-failed", at, execution, task: ending.task };
    case "failed":
    case "rescheduled":
    case "setup-failed": {
      const { type: cause, failure } = ending;
      return { type: "execution-failed", at, execution, cause, failure };
    }
    case "killed": {
      const failure = failureOf("the process was killed", null);
      return { type: "execution-failed", at, execution, cause: "killed", failure };
    }
    case "finished": {
      const { sizeBytes, bytes } = ending.value;
      const inline = sizeBytes > inlineBytesMax ? null : bytes;
      return { type: "execution-finished", at, execution, sizeBytes, durationUs, inline };
    }
  }
}

/** What the kernel is told while a function runs; its time is filled in. */
export function newsOf(execution: ExecutionId, say: (event: WorkerEvent) => void): ExecutionNews {
  const at = 0;
  return {
    waits: (waits) =>
      say({ type: waits ? "execution-waits" : "execution-rejoined", at, execution }),
    progress: (progress) => say({ type: "execution-progressed", at, execution, progress }),
  };
}

/** Whether the function itself was called: not where its inputs or its plugins were not there. */
export function hasRun({ type }: Ending): boolean {
  return type !== "input-failed" && type !== "setup-failed";
}
/** An actor that fails by itself does so within this time, microseconds. */
const actorUsMax = 60_000;

/** What hangs runs this many times as long as anything else may. */
const hungFactor = 100;

/** What the seed draws from. */
export interface DrawnRun {
  readonly timeline: Timeline;
  readonly draws: Draws;
  /** For when functions wait. */
  readonly waits: Draws;
  /** For when functions say how far they are. */
  readonly progress: Draws;
  /** For what asks to run later. */
  readonly reschedules: Draws;
  readonly faults: Faults;
}

/**
 * Every function returns its own arguments, so that a value that arrives anywhere can be told right
 * from wrong without knowing the scheduler; run times and failures are drawn.
 */
export class DrawnBehaviour implements Behaviour {
  readonly #timeline: Timeline;
  readonly #draws: Draws;
  readonly #faults: Faults;
  readonly #waits: Draws;
  /** How often functions wait for tasks of their own. */
  readonly #waiting: number;
  readonly #progress: Draws;
  /** How often functions say how far they are. */
  readonly #telling: number;
  readonly #reschedules: Draws;
  /** How often functions ask to run later; as many of them never do anything else. */
  readonly #leaving: number;
  readonly #onFault: (kind: FaultKind, what: string) => void;

  constructor(
    { timeline, draws, waits, progress, reschedules, faults }: DrawnRun,
    onFault: (kind: FaultKind, what: string) => void = () => {},
  ) {
    this.#timeline = timeline;
    this.#draws = draws;
    this.#faults = faults;
    this.#waits = waits;
    this.#waiting = waits.pick([0, 0.05, 0.5]);
    this.#progress = progress;
    this.#telling = progress.pick([0, 0.1, 0.6]);
    this.#reschedules = reschedules;
    this.#leaving = reschedules.pick([0, 0.02, 0.2]);
    this.#onFault = onFault;
  }

  #planWaits({ definition }: RunningExecution, news: ExecutionNews): void {
    const draws = this.#waits;
    if (definition.run.kind !== "function" || !draws.chance(this.#waiting)) return;
    let atUs = this.#timeline.now;
    for (let left = 1 + draws.below(3); left > 0; left--) {
      atUs += draws.below(1_000);
      this.#timeline.at(atUs, () => news.waits(true));
      atUs += draws.below(draws.pick([1_000, this.#faults.runUsMax]));
      this.#timeline.at(atUs, () => news.waits(false));
    }
  }

  begin(
    execution: RunningExecution,
    end: (ending: Ending) => void,
    news: ExecutionNews = noNews,
  ): void {
    if (partOf(execution.definition.run) === "actor") return this.#keepObject(end, news);
    const { quantumUs } = this.#faults;
    const at = this.#timeline.now + this.#runUs(execution);
    const moment = quantumUs > 1 ? Math.ceil(at / quantumUs) * quantumUs : at;
    this.#timeline.at(moment, () => end(this.#endingOf(execution)));
    this.#planWaits(execution, news);
    this.#planProgress(execution, news);
  }

  /** Now and then it says how far it is, and which task it is. */
  #planProgress({ definition, task }: RunningExecution, news: ExecutionNews): void {
    const draws = this.#progress;
    if (definition.run.kind !== "function" || !draws.chance(this.#telling)) return;
    let atUs = this.#timeline.now;
    for (let percent = 0; percent < 100; percent += 1 + draws.below(60)) {
      const fraction = percent / 100;
      this.#timeline.at(atUs, () => news.progress({ fraction, note: String(task) }));
      atUs += draws.below(this.#faults.runUsMax);
    }
  }

  /** It makes its object, and is called until it is stopped, or fails by itself. */
  #keepObject(end: (ending: Ending) => void, news: ExecutionNews): void {
    const draws = this.#draws;
    this.#timeline.after(draws.below(2_000), () => news.waits(true));
    if (!draws.chance(this.#faults.taskFailure)) return;
    const failure = failureOf("its thread ended", 1);
    this.#timeline.after(draws.below(actorUsMax), () => end({ type: "failed", failure }));
  }

  #runUs({ definition, workerId }: RunningExecution): number {
    const { runUsMax, hang } = this.#faults;
    if (this.#draws.chance(hang)) {
      this.#onFault("task hung", workerId);
      return runUsMax * hungFactor;
    }
    if (definition.run.kind === "command") return 500 + this.#draws.below(runUsMax);
    return this.#draws.chance(0.2) ? this.#draws.below(runUsMax) : this.#draws.below(800);
  }

  #endingOf(execution: RunningExecution): Ending {
    const { definition, args } = execution;
    const isFunction = definition.run.kind === "function";
    const leaves = this.#reschedules.chance(this.#leaving) || isRestless(args, this.#leaving);
    if (!isFunction || !leaves) return this.#endingByFaults(execution);
    return { type: "rescheduled", failure: failureOf("not here, not now", null) };
  }

  #endingByFaults({ definition, args, inputs: all, workerId }: RunningExecution): Ending {
    const draws = this.#draws;
    // Whether the inputs of a call can be read is known before it begins.
    const inputs = partOf(definition.run) === "call" ? [] : all;
    const faults = this.#faults;
    const isCommand = definition.run.kind === "command";
    if (needsPlugins(definition) && draws.chance(faults.setupFailure)) {
      this.#onFault("setup failed", workerId);
      return { type: "setup-failed", failure: failureOf("no licence", null) };
    }
    const poisoned = inputs.find(({ bytes }) => isPoisoned(bytes, faults.poison));
    if (poisoned !== undefined) {
      this.#onFault("value poisoned", workerId);
      return { type: "input-failed", task: poisoned.task };
    }
    if (inputs.length > 0 && draws.chance(faults.inputFailure)) {
      this.#onFault("input unreadable", workerId);
      return { type: "input-failed", task: draws.pick(inputs).task };
    }
    if (draws.chance(faults.taskFailure)) {
      this.#onFault("task failed", workerId);
      return { type: "failed", failure: failureOf("simulated", isCommand ? 1 : null) };
    }
    if (runsInProcess(definition.run) && draws.chance(faults.processKill)) {
      this.#onFault("process killed", workerId);
      return { type: "killed" };
    }
    if (isCommand) return { type: "finished", value: noValue };
    const isLarge = draws.chance(faults.largeValue);
    // Where memory is short, one that does not fit would keep its worker for ever.
    const isHuge = isLarge && faults.memoryTargetBytes === 0 && isOneInFour(args);
    const sizeBytes = isHuge ? hugeValueBytes : isLarge ? largeValueBytes : args.length;
    return { type: "finished", value: { sizeBytes, bytes: args } };
  }
}

function needsPlugins({ run }: TaskSpec): boolean {
  return run.kind === "function" && run.plugins !== undefined;
}

/** By the bytes alone: another draw would change all that follows it. */
function isOneInFour(args: Uint8Array): boolean {
  return args.length > 1 && ((args[1] * 37) & 255) < 64;
}

/** By the bytes alone, so that it is so for whoever reads them and however often. */
function isPoisoned(bytes: Uint8Array | null, probability: number): boolean {
  return bytes !== null && bytes.length > 1 && ((bytes[1] * 97) & 255) < probability * 256;
}

/** What never does anything but ask to run later: a quarter as many as do so now and then. */
function isRestless(args: Uint8Array, probability: number): boolean {
  return args.length > 1 && ((args[1] * 61) & 255) < (probability / 4) * 256;
}

export const noValue: SimulatedValue = { sizeBytes: 0, bytes: new Uint8Array(0) };

export function failureOf(message: string, exitCode: number | null): AttemptFailure {
  const error = { name: "Error", message, stack: "", causes: [] };
  return { error, exitCode, signal: null, oom: false, stderrTail: "" };
}
