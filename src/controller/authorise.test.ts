/**
 * Who may do what: every method for every role, and every rule about whose it is.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  AccessScene,
  aHash,
  anEndpointRequest,
  aPrincipal,
  aTokenRequest,
} from "../../test/support/access-builders.ts";
import { aSpec } from "../../test/support/fake-client.ts";
import { budgetDefaults, type JobSpec, type Principal, roles } from "../model/job.ts";
import type { Band } from "../model/states.ts";
import { onCreateToken, onRegisterEndpoint, onRevokeToken } from "./access.ts";
import { authorise, authoriseRequest, methodRoles, principalOf } from "./authorise.ts";

const admin = aPrincipal("root", "admin");
const ann = aPrincipal("ann");
const train = aPrincipal("ann", "user", "/ann/train");

/** From the API's contract: admin, user, worker, viewer. */
const expected: { readonly [method: string]: string } = {
  LaunchJob: "au",
  TerminateJob: "au",
  RetryJob: "au",
  RetryTask: "au",
  GetTaskStack: "au",
  GetJobStatus: "auv",
  ListJobs: "auv",
  GetTaskStatus: "auv",
  ListTasks: "auv",
  ListWorkers: "auv",
  GetWorkerStatus: "auv",
  DrainWorker: "a",
  CordonWorker: "a",
  FetchLogs: "auv",
  GetSchedulerState: "auv",
  GetOverview: "auv",
  GetQueue: "auv",
  GetTaskGrid: "auv",
  GetJobResults: "auv",
  GetGraph: "auv",
  GetTaskStream: "auv",
  Explain: "auv",
  GetStory: "auv",
  ListEvents: "auv",
  GetDoctorReport: "auv",
  Repair: "a",
  RestartCluster: "a",
  RebalanceValues: "a",
  ListUsers: "auv",
  SetUserBudget: "a",
  CreateToken: "au",
  RevokeToken: "au",
  ListTokens: "auv",
  WhoAmI: "auwv",
  RegisterEndpoint: "au",
  UnregisterEndpoint: "au",
  ReportProgress: "au",
  ListEndpoints: "auv",
  GetClusterInfo: "auv",
  ListPublishedValues: "auv",
  ListLocks: "auv",
  UnpublishValue: "au",
  ReplicateValue: "au",
  GetTaskCredentials: "aw",
  ReportWorkerExit: "aw",
};

/** A request that its caller may make if the role may. */
const ownRequest = {
  name: "/ann/x",
  jobId: "/ann/x",
  taskId: "/ann/x/0",
  endpointId: "e1",
  tokenId: "t1",
  user: "ann",
  role: "user",
};

function codeOf(
  principal: Principal,
  method: string,
  request: { readonly [field: string]: unknown } = {},
  scene = new AccessScene(),
): string {
  return authorise(scene.state, principal, method, request)?.code ?? "ok";
}

function aSceneWithToken(): AccessScene {
  const scene = new AccessScene();
  const request = aTokenRequest();
  onCreateToken(scene.state, scene, { principal: admin, request, at: scene.at });
  return scene;
}

describe("roles", () => {
  test("every method is in the table, and no other", () => {
    assert.deepEqual(Object.keys(methodRoles).sort(), Object.keys(expected).sort());
  });

  for (const [method, letters] of Object.entries(expected)) {
    test(`${method} is for ${letters} and refused to others`, () => {
      for (const role of roles) {
        const code = codeOf(aPrincipal("ann", role), method, ownRequest, aSceneWithToken());
        assert.equal(code, letters.includes(role[0]) ? "ok" : "FORBIDDEN", role);
      }
    });
  }

  test("a method that is not in the table is refused to everybody", () => {
    for (const method of ["LogSources", "", "constructor", "__proto__", "launchJob"]) {
      for (const role of roles) assert.equal(codeOf(aPrincipal("ann", role), method), "FORBIDDEN");
    }
  });

  test("the token of a job has no business with tokens, workers or budgets", () => {
    for (const role of ["user", "admin"] as const) {
      const principal = aPrincipal("ann", role, "/ann/train");
      for (const method of [
        "CreateToken",
        "RevokeToken",
        "ListTokens",
        "SetUserBudget",
        "Repair",
        "RestartCluster",
      ]) {
        assert.equal(codeOf(principal, method, ownRequest), "FORBIDDEN", method);
      }
    }
  });
});

describe("launch", () => {
  const names: readonly (readonly [Principal, string, string])[] = [
    [ann, "/ann/x", "ok"],
    [ann, "x", "ok"],
    [ann, "/bob/x", "FORBIDDEN"],
    [ann, "/anna/x", "FORBIDDEN"],
    [ann, "/ann", "FORBIDDEN"],
    [admin, "/bob/x", "ok"],
    [train, "/ann/train/eval", "ok"],
    [train, "/ann/train", "FORBIDDEN"],
    [train, "/ann/trainer", "FORBIDDEN"],
    [train, "/ann/other", "FORBIDDEN"],
    [train, "eval", "FORBIDDEN"],
  ];

  for (const [principal, name, code] of names) {
    const who = principal.jobId === "" ? principal.user : principal.jobId;
    test(`of "${name}" by ${who}: ${code}`, () => {
      assert.equal(codeOf(principal, "LaunchJob", { name }), code);
    });
  }

  test("for somebody else is for administrators", () => {
    assert.equal(codeOf(ann, "LaunchJob", { name: "x", user: "bob" }), "FORBIDDEN");
    assert.equal(codeOf(ann, "LaunchJob", { name: "x", user: "ann" }), "ok");
    assert.equal(codeOf(admin, "LaunchJob", { name: "x", user: "bob" }), "ok");
  });

  test("in a band that is better than the user's best is refused, in any spelling", () => {
    const scene = new AccessScene();
    const budget = { user: "ann", ...budgetDefaults, bandMax: "interactive" } as const;
    scene.record(scene.state, { type: "budget-set", at: scene.at, budget });
    const codes = ["PRODUCTION", "production", "INTERACTIVE", "batch", undefined].map((band) =>
      codeOf(ann, "LaunchJob", { name: "x", band }, scene),
    );
    assert.deepEqual(codes, ["QUOTA_EXCEEDED", "QUOTA_EXCEEDED", "ok", "ok", "ok"]);
    assert.equal(codeOf(aPrincipal("bob"), "LaunchJob", { name: "x", band: "PRODUCTION" }), "ok");
    assert.equal(codeOf(admin, "LaunchJob", { name: "/ann/x", band: "production" }, scene), "ok");
  });

  test("is judged again as it was parsed, when it reaches the kernel", () => {
    const { state } = new AccessScene();
    const launch = (jobId: string, band: Band) =>
      authoriseRequest(state, ann, {
        type: "launch-job",
        spec: { jobId, task: aSpec({ band }) } as JobSpec,
        token: "",
        tokenHash: "",
      });
    assert.equal(launch("/ann/x", "production"), null);
    assert.equal(launch("/bob/x", "production")?.code, "FORBIDDEN");
  });
});

test("a job is terminated by its user, its own tree or an administrator", () => {
  const cases: readonly (readonly [Principal, string, string])[] = [
    [ann, "/ann/train", "ok"],
    [ann, "/bob/train", "FORBIDDEN"],
    [admin, "/bob/train", "ok"],
    [train, "/ann/train", "ok"],
    [train, "/ann/train/eval", "ok"],
    [train, "/ann/other", "FORBIDDEN"],
    [train, "/ann", "FORBIDDEN"],
  ];
  for (const [principal, jobId, code] of cases) {
    assert.equal(codeOf(principal, "TerminateJob", { jobId }), code, jobId);
  }
});

describe("endpoints", () => {
  test("are registered by the task's user or tree, and by administrators", () => {
    const cases: readonly (readonly [Principal, string])[] = [
      [ann, "ok"],
      [admin, "ok"],
      [train, "ok"],
      [aPrincipal("bob"), "FORBIDDEN"],
      [aPrincipal("ann", "user", "/ann/other"), "FORBIDDEN"],
    ];
    for (const [principal, code] of cases) {
      const taskId = "/ann/train/eval/0";
      assert.equal(codeOf(principal, "RegisterEndpoint", { taskId }), code, principal.jobId);
    }
  });

  test("are unregistered by those, and an unknown one by anybody", () => {
    const scene = new AccessScene();
    scene.runs("/ann/train/0");
    const request = anEndpointRequest();
    onRegisterEndpoint(scene.state, scene, { principal: admin, request, at: scene.at });
    const cases: readonly (readonly [Principal, string, string])[] = [
      [ann, "e1", "ok"],
      [train, "e1", "ok"],
      [admin, "e1", "ok"],
      [aPrincipal("bob"), "e1", "FORBIDDEN"],
      [aPrincipal("ann", "user", "/ann/other"), "e1", "FORBIDDEN"],
      [aPrincipal("bob"), "e2", "ok"],
    ];
    for (const [principal, endpointId, code] of cases) {
      assert.equal(codeOf(principal, "UnregisterEndpoint", { endpointId }, scene), code);
    }
  });
});

describe("tokens", () => {
  test("are made by users for themselves, with no more power than they have", () => {
    const cases: readonly (readonly [string, string, string])[] = [
      ["ann", "user", "ok"],
      ["ann", "viewer", "FORBIDDEN"],
      ["ann", "admin", "FORBIDDEN"],
      ["ann", "worker", "FORBIDDEN"],
      ["bob", "viewer", "FORBIDDEN"],
    ];
    for (const [user, role, code] of cases) {
      assert.equal(codeOf(ann, "CreateToken", { user, role }), code, `${user} ${role}`);
      assert.equal(codeOf(admin, "CreateToken", { user, role }), "ok");
    }
  });

  test("of others are as unknown as those that never were", () => {
    const scene = aSceneWithToken();
    const bob = aPrincipal("bob");
    const foreign = authorise(scene.state, bob, "RevokeToken", { tokenId: "t1" });
    const unknown = authorise(scene.state, bob, "RevokeToken", { tokenId: "t2" });
    assert.equal(foreign?.code, "NOT_FOUND");
    assert.equal(foreign?.message, unknown?.message.replace("t2", "t1"));
    assert.equal(codeOf(admin, "RevokeToken", { tokenId: "t1" }, scene), "ok");
  });
});

describe("a token speaks", () => {
  test("for its user with its role", () => {
    const { state, at } = aSceneWithToken();
    assert.deepEqual(principalOf(state, aHash(1), at), { user: "ann", role: "user", jobId: "" });
    assert.equal(principalOf(state, aHash(2), at), null);
    assert.equal(principalOf(state, "", at), null);
  });

  test("never again once it was revoked", () => {
    const scene = aSceneWithToken();
    const request = { type: "revoke-token", tokenId: "t1" } as const;
    onRevokeToken(scene.state, scene, { principal: ann, request, at: scene.at });
    assert.equal(principalOf(scene.state, aHash(1), scene.at), null);
  });

  test("until it expires", () => {
    const scene = new AccessScene();
    const expiresAt = scene.at + 5;
    const request = aTokenRequest({ expiresAt });
    onCreateToken(scene.state, scene, { principal: admin, request, at: scene.at });
    assert.notEqual(principalOf(scene.state, aHash(1), expiresAt - 1), null);
    assert.equal(principalOf(scene.state, aHash(1), expiresAt), null);
  });

  test("for the whole tree of its job while that job is open", () => {
    const scene = new AccessScene();
    scene.launches("/ann/train/eval", aHash(7));
    assert.deepEqual(principalOf(scene.state, aHash(7), scene.at), train);
    scene.ended("/ann/train/eval");
    assert.equal(principalOf(scene.state, aHash(7), scene.at), null);
  });
});
