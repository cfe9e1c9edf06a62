/**
 * A client as the simulator sees it: it submits graphs, cancels, retries, releases and reconnects
 * as the seed says, and it remembers what it is owed.
 *
 * Invariant of the client: every task whose handle it holds ends with an outcome, and a value is
 * the bytes that the task was given.
 *
 * @module
 */

import { assert } from "../base/assert.ts";
import { type Blobs, BlobsBuilder, blobAt, blobsOf } from "../base/blobs.ts";
import { defaultRequest } from "../model/resources.ts";
import { setupFailedAttribute, specDefaults, type TaskSpec } from "../model/spec.ts";
import type { ClientMessage, Refused, ToClientMessage } from "../protocol/messages.ts";
import type { Upload } from "../protocol/shared-messages.ts";
import type { SimulatedValue } from "./behaviour.ts";
import type { Draws } from "./draws.ts";

/** A client as its cluster sees it, whoever decides what it does. */
export interface ClusterClient {
  readonly clientId: string;
  readonly user: string;
  /** Its place in the controller's table, from the latest greeting. */
  readonly index: number;
  connected: boolean;
  /** It never connects again. */
  readonly gone: boolean;
  /** Outcomes that it is owed. */
  readonly openCount: number;
  /** Requests that nobody has acknowledged or refused. */
  readonly unansweredCount: number;
  onConnected(index: number, sequence: number): void;
  receive(message: ToClientMessage): void;
  close(): void;
}

/** A client that brings values to workers. */
export interface Bringer {
  readonly clientId: string;
  readonly gone: boolean;
  valueOf(task: number): SimulatedValue;
  /** Nobody took what it brought. */
  wantAgain(task: number): void;
}

/** What a client knows of one of its tasks. */
type Outcome = "open" | "value" | "located" | "failed";

/** The specs that simulated clients use: plain, heavy, retrying, isolated, in a hurry, … */
export function simulatedSpecs(): TaskSpec[] {
  const echo = { kind: "function", bundle: "b", functionName: "echo", executor: "thread" } as const;
  const base: TaskSpec = {
    run: echo,
    name: "echo",
    resources: defaultRequest,
    constraints: [],
    ...specDefaults,
  };
  return [
    base,
    { ...base, name: "retrying", maxRetriesFailure: 2 },
    { ...base, name: "heavy", resources: { ...defaultRequest, memoryBytes: 2 ** 32 } },
    { ...base, name: "urgent", priority: 5 },
    { ...base, name: "hurried", schedulingTimeoutMs: 20 },
    { ...base, name: "isolated", run: { ...echo, executor: "process" }, maxRetriesFailure: 1 },
    { ...base, name: "delayed", maxRetriesFailure: 1, retryBackoff: { initialMs: 5, maxMs: 50 } },
  ];
}

const specCount = simulatedSpecs().length;

/** The spec of scattered values: after those of what runs. */
const valueSpecs = { single: specCount, everywhere: specCount + 1 } as const;

/** The spec of what needs a plugin. */
const pluggedSpec = specCount + 2;

/** The spec of what is started at most once. */
const exclusiveSpec = specCount + 3;

/** The specs of actors, that may begin again or not, and of their calls. */
const actorSpecs = {
  plain: specCount + 4,
  restarting: specCount + 5,
  call: specCount + 6,
} as const;

/** Actors that a client holds at once: what they keep must leave room for everything else. */
const actorsMax = 3;

function partsOfActors(): TaskSpec[] {
  const [base] = simulatedSpecs();
  const run = { kind: "function", bundle: "b", functionName: "f", executor: "thread" } as const;
  const resources = { ...defaultRequest, cpuMilli: 0 };
  const kept = { ...resources, memoryBytes: 2 ** 28 };
  const actor = {
    ...base,
    run: { ...run, part: "actor" },
    resources: kept,
    name: "actor",
  } as const;
  const once = { maxRetriesFailure: 0, maxRetriesPreemption: 0 };
  return [
    { ...actor, ...once },
    { ...actor, maxRetriesFailure: 2, maxRetriesPreemption: 2 },
    { ...base, ...once, resources, run: { ...run, part: "call" }, name: "call" },
  ];
}

/** What is brought to one worker, and what to all; then what needs a plugin, and what runs once. */
function sharedSpecs(): TaskSpec[] {
  const [base] = simulatedSpecs();
  const scattered = [1, 0].map((copies) => {
    return { ...base, run: { kind: "value", copies }, name: "scattered" } as const;
  });
  const plugins = { key: "p", plugins: [{ name: "p", bundle: "b", setup: "up", teardown: "" }] };
  const run = {
    kind: "function",
    bundle: "b",
    functionName: "echo",
    executor: "thread",
    plugins,
  } as const;
  const key = setupFailedAttribute("p");
  const constraints = [{ key, op: "not-exists", values: [], mode: "REQUIRED" }] as const;
  const exclusive = { ...base, name: "exclusive", exclusive: true };
  return [...scattered, { ...base, run, constraints, name: "plugged" }, exclusive];
}

/** What clients call values and locks: few names, so that they meet. */
export function drawName(draws: Draws): string {
  return `n${draws.below(3)}`;
}

/** What a client needs of the world around it. */
export interface SimulatedClientSurroundings {
  /** For which tasks are started at most once. */
  readonly exclusive: Draws;
  send(client: SimulatedClient, message: ClientMessage): void;
  bring(client: SimulatedClient, upload: Upload): void;
}

/** Leases of locks, milliseconds. */
const leasesMs = [1_000, 5_000];

/** Of the tasks that are submitted. */
const exclusivePart = 0.08;

const largeScatteredBytes = 1_000_000;

/** Why what a client asks for may be refused. */
const refusals: { readonly [type: string]: readonly string[] | undefined } = {
  submit: ["UNKNOWN_DEPENDENCY"],
  publish: ["ALREADY_EXISTS", "NOT_FOUND"],
  "fetch-published": ["NOT_FOUND"],
};

/** The number of a task, from its arguments. */
export function numberIn(args: Uint8Array): number {
  return args[1] + (args[2] << 8) + (args[3] << 16);
}

export class SimulatedClient implements ClusterClient {
  readonly clientId: string;
  readonly user = "sim";
  gone = false;
  readonly outcomes = new Map<number, Outcome>();
  index = -1;
  connected = false;
  openCount = 0;
  #next = 0;
  #sequence = 0;
  /** Sent and not acknowledged, in order: replayed after a reconnect. */
  #unacknowledged: { readonly sequence: number; readonly message: ClientMessage }[] = [];

  get unansweredCount(): number {
    return this.#unacknowledged.length;
  }

  /** Said again after every reconnect: nobody acknowledges a release. */
  readonly #released: number[] = [];
  /** Locks that it waits for, or holds. */
  readonly #locks = new Map<number, "waits" | "holds">();
  #lastLock = 0;
  /** Handles of actors, whatever became of them. */
  readonly #actors = new Set<number>();
  /** What somebody else may have submitted. */
  readonly #fetched = new Set<number>();
  readonly #draws: Draws;
  readonly #around: SimulatedClientSurroundings;

  constructor(clientId: string, draws: Draws, around: SimulatedClientSurroundings) {
    this.clientId = clientId;
    this.#draws = draws;
    this.#around = around;
  }

  #send(client: SimulatedClient, message: ClientMessage): void {
    this.#around.send(client, message);
  }

  /** The greeting of a controller whose journal has this client's requests up to `sequence`. */
  onConnected(index: number, sequence: number): void {
    this.index = index;
    this.connected = true;
    this.#send(this, { type: "release", tasks: Uint32Array.from(this.#released) });
    const specs = [...simulatedSpecs(), ...sharedSpecs(), ...partsOfActors()];
    for (const [spec, definition] of specs.entries()) {
      this.#send(this, { type: "define-spec", spec, definition });
    }
    // A client may leave it to the controller to know what it has taken up already.
    const isCautious = this.#draws.chance(0.5);
    this.#unacknowledged = this.#unacknowledged.filter(
      (one) => isCautious || one.sequence > sequence,
    );
    for (const { message } of this.#unacknowledged) this.#send(this, message);
    // What was let go before anybody knew of it.
    this.#send(this, { type: "release", tasks: Uint32Array.from(this.#released) });
    // What was lost while nobody could be told of it is told now.
    if (this.#locks.size > 0)
      this.#send(this, { type: "renew-locks", locks: [...this.#locks.keys()] });
    const open = [...this.outcomes].filter(([, outcome]) => outcome === "open");
    if (open.length === 0) return;
    this.#send(this, { type: "want", tasks: Uint32Array.from(open, ([number]) => number) });
  }

  /** A layered graph of up to `size` tasks, some of them on earlier ones. */
  submit(size: number): void {
    const args = new BlobsBuilder();
    const counts: number[] = [];
    const dependencies: number[] = [];
    const groupSpecs: number[] = [];
    const known = [...this.outcomes.keys()];
    const first = this.#next;
    for (let i = 0; i < size; i++) {
      args.push(this.#argsOf(first + i));
      const spec = this.#draws.below(specCount);
      groupSpecs.push(this.#around.exclusive.chance(exclusivePart) ? exclusiveSpec : spec);
      const count = this.#draws.chance(0.5) ? 0 : this.#draws.below(4);
      counts.push(count);
      for (let d = 0; d < count; d++) {
        const inside = i > 0 && (known.length === 0 || this.#draws.chance(0.7));
        if (inside) dependencies.push(first + this.#draws.below(i));
        else if (known.length > 0) dependencies.push(this.#draws.pick(known));
        else counts[i]--;
      }
    }
    this.#next += size;
    for (let i = 0; i < size; i++) this.#note(first + i, "open");
    this.#request({
      type: "submit",
      sequence: ++this.#sequence,
      first,
      groupSpecs: Uint32Array.from(groupSpecs),
      groupCounts: new Uint32Array(size).fill(1),
      args: args.take(),
      dependencyCounts: Uint32Array.from(counts),
      dependencies: Uint32Array.from(dependencies),
      keys: [],
    });
  }

  /** An actor and some calls of it, in one submission or more. */
  startActor(): void {
    if (this.#actors.size >= actorsMax) return;
    const actor = this.#next++;
    this.#actors.add(actor);
    const spec = this.#draws.pick([actorSpecs.plain, actorSpecs.restarting]);
    this.#submitOne(actor, spec, []);
    this.callActor();
  }

  /** Some calls of an actor, that it may have lost without having heard of it. */
  callActor(): void {
    const actors = [...this.#actors];
    if (actors.length === 0) return;
    const actor = this.#draws.pick(actors);
    const known = [...this.outcomes.keys()];
    for (let left = 1 + this.#draws.below(5); left > 0; left--) {
      const reads = known.length > 0 && this.#draws.chance(0.3) ? [this.#draws.pick(known)] : [];
      const call = this.#next++;
      this.#note(call, "open");
      this.#submitOne(call, actorSpecs.call, [actor, ...reads]);
    }
  }

  /** Lets go of some actors, or of all; their calls still run. */
  releaseActors(probability: number): void {
    const released = [...this.#actors].filter(() => this.#draws.chance(probability));
    for (const actor of released) this.#actors.delete(actor);
    if (released.length === 0 || this.gone) return;
    this.#released.push(...released);
    if (this.connected) this.#send(this, { type: "release", tasks: Uint32Array.from(released) });
  }

  #submitOne(first: number, spec: number, dependencies: readonly number[]): void {
    this.#request({
      type: "submit",
      sequence: ++this.#sequence,
      first,
      groupSpecs: Uint32Array.of(spec),
      groupCounts: Uint32Array.of(1),
      args: blobsOf([this.#argsOf(first)]),
      dependencyCounts: Uint32Array.from(dependencies.length === 0 ? [] : [dependencies.length]),
      dependencies: Uint32Array.from(dependencies),
      keys: [],
    });
  }

  /** Something that needs a plugin. */
  submitPlugged(): void {
    const first = this.#next++;
    this.#note(first, "open");
    this.#submitOne(first, pluggedSpec, []);
  }

  /** A value to be brought, sometimes one that another client may bring as well. */
  scatter(): void {
    const first = this.#next++;
    const isShared = this.#draws.chance(0.4);
    const spec = this.#draws.chance(0.3) ? valueSpecs.everywhere : valueSpecs.single;
    this.#note(first, "open");
    this.#request({
      type: "submit",
      sequence: ++this.#sequence,
      first,
      groupSpecs: Uint32Array.of(isShared ? valueSpecs.single : spec),
      groupCounts: Uint32Array.of(1),
      args: blobsOf([new Uint8Array(0)]),
      dependencyCounts: new Uint32Array(0),
      dependencies: new Uint32Array(0),
      keys: isShared ? [`scattered-${this.#draws.below(3)}`] : [],
    });
  }

  /** What it brings: small or large, nothing is said of it but its size. */
  valueOf(number: number): SimulatedValue {
    const bytes = this.#argsOf(number);
    return { sizeBytes: number % 2 === 0 ? bytes.length : largeScatteredBytes, bytes };
  }

  /** Nobody took what it brought. */
  wantAgain(number: number): void {
    if (!this.connected || this.outcomes.get(number) !== "open") return;
    this.#send(this, { type: "want", tasks: Uint32Array.of(number) });
  }

  detachSome(): void {
    const tasks = this.#numbers("open").filter(() => this.#draws.chance(0.3));
    if (tasks.length === 0) return;
    this.#request({ type: "detach", sequence: ++this.#sequence, tasks });
  }

  /** Some values are to be on two workers, or three; or on one again. */
  replicateSome(draws: Draws): void {
    const tasks = [...this.outcomes.keys()].filter(() => draws.chance(0.3));
    if (tasks.length === 0) return;
    const copies = draws.pick([2, 3, 2, 1]);
    this.#request({ type: "replicate", sequence: ++this.#sequence, tasks, copies });
  }

  restartSession(): void {
    this.#request({ type: "restart-session", sequence: ++this.#sequence, reason: "simulated" });
  }

  publishSome(): void {
    const known = [...this.outcomes.keys()];
    if (known.length === 0) return;
    const task = this.#draws.pick(known);
    const name = drawName(this.#draws);
    this.#request({ type: "publish", sequence: ++this.#sequence, name, task });
  }

  fetchSome(): void {
    const task = this.#next++;
    this.#fetched.add(task);
    this.#note(task, "open");
    const name = drawName(this.#draws);
    this.#request({ type: "fetch-published", sequence: ++this.#sequence, name, task });
  }

  lockSome(): void {
    const lock = ++this.#lastLock;
    const name = drawName(this.#draws);
    const leaseMs = this.#draws.pick(leasesMs);
    this.#locks.set(lock, "waits");
    this.openCount++;
    this.#request({ type: "lock", sequence: ++this.#sequence, lock, name, leaseMs });
  }

  unlockSome(): void {
    const locks = [...this.#locks.keys()];
    if (locks.length > 0) this.#unlock(this.#draws.pick(locks));
  }

  #unlock(lock: number): void {
    this.#endLock(lock);
    this.#request({ type: "unlock", sequence: ++this.#sequence, lock });
  }

  #endLock(lock: number): void {
    if (this.#locks.get(lock) === "waits") this.openCount--;
    this.#locks.delete(lock);
  }

  /** Holds it for a while, or until its lease ends, or gives it back at once. */
  #onGranted(lock: number): void {
    if (this.#locks.get(lock) !== "waits") return;
    this.openCount--;
    this.#locks.set(lock, "holds");
    if (this.#draws.chance(0.5)) this.#unlock(lock);
    else this.#send(this, { type: "renew-locks", locks: [lock] });
  }

  cancelSome(): void {
    const open = [...this.#numbers("open"), ...this.#actors];
    if (open.length === 0) return;
    const tasks = [this.#draws.pick(open)];
    this.#request({ type: "cancel", sequence: ++this.#sequence, tasks, reason: "simulated" });
  }

  /** Everything that it waits for. */
  cancelAll(): void {
    const tasks = this.#numbers("open");
    if (tasks.length === 0) return;
    this.#request({ type: "cancel", sequence: ++this.#sequence, tasks, reason: "simulated" });
  }

  retrySome(): void {
    const failed = this.#numbers("failed");
    if (failed.length === 0) return;
    const tasks = [this.#draws.pick(failed)];
    for (const task of tasks) this.#note(task, "open");
    this.#request({ type: "retry", sequence: ++this.#sequence, tasks });
  }

  /** Drops some handles; lost with its connection, as any message that nobody acknowledges. */
  releaseSome(): void {
    if (!this.connected) return;
    const ended = [...this.outcomes].filter(([, outcome]) => outcome !== "open");
    const released = ended.filter(() => this.#draws.chance(0.5)).map(([number]) => number);
    for (const number of released) this.#forget(number);
    if (released.length === 0) return;
    this.#released.push(...released);
    this.#send(this, { type: "release", tasks: Uint32Array.from(released) });
  }

  /** Goes away for good, without a word. */
  vanish(): void {
    this.gone = true;
    this.connected = false;
    this.outcomes.clear();
    this.#actors.clear();
    this.#locks.clear();
    this.openCount = 0;
  }

  close(): void {
    this.outcomes.clear();
    this.#actors.clear();
    this.#locks.clear();
    this.openCount = 0;
    this.#unacknowledged = [];
    this.#send(this, { type: "close-session" });
  }

  receive(message: ToClientMessage): void {
    switch (message.type) {
      case "accepted":
        this.#unacknowledged = this.#unacknowledged.filter(
          (one) => one.sequence > message.sequence,
        );
        return;
      case "refused":
        this.#onRefused(message.sequence, message.error);
        this.#unacknowledged = this.#unacknowledged.filter(
          (one) => one.sequence !== message.sequence,
        );
        return;
      case "upload":
        if (this.outcomes.get(message.task) === "open") this.#around.bring(this, message);
        return;
      case "lock-granted":
        return this.#onGranted(message.lock);
      case "lock-lost":
        return this.#endLock(message.lock);
      case "results":
        for (const [i, task] of message.tasks.entries()) this.#onValue(task, message.values, i);
        return;
      case "located":
        for (const task of message.tasks) this.#settle(task, "located");
        return;
      case "failures":
        for (const task of message.tasks) {
          if (!this.#isRetrying(task)) this.#settle(task, "failed");
        }
        return;
      default: // Progress and addresses.
    }
  }

  /** What was refused was never created. */
  #onRefused(sequence: number, { code, message: why }: Refused["error"]): void {
    const message = this.#unacknowledged.find((one) => one.sequence === sequence)?.message;
    if (message === undefined) return; // Told twice.
    assert(refusals[message.type]?.includes(code) === true, `refused: ${why}`);
    if (message.type === "fetch-published") this.#forget(message.task);
    if (message.type !== "submit") return;
    const { first, groupCounts } = message;
    for (let i = 0; i < groupCounts.length; i++) this.#forget(first + i);
  }

  #onValue(task: number, values: Blobs, entry: number): void {
    const expected = this.#argsOf(task);
    const actual = blobAt(values, entry);
    const isOwn = actual.join() === expected.join();
    assert(isOwn || this.#fetched.has(task), `task ${task} has the value of another`);
    this.#settle(task, "value");
  }

  /** Until a retry is acknowledged, a failure that is told is of the old run. */
  #isRetrying(task: number): boolean {
    return this.#unacknowledged.some(
      ({ message }) => message.type === "retry" && message.tasks.includes(task),
    );
  }

  #settle(task: number, outcome: Outcome): void {
    if (this.outcomes.has(task)) this.#note(task, outcome);
  }

  #note(task: number, outcome: Outcome): void {
    if (this.outcomes.get(task) === "open") this.openCount--;
    if (outcome === "open") this.openCount++;
    this.outcomes.set(task, outcome);
  }

  #forget(task: number): void {
    if (this.outcomes.get(task) === "open") this.openCount--;
    this.outcomes.delete(task);
  }

  #request(message: ClientMessage & { readonly sequence: number }): void {
    this.#unacknowledged.push({ sequence: message.sequence, message });
    if (this.connected) this.#send(this, message);
  }

  #numbers(wanted: Outcome): number[] {
    return [...this.outcomes].filter(([, outcome]) => outcome === wanted).map(([number]) => number);
  }

  #argsOf(number: number): Uint8Array {
    const tag = this.clientId.charCodeAt(1);
    return Uint8Array.of(tag, number & 255, (number >> 8) & 255, (number >> 16) & 255);
  }
}
