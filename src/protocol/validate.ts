/**
 * The door of every kernel: what comes in here is a decoded message of a peer; what goes out fits
 * its type, its direction and itself. After it, shape alone can trip no assertion.
 *
 * What a message *says* may still be late, repeated or wrong; that is for the kernel to answer.
 *
 * @module
 */

import { checkColumns } from "./check-columns.ts";
import { Fields, requireText, requireU32 } from "./fields.ts";
import { layoutOfType, protocolError } from "./frame-format.ts";
import type {
  ApiReply,
  Cancel,
  ClientMessage,
  ColdMessage,
  DefineSpec,
  Failures,
  HotMessage,
  Message,
  Peer,
  PeerGone,
  Refused,
  ToClientMessage,
  ToWorkerMessage,
  WorkerMessage,
} from "./messages.ts";
import {
  parseAttemptFailed,
  parseAttemptMeasured,
  parseAttemptPrepared,
  parseDropSpec,
  parseStartGang,
  parseWorkerHealth,
} from "./parse-attempts.ts";
import { sharedParsers } from "./parse-shared.ts";
import { parseTaskFailure, parseTaskSpec } from "./parse-specs.ts";

export {
  errorFromWire,
  helloRefusal,
  parseClientHello,
  parseControllerHello,
  parsePeerHello,
  parseWorkerHello,
} from "./parse-hello.ts";

/** A message of a client. Throws PROTOCOL_ERROR naming the field or the misplaced type. */
export function checkClientMessage(message: Message): ClientMessage {
  return checkFor("a client", clientTypes, message) as ClientMessage;
}

/** A message of a worker. Throws PROTOCOL_ERROR naming the field or the misplaced type. */
export function checkWorkerMessage(message: Message): WorkerMessage {
  return checkFor("a worker", workerTypes, message) as WorkerMessage;
}

/** A message of the controller to a client. Throws PROTOCOL_ERROR as above. */
export function checkToClientMessage(message: Message): ToClientMessage {
  return checkFor("the controller to a client", toClientTypes, message) as ToClientMessage;
}

/** A message of the controller to a worker. Throws PROTOCOL_ERROR as above. */
export function checkToWorkerMessage(message: Message): ToWorkerMessage {
  return checkFor("the controller to a worker", toWorkerTypes, message) as ToWorkerMessage;
}

/** Every type of a union, each once: the compiler finds a forgotten one. */
type TypeSet<M extends Message> = { readonly [T in M["type"]]: true };

const clientTypes: TypeSet<ClientMessage> = {
  submit: true,
  release: true,
  want: true,
  "define-spec": true,
  cancel: true,
  retry: true,
  publish: true,
  detach: true,
  replicate: true,
  "restart-session": true,
  "fetch-published": true,
  lock: true,
  unlock: true,
  "renew-locks": true,
  "close-session": true,
  call: true,
};

const workerTypes: TypeSet<WorkerMessage> = {
  reports: true,
  inventory: true,
  heartbeat: true,
  traffic: true,
  progress: true,
  "attempt-failed": true,
  "attempt-prepared": true,
  "attempt-measured": true,
  health: true,
  emptying: true,
  leaving: true,
};

const toClientTypes: TypeSet<ToClientMessage> = {
  accepted: true,
  started: true,
  results: true,
  located: true,
  peer: true,
  "peer-gone": true,
  refused: true,
  failures: true,
  warning: true,
  upload: true,
  "lock-granted": true,
  "lock-queued": true,
  "locks-renewed": true,
  "lock-lost": true,
  reply: true,
};

const toWorkerTypes: TypeSet<ToWorkerMessage> = {
  compute: true,
  grant: true,
  retract: true,
  stop: true,
  forget: true,
  sources: true,
  acknowledge: true,
  copy: true,
  uncopy: true,
  "define-spec": true,
  "drop-spec": true,
  "start-gang": true,
  peer: true,
  "peer-gone": true,
  emptied: true,
  "renew-executors": true,
  reset: true,
};

function checkFor(sender: string, types: object, message: Message): Message {
  const { type } = message;
  if (!Object.hasOwn(types, type)) {
    throw protocolError(`${JSON.stringify(type)} is not a message that ${sender} may send`);
  }
  if (layoutOfType(type) === undefined) return parseCold(type as ColdMessage["type"], message);
  checkColumns(message as HotMessage);
  return message;
}

type ColdParsers = {
  readonly [T in ColdMessage["type"]]: (fields: Fields) => Extract<ColdMessage, { type: T }>;
};

const coldParsers: ColdParsers = {
  "define-spec": parseDefineSpec,
  peer: parsePeer,
  "peer-gone": parsePeerGone,
  cancel: parseCancel,
  retry: (fields) => ({ type: "retry", ...parseSequenced(fields) }),
  ...sharedParsers,
  "close-session": () => ({ type: "close-session" }),
  refused: parseRefused,
  failures: parseFailures,
  warning: (fields) => ({
    type: "warning",
    code: fields.text("code"),
    message: fields.text("message"),
  }),
  call: (fields) => ({
    type: "call",
    id: fields.count("id"),
    method: fields.text("method"),
    request: fields.raw("request"),
  }),
  reply: parseReply,
  "attempt-failed": parseAttemptFailed,
  "attempt-prepared": parseAttemptPrepared,
  "start-gang": parseStartGang,
  "attempt-measured": parseAttemptMeasured,
  health: parseWorkerHealth,
  "drop-spec": parseDropSpec,
  "renew-executors": (fields) => ({
    type: "renew-executors",
    restart: fields.count("restart", 0xffffffff),
  }),
  reset: () => ({ type: "reset" }),
  emptying: (fields) => ({ type: "emptying", limitMs: fields.count("limitMs") }),
  emptied: (fields) => ({ type: "emptied", leftCount: fields.count("leftCount") }),
  leaving: () => ({ type: "leaving" }),
};

function parseCold(type: ColdMessage["type"], message: unknown): ColdMessage {
  return coldParsers[type](new Fields(message, type));
}

function parseDefineSpec(fields: Fields): DefineSpec {
  return {
    type: "define-spec",
    ...(fields.raw("user") === undefined ? {} : { user: fields.text("user") }),
    spec: fields.count("spec", 0xffffffff),
    definition: parseTaskSpec(fields.child("definition")),
  };
}

function parsePeer(fields: Fields): Peer {
  return {
    type: "peer",
    index: fields.count("index", 0xffffffff),
    workerId: fields.text("workerId"),
    incarnation: fields.text("incarnation"),
    address: fields.text("address"),
  };
}

function parsePeerGone(fields: Fields): PeerGone {
  return {
    type: "peer-gone",
    index: fields.count("index", 0xffffffff),
    incarnation: fields.text("incarnation"),
  };
}

function parseSequenced(fields: Fields): { sequence: number; tasks: number[] } {
  return {
    sequence: fields.count("sequence", 0xffffffff),
    tasks: fields.list("tasks", requireU32),
  };
}

function parseCancel(fields: Fields): Cancel {
  return { type: "cancel", ...parseSequenced(fields), reason: fields.text("reason") };
}

function parseRefused(fields: Fields): Refused {
  return {
    type: "refused",
    sequence: fields.count("sequence", 0xffffffff),
    error: parseError(fields.child("error")),
  };
}

function parseError(fields: Fields): { code: string; message: string; details: unknown } {
  return {
    code: fields.text("code"),
    message: fields.text("message"),
    details: fields.raw("details"),
  };
}

function parseFailures(fields: Fields): Failures {
  const tasks = fields.list("tasks", requireU32);
  const causes = fields.list("causes", requireU32);
  const failures = fields.list("failures", (item, path) =>
    parseTaskFailure(new Fields(item, path)),
  );
  const states = fields.list("states", requireText);
  requireEqual("failures.causes", causes.length, tasks.length);
  requireEqual("failures.states", states.length, tasks.length);
  for (let i = 0; i < causes.length; i++) {
    if (causes[i] < failures.length) continue;
    throw protocolError(`failures.causes[${i}] names failure ${causes[i]} of ${failures.length}`);
  }
  return { type: "failures", tasks, causes, failures, states };
}

function requireEqual(column: string, length: number, expected: number): void {
  if (length === expected) return;
  throw protocolError(`${column} has ${length} entries, not ${expected} as the other columns`);
}

function parseReply(fields: Fields): ApiReply {
  return {
    type: "reply",
    id: fields.count("id"),
    result: fields.raw("result"),
    error: fields.raw("error") === null ? null : parseError(fields.child("error")),
  };
}
