/**
 * Peers that break the rules: what an attacker with a valid token could say on the wire. Every
 * message is whole and well typed, so that it passes the door and reaches the kernel; what it
 * *says* is drawn from a seed.
 *
 * @module
 */

import { once } from "node:events";
import { connect as connectSocket, type Socket } from "node:net";
import { blobsOf } from "../../src/base/blobs.ts";
import { Prng } from "../../src/base/prng.ts";
import type { TaskSpec } from "../../src/model/spec.ts";
import type { ClientMessage, HotMessageOf, WorkerMessage } from "../../src/protocol/messages.ts";
import { protocolVersion } from "../../src/protocol/messages.ts";
import type { MessageStream } from "../../src/shell/transport/message-stream.ts";
import { connectStream } from "../../src/shell/transport/stream-client.ts";

const timeoutMs = 10_000;

/** A socket on which the upgrade was asked for and the next byte is the peer's first frame. */
export async function openUpgraded(url: string): Promise<Socket> {
  const { port, host } = new URL(url);
  const socket = connectSocket(Number(port), "127.0.0.1");
  socket.on("error", () => socket.destroy()); // Being cut off is what these tests expect.
  await once(socket, "connect");
  socket.write(
    `GET /v1/stream HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: capstan/1\r\n\r\n`,
  );
  await once(socket, "data");
  return socket;
}

/** A stream that says hello as a client. */
export async function openAsClient(url: string, clientId: string): Promise<MessageStream> {
  const hello = { role: "client", protocolVersion, clientId, user: "eve", clusterId: "" } as const;
  return (await connectStream({ url, timeoutMs, hello })).stream;
}

/** A stream that says hello as a worker of four cores. */
export async function openAsWorker(url: string, incarnation: string): Promise<MessageStream> {
  const hello = {
    ...({ role: "worker", protocolVersion, workerId: "rogue", incarnation } as const),
    ...{ clusterId: "", epoch: 0, address: "no address at all", pid: 1, slots: 4 },
    commandSlots: 4,
    capacity: { cpuMilli: 4_000, memoryBytes: 1e9, diskBytes: 0, devices: [], custom: {} },
    attributes: {},
  };
  return (await connectStream({ url, timeoutMs, hello })).stream;
}

/** The inventory of a worker that has nothing. */
export const emptyInventory: HotMessageOf<"inventory"> = {
  type: "inventory",
  attempts: new Float64Array(0),
  attemptTasks: new Float64Array(0),
  phases: new Uint8Array(0),
  values: new Float64Array(0),
  valueSizes: new Float64Array(0),
};

/** A function task that asks for `cpuMilli`. */
export function aSpec(cpuMilli: number): TaskSpec {
  return {
    run: { kind: "function", bundle: "a".repeat(64), functionName: "f", executor: "thread" },
    name: "f",
    resources: { cpuMilli, memoryBytes: 0, diskBytes: 0, devices: [], custom: {} },
    constraints: [],
    ...({
      band: "interactive",
      priority: 0,
      maxRetriesFailure: 0,
      maxRetriesPreemption: 3,
    } as const),
    retryBackoff: { initialMs: 0, maxMs: 0 },
    ...{ timeoutMs: 0, schedulingTimeoutMs: 0, graceMs: 1_000 },
    ...{ noRetryExitCodes: [], retryExitCodes: [], groupBy: "" },
  };
}

/** `count` tasks of spec 1 without arguments. */
export function aSubmit(sequence: number, first: number, count: number): HotMessageOf<"submit"> {
  return {
    ...({ type: "submit", sequence, first } as const),
    groupSpecs: Uint32Array.of(1),
    groupCounts: Uint32Array.of(count),
    args: { offsets: new Uint32Array(count + 1), data: new Uint8Array(0) },
    dependencyCounts: new Uint32Array(0),
    dependencies: new Uint32Array(0),
    keys: [],
  };
}

const wildNumbers = [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1];
/** As the door lets through. */
const wildSizes = [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 40];

/** Lies of a worker: about attempts and tasks that it was given, and about any others. */
export class RogueWorker {
  readonly #random: Prng;
  readonly #attempts = [0];
  readonly #tasks = [0];

  constructor(seed: number) {
    this.#random = new Prng(seed);
  }

  /** Remembers what the controller spoke of, to lie about it. */
  hear(message: object): void {
    const { attempts, tasks } = message as { attempts?: Float64Array; tasks?: Float64Array };
    for (const id of attempts ?? []) this.#attempts.push(id);
    for (const id of tasks ?? []) this.#tasks.push(id);
    this.#attempts.splice(0, this.#attempts.length - 300);
    this.#tasks.splice(0, this.#tasks.length - 300);
  }

  inventory(): HotMessageOf<"inventory"> {
    const count = this.#random.below(5);
    return {
      type: "inventory",
      attempts: this.#column(count, () => this.#id(this.#attempts)),
      attemptTasks: this.#column(count, () => this.#id(this.#tasks)),
      phases: Uint8Array.from({ length: count }, () => this.#random.below(3)),
      values: this.#column(count, () => this.#id(this.#tasks)),
      valueSizes: this.#column(count, () => this.#random.pick(wildSizes)),
    };
  }

  lie(): WorkerMessage {
    const draw = this.#random.below(100);
    if (draw < 70) return this.#reports(1 + this.#random.below(20));
    if (draw < 90) return this.#failure();
    if (draw < 95) return emptyInventory;
    return draw < 99 ? this.#heartbeat() : { type: "leaving" };
  }

  #id(known: readonly number[]): number {
    return this.#random.chance(0.7) ? this.#random.pick(known) : this.#random.pick(wildNumbers);
  }

  #column(count: number, draw: () => number): Float64Array {
    return Float64Array.from({ length: count }, draw);
  }

  #reports(count: number): HotMessageOf<"reports"> {
    const random = this.#random;
    const kinds = Uint8Array.from({ length: count }, () => 1 + random.below(9));
    return {
      type: "reports",
      kinds,
      attempts: this.#column(count, () => this.#id(this.#attempts)),
      tasks: this.#column(count, () => this.#id(this.#tasks)),
      reasons: kinds.map((kind) => (kind === 3 ? 1 + random.below(5) : 0)),
      successors: this.#column(count, () => (random.chance(0.5) ? 0 : this.#id(this.#attempts))),
      others: this.#column(count, () => (random.chance(0.3) ? -1 : this.#id(this.#tasks))),
      sizes: this.#column(count, () => random.pick(wildSizes)),
      durations: Uint32Array.from({ length: count }, () => random.u32()),
      values: blobsOf(kinds.length === 0 ? [] : Array.from(kinds, () => this.#bytes())),
    };
  }

  #bytes(): Uint8Array {
    return new Uint8Array(this.#random.pick([0, 0, 3, 100])).fill(this.#random.below(256));
  }

  #failure(): WorkerMessage {
    return {
      type: "attempt-failed",
      attempt: this.#id(this.#attempts),
      task: this.#id(this.#tasks),
      successor: this.#random.chance(0.5) ? 0 : this.#id(this.#attempts),
      cause: this.#random.pick([
        "failed",
        "timeout",
        "oom",
        "exited",
        "module-unloadable",
      ] as const),
      failure: {
        error: { name: "Lie", message: "a lie", stack: "", causes: [] },
        ...{ exitCode: null, signal: null, oom: false, stderrTail: "" },
      },
    };
  }

  #heartbeat(): WorkerMessage {
    const { pick, u32 } = { pick: () => this.#random.pick(wildNumbers), u32: this.#random.u32() };
    return {
      ...({ type: "heartbeat", applied: pick(), sent: pick() } as const),
      ...{ attemptsDigest: u32, valuesDigest: 0, rssBytes: pick(), valueBytes: pick() },
      ...{ spilledBytes: pick(), spillCount: pick(), loadCount: pick() },
      ...{ spillFailureCount: pick(), fetchCount: pick(), fetchedBytes: pick() },
      ...{ processCount: pick(), processBytes: pick(), processRecycledCount: pick() },
    };
  }
}

const strangeText = ["", "x", "__proto__", "constructor", "a\nb", "/root/graph-1/0", "\u0000"];
const strange = [...strangeText, null, undefined, -1, 0, 1.5, 2 ** 53, [], [[]], {}, true];
const methods = ["ListTasks", "ListWorkers", "ListJobs", "ListEvents", "GetTaskStatus", "Explain"];
const otherMethods = ["GetStory", "GetJobStatus", "ReportWorkerExit", "toString", "__proto__", ""];
const fieldNames = [
  "id",
  "jobId",
  "states",
  "pageSize",
  "pageToken",
  "after",
  "workerId",
  "taskId",
];

/** Nonsense of a client: graphs that refer anywhere, unknown numbers, calls with strange fields. */
export class RogueClient {
  readonly #random: Prng;
  #sequence = 0;
  #next = 0;

  constructor(seed: number) {
    this.#random = new Prng(seed);
  }

  say(): ClientMessage {
    const random = this.#random;
    const tasks = () => Array.from({ length: random.below(8) }, () => this.#number());
    switch (random.below(8)) {
      case 0:
        return { type: "release", tasks: Uint32Array.from(tasks()) };
      case 1:
        return { type: "want", tasks: Uint32Array.from(tasks()) };
      case 2:
        return { type: "cancel", sequence: ++this.#sequence, tasks: tasks(), reason: "" };
      case 3:
        return { type: "retry", sequence: ++this.#sequence, tasks: tasks() };
      case 4:
        return { type: "define-spec", spec: random.below(6), definition: this.#spec() };
      case 5:
        return { type: "call", id: 1, ...this.call() };
      default:
        return this.#submit();
    }
  }

  /** An API call that means nothing. */
  call(): { method: string; request: unknown } {
    const random = this.#random;
    const method = random.pick([...methods, ...otherMethods]);
    if (random.chance(0.2)) return { method, request: random.pick(strange) };
    const fields = Array.from({ length: random.below(3) }, () => random.pick(fieldNames));
    return { method, request: Object.fromEntries(fields.map((f) => [f, random.pick(strange)])) };
  }

  #number(): number {
    if (this.#random.chance(0.7)) return this.#random.below(this.#next + 2);
    return this.#random.pick([0, 2 ** 31, 2 ** 32 - 1, this.#random.u32()]);
  }

  #submit(): HotMessageOf<"submit"> {
    const random = this.#random;
    const count = random.pick([0, 1, 2, 5, 20]);
    const first = random.chance(0.95) ? this.#next : random.pick([0, this.#next + 1_000]);
    const dependencyCounts = Uint32Array.from({ length: count }, () => random.below(3));
    const total = dependencyCounts.reduce((sum, one) => sum + one, 0);
    const inputs = () => Math.max(0, first + random.below(count + 1) - random.below(25));
    this.#next = first + count;
    return {
      ...({ type: "submit", sequence: ++this.#sequence, first } as const),
      groupSpecs: Uint32Array.of(0, random.below(6)),
      groupCounts: Uint32Array.of(0, count),
      args: blobsOf(Array.from({ length: count }, () => new Uint8Array(random.below(30)))),
      dependencyCounts,
      dependencies: Uint32Array.from({ length: total }, inputs),
      keys: random.chance(0.7) ? [] : Array.from(dependencyCounts, () => random.pick(strangeText)),
    };
  }

  #spec(): TaskSpec {
    const random = this.#random;
    const most = () => random.pick([0, 1, 1_000, 2 ** 53 - 1]);
    const counter = random.pick(["license", "constructor", "", "slots", "cpu"]);
    const device = { kind: random.pick(strangeText), variant: "auto", countMilli: most() };
    return {
      ...aSpec(most()),
      name: random.pick(strangeText),
      resources: {
        ...{ cpuMilli: most(), memoryBytes: most(), diskBytes: most() },
        devices: random.chance(0.3) ? [{ ...device, indices: [0, 0] }] : [],
        custom: { [counter]: most() },
      },
      retryBackoff: { initialMs: most(), maxMs: most() },
      ...{ timeoutMs: most(), schedulingTimeoutMs: most(), graceMs: most() },
      ...{ maxRetriesFailure: most(), priority: random.pick([0, -(2 ** 53) + 1, 2 ** 53 - 1]) },
    };
  }
}
