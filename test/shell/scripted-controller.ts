/**
 * A controller that does what a test says, over the real transport: for tests of the worker.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Blobs, blobAt, blobsOf } from "../../src/base/blobs.ts";
import { noResources } from "../../src/model/resources.ts";
import { type CommandRun, specDefaults, type TaskSpec } from "../../src/model/spec.ts";
import type {
  AttemptContext,
  HotMessageOf,
  Message,
  ToWorkerMessage,
  WorkerHello,
} from "../../src/protocol/messages.ts";
import { protocolVersion, reportKind } from "../../src/protocol/messages.ts";
import type { MessageStream } from "../../src/shell/transport/message-stream.ts";
import { attachStreamServer } from "../../src/shell/transport/stream-server.ts";
import { encodeArguments } from "../../src/shell/values/value-codec.ts";

export interface ScriptedOptions {
  readonly epoch?: number;
  readonly clusterId?: string;
  readonly port?: number;
}

export class ScriptedController {
  readonly bundles = new Map<string, string | Uint8Array>();
  /** Status with which the next requests for bundles are refused, one each. */
  readonly bundleFailures: number[] = [];
  bundleRequests = 0;
  readonly #server: Server;
  readonly #peers: WorkerPeer[] = [];
  #awaiting: ((peer: WorkerPeer) => void) | null = null;
  #taken = 0;

  static async start(options: ScriptedOptions = {}): Promise<ScriptedController> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(options.port ?? 0, "127.0.0.1", resolve));
    return new ScriptedController(server, options);
  }

  private constructor(server: Server, { epoch = 1, clusterId = "cluster" }: ScriptedOptions) {
    this.#server = server;
    server.on("request", (request, response) => {
      this.bundleRequests++;
      const failure = this.bundleFailures.shift();
      const bundle = this.bundles.get((request.url ?? "").slice("/v1/bundles/".length));
      if (failure !== undefined) response.writeHead(failure).end();
      else if (bundle === undefined) response.writeHead(404).end();
      else response.writeHead(200).end(bundle);
    });
    attachStreamServer(server, {
      authorise: () => null,
      onHello: (hello, accept) => {
        const identity = { role: "controller", protocolVersion, clusterId, epoch } as const;
        const secrets = { dataToken: "", logToken: "" };
        const rest = { index: 0, jobId: "", sequence: 0, heartbeatMs: 1000, ...secrets };
        this.#add(new WorkerPeer(hello as WorkerHello, accept({ ...identity, ...rest })));
      },
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The next worker that connects, or has connected and was not asked for yet. */
  worker(): Promise<WorkerPeer> {
    const peer = this.#peers[this.#taken];
    if (peer !== undefined) {
      this.#taken++;
      return Promise.resolve(peer);
    }
    return new Promise((resolve) => {
      this.#awaiting = resolve;
    });
  }

  /** Makes a bundle known; returns the spec of its task `run`. */
  aSpec(source: string, overrides: Partial<TaskSpec> = {}): TaskSpec {
    const bundle = this.addBundle(
      `export const run = Object.assign(() => {}, { [Symbol.for("capstan.task")]:
        { name: "run", moduleUrl: import.meta.url, run: ${source} } });`,
    );
    const run = { kind: "function", bundle, functionName: "run", executor: "thread" } as const;
    const resources = { ...noResources, cpuMilli: 1000 };
    return { ...specDefaults, run, name: "run", resources, constraints: [], ...overrides };
  }

  /** The spec of a program, which asks for nothing of the worker unless told otherwise. */
  aCommand(
    argv: readonly string[],
    run: Partial<CommandRun> = {},
    overrides: Partial<TaskSpec> = {},
  ): TaskSpec {
    const nothing = { env: {}, cwd: "", workspace: "", ports: [], stdin: "" };
    const command: CommandRun = {
      ...{ kind: "command", argv, ...nothing, result: { type: "none" } },
      ...run,
    };
    const rest = { name: argv[0], resources: noResources, constraints: [], ...overrides };
    return { ...specDefaults, run: command, ...rest };
  }

  addBundle(source: string | Uint8Array): string {
    const hash = createHash("sha256").update(source).digest("hex");
    this.bundles.set(hash, source);
    return hash;
  }

  async close(): Promise<void> {
    for (const peer of this.#peers) peer.stream.destroy();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  #add(peer: WorkerPeer): void {
    this.#peers.push(peer);
    if (this.#awaiting === null) return;
    this.#taken++;
    this.#awaiting(peer);
    this.#awaiting = null;
  }
}

/** One report, as a row. */
export interface Report {
  readonly kind: number;
  readonly attempt: number;
  readonly task: number;
  readonly reason: number;
  readonly size: number;
  readonly value: Uint8Array;
}

export interface ComputeRow {
  readonly attempt: number;
  readonly task: number;
  readonly spec?: number;
  readonly args?: Uint8Array;
  /** Tasks whose values are inputs, with the worker to fetch each from. */
  readonly inputs?: readonly { readonly task: number; readonly source: number }[];
  readonly prefetched?: boolean;
  /** Default: it has none. */
  readonly context?: AttemptContext;
}

/** The controller's end of one worker's stream. */
export class WorkerPeer {
  readonly hello: WorkerHello;
  readonly stream: MessageStream;
  readonly received: Message[] = [];
  readonly #waiting: (() => void)[] = [];
  isClosed = false;

  constructor(hello: WorkerHello, stream: MessageStream) {
    this.hello = hello;
    this.stream = stream;
    stream.onMessages = (messages) => {
      this.received.push(...messages);
      this.#wake();
    };
    stream.onClose = () => {
      this.isClosed = true;
      this.#wake();
    };
  }

  send(...messages: ToWorkerMessage[]): void {
    for (const message of messages) this.stream.send(message);
  }

  compute(rows: readonly ComputeRow[]): void {
    this.send(computeMessage(rows));
  }

  get reports(): Report[] {
    return this.received.flatMap((message) => (message.type === "reports" ? rowsOf(message) : []));
  }

  /** Resolves as soon as `isDone` holds; looks after each batch of messages. */
  async until(isDone: () => boolean): Promise<void> {
    while (!isDone()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** The report about an attempt of this kind, once it has come. */
  async report(kind: keyof typeof reportKind, attempt: number): Promise<Report> {
    const find = () =>
      this.reports.find((row) => row.kind === reportKind[kind] && row.attempt === attempt);
    await this.until(() => find() !== undefined);
    return find() as Report;
  }

  /** The first message of this type, once it has come. */
  async message<T extends Message["type"]>(type: T): Promise<Extract<Message, { type: T }>> {
    const find = () => this.received.find((message) => message.type === type);
    await this.until(() => find() !== undefined);
    return find() as Extract<Message, { type: T }>;
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

function computeMessage(rows: readonly ComputeRow[]): HotMessageOf<"compute"> {
  const inputs = rows.flatMap((row) => row.inputs ?? []);
  const noArgs = encodeArguments([], { root: "args" });
  return {
    type: "compute",
    attempts: Float64Array.from(rows, (row) => row.attempt),
    tasks: Float64Array.from(rows, (row) => row.task),
    specs: Uint32Array.from(rows, (row) => row.spec ?? 1),
    shapes: new Uint32Array(rows.length).fill(1),
    prefetched: Uint8Array.from(rows, (row) => (row.prefetched === true ? 1 : 0)),
    args: blobsOf(rows.map((row) => row.args ?? noArgs)),
    contexts: rows.some((row) => row.context !== undefined)
      ? rows.map((row) => (row.context === undefined ? "" : JSON.stringify(row.context)))
      : [],
    inputCounts: Uint32Array.from(rows, (row) => row.inputs?.length ?? 0),
    inputTasks: Float64Array.from(inputs, (input) => input.task),
    inputSources: Uint32Array.from(inputs, (input) => input.source),
    inputSizes: new Float64Array(inputs.length),
    inputs: blobsOf(inputs.map(() => new Uint8Array(0))),
  };
}

function rowsOf(message: HotMessageOf<"reports">): Report[] {
  const values: Blobs = message.values;
  return Array.from(message.kinds, (kind, i) => ({
    kind,
    attempt: message.attempts[i],
    task: message.tasks[i],
    reason: message.reasons[i],
    size: message.sizes[i],
    value: blobAt(values, i),
  }));
}
