/**
 * What the tasks of a program do in a simulated cluster: the functions themselves are called, here
 * and once for each execution, when it begins; it runs for as long as the test says.
 *
 * Arguments, inputs and values go through the real codec: each execution has copies of its own, and
 * what cannot travel fails as in production.
 *
 * @module
 */

import { type AnyTask, definitionOf, isActor, type TaskDefinition } from "../client/task.ts";
import { setTransportInside } from "../client/task-session.ts";
import type { Transport } from "../client/transport.ts";
import { CapstanError } from "../model/errors.ts";
import { type AttemptId, formatAttemptId, type TaskRef } from "../model/ids.ts";
import type { FunctionRun } from "../model/spec.ts";
import type { AttemptContext } from "../protocol/messages.ts";
import { runInContext, type TaskGang } from "../shell/executor/context.ts";
import { errorRecordOf } from "../shell/executor/error-record.ts";
import { ExecutionContext } from "../shell/executor/execution-context.ts";
import { causeOfThrown } from "../shell/executor/reschedule.ts";
import { decodeArguments, decodeValue, encodeValue } from "../shell/values/value-codec.ts";
import type { Ending, ExecutionNews, RunningExecution } from "../simulator/behaviour.ts";
import type { Draws } from "../simulator/draws.ts";
import type { Drive, FunctionHandle } from "./drive.ts";
import type { FunctionRegistry } from "./function-registry.ts";
import { drawUs, parseTakes, type TakesUs } from "./takes.ts";
import type { Trace } from "./trace.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** What a behaviour needs of its cluster. */
export interface BehaviourSurroundings {
  readonly time: VirtualTime;
  readonly drive: Drive;
  readonly draws: Draws;
  readonly functions: FunctionRegistry;
  readonly trace: Trace;
  /** How a function reaches the cluster that it runs on. */
  transportInside(): Transport;
}

/** As whom functions submit tasks: as the clients of tests do. */
const insideUser = "test";

/** How long a task runs: for all of its executions, or by the arguments of each. */
export type TaskTakes = TakesUs | ((...args: readonly unknown[]) => unknown);

interface Begun {
  readonly name: string;
  readonly workerId: string;
  readonly context: ExecutionContext;
  /** It waits for tasks of its own. */
  waits: boolean;
  /** Of an asynchronous function, for which virtual time waits; null for any other. */
  handle: FunctionHandle | null;
}

/** By what a task is known here. Throws INVALID_ARGUMENT, of an actor with what is possible. */
function runOf(method: keyof typeof instead, task: AnyTask): TaskDefinition["run"] {
  if (!isActor(task)) return definitionOf(task).run;
  const { name } = task as unknown as { readonly name: string };
  const why = `${method} is for tasks, and "${name}" is an actor: ${instead[method]}`;
  throw new CapstanError("INVALID_ARGUMENT", why);
}

/** What a test does about an actor. */
const instead = {
  taskTakes: "its calls take what the option `takes` of the cluster says",
  failNext: "a call fails if its method throws, and killWorker ends the actor itself",
  executionsOf: "count in its class, or in the entries of trace()",
} as const;

/** How an execution tells of itself. */
interface FunctionDoor {
  end(ending: Ending): void;
  readonly news: ExecutionNews;
}

interface FunctionCall {
  readonly task: Pick<TaskDefinition, "run"> | null;
  /** Where it runs, as its context says. */
  readonly home: object;
  readonly name: string;
  readonly news: ExecutionNews;
}

interface Run {
  readonly takesUs: number;
  readonly ending: Ending | Promise<Ending>;
}

/** An input that could not be decoded, told apart from what user code throws. */
class InputError extends Error {
  readonly task: TaskRef;

  constructor(task: TaskRef, cause: unknown) {
    super("an input could not be decoded", { cause });
    this.task = task;
  }
}

export class FunctionBehaviour {
  readonly #around: BehaviourSurroundings;
  readonly #takesDefault: TakesUs;
  readonly #takes = new Map<unknown, TaskTakes>();
  readonly #failures = new Map<unknown, unknown[]>();
  readonly #counts = new Map<unknown, number>();
  readonly #begun = new Map<AttemptId, Begun>();
  /** Of actors, by worker and task. */
  readonly #homes = new Map<string, object>();

  constructor(around: BehaviourSurroundings, takesDefault: TakesUs) {
    this.#around = around;
    this.#takesDefault = takesDefault;
  }

  setTakes(task: AnyTask, takes: TaskTakes): void {
    this.#takes.set(runOf("taskTakes", task), takes);
  }

  /** The next execution fails with `error`, without being called. */
  failNext(task: AnyTask, error: unknown): void {
    const run = runOf("failNext", task);
    this.#failures.set(run, [...(this.#failures.get(run) ?? []), error]);
  }

  countOf(task: AnyTask): number {
    return this.#counts.get(runOf("executionsOf", task)) ?? 0;
  }

  begin(execution: RunningExecution, run: FunctionRun, { end, news }: FunctionDoor): void {
    const { time, drive, functions, trace } = this.#around;
    const { workerId, attempt } = execution;
    const name = `${run.functionName} ${formatAttemptId(attempt)}`;
    trace.add(workerId, `started ${name}`);
    drive.news();
    const beganAt = time.now;
    const task = functions.find(run);
    const home = this.#homeOf(execution, run);
    const { takesUs, ending } = this.#run(execution, { task, name, home, news });
    const begun = this.#begun.get(attempt);
    const finish = (settled: Ending): void => {
      begun?.context.end();
      time.after(beganAt + takesUs - time.now, () => {
        if (this.#begun.delete(attempt)) trace.add(workerId, `${wordOf(settled)} ${name}`);
        end(settled);
      });
    };
    if (!(ending instanceof Promise)) return finish(ending);
    if (begun === undefined) return;
    begun.handle = drive.runs(name, ending.then(finish));
    if (begun.waits) begun.handle.setWaits(true);
  }

  /** An actor has a thread of its own, where its calls are; all others need none. */
  #homeOf({ workerId, task, inputs }: RunningExecution, { part }: FunctionRun): object {
    const actor = part === "call" ? inputs[0].task : task;
    const place = `${workerId} ${actor}`;
    if (part === "actor") this.#homes.set(place, {});
    return this.#homes.get(place) ?? {};
  }

  /** Calls the function. How it will end, and how long it takes in virtual time. */
  #run(execution: RunningExecution, { task, name, home, news }: FunctionCall): Run {
    if (task === null) return { takesUs: 0, ending: failed(unknownTask(name)) };
    const { run } = task;
    const { workerId, attempt } = execution;
    this.#counts.set(run, (this.#counts.get(run) ?? 0) + 1);
    const { priority } = execution.definition;
    const waits = (waiting: boolean): void => {
      begun.waits = waiting;
      begun.handle?.setWaits(waiting);
      news.waits(waiting);
    };
    const identity = { task: execution.task, attempt, worker: workerId, priority, home };
    const inside = { user: insideUser, functionName: name, sequence: 0 };
    const context = new ExecutionContext(
      { ...identity, ...inside, gang: gangOf(execution) },
      {
        ...{ post: () => undefined, waits, askCredentials: () => undefined },
        progress: (progress) => news.progress(progress),
      },
    );
    setTransportInside(context, this.#around.transportInside());
    const begun: Begun = { name, workerId, context, waits: false, handle: null };
    this.#begun.set(attempt, begun);
    const args = this.#decode(execution);
    if (args instanceof InputError) {
      return { takesUs: 0, ending: { type: "input-failed", task: args.task } };
    }
    return { takesUs: this.#takesUs(run, args), ending: this.#call(run, args, context) };
  }

  /** Its signal is aborted; whatever it does then, nobody listens. */
  abort(attempt: AttemptId, reason: "stopped" | "timeout"): void {
    const begun = this.#begun.get(attempt);
    if (begun === undefined) return;
    this.#begun.delete(attempt);
    const { trace, drive } = this.#around;
    trace.add(begun.workerId, `${reason === "timeout" ? "timed out" : reason} ${begun.name}`);
    begun.context.abort(reason);
    begun.context.end();
    begun.handle?.leave();
    drive.news();
  }

  /** Its machine is gone, and all that ran there. */
  abandon(workerId: string): void {
    for (const [attempt, begun] of [...this.#begun]) {
      if (begun.workerId === workerId) this.abort(attempt, "stopped");
    }
  }

  #call(
    run: (...args: never[]) => unknown,
    args: readonly unknown[],
    context: ExecutionContext,
  ): Ending | Promise<Ending> {
    const planned = this.#failures.get(run);
    if (planned !== undefined && planned.length > 0) return failed(planned.shift());
    try {
      const returned = runInContext(context, () => run(...(args as never[])));
      if (!isThenable(returned)) return finished(returned);
      return Promise.resolve(returned).then(finished, failed).catch(failed);
    } catch (thrown) {
      return failed(thrown);
    }
  }

  #takesUs(run: unknown, args: readonly unknown[]): number {
    const takes = this.#takes.get(run) ?? this.#takesDefault;
    const parsed =
      typeof takes === "function" ? parseTakes("taskTakes: its result", takes(...args)) : takes;
    return drawUs(parsed, this.#around.draws);
  }

  #decode({ args, inputs }: RunningExecution): readonly unknown[] | InputError {
    try {
      return decodeArguments(args, {
        input: (index) => {
          const { task, bytes } = inputs[index];
          try {
            if (bytes === null) throw new CapstanError("INPUT_UNLOADABLE", "it is not here");
            return decodeValue(bytes.slice());
          } catch (cause) {
            throw new InputError(task, cause);
          }
        },
      });
    } catch (error) {
      if (error instanceof InputError) return error;
      throw error;
    }
  }
}

function gangOf({ members, context }: RunningExecution): TaskGang | undefined {
  if (members.length === 0) return undefined;
  const { index } = JSON.parse(context) as AttemptContext;
  return { rank: index, size: members.length, peers: members };
}

function finished(returned: unknown): Ending {
  // A copy: the encoder's buffer is its own.
  const bytes = encodeValue(returned, { root: "result" }).slice();
  return { type: "finished", value: { sizeBytes: bytes.length, bytes } };
}

function failed(thrown: unknown): Ending {
  const type = causeOfThrown(thrown);
  const status = { exitCode: null, signal: null, oom: false, stderrTail: "" };
  return { type, failure: { error: errorRecordOf(thrown), ...status } };
}

/** Whoever launched it did so by the API, and named a function that was never here. */
function unknownTask(name: string): CapstanError {
  return new CapstanError("TASK_MODULE_UNLOADABLE", `${name}: no such task was submitted here`);
}

function wordOf({ type }: Ending): string {
  return type === "input-failed" ? "lost an input of" : type;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (value === null || (typeof value !== "object" && typeof value !== "function")) return false;
  return typeof (value as { then?: unknown }).then === "function";
}
