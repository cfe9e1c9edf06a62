/**
 * The heart of a client: numbers its tasks, says what they are, hears what became of them.
 *
 * Submits of one turn of the loop leave as one message. Nothing here waits for the network but
 * `result` and `call`.
 *
 * @module
 */

import { assertNever, present } from "../base/assert.ts";
import { CapstanError } from "../model/errors.ts";
import type { TaskFailure } from "../model/failure.ts";
import { userOf } from "../model/job-path.ts";
import type { ValueRun } from "../model/spec.ts";
import type {
  ClientMessage,
  ControllerHello,
  Failures,
  ToClientMessage,
} from "../protocol/messages.ts";
import type { ActorDefinition } from "./actor.ts";
import { Actor } from "./actor-handle.ts";
import type { ActorOptions } from "./actor-options.ts";
import { ArgumentEncoder } from "./argument-encoder.ts";
import type { Bundle } from "./bundle.ts";
import { type BundleSource, BundleUploads } from "./bundle-uploads.ts";
import { Calls } from "./calls.ts";
import { argumentsOfCommand } from "./command.ts";
import { Connection } from "./connection.ts";
import { Future, type FutureStatus, numberOf } from "./future.ts";
import { FutureTable, futureState, statusOfState } from "./future-table.ts";
import { Outbox, type OutboxHost } from "./outbox.ts";
import { Plugins } from "./plugins.ts";
import { Sharing } from "./sharing.ts";
import { type AnyWork, type SpecEntry, SpecTable } from "./spec-table.ts";
import { BatchCollector, type Identity, noIdentity } from "./submit-batch.ts";
import {
  type MapOptions,
  type SplitOptions,
  type SubmitOptions,
  splitOptions,
} from "./submit-options.ts";
import type { TaskDefinition } from "./task.ts";
import { rebuildRefusal, TaskError } from "./task-error.ts";
import type { Transport } from "./transport.ts";
import { ValueFetches } from "./value-fetches.ts";
import type { WaitClock } from "./wait-clock.ts";
import { countDown, untilSettled, type WaitLimits } from "./waiting.ts";

export interface SessionOptions {
  readonly transport: Transport;
  /** What workers are shown until the controller has told what they demand; "" for none. */
  readonly token: string;
  readonly user: string;
  /** The job that this program is a task of, `/ada/train`; "" for none. */
  readonly jobAround: string;
  readonly clientId: string;
  /** Told what the controller warns of; default: a process warning. */
  readonly onWarning: (code: string, message: string) => void;
  /** Told of each handle that is made. */
  readonly onSubmitted?: (number: number) => void;
  /** What holds for a task unless its options say otherwise. */
  readonly defaults?: () => SubmitOptions;
}

export class Session {
  readonly table: FutureTable;
  readonly clock: WaitClock;
  readonly #options: SessionOptions;
  readonly #connection: Connection;
  readonly #bundles: BundleUploads;
  readonly #specs: SpecTable;
  readonly plugins: Plugins;
  readonly #outbox: Outbox;
  readonly #calls: Calls;
  readonly #fetches: ValueFetches;
  /** Scattered and published values, locks. */
  readonly sharing: Sharing;
  readonly #arguments = new ArgumentEncoder(this);
  /** Tasks of this turn. */
  readonly #collected = new BatchCollector();
  /** Tasks that may yet be refused for themselves, and those that depend on them: they go alone. */
  readonly #risky = new Set<number>();
  #isFlushScheduled = false;
  readonly #keys = new Map<number, string>();
  readonly #handles = new FinalizationRegistry<number>((number) => this.table.release(number));
  /** The session's job, and those of earlier sessions of this client: from which task on. */
  readonly #jobs: { readonly from: number; readonly id: string }[] = [];
  #clusterId = "";
  #hasRefusals = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    const { transport, user, clientId } = options;
    this.clock = transport.clock;
    this.table = new FutureTable(transport.clock);
    this.#connection = new Connection({
      ...{ transport, user, clientId },
      onConnected: (hello) => this.#onConnected(hello),
      onMessages: (messages) => this.#onMessages(messages),
      onLost: () => this.#calls.onLost(),
      onGivenUp: (error) => this.#end(error),
    });
    this.#bundles = new BundleUploads({ transport, onChange: () => this.#outbox.pump() });
    const specs = new SpecTable(this.#bundles);
    this.#specs = specs;
    const bring = (bundle: Bundle, source: BundleSource) => this.bring(bundle, source);
    this.plugins = new Plugins({ transport, specs, bring });
    this.#outbox = new Outbox(this.#outboxHost());
    this.#calls = new Calls(this.#connection, transport.clock);
    this.#fetches = new ValueFetches(transport, options.token);
    this.sharing = this.#newSharing();
    this.table.onRelease = (number) => this.#onRelease(number);
  }

  /** Connects for the first time; one try. */
  open(): Promise<void> {
    return this.#connection.open();
  }

  /** The same in the background, tried again as a lost connection is. */
  begin(): void {
    this.#connection.begin();
  }

  get jobId(): string {
    return this.#jobs.at(-1)?.id ?? "";
  }

  /** One task. Throws what is wrong with the arguments or options, before anything is sent. */
  submit(
    work: AnyWork,
    args: readonly unknown[],
    options: SubmitOptions | undefined,
  ): Future<unknown> {
    this.#checkOpen();
    const { key, pure, specOptions } = this.#split(options);
    const spec = this.#specs.intern(work, specOptions);
    return this.#submitEncoded(spec, this.#encode(spec, args, "args"), { key, pure });
  }

  /** An actor, and how its methods are called. Throws as `submit` does. */
  createActor(actor: ActorDefinition, args: readonly unknown[], options: ActorOptions) {
    this.#checkOpen();
    const { priority } = this.#options.defaults?.() ?? {};
    const spec = this.#specs.internActor(actor, { priority, ...options });
    const future = this.#submitEncoded(spec, this.#arguments.encode(args, "args"));
    return new Actor(future, (method, given) => {
      this.#checkOpen();
      const bytes = this.#arguments.encode(given, "args", numberOf(future));
      return this.#submitEncoded(this.#specs.internCall(actor, method, spec), bytes);
    });
  }

  #submitEncoded(spec: SpecEntry, bytes: Uint8Array, identity = noIdentity): Future<unknown> {
    const number = this.table.allocate(1);
    if (identity.key !== "") this.#keys.set(number, identity.key);
    this.#collect(this.#collected, number, spec, bytes, identity);
    this.#scheduleFlush();
    return this.#future(number);
  }

  /** Many tasks of one kind: all or, if one is wrong, none. */
  map(
    work: AnyWork,
    argsList: Iterable<readonly unknown[]>,
    options: MapOptions | undefined,
  ): Future<unknown>[] {
    this.#checkOpen();
    const { key, pure, specOptions } = this.#split(options);
    if (key !== "") {
      throw new CapstanError("INVALID_ARGUMENT", "key: names one task; map() makes many");
    }
    const spec = this.#specs.intern(work, specOptions);
    const collector = new BatchCollector();
    const first = this.table.next;
    let number = first;
    try {
      for (const args of argsList) {
        const bytes = this.#encode(spec, args, `args[${number - first}]`);
        this.#collect(collector, number++, spec, bytes, { key, pure });
      }
    } catch (error) {
      while (number > first) this.#risky.delete(--number);
      throw error;
    }
    this.table.allocate(number - first);
    this.#enqueueCollected();
    for (const batch of collector.take()) this.#outbox.submit(batch);
    this.#scheduleFlush();
    return Array.from({ length: number - first }, (_, i) => this.#future(first + i));
  }

  /**
   * Asks once for what is to be durable, in the order of submits. Rejects with the controller's
   * refusal, or with what ended the session.
   */
  async request(messageOf: (sequence: number) => ClientMessage): Promise<void> {
    this.#checkOpen();
    this.#enqueueCollected();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#outbox.request({ messageOf, task: -1, onDurable: resolve, onRefused: reject });
    this.#scheduleFlush();
    const stopWaiting = this.clock.waits({ describe: () => "an answer", fail: reject });
    await promise.finally(stopWaiting);
  }

  keyOf(number: number): string {
    return this.#keys.get(number) ?? this.taskIdOf(number);
  }

  taskIdOf(number: number): string {
    return `${this.#jobs.findLast(({ from }) => from <= number)?.id ?? ""}/${number}`;
  }

  statusOf(number: number): FutureStatus {
    return statusOfState[this.table.state(number)];
  }

  /** See `Future.result`. */
  async result(number: number, limits: WaitLimits): Promise<unknown> {
    const { table } = this;
    const left = countDown(limits, this.clock);
    table.pin(number);
    try {
      await this.#untilSettled(number, left());
      while (table.state(number) === futureState.located) {
        await this.#fetches.fetch(table, number, left(), () => this.#locateAgain(number));
      }
      if (!table.isHere(number)) throw this.errorOf(number);
      return table.valueHere(number);
    } finally {
      table.unpin(number);
    }
  }

  /** See `Future.exception`. */
  async exception(number: number, limits: WaitLimits): Promise<TaskError | CapstanError | null> {
    this.table.pin(number);
    try {
      await this.#untilSettled(number, limits);
      return this.statusOf(number) === "succeeded" ? null : this.errorOf(number);
    } finally {
      this.table.unpin(number);
    }
  }

  /** Why the task has no value. */
  errorOf(number: number): TaskError | CapstanError {
    const entry = this.table.entry(number);
    if (entry instanceof CapstanError) return entry;
    if (this.table.state(number) === futureState.released) {
      return new CapstanError("INVALID_ARGUMENT", "The future was released: it has no value.");
    }
    const error = new TaskError(this.taskIdOf(number), entry as TaskFailure);
    this.table.setError(number, error);
    return error;
  }

  cancel(number: number, reason: string): void {
    this.#checkOpen();
    if (this.table.isSettled(number)) return;
    this.#enqueueCollected();
    this.#outbox.cancel(number, reason);
    this.#scheduleFlush();
  }

  retry(number: number): void {
    this.#checkOpen();
    const state = this.table.state(number);
    if (state !== futureState.failed && state !== futureState.cancelled) return;
    this.table.reopen(number);
    this.#outbox.retry(number);
    this.#scheduleFlush();
  }

  /**
   * A method of the API. Rejects with the controller's error, UNREACHABLE, CLIENT_CLOSED or the
   * signal's reason. While there is no connection it waits for one.
   */
  call(method: string, request: unknown, signal?: AbortSignal): Promise<unknown> {
    this.#checkOpen();
    this.#flush();
    return this.#calls.call(method, request, signal);
  }

  /** The same of one task, asked once its submit was sent. Rejects with its refusal, if any. */
  async callAbout(number: number, method: string): Promise<unknown> {
    this.#checkOpen();
    this.#flush();
    const sending = this.#outbox.untilSent(number, this.clock);
    if (sending !== null) await sending;
    return this.call(method, { id: this.taskIdOf(number) }).catch((error: unknown) => {
      // Whom the controller refused it does not know.
      throw this.table.state(number) === futureState.refused ? this.errorOf(number) : error;
    });
  }

  /** Whose tasks and jobs these are: as the controller says, which knows the token's user. */
  get user(): string {
    return userOf(this.jobId);
  }

  /** What jobs without a leading slash are below, without its own slash: `ada`, or `ada/train`. */
  get home(): string {
    return this.#options.jobAround.slice(1) || this.user;
  }

  /** Where the module of a task comes from. */
  sourceOf(task: TaskDefinition): BundleSource {
    return this.#options.transport.sourceOf(task);
  }

  /** Brings a bundle over, unless the controller has it. See `BundleUploads.bring`. */
  bring(bundle: Bundle, source: BundleSource, signal?: AbortSignal): Promise<void> {
    return this.#bundles.bring(bundle, source, signal);
  }

  /** Tells whoever hears this client's warnings. */
  warn(code: string, message: string): void {
    this.#options.onWarning(code, message);
  }

  /** Ends the session: open waits reject with CLIENT_CLOSED, unfinished tasks are cancelled. */
  async close(): Promise<void> {
    if (this.table.closedWith !== null) return;
    this.#end(new CapstanError("CLIENT_CLOSED", "The client was closed."));
    await this.#connection.close({ type: "close-session" });
  }

  #split(options: SubmitOptions | undefined): SplitOptions {
    const { defaults } = this.#options;
    return splitOptions(defaults === undefined ? options : { ...defaults(), ...options });
  }

  #encode({ work }: SpecEntry, args: readonly unknown[], root: string): Uint8Array {
    const list = work.kind === "command" ? argumentsOfCommand(args, root) : args;
    return this.#arguments.encode(list, root);
  }

  async #untilSettled(number: number, limits: WaitLimits): Promise<void> {
    const { table } = this;
    if (table.isSettled(number)) return;
    await untilSettled([{ table, number }], { ...limits, count: 1 });
  }

  #end(error: CapstanError): void {
    this.table.closedWith = error;
    this.#bundles.close();
    this.#fetches.close(error);
    this.#calls.close(error);
    this.sharing.close(error);
    this.#outbox.clear(error);
    this.table.settleAllLost(error);
  }

  #checkOpen(): void {
    if (this.table.closedWith === null) return;
    throw new CapstanError("CLIENT_CLOSED", "The client is closed.", {
      cause: this.table.closedWith,
    });
  }

  #future(number: number): Future<unknown> {
    const future = new Future<unknown>(this, number);
    if (this.#options.transport.releasesCollected) this.#handles.register(future, number);
    this.#options.onSubmitted?.(number);
    return future;
  }

  #scheduleFlush(): void {
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    this.#isFlushScheduled = false;
    this.#enqueueCollected();
    this.#outbox.pump();
    this.#connection.flush();
  }

  #enqueueCollected(): void {
    if (this.#collected.isEmpty) return;
    for (const batch of this.#collected.take()) this.#outbox.submit(batch);
  }

  #collect(
    collector: BatchCollector,
    number: number,
    spec: SpecEntry,
    args: Uint8Array,
    identity: Identity,
  ): void {
    const { dependencies } = this.#arguments;
    const row = { number, spec, args, dependencies };
    const isRisky =
      identity.key !== "" ||
      identity.pure ||
      (this.#risky.size > 0 && dependencies.some((dependency) => this.#risky.has(dependency)));
    if (isRisky) {
      this.#risky.add(number);
      collector.addAlone(row, identity);
    } else collector.add(row);
  }

  #onRelease(number: number): void {
    this.#keys.delete(number);
    if (this.table.closedWith !== null) return;
    this.#enqueueCollected();
    this.#outbox.release(number);
    this.#scheduleFlush();
  }

  #locateAgain(number: number): void {
    this.table.reopen(number);
    this.#outbox.want(number);
    this.#scheduleFlush();
  }

  #onConnected(hello: ControllerHello): void {
    const { clusterId, jobId, sequence } = hello;
    if (this.#clusterId !== "" && this.#clusterId !== clusterId) this.#onOtherCluster(clusterId);
    else if (this.jobId !== "" && this.jobId !== jobId) this.#onOtherSession(jobId);
    this.#clusterId = clusterId;
    this.#fetches.onDataToken(hello.dataToken);
    if (this.jobId !== jobId) {
      this.#jobs.push({ from: this.#jobs.length === 0 ? 0 : this.table.next, id: jobId });
    }
    this.#outbox.onConnected(sequence);
    this.sharing.onConnected();
    this.#calls.onConnected();
  }

  #onOtherCluster(clusterId: string): void {
    this.#bundles.restart();
    this.#fetches.forgetPeers();
    const { url } = this.#options.transport;
    this.#loseAll(`${url} is now a fresh cluster (${clusterId}, not ${this.#clusterId})`);
  }

  #onOtherSession(jobId: string): void {
    this.#loseAll(`the client was away for too long, and its session is now ${jobId}`);
  }

  #loseAll(why: string): void {
    this.#enqueueCollected();
    this.#outbox.clear(new CapstanError("UNREACHABLE", `It was not heard: ${why}.`));
    this.sharing.onOtherSession(why);
    this.#risky.clear();
    this.table.settleAllLost(
      new CapstanError("NOT_FOUND", `The task is gone: ${why}. Submit it again.`),
    );
  }

  #onMessages(messages: readonly ToClientMessage[]): void {
    for (const message of messages) this.#onMessage(message);
  }

  #onMessage(message: ToClientMessage): void {
    switch (message.type) {
      case "results":
        this.table.settleResults(message.tasks, message.values);
        break;
      case "started":
        this.table.markRunning(message.tasks);
        break;
      case "accepted":
        this.#outbox.onAccepted(message.sequence);
        break;
      case "refused":
        this.#outbox.onRefused(message.sequence, rebuildRefusal(message.error));
        break;
      case "failures":
        this.#onFailures(message);
        break;
      case "located":
        this.#fetches.onLocated(this.table, message);
        break;
      case "peer":
        this.#fetches.onPeer(message);
        break;
      case "peer-gone":
        this.#fetches.onPeerGone(message.index);
        break;
      case "reply":
        this.#calls.onReply(message);
        break;
      case "upload":
      case "lock-granted":
      case "lock-queued":
      case "locks-renewed":
      case "lock-lost":
        this.sharing.onMessage(message);
        break;
      case "warning":
        this.#options.onWarning(message.code, message.message);
        break;
      default:
        assertNever(message);
    }
  }

  #onFailures({ tasks, causes, failures, states }: Failures): void {
    for (const [i, number] of tasks.entries()) {
      if (this.#outbox.isRetrying(number)) continue;
      const failure = present(failures[causes[i]], "a failure names its cause");
      const isCancelled = states[i] === "KILLED" || failure.code === "TASK_CANCELLED";
      this.table.settleFailed(number, isCancelled ? "cancelled" : "failed", failure);
    }
  }

  #refuse(number: number, error: CapstanError): void {
    this.#hasRefusals = true;
    this.#risky.delete(number);
    this.table.settleRefused(number, error);
  }

  #newSharing(): Sharing {
    const { transport } = this.#options;
    const clusterId = (): string => this.#clusterId;
    return new Sharing({
      ...{ transport, table: this.table, connection: this.#connection, fetches: this.#fetches },
      get clusterId() {
        return clusterId();
      },
      submitValue: (run, options, value) => this.#submitValue(run, options, value),
      fetchPublished: (name) => this.#fetchPublished(name),
      request: (messageOf) => this.request(messageOf),
      askAgain: (number) => {
        this.#outbox.want(number);
        this.#scheduleFlush();
      },
      cancel: (number, reason) => this.cancel(number, reason),
    });
  }

  #submitValue(
    run: ValueRun,
    options: { readonly [name: string]: unknown },
    { key, digest }: { readonly key: string; readonly digest: Uint8Array },
  ): Future<unknown> {
    this.#checkOpen();
    const spec = this.#specs.internValue(run, options);
    const number = this.table.allocate(1);
    if (key !== "") this.#keys.set(number, key);
    this.#risky.add(number);
    const row = { number, spec, args: digest, dependencies: [] };
    this.#collected.addAlone(row, { key, pure: false });
    this.#scheduleFlush();
    return this.#future(number);
  }

  #fetchPublished(name: string): Future<unknown> {
    this.#checkOpen();
    const task = this.table.allocate(1);
    this.#risky.add(task);
    this.#enqueueCollected();
    this.#outbox.request({
      messageOf: (sequence) => ({ type: "fetch-published", sequence, name, task }),
      task,
      onDurable: () => void this.#risky.delete(task),
      onRefused: (error) => this.#refuse(task, error),
    });
    this.#scheduleFlush();
    return this.#future(task);
  }

  #outboxHost(): OutboxHost {
    const connection = this.#connection;
    const hasRefusals = (): boolean => this.#hasRefusals;
    return {
      get isConnected() {
        return connection.isUp;
      },
      get hasRefusals() {
        return hasRefusals();
      },
      send: (message) => connection.send(message),
      ensureBundle: (handle) => this.#bundles.ensure(handle),
      refusalOf: (number) =>
        this.table.state(number) === futureState.refused ? this.errorOf(number) : null,
      onDurable: ({ isAlone, first }) => {
        if (isAlone) this.#risky.delete(first);
      },
      refuse: (number, error) => this.#refuse(number, error),
      keyOf: (number) => this.keyOf(number),
      setKey: (number, key) => this.#keys.set(number, key),
      unsettled: () => this.table.unsettled(),
    };
  }
}
