/**
 * A controller that does what a test says: the real HTTP server, upgrade, hello and codec, and no
 * mind of its own. A message that the test does not take is still there at its end.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { blobsOf } from "../../src/base/blobs.ts";
import type { TaskFailure } from "../../src/model/failure.ts";
import type {
  ClientHello,
  ClientMessage,
  ControllerHello,
  ToClientMessage,
} from "../../src/protocol/messages.ts";
import { protocolVersion } from "../../src/protocol/messages.ts";
import { checkClientMessage } from "../../src/protocol/validate.ts";
import type { MessageStream } from "../../src/shell/transport/message-stream.ts";
import { attachStreamServer } from "../../src/shell/transport/stream-server.ts";
import { encodeValue } from "../../src/shell/values/value-codec.ts";

type MessageOf<T extends ClientMessage["type"]> = Extract<ClientMessage, { type: T }>;

const waitMs = 5_000;

export class ScriptedController {
  readonly hellos: ClientHello[] = [];
  readonly bundles = new Map<string, Uint8Array>();
  /** Messages that no test step has taken. */
  readonly untaken: ClientMessage[] = [];
  /** Said in every hello. */
  clusterId = "cluster-1";
  jobId = "/ada/graph-1";
  /** The highest submit that is durable, as the next hello says. */
  sequence = 0;
  /** Answers requests with this status, when set, as often as `refusalsLeft`. */
  refuseWith = 0;
  refusalsLeft = Number.POSITIVE_INFINITY;
  readonly #server: Server;
  #stream: MessageStream | null = null;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<ScriptedController> {
    const server = createServer();
    const controller = new ScriptedController(server);
    server.on("request", (request, response) => void controller.#onRequest(request, response));
    attachStreamServer(server, {
      authorise: () => null,
      onHello: (hello, accept) => {
        controller.hellos.push(hello as ClientHello);
        controller.#use(accept(controller.#hello()));
      },
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return controller;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The next message of this type, waiting for it. */
  async take<T extends ClientMessage["type"]>(type: T): Promise<MessageOf<T>> {
    await until(() => this.untaken.some((message) => message.type === type), `a ${type}`);
    const at = this.untaken.findIndex((message) => message.type === type);
    return this.untaken.splice(at, 1)[0] as MessageOf<T>;
  }

  /** Takes the next submit and says that it is durable. */
  async takeSubmit(): Promise<MessageOf<"submit">> {
    const submit = await this.take("submit");
    this.accept(submit.sequence);
    return submit;
  }

  accept(sequence: number): void {
    this.sequence = Math.max(this.sequence, sequence);
    this.send({ type: "accepted", sequence });
  }

  send(...messages: ToClientMessage[]): void {
    assert.ok(this.#stream !== null, "no client is connected");
    for (const message of messages) this.#stream.send(message);
  }

  /** These tasks returned these values. */
  sendResults(results: { readonly [number: string]: unknown }): void {
    const tasks = Uint32Array.from(Object.keys(results), Number);
    const values = Object.values(results).map((value) => encodeValue(value, { root: "result" }));
    this.send({ type: "results", tasks, values: blobsOf(values) });
  }

  /** These tasks failed for one reason. */
  sendFailures(tasks: number[], failure: Partial<TaskFailure>, state = "FAILED"): void {
    const failures = [aFailure(failure)];
    this.send({
      type: "failures",
      tasks,
      causes: tasks.map(() => 0),
      failures,
      states: tasks.map(() => state),
    });
  }

  /** Cuts the client's connection; it may come again. */
  cut(): void {
    this.#stream?.destroy();
    this.#stream = null;
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #use(stream: MessageStream): void {
    this.#stream = stream;
    stream.onMessages = (messages) => this.untaken.push(...messages.map(checkClientMessage));
    stream.onClose = () => {};
  }

  #hello(): ControllerHello {
    return {
      role: "controller",
      protocolVersion,
      clusterId: this.clusterId,
      epoch: 1,
      index: 0,
      jobId: this.jobId,
      sequence: this.sequence,
      heartbeatMs: 1_000,
      dataToken: "",
      logToken: "",
    };
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const sha256 = /^\/v1\/bundles\/([0-9a-f]{64})$/.exec(request.url ?? "")?.[1];
    const body = new Uint8Array(await buffer(request));
    if (this.refuseWith !== 0 && this.refusalsLeft-- > 0) {
      return void response.writeHead(this.refuseWith).end("refused");
    }
    if (sha256 === undefined) return void response.writeHead(404).end();
    if (request.method !== "PUT") {
      return void response.writeHead(this.bundles.has(sha256) ? 200 : 404).end();
    }
    assert.equal(createHash("sha256").update(body).digest("hex"), sha256);
    this.bundles.set(sha256, body);
    response.writeHead(201).end();
  }
}

/** A failure of a task that threw. */
export function aFailure(fields: Partial<TaskFailure> = {}): TaskFailure {
  return {
    code: "TASK_FAILED",
    message: "the task failed",
    blame: "/ada/graph-1/0",
    workerId: "worker-1",
    attempts: 1,
    failure: null,
    ...fields,
  };
}

/** Waits until the condition holds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + waitMs;
  while (!condition()) {
    assert.ok(performance.now() < deadline, `waited ${waitMs} ms in vain for ${what}`);
    await pause(2);
  }
}
