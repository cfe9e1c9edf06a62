/**
 * A worker that does nothing by itself: it keeps what it was ordered, checks that the orders make
 * sense to it, and says what a test tells it to say. Tasks are named by their labels.
 *
 * @module
 */

import assert from "node:assert/strict";
import { blobAt, blobsOf } from "../../src/base/blobs.ts";
import { digestWith } from "../../src/base/digest.ts";
import type { AttemptFailure, AttemptUsage } from "../../src/model/failure.ts";
import type { AttemptId, TaskRef } from "../../src/model/ids.ts";
import { defaultRequest, type Resources } from "../../src/model/resources.ts";
import {
  type AttemptFailed,
  type HotMessageOf,
  handBackReason,
  inlineSource,
  needsSourcesReason,
  noMemory,
  protocolVersion,
  reportKind,
  type ToWorkerMessage,
  type WorkerHello,
  type WorkerMemory,
  type WorkerMessage,
} from "../../src/protocol/messages.ts";
import { trafficKind } from "../../src/protocol/traffic-kind.ts";

/** An attempt as its worker knows it. Phase: 0 not started, 1 runs, 2 stops, 3 has yielded. */
export interface FakeAttempt {
  readonly id: AttemptId;
  readonly task: TaskRef;
  readonly label: string;
  granted: boolean;
  phase: number;
  /** A retract was ordered. */
  recalled: boolean;
  /** What it is told of itself. */
  readonly context?: string;
}

export interface WorkerOptions {
  readonly slots?: number;
  readonly commandSlots?: number;
  readonly capacity?: Partial<Resources>;
  readonly attributes?: { readonly [key: string]: string };
}

/** One line of a report; what it does not say follows from its kind and its label. */
export interface Saying {
  readonly kind: keyof typeof reportKind;
  readonly label: string;
  readonly attempt?: AttemptId;
  /** The label of the attempt that takes the grant over. */
  readonly successor?: string;
  readonly reason?: keyof typeof handBackReason | keyof typeof needsSourcesReason;
  /** The label of the task at fault. */
  readonly other?: string;
  /** Null: too large to travel. */
  readonly value?: Uint8Array | null;
  /** Of a value that is too large to travel. */
  readonly sizeBytes?: number;
  readonly durationUs?: number;
}

type More = Omit<Saying, "kind" | "label">;

const about =
  (kind: Saying["kind"]) =>
  (label: string, more: More = {}): Saying => ({ kind, label, ...more });

function reasonOf({ kind, reason }: Saying): number {
  const reasons: { readonly [name: string]: number } =
    kind === "needsSources" ? needsSourcesReason : handBackReason;
  if (kind === "handedBack") return reasons[reason ?? "retracted"];
  return kind === "needsSources" ? reasons[reason ?? "absent"] : 0;
}

export const started = about("started");
export const finished = about("finished");
export const handedBack = about("handedBack");
export const abandoned = about("abandoned");
export const have = about("have");
export const lost = about("lost");
export const kept = about("kept");
export const needsSources = about("needsSources");
export const retractRefused = about("retractRefused");
export const building = about("building");
export const yielded = about("yielded");
export const rejoined = about("rejoined");
export const notCopied = about("notCopied");

/** A value of this many bytes stays with its worker. */
const largeValueBytes = 100_000;

export const someFailure: AttemptFailure = {
  error: { name: "RangeError", message: "out of range", stack: "at f", causes: [] },
  exitCode: null,
  signal: null,
  oom: false,
  stderrTail: "last words",
};

export const someUsage: AttemptUsage = {
  exitCode: 0,
  signal: null,
  oom: false,
  peakRssBytes: 4096,
  cpuMs: 5,
  droppedLogBytes: 0,
  stderrTail: "",
};

/** What a worker needs of the world around it. */
export interface WorkerSurroundings {
  refOf(label: string): TaskRef;
  labelOf(ref: TaskRef): string;
  workerIdAt(index: number): string;
  workerConnects(worker: FakeWorker): string[];
  workerSays(worker: FakeWorker, message: WorkerMessage): string[];
  workerDisconnects(worker: FakeWorker): string[];
  workerExits(worker: FakeWorker, signal: string, launcherLives: boolean): string[];
}

export class FakeWorker {
  readonly workerId: string;
  readonly capacity: Resources;
  readonly slots: number;
  readonly commandSlots: number;
  readonly attributes: { readonly [key: string]: string };
  readonly attempts = new Map<AttemptId, FakeAttempt>();
  /** Values it holds, by task: their bytes. */
  readonly values = new Map<TaskRef, number>();
  /** Of each order to forget, how many of its messages it says were heard. */
  readonly heard: number[] = [];
  incarnation: string;
  index = -1;
  connected = false;
  #starts = 1;
  #applied = 0;
  #sent = 0;
  readonly #knownSpecs = new Set<number>();
  readonly #knownPeers = new Map<number, string>();
  /** Attempts whose place a new order took: their answer is told before the next heartbeat. */
  readonly #replaced: FakeAttempt[] = [];
  /** The last attempt of each label, for reports that come late. */
  readonly #lastOf = new Map<string, FakeAttempt>();
  readonly #around: WorkerSurroundings;

  constructor(workerId: string, options: WorkerOptions, around: WorkerSurroundings) {
    this.workerId = workerId;
    this.incarnation = `${workerId}-1`;
    this.slots = options.slots ?? 1;
    this.commandSlots = options.commandSlots ?? 256;
    const cpuMilli = this.slots * 1000;
    this.capacity = { ...defaultRequest, cpuMilli, memoryBytes: 2 ** 30, ...options.capacity };
    this.attributes = options.attributes ?? {};
    this.#around = around;
  }

  hello(): WorkerHello {
    return {
      role: "worker",
      protocolVersion,
      workerId: this.workerId,
      incarnation: this.incarnation,
      clusterId: "test",
      epoch: 1,
      address: `${this.workerId}:1`,
      pid: 7,
      capacity: this.capacity,
      slots: this.slots,
      commandSlots: this.commandSlots,
      attributes: this.attributes,
    };
  }

  inventory(): HotMessageOf<"inventory"> {
    const attempts = [...this.attempts.values()];
    return {
      type: "inventory",
      attempts: Float64Array.from(attempts, (one) => one.id),
      attemptTasks: Float64Array.from(attempts, (one) => one.task),
      phases: Uint8Array.from(attempts, (one) => one.phase),
      values: Float64Array.from(this.values.keys()),
      valueSizes: Float64Array.from(this.values.values()),
    };
  }

  /** Its first connection, or one more of the same process. */
  connects(): string[] {
    this.#applied = 0;
    this.#sent = 0;
    this.#replaced.length = 0;
    this.#knownSpecs.clear();
    this.#knownPeers.clear();
    return this.#around.workerConnects(this);
  }

  disconnects(): string[] {
    return this.#around.workerDisconnects(this);
  }

  /** The same id, a new process that remembers nothing. */
  restarts(): string[] {
    this.dies();
    return this.connects();
  }

  /** What it had is gone; nobody is told. */
  dies(): void {
    this.attempts.clear();
    this.values.clear();
    this.#lastOf.clear();
    this.incarnation = `${this.workerId}-${++this.#starts}`;
  }

  /** Whoever started it sees it end. */
  exits(signal = "SIGKILL", { launcherLives = false } = {}): string[] {
    const lines = this.#around.workerExits(this, signal, launcherLives);
    if (!launcherLives) this.dies();
    return lines;
  }

  leaves(): string[] {
    return this.#say({ type: "leaving" });
  }

  /** It is to end: what only it holds is to be copied, for at most so long. */
  empties(limitMs = 10_000): string[] {
    return this.#say({ type: "emptying", limitMs });
  }

  heartbeats(memory: Partial<WorkerMemory> = {}): string[] {
    const replaced = this.#replaced.splice(0);
    const told = replaced.map(({ label, id }) => abandoned(label, { attempt: id }));
    const lines = told.length === 0 ? [] : this.reports(...told);
    return [...lines, ...this.#say({ ...this.heartbeatMessage(), ...memory })];
  }

  /** What it would say now: its digests are of what it has. */
  heartbeatMessage(): HotMessageOf<"heartbeat"> {
    return {
      type: "heartbeat",
      applied: this.#applied,
      sent: this.#sent,
      attemptsDigest: [...this.attempts.keys()].reduce(digestWith, 0),
      valuesDigest: [...this.values.keys()].reduce(digestWith, 0),
      ...noMemory,
      rssBytes: 1,
      valueBytes: 0,
    };
  }

  /** One message of reports. */
  reports(...sayings: readonly Saying[]): string[] {
    const rows = sayings.map((saying) => this.#rowOf(saying));
    const column = <T>(read: (row: (typeof rows)[number]) => T) => rows.map(read);
    for (const [i, saying] of sayings.entries()) this.#remember(saying, rows[i].attempt);
    return this.#say({
      type: "reports",
      kinds: Uint8Array.from(column((row) => row.kind)),
      attempts: Float64Array.from(column((row) => row.attempt)),
      tasks: Float64Array.from(column((row) => row.task)),
      reasons: Uint8Array.from(column((row) => row.reason)),
      successors: Float64Array.from(column((row) => row.successor)),
      others: Float64Array.from(column((row) => row.other)),
      sizes: Float64Array.from(column((row) => row.size)),
      durations: Uint32Array.from(column((row) => row.duration)),
      values: blobsOf(column((row) => row.value)),
    });
  }

  /** These attempts begin to run. */
  starts(...labels: readonly string[]): string[] {
    return this.reports(...labels.map((label) => started(label)));
  }

  /** These attempts return small values. */
  finishes(...labels: readonly string[]): string[] {
    return this.reports(...labels.map((label) => finished(label)));
  }

  /** This attempt fails by itself. */
  fails(label: string, more: Partial<AttemptFailed> = {}): string[] {
    const { id, task } = this.attemptOf(label);
    this.attempts.delete(id);
    const cause = "failed";
    const failure = someFailure;
    const { type, successor } = { type: "attempt-failed", successor: 0 } as const;
    return this.#say({ type, attempt: id, task, successor, cause, failure, ...more });
  }

  /** A member of a gang is ready to start. */
  prepares(...labels: readonly string[]): string[] {
    return labels.flatMap((label) => {
      const { id: attempt, task } = this.attemptOf(label);
      const member = { host: this.workerId, ports: {} };
      return this.#say({ type: "attempt-prepared", attempt, task, member });
    });
  }

  /** What it was told to stop has ended. */
  obeys(): string[] {
    const stopping = [...this.attempts.values()].filter(({ phase }) => phase === 2);
    return this.reports(...stopping.map(({ label, id }) => abandoned(label, { attempt: id })));
  }

  /** What a command used, and how it ended. */
  measures(label: string, usage: Partial<AttemptUsage> = {}): string[] {
    const { id: attempt, task } = this.attemptOf(label);
    return this.#say({
      type: "attempt-measured",
      attempt,
      task,
      usage: { ...someUsage, ...usage },
    });
  }

  /** How far an attempt says it is. */
  tells(label: string, fraction: number, note = "", about = this.attemptOf(label)): string[] {
    return this.#say({
      type: "progress",
      attempts: Float64Array.of(about.id),
      tasks: Float64Array.of(about.task),
      fractions: Float64Array.of(fraction),
      notes: [note],
    });
  }

  /** It has fetched the value of some task from a peer, in so long. */
  fetched(peer: number, sizeBytes: number, durationUs: number): string[] {
    return this.#say({
      ...{ type: "traffic", kinds: Uint8Array.of(trafficKind.fetch), tasks: Float64Array.of(1) },
      ...{ counts: Uint32Array.of(1), sizes: Float64Array.of(sizeBytes), omitted: 0 },
      ...{ agos: Float64Array.of(0), durations: Float64Array.of(durationUs) },
      peers: Uint32Array.of(peer),
    });
  }

  /** Its own checks say this of it; "" is well. */
  feels(trouble: string): string[] {
    return this.#say({ type: "health", trouble });
  }

  /** A new agent that took over what its predecessor ran. */
  adopts(): string[] {
    this.values.clear();
    this.incarnation = `${this.workerId}-${++this.#starts}`;
    return this.connects();
  }

  /** The live attempt of a label, or the last one that ended. */
  attemptOf(label: string): FakeAttempt {
    const live = [...this.attempts.values()].findLast((one) => one.label === label);
    const found = live ?? this.#lastOf.get(label);
    assert.ok(found !== undefined, `${this.workerId} was never ordered to run ${label}`);
    return found;
  }

  /** What it was ordered, in order: `a`, `b+` runs, `c-` stops, `e~` has yielded, `(d)` waits. */
  get orders(): string {
    const words = [...this.attempts.values()].map(({ label, granted, phase }) => {
      const marked = `${label}${["", "+", "-", "~"][phase]}`;
      return granted ? marked : `(${marked})`;
    });
    return words.join(" ");
  }

  get held(): string {
    return [...this.values.keys()].map((ref) => this.#around.labelOf(ref)).join(" ");
  }

  #say(message: WorkerMessage): string[] {
    if (message.type !== "heartbeat") this.#sent++;
    return this.#around.workerSays(this, message);
  }

  #rowOf(saying: Saying) {
    const refOf = (name: string) => this.#around.refOf(name);
    const { kind, label, value = new TextEncoder().encode(`value of ${label}`) } = saying;
    const aboutValue = ["have", "lost", "kept", "needsSources", "notCopied"].includes(kind);
    const bytes = kind === "finished" && value !== null ? value : new Uint8Array(0);
    const { sizeBytes = largeValueBytes } = saying;
    const size = value === null || kind === "have" ? sizeBytes : bytes.length;
    return {
      kind: reportKind[kind],
      attempt: saying.attempt ?? (aboutValue ? 0 : this.attemptOf(label).id),
      task: refOf(label),
      reason: reasonOf(saying),
      successor: saying.successor === undefined ? 0 : this.attemptOf(saying.successor).id,
      other: saying.other === undefined ? 0 : refOf(saying.other),
      size,
      duration: saying.durationUs ?? 50,
      value: bytes,
    };
  }

  /** Its own view follows what it says. */
  #remember({ kind, label, successor }: Saying, attempt: AttemptId): void {
    const task = this.#around.refOf(label);
    const entry = this.attempts.get(attempt);
    const next = successor === undefined ? undefined : this.attemptOf(successor);
    if (next !== undefined) next.granted = true;
    if (kind === "started" && entry !== undefined) entry.phase = 1;
    if (kind === "yielded" && entry !== undefined) entry.phase = 3;
    if (kind === "rejoined" && entry !== undefined) entry.phase = 1;
    if (["finished", "abandoned", "handedBack"].includes(kind)) this.attempts.delete(attempt);
    if (["finished", "have", "kept"].includes(kind)) this.values.set(task, largeValueBytes);
    if (kind === "lost") this.values.delete(task);
  }

  /** Takes an order, and returns it as lines. */
  order(message: ToWorkerMessage): string[] {
    if (message.type !== "acknowledge") this.#applied++;
    const labels = (tasks: Iterable<number>) =>
      Array.from(tasks, (ref) => this.#around.labelOf(ref)).join(" ");
    switch (message.type) {
      case "define-spec":
        assert.ok(!this.#knownSpecs.has(message.spec), "a spec is defined once");
        this.#knownSpecs.add(message.spec);
        return [];
      case "drop-spec":
        assert.ok(this.#knownSpecs.delete(message.spec), "a spec that is dropped was defined");
        return ["drop-spec"];
      case "renew-executors":
        return [`renew-executors ${message.restart}`];
      case "peer":
        assert.notEqual(this.#knownPeers.get(message.index), message.incarnation, "a new peer");
        this.#knownPeers.set(message.index, message.incarnation);
        return [];
      case "peer-gone":
        return [`peer-gone ${this.#around.workerIdAt(message.index)}`];
      case "compute":
        return this.#onCompute(message);
      case "grant":
      case "stop":
      case "retract":
        this.#onAttempts(message);
        return [`${message.type} ${labels(message.tasks)}`];
      case "forget":
        this.heard.push(message.heard);
        for (const ref of message.tasks) this.values.delete(ref);
        return [`forget ${labels(message.tasks)}`];
      case "sources":
        return this.#onSources(message);
      case "copy":
        return Array.from(message.tasks, (ref, i) => this.#onCopy(ref, message.sources[i]));
      case "emptied":
        return [`emptied, ${message.leftCount} left`];
      case "uncopy":
        return [`uncopy ${labels(message.tasks)}`];
      case "start-gang": {
        const hosts = message.members.map(({ host }) => host).join(" ");
        return [`start-gang ${labels([message.task])} of ${hosts}`];
      }
      default:
        return [message.type];
    }
  }

  #onCopy(ref: TaskRef, source: number): string {
    assert.ok(this.#knownPeers.has(source), "a peer is introduced before its first mention");
    assert.notEqual(source, this.index, "nobody copies from himself");
    return `copy ${this.#around.labelOf(ref)} from ${this.#around.workerIdAt(source)}`;
  }

  #onAttempts({ type, attempts }: HotMessageOf<"grant" | "stop" | "retract">): void {
    for (const id of attempts) {
      const attempt = this.attempts.get(id);
      if (attempt === undefined) continue; // It ended before the order came.
      if (type === "grant") attempt.granted = true;
      else if (type === "stop") attempt.phase = 2;
      else attempt.recalled = true;
    }
  }

  #onCompute(message: HotMessageOf<"compute">): string[] {
    const lines: string[] = [];
    let input = 0;
    for (const [i, id] of message.attempts.entries()) {
      assert.ok(this.#knownSpecs.has(message.specs[i]), "a spec is defined before its first use");
      const task = message.tasks[i];
      const label = this.#around.labelOf(task);
      const granted = message.prefetched[i] === 0;
      const context = message.contexts[i] ?? "";
      const attempt = { id, task, label, granted, phase: 0, recalled: false, context };
      // The same task again: the new order takes the place of what was told to stop.
      for (const old of this.attempts.values()) {
        if (old.task !== task) continue;
        this.attempts.delete(old.id);
        this.#replaced.push(old);
      }
      this.attempts.set(id, attempt);
      this.#lastOf.set(label, attempt);
      const inputs: string[] = [];
      for (const end = input + message.inputCounts[i]; input < end; input++) {
        inputs.push(this.#inputText(message, input));
      }
      const from = inputs.length === 0 ? "" : ` with ${inputs.join(", ")}`;
      lines.push(`${granted ? "compute" : "prefetch"} ${label}${from}`);
    }
    return lines;
  }

  #inputText(message: HotMessageOf<"compute">, input: number): string {
    const label = this.#around.labelOf(message.inputTasks[input]);
    const source = message.inputSources[input];
    if (source === inlineSource) {
      const text = new TextDecoder().decode(blobAt(message.inputs, input));
      if (text === "") return `<${label}>`; // The actor of a call is only named.
      assert.equal(text, `value of ${label}`, "an inline input is the value of its task");
      return `${label} inline`;
    }
    if (source === this.index) return `${label} here`;
    return `${label} from ${this.#peerName(source)}`;
  }

  #peerName(index: number): string {
    assert.ok(this.#knownPeers.has(index), "a peer is introduced before its first mention");
    return this.#around.workerIdAt(index);
  }

  #onSources({ tasks, counts, sources }: HotMessageOf<"sources">): string[] {
    let at = 0;
    return Array.from(tasks, (ref, i) => {
      const names = Array.from(sources.subarray(at, at + counts[i]), (one) => this.#peerName(one));
      at += counts[i];
      return `sources ${this.#around.labelOf(ref)}: ${names.join(" ")}`;
    });
  }
}
