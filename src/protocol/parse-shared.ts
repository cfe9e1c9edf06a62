/**
 * Messages about what clients share: published values, values that they bring, locks.
 *
 * @module
 */

import { restartReasonCharactersMax, sharedNameCharactersMax } from "../model/limits.ts";
import { type Fields, requireU32 } from "./fields.ts";
import { protocolError } from "./frame-format.ts";
import { copiesMax, renewedLocksMax, wantRowsMax } from "./limits.ts";
import type { Replicate, SharedAnswer, SharedRequest } from "./shared-messages.ts";

type SharedMessage = SharedRequest | SharedAnswer;

const u32Max = 0xffffffff;

/** Each reads its message; it throws PROTOCOL_ERROR naming the field. */
export const sharedParsers: {
  readonly [T in SharedMessage["type"]]: (fields: Fields) => Extract<SharedMessage, { type: T }>;
} = {
  publish: (fields) => ({ type: "publish", ...parseNamed(fields) }),
  "fetch-published": (fields) => ({ type: "fetch-published", ...parseNamed(fields) }),
  detach: (fields) => ({
    type: "detach",
    sequence: fields.count("sequence", u32Max),
    tasks: fields.list("tasks", requireU32, wantRowsMax),
  }),
  replicate: parseReplicate,
  "restart-session": (fields) => ({
    type: "restart-session",
    sequence: fields.count("sequence", u32Max),
    reason: fields.boundedText("reason", restartReasonCharactersMax, true),
  }),
  lock: (fields) => ({
    type: "lock",
    ...parseLock(fields),
    name: parseName(fields),
    leaseMs: fields.count("leaseMs"),
  }),
  unlock: (fields) => ({ type: "unlock", ...parseLock(fields) }),
  "renew-locks": (fields) => ({ type: "renew-locks", locks: parseLocks(fields) }),
  upload: (fields) => ({
    type: "upload",
    task: fields.count("task", u32Max),
    ref: fields.count("ref"),
    workers: fields.list("workers", requireU32, copiesMax),
  }),
  "lock-granted": (fields) => ({
    type: "lock-granted",
    lock: fields.count("lock", u32Max),
    token: fields.count("token"),
  }),
  "lock-queued": (fields) => ({
    type: "lock-queued",
    lock: fields.count("lock", u32Max),
    ahead: fields.count("ahead"),
    holder: fields.text("holder"),
  }),
  "locks-renewed": (fields) => ({ type: "locks-renewed", locks: parseLocks(fields) }),
  "lock-lost": (fields) => ({
    type: "lock-lost",
    lock: fields.count("lock", u32Max),
    reason: fields.text("reason"),
  }),
};

function parseReplicate(fields: Fields): Replicate {
  const sequence = fields.count("sequence", u32Max);
  const tasks = fields.list("tasks", requireU32, wantRowsMax);
  const copies = fields.count("copies", copiesMax);
  if (copies === 0) throw protocolError("replicate.copies must be at least 1");
  return { type: "replicate", sequence, tasks, copies };
}

function parseNamed(fields: Fields): { sequence: number; name: string; task: number } {
  return {
    sequence: fields.count("sequence", u32Max),
    name: parseName(fields),
    task: fields.count("task", u32Max),
  };
}

function parseLock(fields: Fields): { sequence: number; lock: number } {
  return { sequence: fields.count("sequence", u32Max), lock: fields.count("lock", u32Max) };
}

function parseName(fields: Fields): string {
  return fields.boundedText("name", sharedNameCharactersMax);
}

function parseLocks(fields: Fields): number[] {
  return fields.list("locks", requireU32, renewedLocksMax);
}
