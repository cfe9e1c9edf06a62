/**
 * The reads of administration show what they should, and no secret.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AccessScene,
  aHash,
  anEndpointRequest,
  aPrincipal,
  aTokenRequest,
} from "../../test/support/access-builders.ts";
import { budgetDefaults } from "../model/job.ts";
import { onCreateToken, onRegisterEndpoint, onRevokeToken } from "./access.ts";
import { listEndpoints, listTokens, listUsers, whoAmI } from "./users-view.ts";

const admin = aPrincipal("root", "admin");

function aSceneWithTokens(): AccessScene {
  const scene = new AccessScene();
  for (const [number, user] of ["bob", "ann", "ann"].entries()) {
    const expiresAt = number === 2 ? scene.at + 1_000_000 : 0;
    const token = { tokenId: `t${number}`, hash: aHash(number), user, note: "laptop", expiresAt };
    const request = aTokenRequest(token);
    onCreateToken(scene.state, scene, { principal: admin, request, at: scene.at });
    scene.at += 1_000_000;
  }
  scene.state.at = scene.at;
  return scene;
}

const idsOf = (tokens: readonly { readonly tokenId: string }[]) => tokens.map((one) => one.tokenId);

test("everybody lists their own tokens, an administrator all, oldest first", () => {
  const { state } = aSceneWithTokens();
  assert.deepEqual(idsOf(listTokens(state, {}, aPrincipal("ann")).tokens), ["t1", "t2"]);
  assert.deepEqual(idsOf(listTokens(state, {}, admin).tokens), ["t0", "t1", "t2"]);
  assert.equal(listTokens(state, {}, aPrincipal("eve")).totalCount, 0);
});

test("a list of tokens says which work, and shows no hash", () => {
  const scene = aSceneWithTokens();
  const request = { type: "revoke-token", tokenId: "t1" } as const;
  onRevokeToken(scene.state, scene, { principal: admin, request, at: scene.at });
  const { tokens } = listTokens(scene.state, {}, admin);
  assert.deepEqual(tokens[0], {
    tokenId: "t0",
    user: "bob",
    role: "user",
    note: "laptop",
    active: true,
    createdAt: "1970-01-01T00:16:40.000Z",
    expiresAt: null,
    revokedAt: null,
  });
  assert.deepEqual(
    tokens.map(({ active, expiresAt, revokedAt }) => [active, expiresAt, revokedAt]),
    [
      [true, null, null],
      [false, null, "1970-01-01T00:16:43.000Z"],
      [false, "1970-01-01T00:16:43.000Z", null],
    ],
  );
  assert.ok(!JSON.stringify(tokens).includes("0000000000"));
});

test("lists come in pages that follow each other", () => {
  const { state } = aSceneWithTokens();
  const first = listTokens(state, { pageSize: 2 }, admin);
  assert.deepEqual([idsOf(first.tokens), first.totalCount], [["t0", "t1"], 3]);
  const second = listTokens(state, { pageSize: 2, pageToken: first.nextPageToken }, admin);
  assert.deepEqual([idsOf(second.tokens), second.nextPageToken], [["t2"], ""]);
  for (const wrong of [{ pageSize: 0 }, { pageSize: 1_001 }, { pageToken: "x" }]) {
    const [field] = Object.keys(wrong);
    assert.throws(() => listTokens(state, wrong, admin), {
      code: "INVALID_ARGUMENT",
      message: new RegExp(`^${field}: `),
    });
  }
});

test("users are all that have a budget or a token, with what they use and may use", () => {
  const scene = aSceneWithTokens();
  const budget = { user: "cat", ...budgetDefaults, budget: 100, bandMax: "batch" } as const;
  scene.record(scene.state, { type: "budget-set", at: scene.at, budget });
  const usage = { spend: 101, dominantShare: 0.5, running: 2, pending: 3 };
  const usageOf = new Map([["cat", usage]]);
  const { users, totalCount, nextPageToken } = listUsers(scene.state, {}, usageOf);
  assert.deepEqual([users.map(({ user }) => user), totalCount], [["ann", "bob", "cat"], 3]);
  assert.equal(nextPageToken, "");
  assert.deepEqual(users[2], {
    user: "cat",
    weight: 1,
    budget: 100,
    bandMax: "BATCH",
    cap: null,
    activeTasksMax: 2_000_000,
    spend: 101,
    dominantShare: 0.5,
    overBudget: true,
    runningTaskCount: 2,
    pendingTaskCount: 3,
  });
  assert.equal(users[0].overBudget, false, "a budget of 0 is unlimited");
  const atBudget = listUsers(scene.state, {}, new Map([["cat", { ...usage, spend: 100 }]]));
  assert.equal(atBudget.users[2].overBudget, false);
});

test("who am I: the user, the role and the tree of a job's token", () => {
  const principal = aPrincipal("ann", "user", "/ann/train");
  assert.deepEqual(whoAmI(principal), { user: "ann", role: "user", jobId: "/ann/train" });
});

function aSceneWithEndpoints(): AccessScene {
  const scene = new AccessScene();
  const endpoints = [
    ["e1", "/ann/train/0", "model"],
    ["e2", "/ann/train/1", "metrics"],
    ["e3", "/bob/serve/0", "model"],
  ];
  for (const [endpointId, taskId, name] of endpoints) {
    const attemptId = scene.runs(taskId);
    const request = anEndpointRequest({ endpointId, taskId, name, attemptId });
    onRegisterEndpoint(scene.state, scene, { principal: admin, request, at: scene.at });
  }
  scene.state.at = scene.at;
  return scene;
}

test("endpoints are listed by full name, by prefix, or all", () => {
  const { state } = aSceneWithEndpoints();
  const list = (request: object, principal = aPrincipal("eve", "viewer")) =>
    listEndpoints(state, { ...request }, principal).endpoints.map((one) => one.endpointId);
  assert.deepEqual(list({}), ["e2", "e1", "e3"]);
  assert.deepEqual(list({ prefix: "/ann/" }), ["e2", "e1"]);
  assert.deepEqual(list({ name: "/bob/serve/model" }), ["e3"]);
  assert.deepEqual(list({ name: "/bob/serve" }), []);
  const refused = { code: "INVALID_ARGUMENT" };
  assert.throws(() => list({ name: "model" }), refused);
  assert.throws(() => list({ prefix: 1 }), refused);
  assert.throws(() => list({ prefix: "ann/" }), refused);
  assert.throws(() => list({ name: "/a/b", prefix: "/a" }), refused);
});

test("to the token of a job a relative name is one of its own tree", () => {
  const { state } = aSceneWithEndpoints();
  const train = aPrincipal("ann", "user", "/ann/train");
  const list = (request: object) =>
    listEndpoints(state, { ...request }, train).endpoints.map((one) => one.endpointId);
  assert.deepEqual(list({ name: "model" }), ["e1"]);
  assert.deepEqual(list({ prefix: "me" }), ["e2"]);
  assert.deepEqual(list({}), ["e2", "e1"]);
  assert.deepEqual(list({ name: "/bob/serve/model" }), ["e3"]);
});

test("an endpoint is shown with its task, attempt, lease and address", () => {
  const { state } = aSceneWithEndpoints();
  const { endpoints } = listEndpoints(state, { name: "/ann/train/model" }, admin);
  assert.deepEqual(endpoints, [
    {
      endpointId: "e1",
      name: "/ann/train/model",
      address: "10.0.0.7:8080",
      taskId: "/ann/train/0",
      attemptId: "1.1",
      metadata: {},
      leaseMs: 60_000,
      registeredAt: "1970-01-01T00:16:40.000Z",
      expiresAt: "1970-01-01T00:17:40.000Z",
    },
  ]);
});

test("tokens are listed by user, role and whether they work, in the order asked for", () => {
  const { state } = aSceneWithTokens();
  const list = (request: object) => idsOf(listTokens(state, { ...request }, admin).tokens);
  assert.deepEqual(list({ filter: { user: "an" } }), ["t1", "t2"]);
  assert.deepEqual(list({ filter: { role: "user" } }), ["t0", "t1", "t2"]);
  assert.deepEqual(list({ filter: { role: "admin" } }), []);
  assert.deepEqual(list({ filter: { active: true } }), ["t0", "t1"]);
  assert.deepEqual(list({ filter: { user: "ann", active: false } }), ["t2"]);
  assert.deepEqual(list({ orderBy: "createdAt desc" }), ["t2", "t1", "t0"]);
  assert.deepEqual(list({ orderBy: "user" }), ["t1", "t2", "t0"]);
  assert.deepEqual(list({ orderBy: "role" }), ["t0", "t1", "t2"]);
  assert.deepEqual(list({ orderBy: "expiresAt" }), ["t2", "t0", "t1"], "what never ends is last");
  assert.equal(listTokens(state, { filter: { user: "an" }, pageSize: 1 }, admin).totalCount, 2);
  assert.deepEqual(
    idsOf(listTokens(state, { filter: { user: "b" } }, aPrincipal("ann")).tokens),
    [],
  );
  assert.throws(() => list({ orderBy: "hash" }), {
    code: "INVALID_ARGUMENT",
    message: /^orderBy: /,
  });
});

test("endpoints are listed by task, in the order asked for", () => {
  const { state } = aSceneWithEndpoints();
  const list = (request: object) =>
    listEndpoints(state, { ...request }, admin).endpoints.map((one) => one.endpointId);
  assert.deepEqual(list({ filter: { taskId: "/ann/train/1" } }), ["e2"]);
  assert.deepEqual(list({ filter: { taskId: "/ann/train/1" }, prefix: "/bob/" }), []);
  assert.deepEqual(list({ orderBy: "name desc" }), ["e3", "e1", "e2"]);
  assert.deepEqual(list({ orderBy: "taskId" }), ["e1", "e2", "e3"]);
  for (const orderBy of ["registeredAt", "expiresAt"]) {
    assert.deepEqual(list({ orderBy }), ["e2", "e1", "e3"], "of one moment: by name");
  }
  assert.equal(listEndpoints(state, { pageSize: 1, orderBy: "taskId" }, admin).nextPageToken, "1");
  assert.throws(() => list({ orderBy: "lease" }), {
    code: "INVALID_ARGUMENT",
    message: /^orderBy: /,
  });
});
