/**
 * Executions that do what a script says: each begins under the label of its task, does the next
 * act of that label's plan, and is remembered.
 *
 * The value of a function is its arguments. So every input that reaches an execution is checked:
 * it must be the value of the task that was asked for, wherever it came from.
 *
 * @module
 */

import { assert, present } from "../base/assert.ts";
import type { AttemptId, TaskRef } from "../model/ids.ts";
import { partOf } from "../model/spec.ts";
import {
  type Behaviour,
  type Ending,
  type ExecutionNews,
  failureOf,
  noNews,
  noValue,
  type RunningExecution,
} from "./behaviour.ts";
import type { Timeline } from "./timeline.ts";

/** What one execution does. */
export interface Act {
  /** Microseconds until it ends; `hold` waits until it is told. */
  readonly runUs: number | "hold";
  readonly end: "finish" | "fail" | "kill" | "crash" | "miss" | "reschedule";
  /** Of `miss`: the input that it cannot load. */
  readonly input: string;
  /** Of a failure: the exit code of the process; null for a function that throws. */
  readonly exitCode: number | null;
  /** Size of the value, bytes; a large one stays with its worker. */
  readonly sizeBytes: number;
}

const defaultRunUs = 1_000;

export const defaultAct: Act = {
  runUs: defaultRunUs,
  end: "finish",
  input: "",
  exitCode: null,
  sizeBytes: 8,
};

/** An execution that began. */
export interface Run {
  readonly label: string;
  readonly workerId: string;
  readonly attempt: AttemptId;
  readonly isCommand: boolean;
  readonly act: Act;
  isOver: boolean;
  readonly end: (ending: Ending) => void;
  /** What it tells of itself while it runs. */
  readonly news: ExecutionNews;
}

/** What the script's world knows. */
export interface ScriptSurroundings {
  readonly timeline: Timeline;
  labelOf(task: TaskRef): string;
  refOf(label: string): TaskRef | undefined;
  /** The arguments of a labelled function, which are its value. */
  argsOf(label: string): Uint8Array;
  /** The execution takes its machine down with it. */
  crash(workerId: string): void;
}

export class ScriptedBehaviour implements Behaviour {
  /** Everything that began, oldest first. */
  readonly runs: Run[] = [];
  readonly #plans = new Map<string, readonly Act[]>();
  readonly #stopsUs = new Map<string, number>();
  readonly #around: ScriptSurroundings;
  /** Nobody is left to tell who holds to go on. */
  #isCalm = false;

  constructor(around: ScriptSurroundings) {
    this.#around = around;
  }

  /** What the executions of a task do from the next on, one by one; the last is repeated. */
  plan(label: string, acts: readonly Act[]): void {
    this.#plans.set(label, [...this.#begun(label).map((run) => run.act), ...acts]);
  }

  /** How long executions of a task take to stop. */
  stopsAfter(label: string, stopUs: number): void {
    this.#stopsUs.set(label, stopUs);
  }

  begin(
    execution: RunningExecution,
    end: (ending: Ending) => void,
    news: ExecutionNews = noNews,
  ): void {
    const label = this.#around.labelOf(execution.task);
    const isCall = partOf(execution.definition.run) === "call";
    // The first input of a call is its actor, which is no value.
    const values = isCall ? execution.inputs.slice(1) : execution.inputs;
    for (const { task, bytes } of values) this.#checkInput(label, task, bytes);
    const plan = this.#plans.get(label) ?? [defaultAct];
    const act = plan[Math.min(this.#begun(label).length, plan.length - 1)];
    const { workerId, attempt, definition } = execution;
    const isCommand = definition.run.kind === "command";
    const run = { label, workerId, attempt, isCommand, act, isOver: false, end, news };
    this.runs.push(run);
    if (partOf(definition.run) === "actor" && act === defaultAct) return this.#keepObject(run);
    if (act.runUs !== "hold") this.#after(act.runUs, () => this.endAs(run, act.end));
    else if (this.#isCalm) this.#after(defaultRunUs, () => this.endAs(run, "finish"));
  }

  /** An actor makes its object, and is called until it is stopped. */
  #keepObject({ news }: Run): void {
    this.#after(defaultRunUs, () => news.waits(true));
  }

  stopUs(attempt: AttemptId): number | undefined {
    const run = this.runs.findLast((one) => one.attempt === attempt && !one.isOver);
    if (run === undefined) return undefined;
    const stopUs = this.#stopsUs.get(run.label) ?? defaultRunUs;
    this.#after(stopUs, () => {
      run.isOver = true;
    });
    return stopUs;
  }

  /** Those of a label that run now, oldest first. */
  live(label: string): Run[] {
    return this.#begun(label).filter((run) => !run.isOver);
  }

  /** Ends an execution as if by itself; nothing if it is over. */
  endAs(run: Run, end: Act["end"], { exitCode, sizeBytes }: Act = run.act): void {
    if (run.isOver) return;
    if (end === "crash") return this.#around.crash(run.workerId);
    run.isOver = true;
    if (end === "miss") {
      const task = present(this.#around.refOf(run.act.input), `${run.act.input} was submitted`);
      run.end({ type: "input-failed", task });
    } else if (end === "kill") run.end({ type: "killed" });
    else if (end === "reschedule") {
      run.end({ type: "rescheduled", failure: failureOf("as the script says", null) });
    } else if (end === "fail") {
      const code = exitCode ?? (run.isCommand ? 1 : null);
      run.end({ type: "failed", failure: failureOf("as the script says", code) });
    } else {
      const bytes = this.#around.argsOf(run.label);
      run.end({ type: "finished", value: run.isCommand ? noValue : { sizeBytes, bytes } });
    }
  }

  /** What ran on a machine is gone: all of it, or what its agent ran inside itself. */
  dies(workerId: string, { commandsLive }: { readonly commandsLive: boolean }): void {
    for (const run of this.runs) {
      if (run.workerId === workerId && !(run.isCommand && commandsLive)) run.isOver = true;
    }
  }

  /** Who holds finishes, from now on. */
  calm(): void {
    this.#isCalm = true;
    for (const run of this.runs) {
      if (run.act.runUs === "hold") this.endAs(run, "finish");
    }
  }

  #checkInput(label: string, task: TaskRef, bytes: Uint8Array | null): void {
    const input = this.#around.labelOf(task);
    const expected = this.#around.argsOf(input);
    const isRight = bytes !== null && bytes.join() === expected.join();
    assert(isRight, `${label} begins with another value in place of that of ${input}`);
  }

  #begun(label: string): Run[] {
    return this.runs.filter((run) => run.label === label);
  }

  #after(delayUs: number, action: () => void): void {
    this.#around.timeline.after(delayUs, action);
  }
}
