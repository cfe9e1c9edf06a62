/**
 * FetchLogs asks real listeners; a worker that cannot answer takes nothing from the others.
 *
 * @module
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, it } from "node:test";
import { atEnd, cleanUp } from "../../../test/shell/toy-controller.ts";
import type { LogSource } from "../../controller/log-sources.ts";
import { parseRequest } from "../api/parse-request.ts";
import type { LogPage } from "../data-plane/log-route.ts";
import { LogFetcher } from "./fetch-logs.ts";
import { logSourcesMax } from "./limits.ts";
import { WorkerHttp } from "./worker-http.ts";
import { WorkerLogs } from "./worker-logs.ts";

afterEach(cleanUp);

interface FakeWorker {
  readonly address: string;
  readonly asked: IncomingMessage[];
}

async function aLogWorker(
  answer: (url: URL, response: ServerResponse) => void,
): Promise<FakeWorker> {
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    asked.push(request);
    answer(new URL(request.url ?? "", "http://worker"), response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

function saying(...pages: readonly Partial<LogPage>[]): (url: URL, out: ServerResponse) => void {
  const left = [...pages];
  return (_url, response) => {
    const page = { lines: [], cursor: "0", droppedBytes: 0, complete: true, ...left.shift() };
    response.end(JSON.stringify(page));
  };
}

function line(atMs: number, text: string): LogPage["lines"][number] {
  return { atMs, stream: "stdout", text };
}

function aSource(attemptId: string, overrides: Partial<LogSource> = {}): LogSource {
  return {
    taskId: "/ann/train/0",
    attemptId,
    workerId: "w1",
    address: "127.0.0.1:1",
    ended: true,
    reachable: true,
    gone: false,
    reason: "",
    ...overrides,
  };
}

function fetcher(secret: string | null = null): LogFetcher {
  const http = new WorkerHttp(() => secret);
  atEnd(() => http.close());
  return new LogFetcher(new WorkerLogs(http), () => 60_000);
}

describe("the logs of several workers", () => {
  it("come in the order of their time, with what each line is of", async () => {
    const one = await aLogWorker(saying({ lines: [line(1_000, "a"), line(3_000, "c")] }));
    const two = await aLogWorker(saying({ lines: [line(2_000, "b")], droppedBytes: 5 }));
    const sources = [
      aSource("1.1", { address: one.address }),
      aSource("1.2", { address: two.address, workerId: "w2", taskId: "/ann/train/1" }),
    ];
    const answer = await fetcher().fetch(parseRequest("FetchLogs", {}), { sources, open: false });
    assert.deepEqual(
      answer.lines.map(({ text }) => text),
      ["a", "b", "c"],
    );
    assert.deepEqual(answer.lines[1], {
      taskId: "/ann/train/1",
      attemptId: "1.2",
      at: "1970-01-01T00:00:02.000Z",
      stream: "stdout",
      text: "b",
    });
    const { droppedBytes, complete, unavailable } = answer;
    assert.deepEqual([droppedBytes, complete, unavailable], [5, true, []]);
  });

  it("are not complete while something may still come", async () => {
    const worker = await aLogWorker(saying({ cursor: "9", complete: false }));
    const running = [aSource("1.1", { address: worker.address, ended: false })];
    const logs = fetcher();
    const request = parseRequest("FetchLogs", {});
    assert.equal((await logs.fetch(request, { sources: running, open: true })).complete, false);
    assert.equal((await logs.fetch(request, { sources: [], open: true })).complete, false);
    assert.equal((await logs.fetch(request, { sources: [], open: false })).complete, true);
  });

  it("are asked for as the caller asked, with the worker's own secret", async () => {
    const worker = await aLogWorker(saying());
    const request = parseRequest("FetchLogs", {
      tail: 7,
      since: "1970-01-01T00:00:05Z",
      substring: "a b&c",
      streams: ["stderr"],
    });
    const sources = [aSource("1.1", { address: worker.address })];
    await fetcher("its-own").fetch(request, { sources, open: false });
    const [{ url, headers }] = worker.asked;
    assert.equal(url, "/v1/logs/1.1?maxLines=7&tail=7&since=5000&substring=a+b%26c&stream=stderr");
    assert.equal(headers.authorization, "Bearer its-own");
  });

  it("of the last ten seconds are those by the clock of the cluster", async () => {
    const worker = await aLogWorker(saying());
    const request = parseRequest("FetchLogs", { since: "10s" });
    const sources = [aSource("1.1", { address: worker.address })];
    await fetcher().fetch(request, { sources, open: false });
    assert.match(String(worker.asked[0].url), /&since=50000&/);
  });

  it("go on where the cursor says, and ask no more for what was read to its end", async () => {
    const pages = saying(
      { lines: [line(1, "a")], cursor: "5", complete: false },
      { lines: [line(2, "b")], cursor: "6", complete: true },
    );
    const worker = await aLogWorker(pages);
    const selection = { sources: [aSource("1.1", { address: worker.address })], open: false };
    const logs = fetcher();
    const seen = [];
    let cursor = "";
    for (let round = 0; round < 3; round++) {
      const answer = await logs.fetch(parseRequest("FetchLogs", { cursor }), selection);
      seen.push([answer.lines.map(({ text }) => text).join(), answer.complete]);
      cursor = answer.cursor;
    }
    assert.deepEqual(seen, [
      ["a", false],
      ["b", true],
      ["", true],
    ]);
    assert.equal(worker.asked.length, 2);
    assert.match(worker.asked[1].url ?? "", /cursor=5/);
  });
});

describe("a worker that cannot answer", () => {
  it("is named with the reason, and the others' lines come all the same", async () => {
    const well = await aLogWorker(saying({ lines: [line(1, "here")] }));
    const broken = await aLogWorker((_url, response) => response.end("<html>"));
    const silent = await aLogWorker((_url, response) => response.destroy());
    const empty = await aLogWorker((_url, response) => response.writeHead(404).end("{}"));
    const lost = { reachable: false, gone: true, reason: "worker w5 is lost: silent" };
    const sources = [
      aSource("1.1", { address: well.address }),
      aSource("1.2", { address: broken.address, workerId: "w2" }),
      aSource("1.3", { address: silent.address, workerId: "w3" }),
      aSource("1.4", { address: empty.address, workerId: "w4" }),
      aSource("1.5", { workerId: "w5", ...lost }),
    ];
    const answer = await fetcher().fetch(parseRequest("FetchLogs", {}), { sources, open: false });
    assert.equal(answer.lines.length, 1);
    const reasons = new Map(answer.unavailable.map(({ attemptId, reason }) => [attemptId, reason]));
    assert.deepEqual([...reasons.keys()].toSorted(), ["1.2", "1.3", "1.4", "1.5"]);
    assert.match(reasons.get("1.2") ?? "", /^worker w2 answered what is no log$/);
    assert.match(reasons.get("1.3") ?? "", /^worker w3 failed: socket hang up/);
    assert.equal(reasons.get("1.4"), "worker w4 has no log of it");
    assert.equal(reasons.get("1.5"), "worker w5 is lost: silent");
    const final = answer.unavailable.filter((one) => one.final).map(({ attemptId }) => attemptId);
    assert.deepEqual(final.toSorted(), ["1.4", "1.5"]);
    assert.equal(answer.complete, false, "the broken and the silent one may recover");
  });

  it("is asked once and not for each of its logs", async () => {
    const silent = await aLogWorker((_url, response) => response.destroy());
    const sources = ["1.1", "1.2", "1.3"].map((id) => aSource(id, { address: silent.address }));
    const answer = await fetcher().fetch(parseRequest("FetchLogs", {}), { sources, open: false });
    assert.deepEqual([answer.unavailable.length, silent.asked.length], [3, 1]);
  });

  it("for good does not keep a reader waiting for ever", async () => {
    const lost = { reachable: false, gone: true, reason: "worker w1 is lost: silent" };
    const selection = { sources: [aSource("1.1", lost)], open: false };
    const first = await fetcher().fetch(parseRequest("FetchLogs", {}), selection);
    assert.deepEqual([first.complete, first.unavailable.length], [true, 1]);
  });

  it("because its attempt has not written yet is no reason", async () => {
    const empty = await aLogWorker((_url, response) => response.writeHead(404).end("{}"));
    const sources = [aSource("1.1", { address: empty.address, ended: false })];
    const answer = await fetcher().fetch(parseRequest("FetchLogs", {}), { sources, open: true });
    assert.deepEqual([answer.complete, answer.unavailable], [false, []]);
  });
});

describe("a call for logs", () => {
  it("of more logs than the bound is refused with what to do", async () => {
    const sources = Array.from({ length: logSourcesMax + 1 }, (_, i) => aSource(`1.${i}`));
    await assert.rejects(fetcher().fetch(parseRequest("FetchLogs", {}), { sources, open: false }), {
      code: "INVALID_ARGUMENT",
      message: /at most 20000 at once: ask for one task/,
    });
  });
});
