/**
 * Tokens, budgets and endpoints under test: the real handlers over a state whose tasks a test puts
 * there by hand.
 *
 * After every fact the invariants hold, the state is the fold of the journaled facts, and its image
 * stands for it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { imageOfAccess, restoreAccess } from "../../src/controller/access-image.ts";
import { accessInvariants } from "../../src/controller/access-invariants.ts";
import { newAccessState, type TokenRecord } from "../../src/controller/access-state.ts";
import {
  type AccessFact,
  addToken,
  applyAccess,
  beginLeasesAnew,
  dropEndpointsOfAttempt,
} from "../../src/controller/apply-access.ts";
import { internUser } from "../../src/controller/apply-sessions.ts";
import type { AccessRecorder } from "../../src/controller/endpoints.ts";
import type { ApiRequest } from "../../src/controller/events.ts";
import { Inspection } from "../../src/controller/invariants/inspection.ts";
import { newJob } from "../../src/controller/new-job.ts";
import {
  type ControllerState,
  type Launch,
  newControllerState,
} from "../../src/controller/state.ts";
import { noSlot } from "../../src/controller/tables/task-table.ts";
import { attemptId, formatAttemptId } from "../../src/model/ids.ts";
import type { Principal, Role } from "../../src/model/job.ts";
import { type TaskState, taskStateCode } from "../../src/model/states.ts";
import { decodePlain, encodePlain } from "../../src/shell/journal/fact-codec.ts";

type RequestOf<T extends ApiRequest["type"]> = Extract<ApiRequest, { type: T }>;

/** Who calls; "" for a person, else the job whose tree the token speaks for. */
export function aPrincipal(user: string, role: Role = "user", jobId = ""): Principal {
  return { user, role, jobId };
}

/** A hash that no other number has. */
export function aHash(number: number): string {
  return number.toString(16).padStart(64, "0");
}

export function aTokenRequest(
  overrides: Partial<RequestOf<"create-token">> = {},
): RequestOf<"create-token"> {
  const token = { tokenId: "t1", hash: aHash(1), user: "ann", role: "user", note: "" } as const;
  return { type: "create-token", ...token, expiresAt: 0, ...overrides };
}

/** A registration that fits `AccessScene.runs("/ann/train/0")`. */
export function anEndpointRequest(
  overrides: Partial<RequestOf<"register-endpoint">> = {},
): RequestOf<"register-endpoint"> {
  return {
    type: "register-endpoint",
    endpointId: "e1",
    name: "model",
    address: "10.0.0.7:8080",
    taskId: "/ann/train/0",
    attemptId: "1.1",
    leaseMs: 60_000,
    metadata: {},
    ...overrides,
  };
}

export class AccessScene implements AccessRecorder {
  readonly state: ControllerState = newControllerState();
  readonly facts: AccessFact[] = [];
  at = 1_000_000_000;
  readonly #fold = newAccessState();
  readonly #checks: boolean;
  #attempts = 0;

  /** `checks` false: check only when a test asks for it. For states that are large. */
  constructor({ checks = true }: { readonly checks?: boolean } = {}) {
    this.#checks = checks;
  }

  record(state: ControllerState, fact: AccessFact): void {
    this.facts.push(fact);
    applyAccess(state.access, fact);
    applyAccess(this.#fold, decodePlain(encodePlain(fact)) as AccessFact);
    if (this.#checks) this.check();
  }

  /** As if it had been created long ago: without the checks, which take time for many. */
  hasToken(token: TokenRecord): void {
    for (const access of [this.state.access, this.#fold]) addToken(access, token);
  }

  /** Facts since the last look, by type. */
  takeFacts(): string[] {
    return this.facts.splice(0).map(({ type }) => type);
  }

  /** Everything that must hold after every fact. */
  check(): void {
    assert.deepEqual(this.violations(), []);
    const image = imageOfAccess(this.state.access);
    assert.deepEqual(imageOfAccess(this.#fold), image, "the state is the fold of its facts");
    const restored = restoreAccess(decodePlain(encodePlain(image)) as typeof image);
    assert.deepEqual(restored, restoreAccess(image), "an image survives the journal");
    assert.deepEqual(sortedKeys(restored), sortedKeys(this.state.access), "an image has all");
  }

  violations(): string[] {
    const look = new Inspection(this.state);
    for (const rule of accessInvariants) rule(look);
    return look.violations.map(({ ids, message }) => `${ids.join(" ")}: ${message}`);
  }

  /** The task has a new attempt that runs; it is made if it was not there. Returns the id. */
  runs(taskId: string): string {
    const { tasks, attempts } = this.state;
    const task = this.#taskOf(taskId);
    const id = attemptId(1, ++this.#attempts);
    const row = attempts.allocate(id);
    attempts.task[row] = task;
    tasks.attempt[task] = row;
    tasks.state[task] = taskStateCode.RUNNING;
    return formatAttemptId(id);
  }

  /** The task lets go of its attempt, which has not ended, as when it is stopped. */
  letsGo(taskId: string, state: TaskState): number {
    const { tasks } = this.state;
    const task = this.#taskOf(taskId);
    const row = tasks.attempt[task];
    tasks.attempt[task] = noSlot;
    tasks.state[task] = taskStateCode[state];
    return row;
  }

  /** The task's attempt has ended. */
  ends(taskId: string, state: TaskState): void {
    const row = this.letsGo(taskId, state);
    const id = this.state.attempts.id[row];
    this.state.attempts.release(row);
    for (const access of [this.state.access, this.#fold]) dropEndpointsOfAttempt(access, id);
    this.check();
  }

  /** Another controller begins. */
  restarts(): void {
    for (const access of [this.state.access, this.#fold]) beginLeasesAnew(access, this.at);
    this.check();
  }

  /** A launched job that is open, or over, whose tasks bear the token of `tokenHash`. */
  launches(jobId: string, tokenHash = ""): void {
    this.#jobOf(jobId, { tokenHash, ended: null } as Launch);
  }

  ended(jobId: string): void {
    const job = this.state.jobs[this.state.jobsById.get(jobId) ?? -1];
    job.finishedAt = this.at;
    if (job.launch !== null) job.launch.ended = "SUCCEEDED";
  }

  #jobOf(id: string, launch: Launch | null): number {
    const { jobs, jobsById, at } = this.state;
    const known = jobsById.get(id);
    if (known !== undefined) return known;
    const index = jobs.length;
    const user = id.split("/", 2)[1];
    const place = { index, userIndex: internUser(this.state, user), sequence: index };
    jobs.push(newJob({ ...place, id, user, client: -1, launch, submittedAt: at }));
    jobsById.set(id, index);
    if (launch !== null) this.state.jobsByTokenHash.set(launch.tokenHash, index);
    return index;
  }

  #taskOf(taskId: string): number {
    const { tasks } = this.state;
    const cut = taskId.lastIndexOf("/");
    const job = this.#jobOf(taskId.slice(0, cut), null);
    const index = Number(taskId.slice(cut + 1));
    for (let row = 0; row < tasks.length; row++) {
      if (tasks.job[row] === job && tasks.index[row] === index) return row;
    }
    const row = tasks.allocate();
    tasks.job[row] = job;
    tasks.index[row] = index;
    return row;
  }
}

/** Every map and its keys, in order: what a restored state must have too. */
function sortedKeys(access: ReturnType<typeof newAccessState>): unknown {
  return Object.entries(access).map(([name, value]) => {
    if (!(value instanceof Map)) return [name, value];
    const keys = [...value].map(([key, entry]) => [
      String(key),
      entry instanceof Set ? [...entry].map(String).sort() : entry,
    ]);
    return [name, keys.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))];
  });
}
