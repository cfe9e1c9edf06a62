/**
 * What the programs of a simulated cluster do: how long each execution runs and how it ends. By
 * default the seed draws it.
 *
 * @module
 */

import type { Prng } from "../base/prng.ts";
import type { AttemptFailure } from "../model/failure.ts";
import type { AttemptId, TaskRef } from "../model/ids.ts";
import type { TaskSpec } from "../model/spec.ts";
import type { Faults } from "./faults.ts";
import type { Timeline } from "./timeline.ts";

/** An execution that really begins to run now, on a lane or as a process. */
export interface RunningExecution {
  readonly workerId: string;
  readonly task: TaskRef;
  readonly attempt: AttemptId;
  readonly definition: TaskSpec;
  readonly args: Uint8Array;
  /** Of a function, in the order of its arguments; null for bytes that are not here. */
  readonly inputs: readonly { readonly task: TaskRef; readonly bytes: Uint8Array | null }[];
}

/** How an execution ends by itself. */
export type Ending =
  | { readonly type: "finished"; readonly value: SimulatedValue }
  | { readonly type: "failed"; readonly failure: AttemptFailure }
  /** Somebody else killed the process. */
  | { readonly type: "killed" }
  /** An input could not be loaded. */
  | { readonly type: "input-failed"; readonly task: TaskRef };

/** A value: its size, and its bytes; only small ones travel with messages. */
export interface SimulatedValue {
  readonly sizeBytes: number;
  readonly bytes: Uint8Array;
}

export interface Behaviour {
  /**
   * Begins an execution, and calls `end` once when it is over. Nobody listens to the end of one
   * that was stopped or died with its machine.
   */
  begin(execution: RunningExecution, end: (ending: Ending) => void): void;
  /** Called once when a stop is ordered: how long it takes, microseconds; undefined is drawn. */
  stopUs?(attempt: AttemptId): number | undefined;
}

/** A value of more bytes than this stays with its worker. */
export const inlineBytesMax = 50_000;

const largeValueBytes = 100_000;

/**
 * Every function returns its own arguments, so that a value that arrives anywhere can be told right
 * from wrong without knowing the scheduler; run times and failures are drawn.
 */
export class DrawnBehaviour implements Behaviour {
  readonly #timeline: Timeline;
  readonly #prng: Prng;
  readonly #faults: Faults;

  constructor(timeline: Timeline, prng: Prng, faults: Faults) {
    this.#timeline = timeline;
    this.#prng = prng;
    this.#faults = faults;
  }

  begin(execution: RunningExecution, end: (ending: Ending) => void): void {
    this.#timeline.after(this.#runUs(execution), () => end(this.#endingOf(execution)));
  }

  #runUs({ definition }: RunningExecution): number {
    const { runUsMax } = this.#faults;
    if (definition.run.kind === "command") return 500 + this.#prng.below(runUsMax);
    return this.#prng.chance(0.2) ? this.#prng.below(runUsMax) : this.#prng.below(800);
  }

  #endingOf({ definition, args, inputs }: RunningExecution): Ending {
    const prng = this.#prng;
    const faults = this.#faults;
    const isCommand = definition.run.kind === "command";
    if (inputs.length > 0 && prng.chance(faults.inputFailure)) {
      return { type: "input-failed", task: prng.pick(inputs).task };
    }
    if (prng.chance(faults.taskFailure)) {
      return { type: "failed", failure: failureOf("simulated", isCommand ? 1 : null) };
    }
    if (isCommand) {
      if (prng.chance(faults.processKill)) return { type: "killed" };
      return { type: "finished", value: noValue };
    }
    const sizeBytes = prng.chance(faults.largeValue) ? largeValueBytes : args.length;
    return { type: "finished", value: { sizeBytes, bytes: args } };
  }
}

export const noValue: SimulatedValue = { sizeBytes: 0, bytes: new Uint8Array(0) };

export function failureOf(message: string, exitCode: number | null): AttemptFailure {
  const error = { name: "Error", message, stack: "", causes: [] };
  return { error, exitCode, signal: null, oom: false, stderrTail: "" };
}
