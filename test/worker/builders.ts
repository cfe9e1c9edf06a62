/**
 * Builders of worker states, orders and events for tests of the worker kernel.
 *
 * @module
 */

import { blobsOf } from "../../src/base/blobs.ts";
import type { AttemptFailure, AttemptUsage } from "../../src/model/failure.ts";
import { defaultRequest, noResources, type Resources } from "../../src/model/resources.ts";
import { type CommandRun, specDefaults, type TaskSpec } from "../../src/model/spec.ts";
import {
  type GangMember,
  type HotMessageOf,
  inlineSource,
  reportKind,
  type ToWorkerMessage,
  type WorkerMessage,
} from "../../src/protocol/messages.ts";
import type { WorkerEvent, WorkerSend } from "../../src/worker/events.ts";
import { checkWorkerInvariants } from "../../src/worker/invariants.ts";
import { newWorkerState, type WorkerConfig, type WorkerState } from "../../src/worker/state.ts";
import { step } from "../../src/worker/step.ts";

export const ownIndex = 7;

export function aSpec(overrides: Partial<TaskSpec> = {}): TaskSpec {
  return {
    ...specDefaults,
    run: { kind: "function", bundle: "b", functionName: "f", executor: "thread" },
    name: "f",
    resources: defaultRequest,
    constraints: [],
    ...overrides,
  };
}

/** A spec whose run is a command. */
export function aCommandSpec(overrides: Partial<TaskSpec> = {}): TaskSpec {
  return aSpec({ run: aCommand, name: "c", ...overrides });
}

const aCommand: CommandRun = {
  kind: "command",
  argv: ["true"],
  env: {},
  cwd: "",
  workspace: "",
  ports: [],
  stdin: "",
  result: { type: "none" },
};

export function resources(overrides: Partial<Resources> = {}): Resources {
  return { ...noResources, ...overrides };
}

export interface OrderedInput {
  readonly task: number;
  /** As the controller says it; default 0. */
  readonly sizeBytes?: number;
  /** A worker's index, or the bytes that come along. */
  readonly source: number | Uint8Array;
}

export interface OrderedRun {
  readonly attempt: number;
  readonly task: number;
  readonly spec?: number;
  readonly shape?: number;
  readonly prefetched?: boolean;
  readonly context?: string;
  readonly inputs?: readonly OrderedInput[];
}

export function compute(...runs: readonly OrderedRun[]): HotMessageOf<"compute"> {
  const inputs = runs.flatMap((run) => run.inputs ?? []);
  const bytes = inputs.map(({ source }) =>
    typeof source === "number" ? new Uint8Array(0) : source,
  );
  return {
    type: "compute",
    attempts: Float64Array.from(runs, (run) => run.attempt),
    tasks: Float64Array.from(runs, (run) => run.task),
    specs: Uint32Array.from(runs, (run) => run.spec ?? 1),
    shapes: Uint32Array.from(runs, (run) => run.shape ?? run.spec ?? 1),
    prefetched: Uint8Array.from(runs, (run) => (run.prefetched === true ? 1 : 0)),
    args: blobsOf(runs.map(() => new Uint8Array([1]))),
    contexts: contextsOf(runs),
    inputCounts: Uint32Array.from(runs, (run) => run.inputs?.length ?? 0),
    inputTasks: Float64Array.from(inputs, (input) => input.task),
    inputSources: Uint32Array.from(inputs, ({ source }) =>
      typeof source === "number" ? source : inlineSource,
    ),
    inputSizes: Float64Array.from(inputs, ({ sizeBytes = 0 }) => sizeBytes),
    inputs: blobsOf(bytes),
  };
}

/** None at all when no run has one, as on the wire. */
function contextsOf(runs: readonly OrderedRun[]): readonly string[] {
  const contexts = runs.map((run) => run.context ?? "");
  return contexts.every((context) => context === "") ? [] : contexts;
}

/** `grant`, `retract` or `stop` of (attempt, task) pairs. */
export function aboutAttempts<T extends "grant" | "retract" | "stop">(
  type: T,
  ...pairs: readonly (readonly [attempt: number, task: number])[]
): { type: T; attempts: Float64Array; tasks: Float64Array } {
  return {
    type,
    attempts: Float64Array.from(pairs, (pair) => pair[0]),
    tasks: Float64Array.from(pairs, (pair) => pair[1]),
  };
}

/** Given when everything that the worker had said was heard. */
export function forget(...tasks: readonly number[]): HotMessageOf<"forget"> {
  return forgetHaving(Number.MAX_SAFE_INTEGER, ...tasks);
}

/** Given when `heard` messages of the worker had been heard. */
export function forgetHaving(heard: number, ...tasks: readonly number[]): HotMessageOf<"forget"> {
  return { type: "forget", tasks: Float64Array.from(tasks), heard };
}

export function sources(task: number, ...from: readonly number[]): HotMessageOf<"sources"> {
  return {
    type: "sources",
    tasks: Float64Array.of(task),
    counts: Uint32Array.of(from.length),
    sources: Uint32Array.from(from),
  };
}

/** Copies of these values, from worker `source`. */
export function copy(source: number, ...tasks: readonly number[]): HotMessageOf<"copy"> {
  return {
    type: "copy",
    tasks: Float64Array.from(tasks),
    sources: new Uint32Array(tasks.length).fill(source),
    sizes: new Float64Array(tasks.length).fill(5),
  };
}

export function uncopy(...tasks: readonly number[]): HotMessageOf<"uncopy"> {
  return { type: "uncopy", tasks: Float64Array.from(tasks) };
}

export const someFailure: AttemptFailure = {
  error: { name: "Error", message: "no", stack: "", causes: [] },
  exitCode: null,
  signal: null,
  oom: false,
  stderrTail: "",
};

export function aUsage(overrides: Partial<AttemptUsage> = {}): AttemptUsage {
  return {
    exitCode: 0,
    signal: null,
    oom: false,
    peakRssBytes: 1_000,
    cpuMs: 1,
    droppedLogBytes: 0,
    stderrTail: "",
    ...overrides,
  };
}

export function startGang(
  attempt: number,
  task: number,
  ...members: readonly GangMember[]
): Extract<ToWorkerMessage, { type: "start-gang" }> {
  return { type: "start-gang", attempt, task, members };
}

export function aMember(host: string): GangMember {
  return { host, ports: { http: 8_000 } };
}

export interface Row {
  readonly kind: keyof typeof reportKind;
  readonly attempt: number;
  readonly task: number;
  readonly reason: number;
  readonly successor: number;
  readonly other: number;
  readonly sizeBytes: number;
}

function kindName(code: number): keyof typeof reportKind {
  for (const [name, value] of Object.entries(reportKind)) {
    if (value === code) return name as keyof typeof reportKind;
  }
  throw new Error(`unknown report kind ${code}`);
}

export function rowsOf(message: HotMessageOf<"reports">): Row[] {
  return [...message.kinds].map((code, i) => ({
    kind: kindName(code),
    attempt: message.attempts[i],
    task: message.tasks[i],
    reason: message.reasons[i],
    successor: message.successors[i],
    other: message.others[i],
    sizeBytes: message.sizes[i],
  }));
}

/** What was said, one line each: `finished 11 of 1`, `failed 11 of 1 (timeout)`, … */
export function saidBy(message: WorkerMessage): string[] {
  switch (message.type) {
    case "reports":
      return rowsOf(message).map((row) => {
        const reason = row.reason === 0 ? "" : ` reason ${row.reason}`;
        const other = row.other === 0 ? "" : ` other ${row.other}`;
        const successor = row.successor === 0 ? "" : ` then ${row.successor}`;
        return `${row.kind} ${row.attempt} of ${row.task}${reason}${other}${successor}`;
      });
    case "attempt-failed": {
      const successor = message.successor === 0 ? "" : ` then ${message.successor}`;
      return [`failed ${message.attempt} of ${message.task} (${message.cause})${successor}`];
    }
    case "attempt-prepared":
      return [`prepared ${message.attempt} of ${message.task} at ${message.member.host}`];
    case "attempt-measured":
      return [`measured ${message.attempt} of ${message.task}: exit ${message.usage.exitCode}`];
    case "health":
      return [`health "${message.trouble}"`];
    default:
      return [message.type];
  }
}

/** What a step did, one line each, in order; message rows are spelt out. */
export function linesOf(sends: readonly WorkerSend[]): string[] {
  return sends.flatMap((send) => {
    switch (send.type) {
      case "send-message":
        return saidBy(send.message);
      case "start-execution":
        return [`start ${send.execution} for ${send.attempt} on lane ${send.lane}`];
      case "prepare-execution":
        return [`prepare ${send.execution} for ${send.attempt} on lane ${send.lane}`];
      case "release-execution":
        return [`release ${send.execution} with ${send.members.map(({ host }) => host).join(" ")}`];
      case "revoke-execution":
        return [`revoke ${send.execution}`];
      case "yield-execution":
        return [`yield ${send.execution}`];
      case "renew-executors":
        return ["renew executors"];
      case "abort-execution":
        return [`abort ${send.execution} (${send.reason})`];
      case "store-result":
        return [`store result ${send.execution} as ${send.task}`];
      case "discard-result":
        return [`discard result ${send.execution}`];
      case "start-fetch":
        return [`fetch ${send.transfer} from ${send.peer}: ${send.tasks.join(" ")}`];
      case "abort-fetch":
        return [`abort fetch ${send.transfer}`];
      case "store-fetched":
        return [`store fetched ${send.task}`];
      case "discard-fetched":
        return [`discard fetched ${send.task}`];
      case "store-upload":
        return [`store upload ${send.upload} as ${send.task}`];
      case "discard-upload":
        return [`discard upload ${send.upload}`];
      case "drop-value":
        return [`drop ${send.task}`];
      case "spill-value":
        return [`spill ${send.task} to file ${send.file}`];
      case "abandon-spill":
        return [`abandon file ${send.file}`];
      case "unload-value":
        return [`unload ${send.task}`];
      case "load-value":
        return [`load ${send.task} from file ${send.file}`];
      case "leave":
        return ["leave"];
      default:
        return ["?"];
    }
  });
}

/** Above which a test worker is paused. */
const aMebibyte = 1024 * 1024;

/** What is said when a test worker runs short. */
export const shortOfMemory = 'health "paused: memory: 2 MiB are in use, above 1 MiB"';

/** An event without its time. */
export type Happening = WorkerEvent extends infer E
  ? E extends WorkerEvent
    ? Omit<E, "at">
    : never
  : never;

type FailureCause = Extract<WorkerEvent, { type: "execution-failed" }>["cause"];

/** A connected worker with peers 1 to 3 and spec 1, whose rules are checked after every event. */
export class TestWorker {
  readonly state: WorkerState;
  at = 1_000_000;

  constructor(config: Partial<WorkerConfig> = {}, specs: readonly Partial<TaskSpec>[] = [{}]) {
    const capacity = resources({ cpuMilli: 8_000, memoryBytes: 100, custom: { a: 1, b: 1 } });
    this.state = newWorkerState({ slots: 1, capacity, memoryPauseBytes: aMebibyte, ...config });
    this.happens({ type: "connected", epoch: 1, index: ownIndex });
    for (const [i, spec] of specs.entries()) {
      this.ordered({ type: "define-spec", spec: i + 1, definition: aSpec(spec) });
    }
    for (const index of [1, 2, 3]) {
      const incarnation = `i${index}`;
      this.ordered({ type: "peer", index, workerId: `w${index}`, incarnation, address: "h:1" });
    }
  }

  happens(happening: Happening): string[] {
    const event = { ...happening, at: this.at } as WorkerEvent;
    const { sends } = step(this.state, event);
    checkWorkerInvariants(this.state);
    return linesOf(sends);
  }

  ordered(message: ToWorkerMessage): string[] {
    return this.happens({ type: "ordered", message });
  }

  after(delayUs: number): this {
    this.at += delayUs;
    return this;
  }

  finishes(execution: number, durationUs = 5): string[] {
    const inline = new Uint8Array([9]);
    const finished = { type: "execution-finished", execution, durationUs } as const;
    return this.happens({ ...finished, sizeBytes: 1, inline });
  }

  /** Its value is of so many bytes, and stays here. */
  finishesWith(execution: number, sizeBytes: number): string[] {
    const finished = { type: "execution-finished", execution, durationUs: 5_000 } as const;
    return this.happens({ ...finished, sizeBytes, inline: null });
  }

  /** More memory is in use than may be. */
  runsShort(): string[] {
    return this.happens({ type: "memory-measured", rssBytes: 2 * aMebibyte });
  }

  /** Little memory is in use. */
  hasRoom(): string[] {
    return this.happens({ type: "memory-measured", rssBytes: 0 });
  }

  fails(execution: number, cause: FailureCause = "failed"): string[] {
    return this.happens({ type: "execution-failed", execution, cause, failure: someFailure });
  }

  starts(execution: number): string[] {
    return this.happens({ type: "execution-started", execution });
  }

  isPrepared(execution: number, host: string): string[] {
    return this.happens({ type: "execution-prepared", execution, member: aMember(host) });
  }

  isMeasured(execution: number, exitCode: number): string[] {
    return this.happens({ type: "execution-measured", execution, usage: aUsage({ exitCode }) });
  }

  checksHealth(trouble: string): string[] {
    return this.happens({ type: "health-checked", trouble });
  }

  reconnects(): string[] {
    this.happens({ type: "disconnected" });
    return this.happens({ type: "connected", epoch: 1, index: ownIndex });
  }

  got(transfer: number, ...tasks: readonly number[]): string[] {
    const got = tasks.map((task) => ({ task, sizeBytes: 100 }));
    return this.happens({ type: "fetch-finished", transfer, got, absent: [], corrupt: [] });
  }

  /** The state of a task, or `"unknown"`. */
  stateOf(task: number): string {
    return this.state.tasks.get(task)?.state.type ?? "unknown";
  }
}
