/**
 * The controller process around a kernel that only counts, over real sockets: for tests of what
 * leaves when, in which order, and who is turned away.
 *
 * @module
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InvariantError } from "../../src/base/assert.ts";
import { blobsOf } from "../../src/base/blobs.ts";
import type { ControllerEvent, ControllerSend } from "../../src/controller/events.ts";
import { noTraffic } from "../../src/controller/traffic.ts";
import { CapstanError } from "../../src/model/errors.ts";
import { budgetDefaults, type Principal } from "../../src/model/job.ts";
import { noResources } from "../../src/model/resources.ts";
import {
  type ClientHello,
  type HotMessageOf,
  type Message,
  noMemory,
  protocolVersion,
  type WorkerHello,
} from "../../src/protocol/messages.ts";
import type { Kernel } from "../../src/shell/controller-process/kernel.ts";
import type { ControllerOptions } from "../../src/shell/controller-process/options.ts";
import {
  type ControllerProcess,
  type FatalEnd,
  startController,
} from "../../src/shell/controller-process/run-controller.ts";
import { createLogger } from "../../src/shell/logging/logger.ts";
import type { MessageStream } from "../../src/shell/transport/message-stream.ts";
import { connectStream } from "../../src/shell/transport/stream-client.ts";

export interface ToyState {
  readonly clients: string[];
  readonly workers: string[];
  /** `"client submit 3"`, in order: what must survive. */
  readonly log: string[];
  /** SHA-256 → whom the secret speaks for. */
  readonly tokens: Map<string, Principal>;
}

export type ToyFact =
  | { readonly type: "client" | "worker" | "log"; readonly text: string }
  | { readonly type: "token"; readonly hash: string; readonly principal: Principal | null };

/** The first number of a submit that breaks the toy's promise. */
export const poison = 13;

/** The first number of a submit whose results are ten times 60 MB. */
export const flood = 14;

const floodBytes = new Uint8Array(60_000_000);

const floodOfResults = Array.from({ length: 10 }, () => ({
  type: "results" as const,
  tasks: Uint32Array.of(flood),
  values: { offsets: Uint32Array.of(0, floodBytes.length), data: floodBytes },
}));

function apply(state: ToyState, fact: ToyFact): void {
  if (fact.type === "token") {
    if (fact.principal === null) state.tokens.delete(fact.hash);
    else state.tokens.set(fact.hash, fact.principal);
  } else if (fact.type === "client") state.clients.push(fact.text);
  else if (fact.type === "worker") state.workers.push(fact.text);
  else state.log.push(fact.text);
}

function toyKernel(events: ControllerEvent[]): Kernel<ToyState, ToyFact> {
  const newState = (): ToyState => ({ clients: [], workers: [], log: [], tokens: new Map() });
  return {
    newState,
    apply,
    snapshotOf: (state) => state,
    stateOf: (snapshot) => snapshot as ToyState,
    isDurable: () => true,
    nextDeadline: () => null,
    summaryOf: (state) => ({
      taskStateCounts: { PENDING: state.log.length },
      workerStateCounts: { HEALTHY: state.workers.length },
      workerCount: state.workers.length,
      queuedTaskCount: 0,
      queueCount: 0,
      resources: [],
      attemptCount: 0,
      recomputedCount: 0,
      valueBytes: 0,
      spilledBytes: 0,
      ...{ processCount: 0, processBytes: 0 },
      trafficCounts: noTraffic(),
    }),
    answerCall: (state, method, request, principal) => {
      if (method === "ListEvents") return { log: [...state.log] };
      if (method === "WhoAmI") return principal;
      if (method === "GetOverview") return { problems: [] };
      if (method === "GetTaskStatus") throw new InvariantError("no task", ["its secret story"]);
      return { method, request };
    },
    *answerInSteps(state, method, request, principal) {
      if (method === "ListTasks") yield;
      return this.answerCall(state, method, request, principal);
    },
    endedTasks: () => ({ succeeded: 0, failed: 0 }),
    authorise: (_state, { user, role }, method) => {
      if (method !== "TerminateJob" || role === "admin") return null;
      return new CapstanError("FORBIDDEN", `${user} may not`);
    },
    principalOf: (state, hash) => state.tokens.get(hash) ?? null,
    budgetOf: (_state, user) => ({ user, ...budgetDefaults, weight: 3 }),
    logSources: () => ({ sources: [], open: false }),
    sessionOf: (state, clientId) => {
      const index = state.clients.indexOf(clientId);
      return index < 0 ? null : { index, jobId: `/toy/${index}`, sequence: state.log.length };
    },
    clientIdOf: (state, client) => state.clients[client],
    workerIdOf: (state, worker) => state.workers[worker],
    workerIndexOf: (state, id) => (state.workers.includes(id) ? state.workers.indexOf(id) : null),
    nextWorkerIndex: (state) => state.workers.length,
    admitWorker: () => null,
    step: (state, event) => {
      events.push(event);
      const { facts, sends } = react(state, event);
      for (const fact of facts) apply(state, fact);
      return { facts, sends };
    },
  };
}

function react(
  state: ToyState,
  event: ControllerEvent,
): { readonly facts: readonly ToyFact[]; readonly sends: readonly ControllerSend[] } {
  const none = { facts: [], sends: [] };
  switch (event.type) {
    case "client-connected": {
      if (state.clients.includes(event.clientId)) return none;
      const client = state.clients.length;
      const message = { type: "warning", code: "HELLO", message: "after the hello" } as const;
      return {
        facts: [{ type: "client", text: event.clientId }],
        sends: [{ type: "send-to-client", client, message }],
      };
    }
    case "client-messaged": {
      if (event.message.type !== "submit") return none;
      const { first, sequence } = event.message;
      if (first === poison) throw new InvariantError("no thirteen", ["it was thirteen"]);
      const { client } = event;
      if (first === flood) {
        const sends = floodOfResults.map((message) => {
          return { type: "send-to-client", client, message } as const;
        });
        return { facts: [], sends };
      }
      const message = { type: "accepted", sequence } as const;
      return {
        facts: [{ type: "log", text: `submit ${sequence}` }],
        sends: [{ type: "send-to-client", client, message }],
      };
    }
    case "worker-connected": {
      const known = state.workers.indexOf(event.hello.workerId);
      const worker = known < 0 ? state.workers.length : known;
      const message = { type: "forget", tasks: event.inventory.values, heard: 0 } as const;
      return {
        facts: known < 0 ? [{ type: "worker", text: event.hello.workerId }] : [],
        sends: [{ type: "send-to-worker", worker, message }],
      };
    }
    case "worker-messaged":
      return { facts: [{ type: "log", text: event.message.type }], sends: [] };
    case "api-called":
      return onCall(event);
    default:
      return none;
  }
}

/** The second name that a job is launched under breaks the toy's promise. */
export const poisonousJob = "/ann/thirteen";

/** Every change is answered with itself; the toy knows tokens by their note: their own hash. */
function onCall({ call, request, principal }: Extract<ControllerEvent, { type: "api-called" }>) {
  const reply = (result: unknown, error: CapstanError | null = null): ControllerSend => {
    return { type: "reply-to-call", call, result, error };
  };
  const log: ToyFact = { type: "log", text: `${request.type} by ${principal.user}` };
  switch (request.type) {
    case "launch-job":
      if (request.spec.jobId === poisonousJob) throw new InvariantError("no thirteen", ["job"]);
      return {
        facts: [log],
        sends: [reply({ jobId: request.spec.jobId, created: true, warnings: [] })],
      };
    case "create-token": {
      const { hash, user, role } = request;
      const granted: ToyFact = { type: "token", hash, principal: { user, role, jobId: "" } };
      return { facts: [log, granted], sends: [reply({ tokenId: request.tokenId })] };
    }
    case "revoke-token": {
      const ended: ToyFact = { type: "token", hash: request.tokenId, principal: null };
      return { facts: [ended], sends: [reply({ tokenId: request.tokenId })] };
    }
    case "terminate-job":
      return {
        facts: [],
        sends: [reply(null, new CapstanError("NOT_FOUND", `no job ${request.jobId}`))],
      };
    default:
      return { facts: [log], sends: [reply(request)] };
  }
}

export interface Running {
  readonly controller: ControllerProcess;
  readonly events: ControllerEvent[];
  readonly fatal: Promise<FatalEnd>;
}

const cleanups: (() => Promise<void> | void)[] = [];

/** Runs at the end of the test, last registered first. */
export function atEnd(cleanup: () => Promise<void> | void): void {
  cleanups.push(cleanup);
}

/** For `afterEach`. */
export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}

/** A controller with the small kernel, that serves. */
export async function start(options: Partial<ControllerOptions> = {}): Promise<Running> {
  const events: ControllerEvent[] = [];
  let controller: ControllerProcess | null = null;
  const fatal = new Promise<FatalEnd>((resolve, reject) => {
    startController(
      { listen: "127.0.0.1:0", ...options },
      {
        kernel: toyKernel(events),
        foldModule: new URL("none.ts", import.meta.url),
        logger: createLogger({ name: "test", level: "silent" }),
        onFatal: resolve,
      },
    ).then(async (started) => {
      controller = started;
      ready();
    }, reject);
  });
  let ready: () => void = () => undefined;
  const started = new Promise<void>((resolve) => {
    ready = resolve;
  });
  await Promise.race([started, fatal]);
  assert.ok(controller !== null);
  const running: ControllerProcess = controller;
  cleanups.push(() => running.close());
  return { controller: running, events, fatal };
}

export function dataDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "capstan-controller-"));
  cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export function aClient(clientId: string): ClientHello {
  return { role: "client", protocolVersion, clientId, user: "ann", clusterId: "" };
}

export function aWorker(overrides: Partial<WorkerHello> = {}): WorkerHello {
  return {
    role: "worker",
    protocolVersion,
    workerId: "w1",
    incarnation: "i1",
    clusterId: "",
    epoch: 0,
    address: "127.0.0.1:1",
    pid: 1,
    capacity: noResources,
    slots: 1,
    commandSlots: 1,
    attributes: {},
    ...overrides,
  };
}

export function aSubmit(sequence: number, first = 0): HotMessageOf<"submit"> {
  return {
    type: "submit",
    sequence,
    first,
    groupSpecs: new Uint32Array([0]),
    groupCounts: new Uint32Array([1]),
    args: blobsOf([new Uint8Array([1])]),
    dependencyCounts: new Uint32Array(0),
    dependencies: new Uint32Array(0),
    keys: [],
  };
}

export const anInventory: HotMessageOf<"inventory"> = {
  type: "inventory",
  attempts: new Float64Array(0),
  attemptTasks: new Float64Array(0),
  phases: new Uint8Array(0),
  values: new Float64Array([7]),
  valueSizes: new Float64Array([1]),
};

export const aHeartbeat: HotMessageOf<"heartbeat"> = {
  type: "heartbeat",
  applied: 0,
  sent: 0,
  attemptsDigest: 0,
  valuesDigest: 0,
  ...noMemory,
  valueBytes: 0,
};

/** A peer that keeps what it hears. */
export class Peer {
  readonly heard: Message[] = [];
  readonly stream: MessageStream;
  readonly index: number;
  closed = false;
  #wake: () => void = () => undefined;

  constructor(stream: MessageStream, index: number) {
    this.stream = stream;
    this.index = index;
    stream.onMessages = (messages) => {
      this.heard.push(...messages);
      this.#wake();
    };
    stream.onClose = () => {
      this.closed = true;
      this.#wake();
    };
    cleanups.push(() => stream.destroy());
  }

  static async connect(url: string, hello: ClientHello | WorkerHello, token?: string) {
    const { stream, hello: answer } = await connectStream({ url, hello, token, timeoutMs: 5000 });
    return new Peer(stream, answer.index);
  }

  async until(condition: (peer: Peer) => boolean): Promise<void> {
    while (!condition(this)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  types(): string[] {
    return this.heard.map(({ type }) => type);
  }
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export async function ask(
  url: string,
  path: string,
  options: { method?: string; headers?: { [name: string]: string }; body?: string | Buffer } = {},
): Promise<Answer> {
  const { method = "GET", headers = {}, body } = options;
  const request = httpRequest(new URL(path, url), { method, headers, agent: false });
  request.end(body);
  const [response] = await once(request, "response");
  let text = "";
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode, body: text };
}
