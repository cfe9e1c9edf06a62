/**
 * A client that says what a test tells it to say and keeps what it was told. It names tasks by
 * labels; a label's number is its own.
 *
 * @module
 */

import assert from "node:assert/strict";
import { blobAt, blobsOf } from "../../src/base/blobs.ts";
import { defaultRequest } from "../../src/model/resources.ts";
import { specDefaults, type TaskSpec } from "../../src/model/spec.ts";
import type {
  ClientMessage,
  HotMessageOf,
  Refused,
  ToClientMessage,
} from "../../src/protocol/messages.ts";

/** What a test says of a task; the rest is the default. */
export interface TaskDraft {
  /** Labels of its inputs, in argument order. */
  readonly on?: readonly string[];
  readonly spec?: Partial<TaskSpec>;
  readonly key?: string;
  /** Its encoded arguments; default its label. */
  readonly args?: string;
}

/** What a test says of a value that a client brings. */
export interface ScatterDraft {
  readonly key?: string;
  /** 0 for all workers; default 1. */
  readonly copies?: number;
  /** What stands for its content. */
  readonly args?: string;
}

export type Drafts = { readonly [label: string]: TaskDraft };

export function aSpec(overrides: Partial<TaskSpec> = {}): TaskSpec {
  return {
    run: { kind: "function", bundle: "0".repeat(64), functionName: "f", executor: "thread" },
    name: "f",
    resources: defaultRequest,
    constraints: [],
    ...specDefaults,
    ...overrides,
  };
}

/** What a client needs of the world around it. */
export interface ClientSurroundings {
  clientConnects(client: FakeClient): string[];
  clientSays(client: FakeClient, message: ClientMessage): string[];
  clientDisconnects(client: FakeClient): string[];
  workerIdAt(index: number): string;
}

/** With the details that are for programs. */
function refusalText({ code, message, details }: Refused["error"]): string {
  const told = Object.keys(details ?? {}).length === 0 ? "" : ` ${JSON.stringify(details)}`;
  return `${code}: ${message}${told}`;
}

export class FakeClient {
  readonly clientId: string;
  readonly user: string;
  readonly numbers = new Map<string, number>();
  /** The last outcome of each label: `value`, `at w1`, or a state and a code. */
  readonly outcomes = new Map<string, string>();
  index = -1;
  connected = false;
  next = 0;
  sequence = 0;
  readonly #labels = new Map<number, string>();
  readonly #specs = new Map<string, number>();
  readonly #knownPeers = new Map<number, string>();
  readonly #around: ClientSurroundings;

  constructor(clientId: string, user: string, around: ClientSurroundings) {
    this.clientId = clientId;
    this.user = user;
    this.#around = around;
  }

  connects(): string[] {
    this.#knownPeers.clear();
    return this.#around.clientConnects(this);
  }

  disconnects(): string[] {
    return this.#around.clientDisconnects(this);
  }

  /** Submits a graph; the labels of its tasks are new. */
  submits(drafts: Drafts): string[] {
    const message = this.submission(drafts);
    return this.says(message);
  }

  /** The message of a submission, with the specs that it needs defined before it. */
  submission(drafts: Drafts): HotMessageOf<"submit"> {
    const entries = Object.entries(drafts);
    const first = this.next;
    for (const [i, [label]] of entries.entries()) this.#name(label, first + i);
    this.next += entries.length;
    const defined = new Map<TaskDraft["spec"], number>();
    for (const [, { spec }] of entries) {
      if (!defined.has(spec)) defined.set(spec, this.#define(aSpec(spec)));
    }
    const groupSpecs = entries.map(([, { spec }]) => defined.get(spec) ?? 0);
    const on = entries.map(([, draft]) => (draft.on ?? []).map((label) => this.numberOf(label)));
    const text = new TextEncoder();
    return {
      type: "submit",
      sequence: ++this.sequence,
      first,
      groupSpecs: Uint32Array.from(groupSpecs),
      groupCounts: new Uint32Array(entries.length).fill(1),
      args: blobsOf(entries.map(([label, draft]) => text.encode(draft.args ?? label))),
      dependencyCounts: Uint32Array.from(on, (numbers) => numbers.length),
      dependencies: Uint32Array.from(on.flat()),
      keys: entries.some(([, draft]) => draft.key !== undefined)
        ? entries.map(([, draft]) => draft.key ?? "")
        : [],
    };
  }

  releases(...labels: readonly string[]): string[] {
    return this.says({ type: "release", tasks: this.#numbersOf(labels) });
  }

  wants(...labels: readonly string[]): string[] {
    return this.says({ type: "want", tasks: this.#numbersOf(labels) });
  }

  cancels(labels: readonly string[], reason = ""): string[] {
    const tasks = [...this.#numbersOf(labels)];
    return this.says({ type: "cancel", sequence: ++this.sequence, tasks, reason });
  }

  retries(...labels: readonly string[]): string[] {
    const tasks = [...this.#numbersOf(labels)];
    return this.says({ type: "retry", sequence: ++this.sequence, tasks });
  }

  /** Offers a value that it brings when it is told where. */
  scatters(label: string, { key, copies = 1, args = "" }: ScatterDraft = {}): string[] {
    const spec = { run: { kind: "value", copies }, name: "scattered" } as const;
    return this.submits({ [label]: { spec, args, ...(key === undefined ? {} : { key }) } });
  }

  publishes(name: string, label: string): string[] {
    const task = this.numberOf(label);
    return this.says({ type: "publish", sequence: ++this.sequence, name, task });
  }

  detaches(...labels: readonly string[]): string[] {
    const tasks = [...this.#numbersOf(labels)];
    return this.says({ type: "detach", sequence: ++this.sequence, tasks });
  }

  restarts(reason = ""): string[] {
    return this.says({ type: "restart-session", sequence: ++this.sequence, reason });
  }

  replicates(copies: number, ...labels: readonly string[]): string[] {
    const tasks = [...this.#numbersOf(labels)];
    return this.says({ type: "replicate", sequence: ++this.sequence, tasks, copies });
  }

  /** The label is new: it is one more handle on what is published. */
  fetches(name: string, label: string): string[] {
    const task = this.next++;
    this.#name(label, task);
    return this.says({ type: "fetch-published", sequence: ++this.sequence, name, task });
  }

  locks(lock: number, name: string, leaseMs = 30_000): string[] {
    return this.says({ type: "lock", sequence: ++this.sequence, lock, name, leaseMs });
  }

  unlocks(lock: number): string[] {
    return this.says({ type: "unlock", sequence: ++this.sequence, lock });
  }

  renews(...locks: readonly number[]): string[] {
    return this.says({ type: "renew-locks", locks });
  }

  closes(): string[] {
    return this.says({ type: "close-session" });
  }

  says(message: ClientMessage): string[] {
    return this.#around.clientSays(this, message);
  }

  numberOf(label: string): number {
    const number = this.numbers.get(label);
    assert.ok(number !== undefined, `${this.clientId} has no task ${label}`);
    return number;
  }

  /** Takes a message, and returns it as lines. */
  receive(message: ToClientMessage): string[] {
    switch (message.type) {
      case "accepted":
        return [`accepted ${message.sequence}`];
      case "refused":
        return [`refused ${message.sequence} ${refusalText(message.error)}`];
      case "started":
        return [`started ${Array.from(message.tasks, (n) => this.#labelOf(n)).join(" ")}`];
      case "results":
        return [
          `results ${Array.from(message.tasks, (n, i) => this.#onResult(message, n, i)).join(" ")}`,
        ];
      case "located":
        return Array.from(message.tasks, (number, i) =>
          this.#onLocated(number, message.holders[i]),
        );
      case "failures":
        return message.tasks.map((number, i) => {
          const { code, blame } = message.failures[message.causes[i]];
          const outcome = `${message.states[i]} ${code}`;
          this.outcomes.set(this.#labelOf(number), outcome);
          return `${outcome} ${this.#labelOf(number)}, to blame: ${blame}`;
        });
      case "peer":
        assert.notEqual(this.#knownPeers.get(message.index), message.incarnation, "a new peer");
        this.#knownPeers.set(message.index, message.incarnation);
        return [];
      case "upload": {
        const workers = message.workers.map((index) => this.#around.workerIdAt(index));
        return [`upload ${this.#labelOf(message.task)} to ${workers.join(", ")}`];
      }
      case "lock-granted":
        return [`granted ${message.lock}, token ${message.token}`];
      case "lock-queued":
        return [`queued ${message.lock} behind ${message.ahead}`];
      case "locks-renewed":
        return [`renewed ${message.locks.join(", ")}`];
      case "lock-lost":
        return [`lost ${message.lock}: ${message.reason}`];
      case "warning":
        return [`warning ${message.code}: ${message.message}`];
      default:
        return [message.type];
    }
  }

  #onResult(message: HotMessageOf<"results">, number: number, entry: number): string {
    const label = this.#labelOf(number);
    const text = new TextDecoder().decode(blobAt(message.values, entry));
    this.outcomes.set(label, text);
    return label;
  }

  #onLocated(number: number, holder: number): string {
    assert.ok(this.#knownPeers.has(holder), "a peer is introduced before its first mention");
    const label = this.#labelOf(number);
    this.outcomes.set(label, `at ${this.#around.workerIdAt(holder)}`);
    return `located ${label} at ${this.#around.workerIdAt(holder)}`;
  }

  #name(label: string, number: number): void {
    this.numbers.set(label, number);
    this.#labels.set(number, label);
  }

  #labelOf(number: number): string {
    return this.#labels.get(number) ?? `#${number}`;
  }

  #numbersOf(labels: readonly string[]): Uint32Array {
    return Uint32Array.from(labels, (label) => this.numberOf(label));
  }

  #define(definition: TaskSpec): number {
    const text = JSON.stringify(definition);
    const known = this.#specs.get(text);
    if (known !== undefined) return known;
    const spec = this.#specs.size;
    this.#specs.set(text, spec);
    this.says({ type: "define-spec", spec, definition });
    return spec;
  }
}
