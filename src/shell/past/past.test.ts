/**
 * The past of a controller that serves: reads at an instant, by HTTP and by the stream of events.
 *
 * @module
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import WebSocket from "ws";
import { type LiveMessage, liveProtocol } from "../api/live-messages.ts";
import { runController } from "../controller-process/real-controller.ts";
import type { ControllerProcess } from "../controller-process/run-controller.ts";
import { type ReplayServer, serveJournal } from "./serve-journal.ts";

const options = { listen: "127.0.0.1:0", logLevel: "silent" } as const;

interface Answer {
  readonly status: number;
  readonly sequence: number;
  readonly at: string;
  readonly body: {
    readonly jobs?: readonly { readonly jobId: string; readonly state: string }[];
    readonly error?: { readonly code: string; readonly message: string };
    readonly [field: string]: unknown;
  };
}

async function ask(url: string, method: string, request: unknown, at?: unknown): Promise<Answer> {
  const query = at === undefined ? "" : `?at=${encodeURIComponent(String(at))}`;
  const response = await fetch(`${url}/v1/rpc/${method}${query}`, {
    method: "POST",
    headers: { "x-capstan-user": "ann" },
    body: JSON.stringify(request),
  });
  return {
    status: response.status,
    sequence: Number(response.headers.get("x-capstan-sequence")),
    at: response.headers.get("x-capstan-at") ?? "",
    body: (await response.json()) as Answer["body"],
  };
}

/** `name STATE` of each job then, the first submitted first. */
async function jobsAt(url: string, at?: unknown): Promise<string> {
  const { body } = await ask(url, "ListJobs", { orderBy: "submittedAt" }, at);
  assert.equal(body.error, undefined, body.error?.message);
  return (body.jobs ?? []).map(({ jobId, state }) => `${jobId} ${state}`).join(", ");
}

/** The first message about a subscription. */
async function told(url: string, message: object): Promise<LiveMessage> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/v1/events`, [liveProtocol]);
  await once(socket, "open");
  socket.send(JSON.stringify({ type: "subscribe", id: 1, ...message }));
  for (;;) {
    const [data] = await once(socket, "message");
    const heard = JSON.parse(String(data)) as LiveMessage;
    if (heard.type === "clock") continue;
    socket.terminate();
    return heard;
  }
}

const dataDir = mkdtempSync(join(tmpdir(), "capstan-past-"));
let controller: ControllerProcess;
let url: string;
/** After each of: launch a, launch b, terminate a. */
const sequences: number[] = [];

before(async () => {
  controller = await runController({ ...options, dataDir }, ({ error }) => {
    throw error;
  });
  url = controller.url;
  const command = { argv: ["true"] };
  for (const [method, request] of [
    ["LaunchJob", { name: "a", command }],
    ["LaunchJob", { name: "b", command }],
    ["TerminateJob", { jobId: "/ann/a", reason: "enough" }],
  ] as const) {
    sequences.push((await ask(url, method, request)).sequence);
  }
});

after(async () => {
  await controller.close();
  rmSync(dataDir, { recursive: true });
});

const [afterA, afterB, atEnd] = [
  "/ann/a PENDING",
  "/ann/a PENDING, /ann/b PENDING",
  "/ann/a KILLED, /ann/b PENDING",
];

describe("the past of a controller", () => {
  it("is what it was after each fact, forwards and backwards", async () => {
    assert.equal(await jobsAt(url, 0), "");
    assert.equal(await jobsAt(url, sequences[0]), afterA);
    assert.equal(await jobsAt(url, sequences[1]), afterB);
    assert.equal(await jobsAt(url, sequences[2]), atEnd);
    assert.equal(await jobsAt(url, sequences[0]), afterA, "back from the end");
    for (let sequence = 0; sequence <= sequences[2]; sequence++) {
      const then = await ask(url, "GetOverview", {}, sequence);
      assert.deepEqual([then.status, then.sequence], [200, sequence]);
    }
  });

  it("is found by its time too, and says which it was", async () => {
    const { at, sequence } = await ask(url, "ListJobs", {}, sequences[0]);
    assert.match(at, /^\d{4}-.*Z$/);
    const later = new Date(Date.parse(at) + 1).toISOString();
    const byTime = await ask(url, "ListJobs", {}, later);
    assert.ok(byTime.sequence >= sequence);
    assert.equal(await jobsAt(url, new Date(Date.now() + 60_000).toISOString()), atEnd);
  });

  it("is refused for what changes something, for no instant, and before it began", async () => {
    const codeOf = async (method: string, request: object, at: unknown) => {
      return (await ask(url, method, request, at)).body.error?.code;
    };
    assert.equal(await codeOf("CordonWorker", { workerId: "w" }, 1), "INVALID_ARGUMENT");
    assert.equal(await codeOf("ListJobs", {}, "yesterday"), "INVALID_ARGUMENT");
    assert.equal(await codeOf("ListJobs", {}, "2001-01-01T00:00:00Z"), "INVALID_ARGUMENT");
    assert.equal(await codeOf("GetJobStatus", { jobId: "/ann/b" }, sequences[0]), "NOT_FOUND");
    assert.equal(await codeOf("FetchLogs", { jobId: "/ann/b" }, 1), "INVALID_ARGUMENT");
  });

  it("is one value of a subscription", async () => {
    const heard = await told(url, { method: "ListJobs", at: sequences[0] });
    assert.ok(heard.type === "value" && heard.sequence === sequences[0]);
    assert.equal((heard.value as { totalCount: number }).totalCount, 1);
    const refused = await told(url, { method: "CordonWorker", at: 1 });
    assert.ok(refused.type === "error" && refused.error.code === "INVALID_ARGUMENT");
  });

  it("is not there without a journal on a disk", async () => {
    const forgetful = await runController(options, ({ error }) => {
      throw error;
    });
    const { status, body } = await ask(forgetful.url, "ListJobs", {}, 0);
    assert.deepEqual([status, body.error?.code], [400, "INVALID_ARGUMENT"]);
    assert.match(body.error?.message ?? "", /no past/);
    await forgetful.close();
  });
});

describe("a journal that is served", () => {
  let replay: ReplayServer;

  before(async () => {
    replay = await serveJournal({ file: join(dataDir, "journal.sqlite"), listen: "127.0.0.1:0" });
  });
  after(() => replay.close());

  it("answers as its controller did, at its end and at every instant", async () => {
    assert.equal(await jobsAt(replay.url), atEnd);
    assert.equal(await jobsAt(replay.url, sequences[0]), afterA);
    const heard = await told(replay.url, { method: "ListJobs" });
    assert.equal(heard.type, "value");
  });

  it("says that it is no present", async () => {
    const socket = new WebSocket(`${replay.url.replace("http", "ws")}/v1/events`, [liveProtocol]);
    const [data] = await once(socket, "message");
    const clock = JSON.parse(String(data)) as LiveMessage;
    assert.ok(clock.type === "clock" && !clock.live);
    assert.ok(clock.oldestSequence === 0 && clock.sequence >= sequences[2]);
    socket.terminate();
  });

  it("changes nothing", async () => {
    const { body } = await ask(replay.url, "TerminateJob", { jobId: "/ann/b" });
    assert.equal(body.error?.code, "INVALID_ARGUMENT");
    assert.equal(await jobsAt(replay.url), atEnd);
  });

  it("of a file that is none is refused", async () => {
    const none = { file: join(dataDir, "none.sqlite"), listen: "127.0.0.1:0" };
    await assert.rejects(serveJournal(none), { code: "NOT_FOUND" });
  });
});
