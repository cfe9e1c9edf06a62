/**
 * Calls of the API over HTTP and over streams: which way they take, what is refused with which
 * code, and that an answer leaves only when it is durable.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { afterEach, describe, it } from "node:test";
import {
  aClient,
  ask,
  cleanUp,
  dataDirectory,
  Peer,
  poisonousJob,
  type Running,
  start,
} from "../../../test/shell/toy-controller.ts";
import { errorRegistry } from "../../model/errors.ts";
import { requestBytesMax } from "../api/limits.ts";

afterEach(cleanUp);

interface Reply {
  readonly status: number;
  readonly body: {
    readonly error?: { readonly code: string; readonly message: string; readonly details: object };
    readonly [field: string]: unknown;
  };
}

async function call(
  { controller }: Running,
  method: string,
  request: unknown = {},
  headers: { [name: string]: string } = {},
): Promise<Reply> {
  const body = typeof request === "string" ? request : JSON.stringify(request);
  const path = `/v1/rpc/${method}`;
  const answer = await ask(controller.url, path, { method: "POST", headers, body });
  return { status: answer.status, body: JSON.parse(answer.body) };
}

function bearer(token: unknown): { [name: string]: string } {
  return { authorization: `Bearer ${token}` };
}

const aJob = { name: "train", command: { argv: ["true"] } };

describe("a change through the API", () => {
  it("goes to the kernel as an event, with whoever asks for it", async () => {
    const running = await start();
    const ann = { "x-capstan-user": "ann" };
    const { status, body } = await call(running, "LaunchJob", aJob, ann);
    assert.deepEqual([status, body], [200, { jobId: "/ann/train", created: true, warnings: [] }]);
    const event = running.events.at(-1);
    assert.ok(event?.type === "api-called" && event.request.type === "launch-job");
    assert.deepEqual(event.principal, { user: "ann", role: "admin", jobId: "" });
    assert.match(event.request.token, /^cst_[\w-]{43}$/);
    assert.match(event.request.tokenHash, /^[0-9a-f]{64}$/);
  });

  it("that was answered survives a restart", async () => {
    const dataDir = dataDirectory();
    const first = await start({ dataDir });
    await call(first, "CordonWorker", { workerId: "w1" }, { "x-capstan-user": "ann" });
    await first.controller.close();
    const second = await start({ dataDir });
    const { body } = await call(second, "ListEvents");
    assert.deepEqual(body, { log: ["cordon-worker by ann"] });
  });

  it("takes the same way over a stream", async () => {
    const { controller, events } = await start();
    const peer = await Peer.connect(controller.url, aClient("c"));
    peer.stream.send({ type: "call", id: 5, method: "LaunchJob", request: aJob });
    peer.stream.send({ type: "call", id: 6, method: "TerminateJob", request: { jobId: "/a/b" } });
    await peer.until(({ heard }) => heard.length === 3);
    assert.deepEqual(peer.heard.slice(1), [
      {
        type: "reply",
        id: 5,
        result: { jobId: "/ann/train", created: true, warnings: [] },
        error: null,
      },
      {
        type: "reply",
        id: 6,
        result: null,
        error: { code: "NOT_FOUND", message: "no job /a/b", details: {} },
      },
    ]);
    assert.equal(events.filter(({ type }) => type === "api-called").length, 2);
  });

  it("has its durations, defaults and amounts in the kernel's units", async () => {
    const running = await start();
    await call(running, "DrainWorker", { workerId: "w", deadline: "2s" });
    await call(running, "SetUserBudget", { user: "ann", bandMax: "BATCH", cap: { diskBytes: 5 } });
    await call(running, "RegisterEndpoint", {
      ...{ endpointId: "e", name: "web", address: "h:1", taskId: "/a/b/0", attemptId: "1.1" },
      lease: "5s",
    });
    const requests = running.events.flatMap((event) => {
      return event.type === "api-called" ? [event.request] : [];
    });
    assert.deepEqual(requests, [
      { type: "drain-worker", workerId: "w", drain: true, deadlineMs: 2_000 },
      {
        type: "set-user-budget",
        budget: {
          user: "ann",
          weight: 3, // What was set before stays.
          budget: 0,
          bandMax: "batch",
          cap: { cpuMilli: 0, memoryBytes: 0, diskBytes: 5, devices: [], custom: {} },
          activeTasksMax: 2_000_000,
        },
      },
      {
        ...{ type: "register-endpoint", endpointId: "e", name: "web", address: "h:1" },
        ...{ taskId: "/a/b/0", attemptId: "1.1", leaseMs: 5_000, metadata: {} },
      },
    ]);
  });

  it("that stops the controller is answered with an id, then refused after two stops", async () => {
    const dataDir = dataDirectory();
    const poisonous = { ...aJob, name: poisonousJob };
    for (let stop = 0; stop < 2; stop++) {
      const running = await start({ dataDir });
      const { status, body } = await call(running, "LaunchJob", poisonous);
      assert.deepEqual([status, body.error?.code], [500, "BUG"]);
      assert.equal((await running.fatal).exitCode, 70);
      await running.controller.close();
    }
    const { body } = await call(await start({ dataDir }), "LaunchJob", poisonous);
    assert.match(body.error?.message ?? "", /stopped the controller before and is refused/);
  });
});

describe("a read through the API", () => {
  it("says of which controller it is and how far the journal was", async () => {
    const running = await start({ dataDir: dataDirectory() });
    await call(running, "CordonWorker", { workerId: "w1" });
    const response = await fetch(`${running.controller.url}/v1/rpc/ListEvents`, { method: "POST" });
    assert.equal(response.headers.get("x-capstan-epoch"), "1");
    assert.ok(Number(response.headers.get("x-capstan-sequence")) >= 1);
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    assert.equal(response.headers.get("cache-control"), "no-store");
  });

  it("reaches the kernel parsed: checked, and without what it leaves out", async () => {
    const running = await start();
    const { body } = await call(running, "ListJobs", { pageSize: 7, filter: { user: "ann" } });
    assert.deepEqual(body, {
      method: "ListJobs",
      request: { pageSize: 7, filter: { user: "ann" } },
    });
  });

  it("that breaks a promise is answered with an id and neither stack nor story", async () => {
    const { status, body } = await call(await start(), "GetTaskStatus", { taskId: "/a/b/0" });
    assert.equal(status, 500);
    assert.equal(body.error?.code, "BUG");
    assert.match(JSON.stringify(body.error?.details), /"correlationId":"[0-9a-f-]{36}"/);
    assert.doesNotMatch(JSON.stringify(body), /secret story|no task|\.ts/);
  });
});

describe("a request that cannot be", () => {
  it("is refused with the status of its code and the field", async () => {
    const running = await start();
    const cases: readonly [string, unknown, number, string, RegExp][] = [
      ["Nothing", {}, 404, "NOT_FOUND", /no method "Nothing"; GET/],
      ["listworkers", {}, 404, "NOT_FOUND", /did you mean ListWorkers\?/],
      ["__proto__", {}, 404, "NOT_FOUND", /no method/],
      ["constructor", {}, 404, "NOT_FOUND", /no method/],
      ["LogSources", {}, 404, "NOT_FOUND", /no method/],
      ["ListWorkers", { pageSise: 1 }, 400, "INVALID_ARGUMENT", /^pageSise: .*"pageSize"\?/],
      ["ListWorkers", "{", 400, "INVALID_ARGUMENT", /not JSON/],
      ["ListWorkers", "[]", 400, "INVALID_ARGUMENT", /^request: .* is not an object/],
      ["LaunchJob", { name: "a" }, 400, "INVALID_SPEC", /^command: is missing/],
      ["LaunchJob", { ...aJob, replicas: 0 }, 400, "INVALID_SPEC", /^replicas: 0/],
      ["LaunchJob", { ...aJob, timeout: "soon" }, 400, "INVALID_ARGUMENT", /^timeout: "soon"/],
    ];
    for (const [method, request, status, code, message] of cases) {
      const reply = await call(running, method, request);
      assert.deepEqual([reply.status, reply.body.error?.code], [status, code], method);
      assert.match(reply.body.error?.message ?? "", message);
    }
    assert.equal(errorRegistry.INVALID_SPEC.httpStatus, 400);
    assert.ok(!running.events.some(({ type }) => type === "api-called"));
  });

  it("is heard to be too large by whoever sends it, and the next one is served", async () => {
    const running = await start();
    const exact = { ...aJob, name: "x".repeat(requestBytesMax) };
    const { status, body } = await call(running, "LaunchJob", exact);
    assert.deepEqual([status, body.error?.code], [400, "INVALID_ARGUMENT"]);
    assert.match(body.error?.message ?? "", /larger than 1048576 bytes/);
    assert.equal((await call(running, "ListWorkers")).status, 200);
  });

  it("is refused when it is not UTF-8, and on a path that only looks like one", async () => {
    const { controller } = await start();
    const body = Buffer.from([0x7b, 0xff, 0x7d]);
    const path = "/v1/rpc/ListWorkers";
    assert.equal((await ask(controller.url, path, { method: "POST", body })).status, 400);
    for (const other of ["/v1/rpc/", "/v1/rpc/ListWorkers/x", "/v1/rpc//ListWorkers", "/v1/rpc"]) {
      assert.equal((await ask(controller.url, other, { method: "POST" })).status, 404, other);
    }
    const encoded = await ask(controller.url, "/v1/rpc/List%57orkers", { method: "POST" });
    assert.equal(encoded.status, 200);
  });

  it("with a host that is no host, or none, is refused", async () => {
    const { controller } = await start();
    for (const host of ["evil example", "a@b", "::"]) {
      const { status, body } = await ask(controller.url, "/", { headers: { Host: host } });
      assert.ok(status === 400 || status === 403, host);
      assert.ok(["INVALID_ARGUMENT", "FORBIDDEN"].includes(JSON.parse(body).error.code));
    }
  });
});

describe("a token", () => {
  it("speaks for its user and role, and never works again when it was revoked", async () => {
    const running = await start({ token: "root" });
    const made = await call(running, "CreateToken", { user: "ann", role: "user" }, bearer("root"));
    const { token, tokenId } = made.body;
    assert.match(String(token), /^cst_[\w-]{43}$/);
    assert.match(String(tokenId), /^t-[0-9a-f]{18}$/);
    const who = await call(running, "WhoAmI", {}, bearer(token));
    assert.deepEqual(who.body, { user: "ann", role: "user", jobId: "" });
    // The toy knows tokens by their hash.
    const created = running.events.flatMap((event) =>
      event.type === "api-called" && event.request.type === "create-token" ? [event.request] : [],
    );
    assert.equal(created.length, 1);
    assert.ok(!JSON.stringify(created).includes(String(token)));
    await call(running, "RevokeToken", { tokenId: created[0].hash }, bearer("root"));
    assert.equal((await call(running, "WhoAmI", {}, bearer(token))).status, 401);
  });

  it("that is not good is refused also where none is needed", async () => {
    const running = await start();
    assert.equal((await call(running, "WhoAmI")).status, 200);
    const { status, body } = await call(running, "WhoAmI", {}, bearer("cst_old"));
    assert.deepEqual([status, body.error?.code], [401, "UNAUTHENTICATED"]);
  });

  it("is demanded as `Bearer`, and the answer says so", async () => {
    const { controller } = await start({ token: "root" });
    const response = await fetch(`${controller.url}/v1/rpc/WhoAmI`, { method: "POST" });
    assert.equal(response.status, 401);
    assert.equal(response.headers.get("www-authenticate"), "Bearer");
    await response.text();
  });

  it("decides whose session a stream is, and cuts it when it is revoked", async () => {
    const running = await start({ token: "root" });
    const { url } = running.controller;
    const made = await call(running, "CreateToken", { user: "bob", role: "user" }, bearer("root"));
    const peer = await Peer.connect(url, aClient("c"), String(made.body.token));
    const connected = running.events.find(({ type }) => type === "client-connected");
    assert.ok(connected?.type === "client-connected");
    assert.equal(connected.user, "bob");
    peer.stream.send({ type: "call", id: 1, method: "WhoAmI", request: {} });
    await peer.until(({ heard }) => heard.length === 2);
    const created = running.events.findLast((event) => event.type === "api-called");
    assert.ok(created?.type === "api-called" && created.request.type === "create-token");
    await call(running, "RevokeToken", { tokenId: created.request.hash }, bearer("root"));
    await peer.until(({ closed }) => closed);
  });

  it("of another user does not take a session over", async () => {
    const running = await start({ token: "root" });
    const { url } = running.controller;
    await Peer.connect(url, aClient("c"), "root");
    const made = await call(running, "CreateToken", { user: "bob", role: "user" }, bearer("root"));
    await assert.rejects(Peer.connect(url, aClient("c"), String(made.body.token)), {
      code: "FORBIDDEN",
    });
  });

  it("names its user by a header only when it may speak for any", async () => {
    const running = await start({ token: "root" });
    const header = { "x-capstan-user": "eve" };
    const made = await call(running, "CreateToken", { user: "bob", role: "user" }, bearer("root"));
    const asBob = await call(running, "WhoAmI", {}, { ...bearer(made.body.token), ...header });
    assert.equal(asBob.body.user, "bob");
    const asRoot = await call(running, "WhoAmI", {}, { ...bearer("root"), ...header });
    assert.deepEqual(asRoot.body, { user: "eve", role: "admin", jobId: "" });
    const wrong = { ...bearer("root"), "x-capstan-user": "a/b" };
    assert.equal((await call(running, "WhoAmI", {}, wrong)).status, 400);
  });

  it("never appears in what is kept of an event that stopped the controller", async () => {
    const dataDir = dataDirectory();
    const running = await start({ dataDir });
    const command = {
      argv: ["run", "--password", "canary"],
      env: { PLAIN: "canary" },
      stdin: "canary",
    };
    await call(running, "LaunchJob", { ...aJob, command, name: poisonousJob });
    await running.fatal;
    await running.controller.close();
    const texts = readdirSync(`${dataDir}/quarantine`).map((name) => {
      return readFileSync(`${dataDir}/quarantine/${name}`, "utf8");
    });
    assert.equal(texts.length, 1);
    assert.match(texts[0], /PLAIN/);
    assert.doesNotMatch(texts[0], /cst_|canary/);
  });
});

describe("numbers for Prometheus", () => {
  it("count calls by method and code, and never a name that somebody made up", async () => {
    const running = await start();
    await call(running, "ListWorkers");
    await call(running, "ListWorkers");
    await call(running, "TerminateJob", { jobId: "/a/b" });
    await call(running, "Madeup");
    const { status, body } = await ask(running.controller.url, "/metrics");
    assert.equal(status, 200);
    const lines = body.split("\n");
    for (const line of [
      'capstan_api_calls_total{method="ListWorkers",code="OK"} 2',
      'capstan_api_calls_total{method="TerminateJob",code="NOT_FOUND"} 1',
      'capstan_api_calls_total{method="unknown",code="NOT_FOUND"} 1',
      'capstan_tasks{state="PENDING"} 0',
      "# TYPE capstan_attempts_total counter",
    ]) {
      assert.ok(lines.includes(line), line);
    }
    assert.doesNotMatch(body, /Madeup/);
    for (const line of lines) assert.match(line, /^($|# (HELP|TYPE) |[a-z_]+(\{.*\})? [\d.e+-]+$)/);
  });
});

describe("a caller that has gone", () => {
  it("leaves nothing behind, and the controller serves others", async () => {
    const running = await start({ dataDir: dataDirectory() });
    const controllers = Array.from({ length: 20 }, () => new AbortController());
    const calls = controllers.map((controller) =>
      fetch(`${running.controller.url}/v1/rpc/CordonWorker`, {
        method: "POST",
        body: '{"workerId":"w"}',
        signal: controller.signal,
      }).catch(() => null),
    );
    for (const controller of controllers) controller.abort();
    await Promise.all(calls);
    // Its call was stepped after those that were given up.
    await call(running, "CordonWorker", { workerId: "w" });
    const { body } = await ask(running.controller.url, "/metrics");
    assert.match(body, /^capstan_open_changes 0$/m);
    assert.equal((await call(running, "ListWorkers")).status, 200);
  });
});
