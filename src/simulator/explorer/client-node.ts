/**
 * A client as the explorer sees it: a program of requests that it makes one after another whenever
 * the explorer lets it, and what it is owed for them.
 *
 * As the SDK does, it keeps what is not acknowledged and says it again on each connection, with
 * what it still wants.
 *
 * @module
 */

import { assert } from "../../base/assert.ts";
import { blobAt, blobsOf } from "../../base/blobs.ts";
import type { ApiRequest } from "../../controller/events.ts";
import { partOf, type TaskSpec } from "../../model/spec.ts";
import type { ClientMessage } from "../../protocol/messages.ts";
import type { ForClient, FromClient } from "./controller-node.ts";
import type { NodeKind } from "./pool.ts";

/** One request of a client's program. Tasks are named by the client's numbers, from 0. */
export type Request =
  | {
      readonly type: "submit";
      /** `spec` is a place in the program's specs. */
      readonly tasks: readonly { readonly spec: number; readonly inputs: readonly number[] }[];
    }
  | { readonly type: "cancel"; readonly tasks: readonly number[] }
  /** Made only if the task failed; it waits for the task's outcome. */
  | { readonly type: "retry"; readonly task: number }
  /** Drops the handles: once all of them are settled, or, of an actor, at any time. */
  | { readonly type: "release"; readonly tasks: readonly number[]; readonly anyTime?: boolean }
  /** Restarts its session: whatever it has submitted ends. */
  | { readonly type: "restart" }
  | { readonly type: "call"; readonly request: ApiRequest };

/** What a client does in all. */
export interface Program {
  readonly clientId: string;
  readonly specs: readonly TaskSpec[];
  readonly requests: readonly Request[];
}

type Outcome = "open" | "value" | "located" | "failed";
type Numbered = Extract<FromClient, { readonly sequence: number }>;

export interface ClientNode {
  readonly program: Program;
  /** How many of the requests were made. */
  made: number;
  isConnected: boolean;
  sequence: number;
  submitted: number;
  unacknowledged: { readonly message: Numbered }[];
  /** The call that is not answered, or -1: its number is its place in the program. */
  openCall: number;
  readonly outcomes: Map<number, Outcome>;
  readonly released: number[];
}

export type ClientMove =
  | { readonly type: "request" }
  | { readonly type: "repeat" }
  | { readonly type: "disconnect" }
  | { readonly type: "hear"; readonly messages: readonly ForClient[] };

export interface ClientView {
  /** The next request, if it can be made now; "" if not. */
  readonly next: string;
  readonly canRepeat: boolean;
  /** What it is owed, as a sentence; null for nothing. */
  readonly owed: string | null;
}

export function newClientNode(program: Program): ClientNode {
  return {
    program,
    ...{ made: 0, isConnected: false, sequence: 0, submitted: 0, unacknowledged: [], openCall: -1 },
    outcomes: new Map(),
    released: [],
  };
}

export const clientKind: NodeKind<ClientNode, ClientMove, FromClient, ClientView> = {
  isGraph: false,
  step: (node, move) => {
    const said: FromClient[] = [];
    take(node, move, said);
    return said;
  },
  check: () => {},
  view: (node) => ({
    next: nextRequest(node),
    canRepeat: node.isConnected && node.unacknowledged.length > 0,
    owed: owedTo(node),
  }),
};

function take(node: ClientNode, move: ClientMove, said: FromClient[]): void {
  switch (move.type) {
    case "request":
      return makeRequest(node, node.program.requests[node.made], said);
    case "repeat":
      said.push(node.unacknowledged[0].message);
      return;
    case "disconnect":
      node.isConnected = false;
      return;
    case "hear":
      for (const message of move.messages) hear(node, message, said);
  }
}

function makeRequest(node: ClientNode, request: Request, said: FromClient[]): void {
  const place = node.made++;
  switch (request.type) {
    case "submit":
      return submit(node, request, said);
    case "cancel": {
      const sequence = ++node.sequence;
      return keep(node, { ...request, sequence, reason: "explored" }, said);
    }
    case "retry": {
      if (node.outcomes.get(request.task) !== "failed") return;
      node.outcomes.set(request.task, "open");
      const sequence = ++node.sequence;
      return keep(node, { type: "retry", sequence, tasks: [request.task] }, said);
    }
    case "release": {
      for (const task of request.tasks) node.outcomes.delete(task);
      node.released.push(...request.tasks);
      if (!node.isConnected) return;
      said.push({ type: "release", tasks: Uint32Array.from(request.tasks) });
      return;
    }
    case "restart": {
      const sequence = ++node.sequence;
      return keep(node, { type: "restart-session", sequence, reason: "explored" }, said);
    }
    case "call":
      node.openCall = place;
      if (node.isConnected) said.push({ type: "api", call: place, request: request.request });
  }
}

function submit(
  node: ClientNode,
  { tasks }: Extract<Request, { type: "submit" }>,
  said: FromClient[],
): void {
  const first = node.submitted;
  node.submitted += tasks.length;
  for (const place of tasks.keys()) node.outcomes.set(first + place, "open");
  const message: ClientMessage = {
    ...{ type: "submit", sequence: ++node.sequence, first },
    groupSpecs: Uint32Array.from(tasks, (task) => task.spec),
    groupCounts: new Uint32Array(tasks.length).fill(1),
    args: blobsOf(tasks.map((_task, place) => argsOf(first + place))),
    dependencyCounts: Uint32Array.from(tasks, (task) => task.inputs.length),
    dependencies: Uint32Array.from(tasks.flatMap((task) => task.inputs)),
    keys: [],
  };
  keep(node, message, said);
}

function keep(node: ClientNode, message: Numbered, said: FromClient[]): void {
  node.unacknowledged.push({ message });
  if (node.isConnected) said.push(message);
}

/** Every function returns its own arguments. */
function argsOf(task: number): Uint8Array {
  return Uint8Array.of(1, task);
}

function hear(node: ClientNode, message: ForClient, said: FromClient[]): void {
  switch (message.type) {
    case "greeting":
      return beginAgain(node, message.sequence, said);
    case "accepted":
      node.unacknowledged = node.unacknowledged.filter(
        ({ message: kept }) => kept.sequence > message.sequence,
      );
      return;
    case "refused":
      node.unacknowledged = node.unacknowledged.filter(
        ({ message: kept }) => kept.sequence !== message.sequence,
      );
      assert(false, `nothing is refused here: ${message.error.message}`);
      return;
    case "replied":
      if (node.openCall === message.call) node.openCall = -1;
      return;
    case "results":
      for (const [entry, task] of message.tasks.entries()) {
        const value = blobAt(message.values, entry).join();
        assert(value === argsOf(task).join(), `task ${task} has the value of another`);
        settle(node, task, "value");
      }
      return;
    case "located":
      for (const task of message.tasks) settle(node, task, "located");
      return;
    case "failures":
      for (const task of message.tasks) {
        assert(!isAfterRestart(node, task), `task ${task} came after a restart, and was ended`);
        if (!isRetrying(node, task)) settle(node, task, "failed");
      }
      return;
    default: // Progress, addresses and warnings.
  }
}

/** Nothing ends what comes after a restart, and in these programs nothing else fails there. */
function isAfterRestart({ program }: ClientNode, task: number): boolean {
  const { requests } = program;
  const restart = requests.findIndex(({ type }) => type === "restart");
  if (restart < 0) return false;
  const before = requests.slice(0, restart);
  return task >= before.flatMap((one) => (one.type === "submit" ? one.tasks : [])).length;
}

/** Until a retry is acknowledged, a failure that is told is of the old run. */
function isRetrying({ unacknowledged }: ClientNode, task: number): boolean {
  return unacknowledged.some(
    ({ message }) => message.type === "retry" && message.tasks.includes(task),
  );
}

/** An outcome may be said again, and where a value lies may change; what it is does not. */
function settle(node: ClientNode, task: number, outcome: Outcome): void {
  const known = node.outcomes.get(task);
  if (known === undefined) return; // Its handle is gone.
  // It asked once more before it heard; a call whose value is lost meanwhile is not made again.
  if (known === "value" && outcome === "failed" && isCall(node.program, task)) return;
  // A value that only lies somewhere may be lost before it is fetched, and not be made again. A
  // restart ends also what has a value.
  const isEnded = outcome === "failed" && hasRestarted(node);
  const mayChange = known === "open" || known === "located" || isEnded;
  const isSame = mayChange || (known === "failed") === (outcome === "failed");
  assert(isSame, `task ${task} was ${known} and is told as ${outcome}: one outcome, once`);
  node.outcomes.set(task, outcome);
}

function hasRestarted({ program, made }: ClientNode): boolean {
  return program.requests.slice(0, made).some(({ type }) => type === "restart");
}

function isCall({ specs, requests }: Program, task: number): boolean {
  const submitted = requests.flatMap((one) => (one.type === "submit" ? one.tasks : []));
  return partOf(specs[submitted[task].spec].run) === "call";
}

function beginAgain(node: ClientNode, sequence: number, said: FromClient[]): void {
  node.isConnected = true;
  const { released, program, outcomes, openCall } = node;
  for (const [spec, definition] of program.specs.entries()) {
    said.push({ type: "define-spec", spec, definition });
  }
  node.unacknowledged = node.unacknowledged.filter(({ message }) => message.sequence > sequence);
  for (const { message } of node.unacknowledged) said.push(message);
  if (released.length > 0) said.push({ type: "release", tasks: Uint32Array.from(released) });
  const open = [...outcomes].filter(([, outcome]) => outcome === "open").map(([task]) => task);
  if (open.length > 0) said.push({ type: "want", tasks: Uint32Array.from(open) });
  const request = program.requests[openCall];
  if (request?.type === "call")
    said.push({ type: "api", call: openCall, request: request.request });
}

function nextRequest({ program, made, outcomes, openCall }: ClientNode): string {
  const request = program.requests[made];
  if (request === undefined || openCall >= 0) return "";
  const isOpen = (task: number) => outcomes.get(task) === "open";
  if (request.type === "retry" && isOpen(request.task)) return "";
  const waits = request.type === "release" && request.anyTime !== true;
  if (waits && request.tasks.some(isOpen)) return "";
  if (request.type === "call") return `calls ${request.request.type}`;
  if (request.type === "restart") return "restarts its session";
  if (request.type === "submit") return `submits ${request.tasks.length} tasks`;
  const tasks = request.type === "retry" ? [request.task] : request.tasks;
  return `asks to ${request.type} ${tasks.join()}`;
}

function owedTo({ program, made, outcomes, openCall }: ClientNode): string | null {
  const { clientId, requests } = program;
  for (const [task, outcome] of outcomes) {
    if (outcome === "open") return `${clientId} waits for task ${task}`;
  }
  if (openCall >= 0) return `${clientId} waits for the answer to a call`;
  return made < requests.length ? `${clientId} has not made all its requests` : null;
}
