/**
 * Who may do what: every method, every route and every message of a stream, for every role and for
 * nobody. What is new and in no table fails here.
 *
 * @module
 */

import assert from "node:assert/strict";
import { afterEach, before, describe, it } from "node:test";
import {
  aClient,
  ask,
  aWorker,
  cleanUp,
  Peer,
  type Running,
  start,
} from "../../../test/shell/toy-controller.ts";
import { type Role, roles } from "../../model/job.ts";
import type { ClientMessage, WorkerMessage } from "../../protocol/messages.ts";
import { createApiApp } from "../api/http-api.ts";
import { routeAccess, streamAccess } from "../api/route-access.ts";
import { type MethodName, methodNames, methods, type Requests } from "../api/schemas.ts";

type Caller = Role | "nobody";
const callers: readonly Caller[] = [...roles, "nobody"];

const readers: readonly Role[] = ["admin", "user", "viewer"];
const writers: readonly Role[] = ["admin", "user"];

/** What is meant, said a second time and not read off the table. */
const expectedAccess: { readonly [Name in MethodName]: readonly Role[] } = {
  LaunchJob: writers,
  GetJobStatus: readers,
  ListJobs: readers,
  TerminateJob: writers,
  RetryJob: writers,
  RetryTask: writers,
  ReportProgress: writers,
  GetTaskStack: writers,
  GetTaskStatus: readers,
  ListTasks: readers,
  ListWorkers: readers,
  GetWorkerStatus: readers,
  DrainWorker: ["admin"],
  CordonWorker: ["admin"],
  FetchLogs: readers,
  GetSchedulerState: readers,
  GetOverview: readers,
  GetQueue: readers,
  GetTaskGrid: readers,
  GetJobResults: readers,
  GetGraph: readers,
  GetTaskStream: readers,
  Explain: readers,
  GetStory: readers,
  ListEvents: readers,
  GetDoctorReport: readers,
  Repair: ["admin"],
  RestartCluster: ["admin"],
  RebalanceValues: ["admin"],
  ListUsers: readers,
  SetUserBudget: ["admin"],
  CreateToken: writers,
  RevokeToken: writers,
  ListTokens: readers,
  WhoAmI: roles,
  RegisterEndpoint: writers,
  UnregisterEndpoint: writers,
  ListEndpoints: readers,
  ListPublishedValues: readers,
  UnpublishValue: writers,
  ReplicateValue: writers,
  ListLocks: readers,
  GetClusterInfo: readers,
  GetTaskCredentials: ["admin", "worker"],
  ReportWorkerExit: ["admin", "worker"],
};

const requests: Requests = {
  LaunchJob: { name: "a", command: { argv: ["true"] } },
  GetJobStatus: { jobId: "/a/b" },
  ListJobs: {},
  TerminateJob: { jobId: "/a/b" },
  RetryJob: { jobId: "/a/b" },
  RetryTask: { taskId: "/a/b/0" },
  ReportProgress: { taskId: "/a/b/0", attemptId: "1.1", fraction: 0.5 },
  GetTaskStack: { taskId: "/a/b/0" },
  GetTaskStatus: { taskId: "/a/b/0" },
  ListTasks: {},
  ListWorkers: {},
  GetWorkerStatus: { workerId: "w" },
  DrainWorker: { workerId: "w" },
  CordonWorker: { workerId: "w" },
  FetchLogs: { jobId: "/a/b" },
  GetSchedulerState: {},
  GetOverview: {},
  GetQueue: {},
  GetTaskGrid: { jobId: "/a/b" },
  GetJobResults: { jobId: "/a/b" },
  GetGraph: { jobId: "/a/b" },
  GetTaskStream: {},
  Explain: { id: "/a/b" },
  GetStory: { id: "/a/b/0" },
  ListEvents: {},
  GetDoctorReport: {},
  Repair: {},
  RestartCluster: {},
  ListUsers: {},
  SetUserBudget: { user: "a" },
  CreateToken: { user: "a", role: "user" },
  RevokeToken: { tokenId: "t" },
  ListTokens: {},
  WhoAmI: {},
  RegisterEndpoint: {
    ...{ endpointId: "e", name: "n", address: "h:1", taskId: "/a/b/0", attemptId: "1.1" },
  },
  UnregisterEndpoint: { endpointId: "e" },
  ListEndpoints: {},
  ListPublishedValues: {},
  UnpublishValue: { name: "n" },
  ReplicateValue: { taskId: "/a/b/0", copies: 2 },
  RebalanceValues: {},
  ListLocks: {},
  GetClusterInfo: {},
  GetTaskCredentials: { attemptId: "1.1" },
  ReportWorkerExit: { workerId: "w", incarnation: "i" },
};

/** A controller that demands a token, and the secret of each role. */
async function guarded(): Promise<{ running: Running; secrets: Map<Caller, string> }> {
  const running = await start({ token: "root" });
  const secrets = new Map<Caller, string>();
  for (const role of roles) {
    const { body } = await ask(running.controller.url, "/v1/rpc/CreateToken", {
      method: "POST",
      headers: { authorization: "Bearer root" },
      body: JSON.stringify({ user: "ann", role }),
    });
    secrets.set(role, JSON.parse(body).token);
  }
  return { running, secrets };
}

function headersOf(secret: string | undefined): { [name: string]: string } {
  return secret === undefined ? {} : { authorization: `Bearer ${secret}` };
}

describe("every method", () => {
  afterEach(cleanUp);

  it("answers the roles that its entry names, and refuses all others and nobody", async () => {
    const { running, secrets } = await guarded();
    assert.deepEqual(new Set(methodNames), new Set(Object.keys(expectedAccess)));
    for (const method of methodNames) {
      for (const caller of callers) {
        const { status, body } = await ask(running.controller.url, `/v1/rpc/${method}`, {
          method: "POST",
          headers: headersOf(secrets.get(caller)),
          body: JSON.stringify(requests[method]),
        });
        const code = JSON.parse(body).error?.code ?? "OK";
        const cell = `${method} by ${caller}: ${status} ${body}`;
        if (caller === "nobody") assert.equal(code, "UNAUTHENTICATED", cell);
        else if (!expectedAccess[method].includes(caller)) assert.equal(code, "FORBIDDEN", cell);
        else if (method === "TerminateJob" && caller === "user") {
          assert.match(body, /ann may not/, cell); // The kernel has its say besides the role.
        } else assert.ok(code !== "UNAUTHENTICATED" && code !== "FORBIDDEN", cell);
      }
    }
  });

  it("is refused over a stream as it is over HTTP", async () => {
    const { running, secrets } = await guarded();
    const peer = await Peer.connect(running.controller.url, aClient("u"), secrets.get("user"));
    for (const [id, method] of methodNames.entries()) {
      peer.stream.send({ type: "call", id, method, request: requests[method] });
    }
    const repliesOf = () => peer.heard.filter((message) => message.type === "reply");
    await peer.until(() => repliesOf().length === methodNames.length);
    for (const { id, error } of repliesOf()) {
      const method = methodNames[id];
      if (method === "TerminateJob") continue;
      const isRefused = error?.code === "FORBIDDEN";
      assert.equal(isRefused, !methods[method].access.includes("user"), method);
    }
  });
});

describe("every route", () => {
  afterEach(cleanUp);

  const bundle = `/v1/bundles/${"0".repeat(64)}`;
  const everybody: readonly Caller[] = callers;
  const expectedRoutes: { readonly [route: string]: readonly Caller[] } = {
    "GET /": everybody,
    "GET /healthz": everybody,
    "GET /readyz": everybody,
    "GET /v1/openapi.json": everybody,
    "GET /metrics": readers,
    "GET /v1/events": readers,
    "POST /v1/rpc/:method": roles,
    "GET /v1/bundles/:hash": ["admin", "user", "worker"],
    "PUT /v1/bundles/:hash": writers,
    "GET /v1/dump": ["admin"],
  };

  it("that is registered has an entry in the table, and each entry a route", () => {
    const app = createApiApp({} as never);
    const registered = app.routes.filter(({ path }) => path !== "/*");
    const names = new Set(registered.map(({ method, path }) => `${method} ${path}`));
    assert.deepEqual(names, new Set(Object.keys(routeAccess)));
    assert.deepEqual(names, new Set(Object.keys(expectedRoutes)));
  });

  it("lets in whom its entry names, and refuses all others", async () => {
    const { running, secrets } = await guarded();
    for (const [route, allowed] of Object.entries(expectedRoutes)) {
      const [method, pattern] = route.split(" ");
      const path = pattern.replace(":method", "WhoAmI").replace("/v1/bundles/:hash", bundle);
      for (const caller of callers) {
        const { status } = await ask(running.controller.url, path, {
          method,
          headers: headersOf(secrets.get(caller)),
          ...(method === "GET" ? {} : { body: "{}" }),
        });
        const refused = caller === "nobody" ? 401 : 403;
        const cell = `${route} by ${caller}: ${status}`;
        assert.equal(status === refused, !allowed.includes(caller), cell);
        assert.ok(status === refused || (status !== 401 && status !== 403), cell);
      }
    }
  });

  it("that does not exist says so only to those who are known", async () => {
    const { running, secrets } = await guarded();
    const { url } = running.controller;
    assert.equal((await ask(url, "/nowhere")).status, 401);
    const headers = headersOf(secrets.get("viewer"));
    assert.equal((await ask(url, "/nowhere", { headers })).status, 404);
    for (const [method, path] of [
      ["DELETE", bundle],
      ["GET", "/v1/rpc/WhoAmI"],
      ["PUT", "/metrics"],
      ["POST", "/"],
    ]) {
      assert.equal((await ask(url, path, { method, headers })).status, 404, `${method} ${path}`);
    }
  });
});

describe("every message of a stream", () => {
  let table: readonly { readonly peer: "client" | "worker"; readonly type: string }[];

  before(() => {
    // A new kind of message does not compile until somebody says here who may send it.
    const client: { readonly [T in ClientMessage["type"]]: "client" } = {
      "close-session": "client",
      "define-spec": "client",
      call: "client",
      cancel: "client",
      detach: "client",
      replicate: "client",
      "restart-session": "client",
      "fetch-published": "client",
      lock: "client",
      publish: "client",
      release: "client",
      "renew-locks": "client",
      retry: "client",
      submit: "client",
      unlock: "client",
      want: "client",
    };
    const worker: { readonly [T in WorkerMessage["type"]]: "worker" } = {
      "attempt-failed": "worker",
      "attempt-measured": "worker",
      "attempt-prepared": "worker",
      emptying: "worker",
      health: "worker",
      heartbeat: "worker",
      traffic: "worker",
      progress: "worker",
      inventory: "worker",
      leaving: "worker",
      reports: "worker",
    };
    table = Object.entries({ ...client, ...worker }).map(([type, peer]) => ({ type, peer }));
  });
  afterEach(cleanUp);

  it("needs the role of its side, which is asked before anything is heard", async () => {
    const { running, secrets } = await guarded();
    const { url } = running.controller;
    const expected = { client: writers, worker: ["admin", "worker"] as readonly Role[] };
    assert.deepEqual(streamAccess, expected);
    for (const { peer, type } of table) {
      for (const caller of callers) {
        const hello =
          peer === "client" ? aClient(`${type}-${caller}`) : aWorker({ workerId: type });
        const opening = Peer.connect(url, hello, secrets.get(caller));
        if (caller === "nobody") await assert.rejects(opening, { code: "UNAUTHENTICATED" });
        else if (expected[peer].includes(caller)) (await opening).stream.destroy();
        else await assert.rejects(opening, { code: "FORBIDDEN" }, `${type} by ${caller}`);
      }
    }
    const heard = running.events.filter(({ type }) => type.endsWith("-messaged"));
    assert.deepEqual(heard, []);
  });

  it("of the other side cuts the connection, whatever the role", async () => {
    const { running, secrets } = await guarded();
    const { url } = running.controller;
    for (const secret of [secrets.get("admin"), "root"]) {
      const client = await Peer.connect(url, aClient("two-faced"), secret);
      client.stream.send({ type: "leaving" });
      await client.until(({ closed }) => closed);
      const worker = await Peer.connect(url, aWorker(), secret);
      worker.stream.send({ type: "call", id: 1, method: "WhoAmI", request: {} });
      await worker.until(({ closed }) => closed);
    }
  });
});
