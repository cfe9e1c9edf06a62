/**
 * Tokens and budgets as they are set through the API.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  AccessScene,
  aHash,
  aPrincipal,
  aTokenRequest,
} from "../../test/support/access-builders.ts";
import { budgetDefaults, type UserBudget } from "../model/job.ts";
import { noResources } from "../model/resources.ts";
import { type ApiAnswer, onCreateToken, onRevokeToken, onSetUserBudget } from "./access.ts";
import { budgetsMax, tokensMax, tokensPerUserMax } from "./access-limits.ts";
import type { TokenRecord } from "./access-state.ts";
import { accessEventOf } from "./apply-access.ts";
import { principalOf } from "./authorise.ts";

const admin = aPrincipal("root", "admin");

class Scene extends AccessScene {
  creates(overrides: Parameters<typeof aTokenRequest>[0] = {}): ApiAnswer {
    const request = aTokenRequest(overrides);
    return onCreateToken(this.state, this, { principal: admin, request, at: this.at });
  }

  has(overrides: Partial<TokenRecord>): void {
    const { tokenId, user, role, note } = aTokenRequest();
    const hash = `hash of ${overrides.tokenId}`;
    const times = { createdAt: 1, expiresAt: 0, revokedAt: 0 };
    this.hasToken({ tokenId, hash, user, role, note, ...times, ...overrides });
  }

  revokes(tokenId: string): ApiAnswer {
    const request = { type: "revoke-token", tokenId } as const;
    return onRevokeToken(this.state, this, { principal: admin, request, at: this.at });
  }

  sets(overrides: Partial<UserBudget> = {}): ApiAnswer {
    const budget = { user: "ann", ...budgetDefaults, ...overrides };
    const request = { type: "set-user-budget", budget } as const;
    return onSetUserBudget(this.state, this, { principal: admin, request, at: this.at });
  }
}

function errorOf(answer: ApiAnswer): string {
  return "error" in answer ? `${answer.error.code} ${answer.error.message.split(":")[0]}` : "none";
}

describe("a token", () => {
  test("is created with the hash of its secret and answered by its id", () => {
    const scene = new Scene();
    assert.deepEqual(scene.creates(), { result: { tokenId: "t1" } });
    const { tokenId, hash, user, role } = aTokenRequest();
    const token = { tokenId, hash, user, role, note: "", expiresAt: 0 };
    assert.deepEqual(scene.facts, [{ type: "token-created", at: scene.at, by: "root", ...token }]);
  });

  const malformed: readonly (readonly [string, Parameters<typeof aTokenRequest>[0]])[] = [
    ["tokenId", { tokenId: "" }],
    ["tokenId", { tokenId: "a/b" }],
    ["tokenId", { tokenId: "x".repeat(65) }],
    ["hash", { hash: "abc" }],
    ["hash", { hash: `0${aHash(1)}` }],
    ["hash", { hash: `${aHash(1)}0` }],
    ["hash", { hash: `g${aHash(1).slice(1)}` }],
    ["user", { user: "" }],
    ["user", { user: "a b" }],
    ["user", { user: ".." }],
    ["user", { user: "ä" }],
    ["user", { user: "x".repeat(101) }],
    ["note", { note: "two\nlines" }],
    ["note", { note: "x".repeat(201) }],
    ["expiresAt", { expiresAt: 1 }],
    ["expiresAt", { expiresAt: Number.NaN }],
  ];

  for (const [field, overrides] of malformed) {
    test(`with ${JSON.stringify(overrides).slice(0, 30)} is refused, and ${field} is named`, () => {
      const scene = new Scene();
      assert.equal(errorOf(scene.creates(overrides)), `INVALID_ARGUMENT ${field}`);
      assert.deepEqual(scene.facts, []);
    });
  }

  test("whose id or secret is known is refused, also when that one is revoked", () => {
    const scene = new Scene();
    scene.creates();
    scene.revokes("t1");
    assert.equal(errorOf(scene.creates({ hash: aHash(2) })), "ALREADY_EXISTS tokenId");
    assert.equal(errorOf(scene.creates({ tokenId: "t2" })), "ALREADY_EXISTS tokenId");
    assert.equal(principalOf(scene.state, aHash(1), scene.at), null);
  });

  test("is revoked once, and a second time says the same", () => {
    const scene = new Scene();
    scene.creates();
    scene.takeFacts();
    assert.deepEqual(scene.revokes("t1"), { result: { tokenId: "t1" } });
    scene.at += 10;
    assert.deepEqual(scene.revokes("t1"), { result: { tokenId: "t1" } });
    assert.deepEqual(scene.takeFacts(), ["token-revoked"]);
    assert.match(errorOf(scene.revokes("t2")), /^NOT_FOUND/);
  });

  test("past the share of its user is refused until one is revoked", () => {
    const scene = new Scene();
    for (let i = 1; i <= tokensPerUserMax; i++) scene.creates({ tokenId: `t${i}`, hash: aHash(i) });
    const more = { tokenId: "more", hash: aHash(1_000) };
    const refused = scene.creates(more);
    assert.equal(errorOf(refused), "QUOTA_EXCEEDED user");
    const details = "error" in refused ? refused.error.details : null;
    assert.deepEqual(details, { user: "ann", tokensPerUserMax });
    assert.equal(errorOf(scene.creates({ ...more, user: "bob" })), "none");
    scene.revokes("t7");
    assert.equal(errorOf(scene.creates({ tokenId: "last", hash: aHash(1_001) })), "none");
  });

  test("past the limit of the cluster takes the place of the one that is dead for longest", () => {
    const scene = new Scene({ checks: false });
    const expiresAt = scene.at + 1_000;
    scene.creates({ tokenId: "revoked", hash: aHash(1) });
    scene.creates({ tokenId: "expired", hash: aHash(2), expiresAt });
    for (let i = 3; i <= tokensMax; i++) scene.has({ tokenId: `t${i}`, user: `u${i}` });
    const more = { tokenId: "more", hash: aHash(tokensMax + 1) };
    assert.match(errorOf(scene.creates(more)), /^OVERLOADED/);
    scene.at = expiresAt + 1;
    scene.revokes("revoked");
    scene.takeFacts();
    assert.equal(errorOf(scene.creates(more)), "none");
    assert.deepEqual(scene.takeFacts(), ["tokens-forgotten", "token-created"]);
    assert.equal(scene.state.access.tokens.has("expired"), false);
    assert.equal(scene.state.access.tokens.has("revoked"), true);
  });

  /** Which token makes room for one more, of some that are dead. */
  function leavesOf(...dead: readonly Partial<TokenRecord>[]): string {
    const scene = new Scene({ checks: false });
    scene.at = 100;
    for (const [i, overrides] of dead.entries()) scene.has({ tokenId: `d${i}`, ...overrides });
    for (let i = dead.length; i < tokensMax; i++) scene.has({ tokenId: `t${i}`, user: `u${i}` });
    scene.creates({ tokenId: "more", hash: aHash(1), user: "new" });
    const [fact] = scene.facts;
    return fact?.type === "tokens-forgotten" ? fact.tokenIds.join(" ") : "none";
  }

  test("that is dead for longest is the one that was revoked or expired first", () => {
    assert.equal(leavesOf({ revokedAt: 20 }, { revokedAt: 10 }, { revokedAt: 30 }), "d1");
    assert.equal(leavesOf({ expiresAt: 20 }, { revokedAt: 30 }), "d0");
    assert.equal(leavesOf({ expiresAt: 90, revokedAt: 20 }, { expiresAt: 30 }), "d0");
    assert.equal(leavesOf({ expiresAt: 20, revokedAt: 90 }, { revokedAt: 30 }), "d0");
    assert.equal(leavesOf({ tokenId: "b", expiresAt: 20 }, { tokenId: "a", revokedAt: 20 }), "a");
    assert.equal(leavesOf({ expiresAt: 100 }, { expiresAt: 101 }), "d0");
    assert.equal(leavesOf({ expiresAt: 101 }), "none");
  });
});

describe("a budget", () => {
  test("is set whole and answered as the API shows it", () => {
    const scene = new Scene();
    const cap = { ...noResources, cpuMilli: 4_000 };
    const answer = scene.sets({ weight: 2, budget: 5_000, bandMax: "batch", cap });
    const { activeTasksMax } = budgetDefaults;
    const budget = { user: "ann", weight: 2, budget: 5_000, bandMax: "BATCH", cap, activeTasksMax };
    assert.deepEqual(answer, { result: { budget } });
    assert.deepEqual(scene.takeFacts(), ["budget-set"]);
    scene.sets({ weight: 3 });
    assert.equal(scene.state.access.budgets.get("ann")?.weight, 3);
    assert.equal(scene.state.access.budgets.size, 1);
  });

  const malformed: readonly (readonly [string, Partial<UserBudget>])[] = [
    ["user", { user: "a/b" }],
    ["weight", { weight: 0 }],
    ["weight", { weight: Number.NaN }],
    ["weight", { weight: 1_001 }],
    ["budget", { budget: -1 }],
    ["budget", { budget: 0.5 }],
    ["bandMax", { bandMax: "urgent" as never }],
    ["activeTasksMax", { activeTasksMax: -1 }],
    ["cap", { cap: { ...noResources, memoryBytes: -1 } }],
    ["cap", { cap: { ...noResources, custom: { license: 0.5 } } }],
  ];

  for (const [field, overrides] of malformed) {
    test(`with ${field} ${JSON.stringify(overrides).slice(0, 40)} is refused`, () => {
      const scene = new Scene();
      assert.equal(errorOf(scene.sets(overrides)), `INVALID_ARGUMENT ${field}`);
      assert.deepEqual(scene.facts, []);
    });
  }

  test("of one user too many is refused, and of a known one is not", () => {
    const scene = new Scene();
    scene.sets();
    const { budgets } = scene.state.access;
    for (let i = 1; i < budgetsMax; i++) budgets.set(`u${i}`, { user: `u${i}`, ...budgetDefaults });
    assert.match(errorOf(scene.sets({ user: "bob" })), /^OVERLOADED/);
    for (let i = 1; i < budgetsMax; i++) budgets.delete(`u${i}`);
    assert.equal(errorOf(scene.sets({ weight: 2 })), "none");
  });
});

test("people are told who got a token, who lost one and whose budget changed", () => {
  const scene = new Scene();
  scene.creates({ note: "laptop" });
  scene.revokes("t1");
  scene.sets();
  const lines = scene.facts.map((fact) => {
    const event = accessEventOf(fact);
    return event === null ? "" : `${event.type} ${event.id}: ${event.message}`;
  });
  assert.deepEqual(lines, [
    "token-created t1: role user for ann, by root",
    "token-revoked t1: by root",
    "budget-set ann: weight 1, budget 0, production, no cap, 2000000 tasks, by root",
  ]);
});
