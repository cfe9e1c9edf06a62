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
import { type Blobs, BlobsBuilder, blobAt } from "../base/blobs.ts";
import { defaultRequest } from "../model/resources.ts";
import { specDefaults, type TaskSpec } from "../model/spec.ts";
import type { ClientMessage, ToClientMessage } from "../protocol/messages.ts";
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
  onConnected(index: number, sequence: number): void;
  receive(message: ToClientMessage): void;
  close(): void;
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
  /** Said again after every reconnect: nobody acknowledges a release. */
  readonly #released: number[] = [];
  readonly #draws: Draws;
  readonly #send: (client: SimulatedClient, message: ClientMessage) => void;

  constructor(
    clientId: string,
    draws: Draws,
    send: (client: SimulatedClient, message: ClientMessage) => void,
  ) {
    this.clientId = clientId;
    this.#draws = draws;
    this.#send = send;
  }

  /** The greeting of a controller whose journal has this client's requests up to `sequence`. */
  onConnected(index: number, sequence: number): void {
    this.index = index;
    this.connected = true;
    this.#send(this, { type: "release", tasks: Uint32Array.from(this.#released) });
    for (const [spec, definition] of simulatedSpecs().entries()) {
      this.#send(this, { type: "define-spec", spec, definition });
    }
    // A client may leave it to the controller to know what it has taken up already.
    const isCautious = this.#draws.chance(0.5);
    this.#unacknowledged = this.#unacknowledged.filter(
      (one) => isCautious || one.sequence > sequence,
    );
    for (const { message } of this.#unacknowledged) this.#send(this, message);
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
      groupSpecs.push(this.#draws.below(specCount));
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

  cancelSome(): void {
    const open = this.#numbers("open");
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
    this.openCount = 0;
  }

  close(): void {
    this.outcomes.clear();
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
        this.#forgetRefused(message.sequence);
        this.#unacknowledged = this.#unacknowledged.filter(
          (one) => one.sequence !== message.sequence,
        );
        assert(message.error.code === "UNKNOWN_DEPENDENCY", `refused: ${message.error.message}`);
        return;
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
  #forgetRefused(sequence: number): void {
    const request = this.#unacknowledged.find((one) => one.sequence === sequence);
    if (request?.message.type !== "submit") return;
    const { first, groupCounts } = request.message;
    for (let i = 0; i < groupCounts.length; i++) this.#forget(first + i);
  }

  #onValue(task: number, values: Blobs, entry: number): void {
    const expected = this.#argsOf(task);
    const actual = blobAt(values, entry);
    assert(actual.join() === expected.join(), `task ${task} has the value of another`);
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
