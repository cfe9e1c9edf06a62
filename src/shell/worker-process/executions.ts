/**
 * Executions between the kernel, the bundles, the store and the executors: functions run in
 * threads, or in processes where their spec says so, and commands each in a process of its own.
 *
 * A function whose bundle is not here yet, or whose inputs are being read from the disk, waits
 * outside its lane, so that it blocks nobody; for the kernel it has been started and can be revoked
 * or aborted like any other. A member of a gang waits there until all of it are prepared.
 *
 * @module
 */

import { present } from "../../base/assert.ts";
import { CapstanError } from "../../model/errors.ts";
import type { AttemptFailure, AttemptUsage } from "../../model/failure.ts";
import { type AttemptId, attemptId, type TaskRef } from "../../model/ids.ts";
import type { Progress } from "../../model/progress.ts";
import { type FunctionRun, portsOf, type TaskSpec } from "../../model/spec.ts";
import { type DefineSpec, type GangMember, inlineValueBytesMax } from "../../protocol/messages.ts";
import type { ExecutionId, StartedExecution, Survivor, WorkerSend } from "../../worker/events.ts";
import { ActorExecutor } from "../executor/actor-executor.ts";
import type { CommandExecutor } from "../executor/command-executor.ts";
import { buildFailure, type CommandFailureCause } from "../executor/command-outcome.ts";
import type { CommandSink } from "../executor/command-record.ts";
import type { RecoveredCommand } from "../executor/command-recovery.ts";
import { isCommandSpec } from "../executor/command-tag.ts";
import { errorRecordOf } from "../executor/error-record.ts";
import {
  type ExecutionOrder,
  type ExecutionSink,
  type FailureCause,
  noPlugins,
  type PluginPlaces,
} from "../executor/execution.ts";
import { ExecutorStarts } from "../executor/executor-starts.ts";
import { FunctionMembers } from "../executor/function-members.ts";
import { collectGarbage } from "../executor/garbage.ts";
import type { LaneThreadView } from "../executor/lane.ts";
import { idleProcessesPerSlotMax } from "../executor/limits.ts";
import { type FunctionProcessView, ProcessExecutor } from "../executor/process-executor.ts";
import { type PoolUse, ProcessPool, type ProcessPoolOptions } from "../executor/process-pool.ts";
import { ThreadExecutor } from "../executor/thread-executor.ts";
import type { LogLevel, PluginPlace } from "../executor/thread-messages.ts";
import { isShortage } from "../launcher/shortage.ts";
import type { Logger } from "../logging/logger.ts";
import type { ValueStore } from "../store/value-store.ts";
import type { BundleStore } from "./bundle-store.ts";
import type { KernelLoop } from "./kernel-loop.ts";
import type { Spills } from "./spills.ts";
import { type ControllerAddress, taskCredentials } from "./task-credentials.ts";

type ReleaseExecution = Extract<WorkerSend, { type: "release-execution" }>;
type AbortExecution = Extract<WorkerSend, { type: "abort-execution" }>;

/** A specification, and whose tasks these are. */
interface OwnedSpec {
  readonly definition: TaskSpec;
  readonly user: string;
}

export interface ExecutionsOptions {
  readonly loop: KernelLoop;
  readonly store: ValueStore;
  readonly spills: Spills;
  readonly bundles: BundleStore;
  readonly commands: CommandExecutor;
  readonly logger: Logger;
  readonly slots: number;
  readonly workerId: string;
  readonly heapLimitMib?: number | undefined;
  /** Of the processes that run functions. */
  readonly processes: Pick<
    ProcessPoolOptions,
    "directory" | "attemptsDirectory" | "ageMaxMs" | "rssBytesMax"
  >;
  /** Where what runs here asks for what it needs to submit tasks of its own. */
  readonly controller: ControllerAddress;
  /** A lane cannot be freed but by ending this process. */
  readonly onStuck: (lane: number) => void;
}

export class Executions implements ExecutionSink, CommandSink {
  readonly #options: ExecutionsOptions;
  readonly #threads: ThreadExecutor;
  readonly #actors: ActorExecutor;
  readonly #pool: ProcessPool;
  readonly #processes: ProcessExecutor;
  readonly #specs = new Map<number, OwnedSpec>();
  readonly #dropped = new Set<number>();
  readonly #waiting = new Map<ExecutionId, StartedExecution>();
  readonly #members: FunctionMembers;

  constructor(options: ExecutionsOptions) {
    this.#options = options;
    const { slots: lanes, workerId, heapLimitMib = 0, commands, logger } = options;
    const { launcher, directories, host, ports } = commands;
    this.#members = new FunctionMembers({ host, ports });
    const starts = new ExecutorStarts();
    const credentials = taskCredentials(options.controller);
    const common = { lanes, sink: this, credentials, starts };
    this.#threads = new ThreadExecutor({ ...common, workerId, heapLimitMib });
    this.#actors = new ActorExecutor({ ...common, workerId, heapLimitMib });
    const idleMax = lanes * idleProcessesPerSlotMax;
    const parts = { launcher, workerId, idleMax, heapLimitMib, logger, starts };
    this.#pool = new ProcessPool({ ...parts, ...options.processes });
    this.#processes = new ProcessExecutor({ ...common, pool: this.#pool, directories });
  }

  /** Before anything else: ends what functions of an earlier agent still run. */
  async open(): Promise<void> {
    this.#options.commands.launcher.addUser(this.#pool);
    await this.#pool.open();
  }

  defineSpec({ spec, definition, user = "" }: DefineSpec): void {
    this.#specs.set(spec, { definition, user });
    this.#dropped.delete(spec);
  }

  /** No further task of this spec is sent; what was sent may still have to start. */
  dropSpec(spec: number): void {
    this.#dropped.add(spec);
  }

  /** Forgets the dropped specs that no run waits with. Called now and then. */
  pruneSpecs(): void {
    for (const spec of this.#dropped) {
      if (this.#options.loop.needsSpec(spec)) continue;
      this.#specs.delete(spec);
      this.#dropped.delete(spec);
    }
  }

  /** Before the first connection: tells the kernel what an earlier agent left running. */
  recover(): void {
    const { commands, loop } = this.#options;
    commands.recover(this, firstExecution, (recovered) => {
      if (recovered.length === 0) return;
      loop.post({ type: "recovered", firstExecution, survivors: recovered.map(survivorOf) });
      loop.pump();
    });
  }

  start(order: StartedExecution): void {
    const { definition } = this.#specOf(order);
    if (isCommandSpec(definition)) this.#options.commands.start({ ...order, definition });
    else this.#startFunction(order, definition as FunctionSpec);
  }

  /** Makes a member of a gang ready; `release` starts it. */
  prepare(order: StartedExecution): void {
    const { definition } = this.#specOf(order);
    if (isCommandSpec(definition)) this.#options.commands.prepare({ ...order, definition });
    else this.#prepareFunction(order, (definition as FunctionSpec).run);
  }

  release({ execution, members }: ReleaseExecution): void {
    const order = this.#members.release(execution, members);
    if (order !== null) this.start(order);
    else this.#options.commands.release(execution, members);
  }

  revoke(execution: ExecutionId): void {
    const { commands, loop } = this.#options;
    const revoked =
      this.#members.withdraw(execution) ||
      this.#waiting.delete(execution) ||
      (commands.has(execution)
        ? commands.revoke(execution)
        : this.#functionsOf(execution).revoke(execution));
    if (revoked) this.#members.end(execution);
    loop.post({ type: "execution-revoked", execution, revoked });
  }

  /** What runs functions is made anew. An actor has a thread of its own, which ends with it. */
  renew(): void {
    this.#threads.renew();
    this.#pool.renew();
  }

  /** A function waits beside its lane. */
  yield(execution: ExecutionId): void {
    this.#functionsOf(execution).yield(execution);
  }

  abort({ execution, reason, graceMs }: AbortExecution): void {
    const { commands } = this.#options;
    const isOutside = this.#members.withdraw(execution) || this.#waiting.delete(execution);
    if (isOutside) this.aborted(execution);
    else if (commands.has(execution)) commands.abort(execution, reason, graceMs);
    else this.#functionsOf(execution).abort(execution, reason, graceMs);
  }

  /** What processes that run functions take. */
  processUse(): PoolUse {
    return this.#pool.measure();
  }

  /** Memory is short: everything here collects its garbage, and idle processes end. */
  collect(): void {
    this.#threads.collect();
    this.#actors.collect();
    this.#pool.endIdle();
    collectGarbage();
  }

  /** The thread of a function's attempt, by its id; null if it is not here. */
  threadOf(attempt: string): LaneThreadView | null {
    const id = numberOf(attempt);
    return this.#threads.threadOf(id) ?? this.#actors.threadOf(id);
  }

  /** The same for a function in a process. */
  processOf(attempt: string): FunctionProcessView | null {
    return this.#processes.processOf(numberOf(attempt));
  }

  /** Hands the lanes what was started in this turn. */
  flush(): void {
    this.#threads.flush();
    this.#actors.flush();
  }

  /** Ends everything; commands within `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.#waiting.clear();
    this.#processes.close();
    const threads = [this.#threads.close(), this.#actors.close()];
    await Promise.all([...threads, this.#options.commands.close(graceMs)]);
  }

  #specOf({ spec }: StartedExecution): OwnedSpec {
    return present(this.#specs.get(spec), "a spec is defined before its first use");
  }

  #functionsOf(execution: ExecutionId): ThreadExecutor | ProcessExecutor | ActorExecutor {
    if (this.#actors.has(execution)) return this.#actors;
    return this.#processes.has(execution) ? this.#processes : this.#threads;
  }

  /** Nothing of the user's begins before `release`; its bundle is here then. */
  #prepareFunction(order: StartedExecution, run: FunctionRun): void {
    const { execution } = order;
    const needs = { portNames: portsOf(run), needs: this.#bundlesOf(run) };
    this.#members.prepare(order, needs).then(
      (member) => {
        if (member === null) return;
        this.prepared(execution, member);
        this.#options.loop.pump();
      },
      (error: unknown) => {
        this.#tellUnprepared(execution, error);
        this.#options.loop.pump();
      },
    );
  }

  /** What the machine lacks for now is no fault of the task: it goes back, uncharged. */
  #tellUnprepared(execution: ExecutionId, error: unknown): void {
    this.#options.logger.warn({ err: error }, "a member of a gang could not be prepared");
    if (isShortage(error)) this.aborted(execution);
    else this.failed(execution, "build-failed", buildFailure(error));
  }

  #startFunction(order: StartedExecution, definition: FunctionSpec): void {
    const { run } = definition;
    const bundlePath = this.#options.bundles.pathOf(run.bundle);
    const plugins = this.#placesOf(run);
    const reads = this.#readsOf(order);
    if (bundlePath === null || plugins === null) {
      this.#await(order, definition, this.#bundlesOf(run));
    } else if (reads.length > 0) this.#await(order, definition, Promise.all(reads));
    else this.#startNow(order, { bundlePath, plugins }, definition);
  }

  /** The files of the plugins; null while one of them is not here. */
  #placesOf({ plugins }: FunctionRun): PluginPlaces | null {
    if (plugins === undefined) return noPlugins;
    const places: PluginPlace[] = [];
    for (const { bundle, ...plugin } of plugins.plugins) {
      const bundlePath = this.#options.bundles.pathOf(bundle);
      if (bundlePath === null) return null;
      places.push({ ...plugin, bundlePath });
    }
    return { key: plugins.key, places };
  }

  #startNow(
    order: StartedExecution,
    place: Pick<ExecutionOrder, "bundlePath" | "plugins">,
    { run: { functionName, executor, part }, resources, priority }: FunctionSpec,
  ): void {
    const { execution, lane, attempt, task, args } = order;
    const inputs: Uint8Array[] = [];
    const inputTasks: TaskRef[] = [];
    for (const input of order.inputs) {
      const bytes = input.inline ?? this.#options.store.get(input.task);
      if (bytes === undefined) return this.inputFailed(execution, input.task, "it is not here");
      inputs.push(bytes);
      inputTasks.push(input.task);
    }
    const { user } = this.#specOf(order);
    const gang = this.#members.gangOf(execution);
    const identity = { execution, lane, attempt, task, user, priority, gang };
    const call = { ...identity, ...place, functionName, args, inputs, inputTasks };
    const { memoryBytes, cpuMilli } = resources;
    if (part === "actor") this.#actors.start(call);
    else if (part === "call") this.#actors.call(call);
    else if (executor === "thread") this.#threads.start(call);
    else this.#processes.start({ ...call, memoryBytes, cpuMilli });
  }

  #bundlesOf({ bundle: own, plugins }: FunctionRun): Promise<unknown> {
    const hashes = [own, ...(plugins?.plugins ?? []).map(({ bundle }) => bundle)];
    return Promise.all(hashes.map((hash) => this.#options.bundles.fetch(hash)));
  }

  /** Inputs that are on their way back from the disk. */
  #readsOf({ inputs }: StartedExecution): readonly Promise<void>[] {
    const { spills } = this.#options;
    const reads = inputs.map(({ task, inline }) => (inline === null ? spills.reading(task) : null));
    return reads.filter((read) => read != null);
  }

  #await(order: StartedExecution, definition: FunctionSpec, coming: Promise<unknown>): void {
    this.#waiting.set(order.execution, order);
    coming.then(
      () => this.#onHere(order, definition),
      (error: unknown) => this.#onBundleFailed(order, error),
    );
  }

  #onHere(order: StartedExecution, definition: FunctionSpec): void {
    // Taken back while it waited: its number is not used again.
    if (!this.#waiting.delete(order.execution)) return;
    this.#startFunction(order, definition);
    this.#options.loop.pump();
  }

  #onBundleFailed(order: StartedExecution, error: unknown): void {
    if (!this.#waiting.delete(order.execution)) return;
    const message = error instanceof Error ? error.message : String(error);
    this.#options.logger.warn({ err: error }, message);
    this.failed(order.execution, "module-unloadable", failureWithout(error));
    this.#options.loop.pump();
  }

  // What the executor tells. These only post; `batchEnded` pumps.

  started(execution: ExecutionId): void {
    this.#options.loop.post({ type: "execution-started", execution });
  }

  waits(execution: ExecutionId): void {
    this.#options.loop.post({ type: "execution-waits", execution });
  }

  rejoined(execution: ExecutionId): void {
    this.#options.loop.post({ type: "execution-rejoined", execution });
  }

  progressed(execution: ExecutionId, progress: Progress): void {
    this.#options.loop.post({ type: "execution-progressed", execution, progress });
  }

  finished(execution: ExecutionId, value: Uint8Array, durationUs: number): void {
    const { loop, store } = this.#options;
    this.#members.end(execution);
    store.addResult(execution, value);
    const sizeBytes = value.length;
    const inline = sizeBytes <= inlineValueBytesMax ? value : null;
    loop.post({ type: "execution-finished", execution, sizeBytes, durationUs, inline });
  }

  failed(
    execution: ExecutionId,
    cause: FailureCause | CommandFailureCause,
    failure: AttemptFailure,
  ): void {
    this.#members.end(execution);
    this.#options.loop.post({ type: "execution-failed", execution, cause, failure });
  }

  inputFailed(execution: ExecutionId, task: TaskRef, reason: string): void {
    this.#members.end(execution);
    this.#options.logger.warn({ task, reason }, "an input could not be read");
    this.#options.loop.post({ type: "execution-input-failed", execution, task });
  }

  aborted(execution: ExecutionId): void {
    this.#members.end(execution);
    this.#options.loop.post({ type: "execution-aborted", execution });
  }

  building(execution: ExecutionId): void {
    this.#options.loop.post({ type: "execution-building", execution });
  }

  prepared(execution: ExecutionId, member: GangMember): void {
    this.#options.loop.post({ type: "execution-prepared", execution, member });
  }

  measured(execution: ExecutionId, usage: AttemptUsage): void {
    this.#options.loop.post({ type: "execution-measured", execution, usage });
  }

  overdue(): void {
    this.#options.loop.post({ type: "tick" });
    this.#options.loop.pump();
  }

  logged(level: LogLevel, message: string, fields: { readonly [name: string]: unknown }): void {
    this.#options.logger[level](fields, message);
  }

  stuck(lane: number): void {
    this.#options.onStuck(lane);
  }

  batchEnded(): void {
    this.#options.loop.pump();
  }
}

type FunctionSpec = TaskSpec & { readonly run: FunctionRun };

function numberOf(attempt: string): AttemptId {
  const [epoch, count] = attempt.split(".").map(Number);
  return attemptId(epoch, count);
}

/** The kernel counts executions from here. */
const firstExecution: ExecutionId = 1;

function survivorOf({ tag, startedAtMs }: RecoveredCommand): Survivor {
  const { attempt, task, spec, definition, shape, context, member } = tag;
  const startedAt = startedAtMs * 1000;
  return { attempt, task, spec, definition, shape, context, startedAt, member };
}

/** The failure of something that no executor began. */
function failureWithout(error: unknown): AttemptFailure {
  const known = error instanceof CapstanError ? error : new Error(String(error));
  const record = errorRecordOf(known);
  return { error: record, exitCode: null, signal: null, oom: false, stderrTail: "" };
}
