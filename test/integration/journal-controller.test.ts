/**
 * The controller as a program, with the real kernel and a real disk, against a client and a worker
 * that only speak the protocol: what was acknowledged survives `kill -9`, and so do indices, jobs
 * and the work itself.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { afterEach, beforeEach, describe, it } from "node:test";
import { blobAt, blobsOf } from "../../src/base/blobs.ts";
import { defaultRequest } from "../../src/model/resources.ts";
import { specDefaults } from "../../src/model/spec.ts";
import {
  type ClientHello,
  type HotMessageOf,
  type Message,
  protocolVersion,
  reportKind,
  type WorkerHello,
} from "../../src/protocol/messages.ts";
import type { MessageStream } from "../../src/shell/transport/message-stream.ts";
import { connectStream } from "../../src/shell/transport/stream-client.ts";

type Child = ChildProcessByStdio<null, Readable, Readable>;

interface Program {
  readonly child: Child;
  readonly url: string;
  readonly epoch: number;
}

const entry = new URL("../../src/shell/controller-entry.ts", import.meta.url).pathname;
let dataDir = "";
const children: Child[] = [];
const streams: MessageStream[] = [];

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "capstan-controller-"));
});

afterEach(async () => {
  for (const stream of streams.splice(0)) stream.destroy();
  for (const child of children.splice(0)) {
    child.kill("SIGKILL");
    await ended(child);
  }
  rmSync(dataDir, { recursive: true, force: true });
});

async function ended(child: Child): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

function spawnController(options: object): Child {
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", entry, JSON.stringify(options)],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  children.push(child);
  return child;
}

async function startProgram(options: object = {}): Promise<Program> {
  const child = spawnController({ listen: "127.0.0.1:0", dataDir, logLevel: "warn", ...options });
  let said = "";
  child.stderr.on("data", (chunk) => {
    said += String(chunk);
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const { listening, epoch, pid } = JSON.parse(line);
    assert.equal(pid, child.pid);
    return { child, url: listening, epoch };
  }
  throw new Error(`the controller did not start: ${said}`);
}

async function refusedStart(options: object): Promise<{ code: number | null; error: string }> {
  const child = spawnController(options);
  let error = "";
  for await (const chunk of child.stderr) error += String(chunk);
  await ended(child);
  return { code: child.exitCode, error };
}

async function killed({ child }: Program): Promise<void> {
  child.kill("SIGKILL");
  await ended(child);
}

async function clusterInfo(url: string) {
  const response = await fetch(`${url}/v1/rpc/GetClusterInfo`, { method: "POST", body: "{}" });
  return (await response.json()) as { readonly taskStateCounts: { readonly PENDING: number } };
}

const client: ClientHello = {
  role: "client",
  protocolVersion,
  clientId: "client-1",
  user: "ann",
  clusterId: "",
};

const worker: WorkerHello = {
  role: "worker",
  protocolVersion,
  workerId: "w1",
  incarnation: "i1",
  clusterId: "",
  epoch: 0,
  address: "127.0.0.1:9",
  pid: 1,
  capacity: { ...defaultRequest, cpuMilli: 4000 },
  slots: 4,
  commandSlots: 8,
  attributes: {},
};

const nothingHeld: HotMessageOf<"inventory"> = {
  type: "inventory",
  attempts: new Float64Array(0),
  attemptTasks: new Float64Array(0),
  phases: new Uint8Array(0),
  values: new Float64Array(0),
  valueSizes: new Float64Array(0),
};

async function connected(url: string, hello: ClientHello | WorkerHello) {
  const { stream, hello: answer } = await connectStream({ url, hello, timeoutMs: 5000 });
  streams.push(stream);
  return { stream, answer };
}

/** Resolves with the first message of a type; what comes before it is dropped. */
function firstOf<T extends Message["type"]>(stream: MessageStream, type: T) {
  return new Promise<Extract<Message, { type: T }>>((resolve, reject) => {
    stream.onMessages = (messages) => {
      for (const message of messages) {
        if (message.type === type) resolve(message as Extract<Message, { type: T }>);
      }
    };
    stream.onClose = (error) => reject(error ?? new Error(`closed before ${type}`));
  });
}

function defineSpec(): Message {
  const run = {
    kind: "function",
    bundle: "0".repeat(64),
    functionName: "f",
    executor: "thread",
  } as const;
  const rest = { name: "f", resources: defaultRequest, constraints: [] };
  return { type: "define-spec", spec: 0, definition: { run, ...rest, ...specDefaults } };
}

function submit(sequence: number, first: number, count: number): HotMessageOf<"submit"> {
  return {
    type: "submit",
    sequence,
    first,
    groupSpecs: new Uint32Array([0]),
    groupCounts: new Uint32Array([count]),
    args: blobsOf(Array.from({ length: count }, () => new Uint8Array([1, 2, 3]))),
    dependencyCounts: new Uint32Array(0),
    dependencies: new Uint32Array(0),
    keys: [],
  };
}

/** The answer of a worker whose function returned 42 for every attempt. */
function finished({ attempts, tasks }: HotMessageOf<"compute">): HotMessageOf<"reports"> {
  const count = attempts.length;
  return {
    type: "reports",
    kinds: new Uint8Array(count).fill(reportKind.finished),
    attempts,
    tasks,
    reasons: new Uint8Array(count),
    successors: new Float64Array(count),
    others: new Float64Array(count),
    sizes: new Float64Array(count).fill(1),
    durations: new Uint32Array(count).fill(10),
    values: blobsOf(Array.from({ length: count }, () => new Uint8Array([42]))),
  };
}

describe("the controller program", () => {
  it("serves a submit from client to worker and back", async () => {
    const { url } = await startProgram();
    const { stream: workerStream } = await connected(url, worker);
    workerStream.send(nothingHeld);
    const { stream: clientStream, answer } = await connected(url, client);
    assert.equal(answer.jobId, "/ann/graph-1");
    clientStream.send(defineSpec());
    clientStream.send(submit(1, 0, 2));
    const results = firstOf(clientStream, "results");
    workerStream.send(finished(await firstOf(workerStream, "compute")));
    const { tasks, values } = await results;
    assert.deepEqual([...tasks], [0, 1]);
    assert.deepEqual(blobAt(values, 1), new Uint8Array([42]));
  });

  it("keeps every acknowledged submit through kill -9, and the client's place", async () => {
    const first = await startProgram();
    const { stream } = await connected(first.url, client);
    stream.send(defineSpec());
    for (let n = 0; n < 10; n++) stream.send(submit(n + 1, n * 100, 100));
    const accepted = new Promise<void>((resolve) => {
      stream.onMessages = (messages) => {
        for (const message of messages) {
          if (message.type === "accepted" && message.sequence === 10) resolve();
        }
      };
      stream.onClose = () => undefined;
    });
    await accepted;
    await killed(first);
    const second = await startProgram();
    assert.equal(second.epoch, 2);
    const info = await clusterInfo(second.url);
    assert.equal(info.taskStateCounts.PENDING, 1000);
    const { answer } = await connected(second.url, client);
    assert.deepEqual([answer.jobId, answer.sequence], ["/ann/graph-1", 10]);
  });

  it("hands work of before the kill to the worker that comes after it", async () => {
    const first = await startProgram();
    const before = await connected(first.url, client);
    before.stream.send(defineSpec());
    before.stream.send(submit(1, 0, 3));
    await firstOf(before.stream, "accepted");
    await killed(first);
    const second = await startProgram();
    const { stream } = await connected(second.url, worker);
    stream.send(nothingHeld);
    const compute = await firstOf(stream, "compute");
    assert.equal(compute.attempts.length, 3);
    assert.deepEqual(blobAt(compute.args, 0), new Uint8Array([1, 2, 3]));
  });

  it("ends with 0 on SIGTERM and closes its peers", async () => {
    const { child, url } = await startProgram();
    const { stream } = await connected(url, client);
    const closed = new Promise<Error | null>((resolve) => {
      stream.onClose = resolve;
    });
    stream.onMessages = () => undefined;
    child.kill("SIGTERM");
    assert.equal(await closed, null);
    await ended(child);
    assert.equal(child.exitCode, 0);
  });

  it("refuses a data directory that another one has, with exit code 4 and the pid", async () => {
    const { child } = await startProgram();
    const { code, error } = await refusedStart({ listen: "127.0.0.1:0", dataDir });
    assert.equal(code, 4);
    assert.equal(JSON.parse(error).error.code, "DATA_DIRECTORY_IN_USE");
    assert.match(JSON.parse(error).error.message, new RegExp(`process ${child.pid}:`));
  });

  it("refuses an unknown option, with exit code 2 and the known ones", async () => {
    const { code, error } = await refusedStart({ prot: 7070 });
    assert.equal(code, 2);
    assert.match(JSON.parse(error).error.message, /prot: no such option; known: listen, /);
  });

  it("refuses a damaged journal, with exit code 74 and what to do", async () => {
    const program = await startProgram();
    const { stream } = await connected(program.url, client);
    stream.send(defineSpec());
    stream.send(submit(1, 0, 1));
    await firstOf(stream, "accepted");
    await killed(program);
    const { DatabaseSync } = await import("node:sqlite");
    const database = new DatabaseSync(join(dataDir, "journal.sqlite"));
    database.exec("UPDATE commits SET checksum = checksum + 1");
    database.close();
    const { code, error } = await refusedStart({ listen: "127.0.0.1:0", dataDir });
    assert.equal(code, 74);
    assert.match(JSON.parse(error).error.message, /facts 1 to \d+ do not match .* Restore/);
  });
});
