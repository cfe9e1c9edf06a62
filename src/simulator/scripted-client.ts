/**
 * A client that does what somebody outside says, and keeps what it was told. It names its tasks by
 * labels; it submits, replays and reconnects as the real one does.
 *
 * @module
 */

import { assert, present } from "../base/assert.ts";
import { BlobsBuilder, blobAt } from "../base/blobs.ts";
import type { TaskSpec } from "../model/spec.ts";
import type { ClientMessage, ToClientMessage } from "../protocol/messages.ts";
import type { Upload } from "../protocol/shared-messages.ts";
import { encodeUtf8 } from "../protocol/utf8.ts";
import type { SimulatedValue } from "./behaviour.ts";
import { ScriptedLocks } from "./scripted-locks.ts";
import type { Bringer, ClusterClient } from "./simulated-client.ts";

/** One task of a submission. */
export interface TaskDraft {
  readonly label: string;
  /** Labels of its inputs, in the order of its arguments: of this client or this submission. */
  readonly inputs: readonly string[];
  readonly spec: TaskSpec;
  /** "" for none. */
  readonly key: string;
}

/** What a client needs of the world around it. */
export interface ScriptedClientSurroundings {
  /** Sends a message of this client, or drops it while it is not connected. */
  says(client: ScriptedClient, message: ClientMessage): void;
  /** Brings a value to the workers that were named. */
  bring(client: ScriptedClient, upload: Upload): void;
}

type Request = ClientMessage & { readonly sequence: number };

export class ScriptedClient implements ClusterClient, Bringer {
  readonly clientId: string;
  readonly user: string;
  index = -1;
  connected = false;
  gone = false;
  /** Label → `value`, a code of the error registry, or `open`. Released ones are not there. */
  readonly outcomes = new Map<string, string>();
  /** Codes of what was refused, and of what it was warned of, oldest first. */
  readonly refusals: string[] = [];
  readonly warnings: string[] = [];
  readonly locks = new ScriptedLocks();
  readonly #numbers = new Map<string, number>();
  readonly #labels: string[] = [];
  readonly #keys = new Map<string, string>();
  readonly #specs = new Map<string, { readonly number: number; readonly definition: TaskSpec }>();
  readonly #released: number[] = [];
  #unacknowledged: Request[] = [];
  #sequence = 0;
  #closing = false;
  readonly #around: ScriptedClientSurroundings;

  constructor(clientId: string, user: string, around: ScriptedClientSurroundings) {
    this.clientId = clientId;
    this.user = user;
    this.#around = around;
  }

  get unansweredCount(): number {
    return this.#unacknowledged.length;
  }

  get openCount(): number {
    return [...this.outcomes.values()].filter((outcome) => outcome === "open").length;
  }

  /** The number of a labelled task, or undefined. */
  numberOf(label: string): number | undefined {
    return this.#numbers.get(label);
  }

  labelAt(number: number): string | undefined {
    return this.#labels[number];
  }

  submit(drafts: readonly TaskDraft[]): void {
    const args = new BlobsBuilder();
    const first = this.#labels.length;
    for (const { label, key } of drafts) {
      this.#numbers.set(label, this.#labels.length);
      this.#labels.push(label);
      this.#keys.set(label, key);
      this.outcomes.set(label, "open");
      args.push(encodeUtf8(key || label));
    }
    const inputs = drafts.map((draft) => draft.inputs.map((label) => this.#number(label)));
    this.#request({
      type: "submit",
      sequence: ++this.#sequence,
      first,
      groupSpecs: Uint32Array.from(drafts, ({ spec }) => this.#define(spec)),
      groupCounts: new Uint32Array(drafts.length).fill(1),
      args: args.take(),
      dependencyCounts: Uint32Array.from(inputs, ({ length }) => length),
      dependencies: Uint32Array.from(inputs.flat()),
      keys: drafts.some(({ key }) => key !== "") ? drafts.map(({ key }) => key) : [],
    });
  }

  /** What it brings for a scattered value: its name, or its key. */
  valueOf(task: number): SimulatedValue {
    const label = this.#labels[task];
    const bytes = encodeUtf8(this.#keys.get(label) || label);
    return { sizeBytes: bytes.length, bytes };
  }

  wantAgain(task: number): void {
    if (!this.connected || this.outcomes.get(this.#labels[task]) !== "open") return;
    this.#say({ type: "want", tasks: Uint32Array.of(task) });
  }

  cancel(labels: readonly string[]): void {
    const tasks = this.#open(labels);
    this.#request({ type: "cancel", sequence: ++this.#sequence, tasks, reason: "played" });
  }

  retry(labels: readonly string[]): void {
    const tasks = this.#open(labels);
    for (const label of labels) this.outcomes.set(label, "open");
    this.#request({ type: "retry", sequence: ++this.#sequence, tasks });
  }

  restart(): void {
    this.#request({ type: "restart-session", sequence: ++this.#sequence, reason: "played" });
  }

  replicate(labels: readonly string[], copies: number): void {
    const tasks = this.#open(labels);
    this.#request({ type: "replicate", sequence: ++this.#sequence, tasks, copies });
  }

  release(labels: readonly string[]): void {
    const tasks = this.#open(labels);
    for (const label of labels) this.outcomes.delete(label);
    this.#released.push(...tasks);
    if (this.connected) this.#say({ type: "release", tasks: Uint32Array.from(tasks) });
  }

  lock(name: string, leaseMs: number): void {
    const lock = this.locks.ask(name);
    this.#request({ type: "lock", sequence: ++this.#sequence, lock, name, leaseMs });
  }

  unlock(name: string): void {
    const lock = present(this.locks.numberOf(name), `${this.clientId} has asked for ${name}`);
    this.locks.giveBack(name);
    this.#request({ type: "unlock", sequence: ++this.#sequence, lock });
  }

  /** Their leases begin again; and it is told which of them it has lost. */
  renewLocks(): void {
    const locks = this.locks.open;
    if (this.connected && locks.length > 0) this.#say({ type: "renew-locks", locks });
  }

  /** Ends the session; it never comes back. */
  close(): void {
    this.outcomes.clear();
    this.locks.clear();
    this.#closing = true;
    if (this.connected) this.#say({ type: "close-session" });
  }

  onConnected(index: number, sequence: number): void {
    this.index = index;
    this.connected = true;
    if (this.#closing) return this.#say({ type: "close-session" });
    this.#say({ type: "release", tasks: Uint32Array.from(this.#released) });
    for (const { number, definition } of this.#specs.values()) {
      this.#say({ type: "define-spec", spec: number, definition });
    }
    this.#unacknowledged = this.#unacknowledged.filter((one) => one.sequence > sequence);
    for (const message of this.#unacknowledged) this.#say(message);
    this.renewLocks();
    const open = [...this.outcomes.keys()].filter((label) => this.outcomes.get(label) === "open");
    if (open.length === 0) return;
    const tasks = Uint32Array.from(open, (label) => this.#number(label));
    this.#say({ type: "want", tasks });
  }

  receive(message: ToClientMessage): void {
    switch (message.type) {
      case "accepted":
        this.#acknowledged((sequence) => sequence <= message.sequence);
        return;
      case "refused":
        this.refusals.push(message.error.code);
        this.#forgetRefused(message.sequence);
        this.#acknowledged((sequence) => sequence === message.sequence);
        return;
      case "results":
        for (const [entry, number] of message.tasks.entries()) {
          const label = this.#labels[number];
          const bytes = blobAt(message.values, entry);
          const expected = encodeUtf8(this.#keys.get(label) || label);
          assert(bytes.join() === expected.join(), `${label} has the value of another task`);
          this.#settle(number, "value");
        }
        return;
      case "located":
        for (const number of message.tasks) this.#settle(number, "value");
        return;
      case "failures":
        for (const [entry, number] of message.tasks.entries()) {
          if (this.#isRetrying(number)) continue;
          this.#settle(number, message.failures[message.causes[entry]].code);
        }
        return;
      case "lock-granted":
      case "lock-lost":
        return this.locks.receive(message);
      case "upload":
        if (this.outcomes.get(this.#labels[message.task]) !== "open") return;
        this.#around.bring(this, message);
        return;
      case "warning":
        this.warnings.push(message.code);
        return;
      default: // Progress and addresses.
    }
  }

  /** Whether a retry of it is not acknowledged: what is told of a failure is of the try before. */
  #isRetrying(number: number): boolean {
    return this.#unacknowledged.some((one) => one.type === "retry" && one.tasks.includes(number));
  }

  #settle(number: number, outcome: string): void {
    const label = this.#labels[number];
    if (this.outcomes.has(label)) this.outcomes.set(label, outcome);
  }

  /** What was refused was never created. */
  #forgetRefused(sequence: number): void {
    const request = this.#unacknowledged.find((one) => one.sequence === sequence);
    if (request?.type !== "submit") return;
    const { first, groupCounts } = request;
    for (let i = 0; i < groupCounts.length; i++) this.outcomes.delete(this.#labels[first + i]);
  }

  #acknowledged(isAnswered: (sequence: number) => boolean): void {
    this.#unacknowledged = this.#unacknowledged.filter(({ sequence }) => !isAnswered(sequence));
  }

  #say(message: ClientMessage): void {
    this.#around.says(this, message);
  }

  #request(message: Request): void {
    this.#unacknowledged.push(message);
    if (this.connected) this.#say(message);
  }

  #define(definition: TaskSpec): number {
    const text = JSON.stringify(definition);
    const known = this.#specs.get(text);
    if (known !== undefined) return known.number;
    const number = this.#specs.size;
    this.#specs.set(text, { number, definition });
    if (this.connected) this.#say({ type: "define-spec", spec: number, definition });
    return number;
  }

  #open(labels: readonly string[]): number[] {
    return labels.map((label) => this.#number(label));
  }

  #number(label: string): number {
    return present(this.#numbers.get(label), `${this.clientId} has no task ${label}`);
  }
}
