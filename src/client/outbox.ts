/**
 * What the client has to say, in order, and what it must be able to say again.
 *
 * Submits, cancels and retries carry a sequence and are kept until the controller has them on disk.
 * After a reconnect what it does not have is sent again, then the handles that were released, then
 * what is still wanted. A submit waits here while its bundle is on its way, and so does all behind
 * it: dependencies come before their dependents.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { assertNever } from "../base/assert.ts";
import { blobAt } from "../base/blobs.ts";
import { U32Column } from "../base/column.ts";
import type { CapstanError } from "../model/errors.ts";
import type { ClientMessage } from "../protocol/messages.ts";
import type { BundleHandle } from "./bundle-uploads.ts";
import { namedTasksMax, unacknowledgedBytesMax, unconfirmedReleasesMax } from "./limits.ts";
import { contentOf, runOf, type SpecEntry, specError } from "./spec-table.ts";
import { BatchCollector, rowsOf, type SubmitBatch, submitMessage } from "./submit-batch.ts";
import type { WaitClock } from "./wait-clock.ts";

/** Rows of a submit. */
interface SubmitItem {
  readonly type: "submit";
  /** 0 until it is sent for the first time. */
  sequence: number;
  readonly batch: SubmitBatch;
  /** The key of a task that goes alone, or "". */
  key: string;
}

interface CancelItem {
  readonly type: "cancel";
  sequence: number;
  readonly tasks: number[];
  readonly reason: string;
}

interface RetryItem {
  readonly type: "retry";
  sequence: number;
  readonly tasks: number[];
}

interface ReleaseItem {
  readonly type: "release";
  readonly tasks: U32Column;
}

interface WantItem {
  readonly type: "want";
  readonly tasks: U32Column;
}

/** Somebody who waits until all before it was sent. */
interface MarkItem {
  readonly type: "mark";
  readonly onSent: () => void;
  readonly onDropped: (why: CapstanError) => void;
}

/** Anything else that is asked for once. */
interface RequestItem extends OutboxRequest {
  readonly type: "request";
  sequence: number;
}

/** A request with its answer. */
export interface OutboxRequest {
  readonly messageOf: (sequence: number) => ClientMessage;
  /** The number that the request gives to a task; -1 for none. */
  readonly task: number;
  readonly onDurable: () => void;
  readonly onRefused: (error: CapstanError) => void;
}

type Sequenced = SubmitItem | CancelItem | RetryItem | RequestItem;
type Item = Sequenced | ReleaseItem | WantItem | MarkItem;

interface SentRelease {
  /** The last sequence sent before it: a later one acknowledged proves that it was heard. */
  readonly after: number;
  readonly tasks: Uint32Array;
}

/** What the outbox asks of its session. */
export interface OutboxHost {
  /** False while there is no connection. */
  readonly isConnected: boolean;
  send(message: ClientMessage): void;
  ensureBundle(handle: BundleHandle): void;
  /** Whether any task of this client was ever refused. */
  readonly hasRefusals: boolean;
  /** The error of a task that was refused, or null. */
  refusalOf(task: number): CapstanError | null;
  refuse(task: number, error: CapstanError): void;
  /** The batch is on the controller's disk: it will not be refused. */
  onDurable(batch: SubmitBatch): void;
  keyOf(task: number): string;
  setKey(task: number, key: string): void;
  unsettled(): readonly number[];
}

export class Outbox {
  readonly #host: OutboxHost;
  /** Not sent on this connection; `#head` is the next. */
  #queue: Item[] = [];
  #head = 0;
  /** Sent and not acknowledged, by rising sequence; `#oldest` is the first. */
  #sent: Sequenced[] = [];
  #oldest = 0;
  #sentBytes = 0;
  #sentReleases: SentRelease[] = [];
  #sentReleaseCount = 0;
  #lastSequence = 0;
  /** Tasks of retries that are not acknowledged. */
  readonly #retried = new Set<number>();
  /** Specs that the controller was told on this connection. */
  #defined = new Set<number>();

  constructor(host: OutboxHost) {
    this.#host = host;
  }

  submit(batch: SubmitBatch): void {
    this.#queue.push(submitItem(batch));
  }

  cancel(task: number, reason: string): void {
    const last = this.#lastQueued();
    if (last?.type === "cancel" && last.sequence === 0 && last.reason === reason) {
      last.tasks.push(task);
    } else this.#queue.push({ type: "cancel", sequence: 0, tasks: [task], reason });
  }

  request(request: OutboxRequest): void {
    this.#queue.push({ type: "request", sequence: 0, ...request });
  }

  retry(task: number): void {
    this.#retried.add(task);
    const last = this.#lastQueued();
    if (last?.type === "retry" && last.sequence === 0) last.tasks.push(task);
    else this.#queue.push({ type: "retry", sequence: 0, tasks: [task] });
  }

  /**
   * Whether a retry of the task is not acknowledged: a failure that is told until then is of the
   * old run, also when it answers a later want.
   */
  isRetrying(task: number): boolean {
    return this.#retried.has(task);
  }

  release(task: number): void {
    this.#columnItem("release").push(task);
  }

  want(task: number): void {
    this.#columnItem("want").push(task);
  }

  /** Resolves when what gives the task its number was sent; null if it was, or never will be. */
  untilSent(task: number, clock: WaitClock): Promise<void> | null {
    const found = this.#queue.findIndex((item, i) => i >= this.#head && gives(item, task));
    if (found < 0) return null;
    let at = found + 1;
    while (at < this.#queue.length && this.#queue[at].type === "mark") at++;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const mark: MarkItem = { type: "mark", onSent: resolve, onDropped: reject };
    this.#queue.splice(at, 0, mark);
    const stopWaiting = clock.waits({ describe: () => "a submit to be sent", fail: reject });
    return promise.finally(stopWaiting);
  }

  /** Sends what may be sent now. */
  pump(): void {
    while (this.#head < this.#queue.length && this.#host.isConnected) {
      const item = this.#queue[this.#head];
      if (item.type === "submit" && !this.#isReady(item)) return;
      this.#head++;
      this.#sendItem(item);
      this.#trimQueue();
    }
  }

  /** Every item up to `sequence` is durable. */
  onAccepted(sequence: number): void {
    this.#settle(sequence);
    this.pump();
  }

  #settle(sequence: number): void {
    while (this.#oldest < this.#sent.length && this.#sent[this.#oldest].sequence <= sequence) {
      const item = this.#sent[this.#oldest++];
      this.#sentBytes -= bytesOf(item);
      if (item.type === "submit") this.#host.onDurable(item.batch);
      else if (item.type === "retry") this.#endRetry(item);
      else if (item.type === "request") item.onDurable();
    }
    if (this.#oldest > 1024 || this.#oldest === this.#sent.length) {
      this.#sent = this.#sent.slice(this.#oldest);
      this.#oldest = 0;
    }
    while (this.#sentReleases.length > 0 && this.#sentReleases[0].after < sequence) {
      this.#sentReleaseCount -= this.#sentReleases[0].tasks.length;
      this.#sentReleases.shift();
    }
  }

  /** An item was refused whole. */
  onRefused(sequence: number, error: CapstanError): void {
    const at = this.#sent.findIndex((item, i) => i >= this.#oldest && item.sequence === sequence);
    if (at < 0) return;
    const [item] = this.#sent.splice(at, 1);
    this.#sentBytes -= bytesOf(item);
    if (item.type === "submit") {
      for (const { number, dependencies } of rowsOf(item.batch)) {
        this.#host.refuse(number, this.#refusalAmong(dependencies) ?? error);
      }
    } else if (item.type === "retry") {
      this.#endRetry(item);
      for (const task of item.tasks) this.want(task); // Its old outcome stands.
    } else if (item.type === "request") item.onRefused(error);
    this.pump();
  }

  /** A connection is up on which the controller has everything up to `sequence`. */
  onConnected(sequence: number): void {
    const rest = this.#queue.slice(this.#head);
    // Nothing leaves yet: what was sent before goes first, or its sequences would be past.
    this.#settle(sequence);
    const replays = this.#sent.slice(this.#oldest);
    this.#sent = [];
    this.#oldest = 0;
    this.#sentBytes = 0;
    this.#defined.clear();
    const again: Item[] = [...replays];
    const releases = this.#takeSentReleases();
    if (releases.length > 0) again.push({ type: "release", tasks: releases });
    const wants = this.#wantsBesides(rest);
    if (wants.length > 0) again.push({ type: "want", tasks: wants });
    this.#queue = [...again, ...rest];
    this.#head = 0;
    this.pump();
  }

  /** The cluster is another one: what it was told and asked is void. */
  clear(why: CapstanError): void {
    const open = [...this.#sent.slice(this.#oldest), ...this.#queue.slice(this.#head)];
    this.#queue = [];
    this.#head = 0;
    this.#sent = [];
    this.#oldest = 0;
    this.#sentBytes = 0;
    this.#sentReleases = [];
    this.#sentReleaseCount = 0;
    this.#lastSequence = 0;
    this.#retried.clear();
    this.#defined.clear();
    for (const item of open) {
      if (item.type === "request") item.onRefused(why);
      else if (item.type === "mark") item.onDropped(why);
    }
  }

  /** False while it has to wait: for its bundle, or for room in the window. */
  #isReady(item: SubmitItem): boolean {
    let isReady = true;
    for (const { bundle } of item.batch.specs) {
      this.#host.ensureBundle(bundle);
      if (bundle.state === "pending") isReady = false;
    }
    const isFull = this.#sentBytes > 0 && this.#sentBytes + bytesOf(item) > unacknowledgedBytesMax;
    return isReady && !isFull;
  }

  #sendItem(item: Item): void {
    switch (item.type) {
      case "submit":
        if (this.#isPartlyRefused(item.batch)) this.#takeApart(item.batch);
        else this.#sendSubmit(item);
        break;
      case "cancel":
      case "retry":
        this.#sendSequenced(item);
        break;
      case "request":
        this.#number(item);
        this.#host.send(item.messageOf(item.sequence));
        this.#keep(item);
        break;
      case "release":
        this.#sendRelease(item.tasks.take());
        break;
      case "want":
        this.#sendWants(item.tasks.take());
        break;
      case "mark":
        item.onSent();
        break;
      default:
        assertNever(item);
    }
  }

  #sendSubmit(item: SubmitItem): void {
    const { batch } = item;
    for (const spec of batch.specs) this.#define(spec);
    if (batch.pure && item.key === "") item.key = this.#pureKey(batch);
    this.#number(item);
    this.#host.send(submitMessage(batch, item.sequence, item.key));
    this.#keep(item);
  }

  #sendSequenced(item: CancelItem | RetryItem): void {
    this.#number(item);
    this.#host.send({ ...item, tasks: [...item.tasks] });
    this.#keep(item);
  }

  #number(item: Sequenced): void {
    if (item.sequence === 0) item.sequence = ++this.#lastSequence;
  }

  #keep(item: Sequenced): void {
    this.#sent.push(item);
    this.#sentBytes += bytesOf(item);
  }

  #sendRelease(tasks: Uint32Array): void {
    for (const part of partsOf(tasks)) {
      this.#host.send({ type: "release", tasks: part });
      this.#sentReleases.push({ after: this.#lastSequence, tasks: part });
    }
    this.#sentReleaseCount += tasks.length;
    while (this.#sentReleaseCount > unconfirmedReleasesMax && this.#sentReleases.length > 1) {
      this.#sentReleaseCount -= this.#sentReleases[0].tasks.length;
      this.#sentReleases.shift();
    }
  }

  #endRetry({ tasks }: RetryItem): void {
    for (const task of tasks) this.#retried.delete(task);
  }

  #define(spec: SpecEntry): void {
    if (this.#defined.has(spec.id)) return;
    this.#defined.add(spec.id);
    const definition = { run: runOf(spec), ...spec.fields };
    this.#host.send({ type: "define-spec", spec: spec.id, definition });
  }

  /** Whether a row cannot be submitted: its module does not load, or its input was refused. */
  #isPartlyRefused(batch: SubmitBatch): boolean {
    for (const spec of batch.specs) if (specError(spec) !== null) return true;
    return this.#refusalAmong(batch.dependencies) !== null;
  }

  /**
   * Refuses the rows of a batch that are at fault, and queues the rest in its place. It was not
   * sent yet: what was sent is accepted or refused as a whole.
   */
  #takeApart(batch: SubmitBatch): void {
    const rest = new BatchCollector();
    for (const row of rowsOf(batch)) {
      const refusal = specError(row.spec) ?? this.#refusalAmong(row.dependencies);
      if (refusal !== null) this.#host.refuse(row.number, refusal);
      else if (batch.isAlone) rest.addAlone(row, batch);
      else rest.add(row);
    }
    this.#queue = [...rest.take().map(submitItem), ...this.#queue.slice(this.#head)];
    this.#head = 0;
  }

  #refusalAmong(dependencies: readonly number[] | Uint32Array): CapstanError | null {
    if (!this.#host.hasRefusals) return null;
    for (const dependency of dependencies) {
      const refusal = this.#host.refusalOf(dependency);
      if (refusal !== null) return refusal;
    }
    return null;
  }

  /** A key of content: bundle, function, inputs by their own keys, argument bytes. */
  #pureKey({ first, specs: [spec], dependencies, args }: SubmitBatch): string {
    const hash = createHash("sha256");
    hash.update(`${contentOf(spec)}\n`);
    for (const dependency of dependencies) hash.update(`${this.#host.keyOf(dependency)}\n`);
    const key = `pure-${hash.update(blobAt(args, 0)).digest("hex")}`;
    this.#host.setKey(first, key);
    return key;
  }

  #columnItem(type: "release" | "want"): U32Column {
    const last = this.#lastQueued();
    if (last?.type === type) return last.tasks;
    const item = { type, tasks: new U32Column() };
    this.#queue.push(item);
    return item.tasks;
  }

  #lastQueued(): Item | undefined {
    return this.#head < this.#queue.length ? this.#queue[this.#queue.length - 1] : undefined;
  }

  #trimQueue(): void {
    if (this.#head < this.#queue.length && this.#head < 1024) return;
    this.#queue = this.#queue.slice(this.#head);
    this.#head = 0;
  }

  #takeSentReleases(): U32Column {
    const tasks = new U32Column();
    for (const sent of this.#sentReleases) for (const task of sent.tasks) tasks.push(task);
    this.#sentReleases = [];
    this.#sentReleaseCount = 0;
    return tasks;
  }

  #sendWants(tasks: Uint32Array): void {
    for (const part of partsOf(tasks)) this.#host.send({ type: "want", tasks: part });
  }

  /** What is wanted, but for tasks whose submit is still to come: their outcomes come by it. */
  #wantsBesides(rest: readonly Item[]): U32Column {
    const wants = new U32Column();
    const unsent = rest.filter(({ type }) => type === "submit" || type === "request");
    for (const task of this.#host.unsettled()) {
      if (!unsent.some((item) => gives(item, task))) wants.push(task);
    }
    return wants;
  }
}

function submitItem(batch: SubmitBatch): SubmitItem {
  return { type: "submit", sequence: 0, batch, key: batch.key };
}

/** Whether the item is what tells the controller of the task. */
function gives(item: Item, task: number): boolean {
  if (item.type === "request") return item.task === task;
  if (item.type !== "submit") return false;
  const { first, count } = item.batch;
  return task >= first && task < first + count;
}

/** What a request counts for in the window of unacknowledged bytes. */
const requestBytes = 64;

function bytesOf(item: Sequenced): number {
  if (item.type === "request") return requestBytes;
  return item.type === "submit" ? item.batch.bytes : 4 * item.tasks.length;
}

/** In order, none longer than a message may be. */
function* partsOf(tasks: Uint32Array): Generator<Uint32Array> {
  for (let at = 0; at < tasks.length; at += namedTasksMax) {
    yield tasks.slice(at, at + namedTasksMax);
  }
}
