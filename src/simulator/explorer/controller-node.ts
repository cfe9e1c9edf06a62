/**
 * The controller as the explorer sees it: the real kernel and its clock, which stands still unless
 * a timer fires.
 *
 * @module
 */

import type { Micros } from "../../base/time.ts";
import { acceptedSequence } from "../../controller/acknowledge.ts";
import { nextDeadline } from "../../controller/deadlines.ts";
import type { ApiRequest, ControllerEvent, ControllerSend } from "../../controller/events.ts";
import { isDurable } from "../../controller/facts.ts";
import { snapshotOf, stateOf } from "../../controller/snapshot.ts";
import {
  type ControllerState,
  isHealthy,
  newControllerState,
  taskIdOf,
} from "../../controller/state.ts";
import type { Principal } from "../../model/job.ts";
import { isTerminalCode, taskStates } from "../../model/states.ts";
import type {
  ClientMessage,
  ToClientMessage,
  ToWorkerMessage,
  WorkerHello,
  WorkerMessage,
} from "../../protocol/messages.ts";
import type { Kernels } from "./kernels.ts";
import type { NodeKind } from "./pool.ts";

export interface ControllerNode {
  kernel: ControllerState;
  now: Micros;
}

/** What a client sends: its stream's messages, and calls as if on the same stream. */
export type FromClient =
  | Exclude<ClientMessage, { type: "call" }>
  | { readonly type: "api"; readonly call: number; readonly request: ApiRequest };

/** What a client gets: besides, its greeting and the replies to its calls. */
export type ForClient =
  | ToClientMessage
  | { readonly type: "greeting"; readonly index: number; readonly sequence: number }
  | { readonly type: "replied"; readonly call: number };

export type ControllerMove =
  | { readonly type: "serve" }
  | { readonly type: "tick"; readonly jumpUs: number }
  | {
      readonly type: "hear-worker";
      readonly hello: WorkerHello;
      readonly worker: number;
      readonly connection: number;
      readonly messages: readonly WorkerMessage[];
    }
  | { readonly type: "lose-worker"; readonly worker: number }
  | { readonly type: "count-anew"; readonly worker: number; readonly applied: number }
  | {
      readonly type: "learn-exit";
      readonly workerId: string;
      readonly incarnation: string;
      readonly launcherLives: boolean;
    }
  | { readonly type: "greet-client"; readonly clientId: string }
  | { readonly type: "lose-client"; readonly clientId: string }
  | {
      readonly type: "hear-client";
      readonly clientId: string;
      readonly messages: readonly FromClient[];
    };

/** What leaves the controller, in order. */
export type ControllerOut =
  | { readonly to: "worker"; readonly worker: number; readonly message: ToWorkerMessage }
  | { readonly to: "client"; readonly clientId: string; readonly message: ForClient }
  | { readonly to: "cut"; readonly worker: number }
  /** From here on, what is for this worker goes to the connection that has just registered. */
  | { readonly to: "session"; readonly worker: number; readonly connection: number }
  /** Durable facts were recorded: what follows waits until they are synced. */
  | { readonly to: "journal" };

export interface ControllerView {
  /** What is owed, as a sentence; null when all is settled. */
  readonly owed: string | null;
  /** A timer is due at this very moment. */
  readonly isDue: boolean;
  readonly dueAt: Micros | null;
  readonly epoch: number;
  readonly workers: ReadonlyMap<string, WorkerBelief>;
}

/** What the controller believes of a worker. */
export interface WorkerBelief {
  readonly index: number;
  readonly incarnation: string;
  readonly connected: boolean;
  readonly lost: boolean;
  readonly attemptsDigest: number;
  readonly valuesDigest: number;
  /** Whether `admitWorker` would refuse another incarnation now. */
  readonly isTaken: boolean;
}

const administrator: Principal = { user: "root", role: "admin", jobId: "" };

/** A controller that has never served. */
export function newControllerNode(): ControllerNode {
  return { kernel: newControllerState(), now: 1_000_000 };
}

export function controllerKind(
  kernels: Kernels,
): NodeKind<ControllerNode, ControllerMove, ControllerOut, ControllerView> {
  return {
    isGraph: false,
    step: (node, move) => new Turn(kernels, node).take(move),
    check: (node) => kernels.checkController(node.kernel),
    view: viewOf,
  };
}

/** One move of the controller: the events that it stands for, and what leaves. */
class Turn {
  readonly #kernels: Kernels;
  readonly #node: ControllerNode;
  readonly #outs: ControllerOut[] = [];

  constructor(kernels: Kernels, node: ControllerNode) {
    this.#kernels = kernels;
    this.#node = node;
  }

  take(move: ControllerMove): readonly ControllerOut[] {
    const at = this.#node.now;
    const { kernel } = this.#node;
    switch (move.type) {
      case "serve":
        this.#serve();
        break;
      case "tick":
        this.#tick(move.jumpUs);
        break;
      case "hear-worker":
        this.#hearWorker(move);
        break;
      case "lose-worker":
        this.#event({ type: "worker-disconnected", at, worker: move.worker });
        break;
      case "count-anew":
        countAnew(kernel.workers[move.worker], move.applied);
        break;
      case "learn-exit":
        this.#event({ ...move, type: "worker-exited", at, exitCode: null, signal: "SIGKILL" });
        break;
      case "greet-client":
        this.#greet(move.clientId);
        break;
      case "lose-client": {
        const client = kernel.clientsById.get(move.clientId);
        if (client !== undefined) this.#event({ type: "client-disconnected", at, client });
        break;
      }
      case "hear-client":
        for (const message of move.messages) this.#hearClient(move.clientId, message);
    }
    for (const worker of kernel.workers) forgetStream(worker);
    return this.#outs;
  }

  #serve(): void {
    const node = this.#node;
    node.kernel = stateOf(snapshotOf(node.kernel));
    node.kernel.shared.endsPerStep = 1; // So that a restart of few tasks has several parts too.
    this.#event({ type: "controller-started", at: node.now, epoch: node.kernel.epoch + 1 });
  }

  #tick(jumpUs: number): void {
    const node = this.#node;
    node.now = Math.max(node.now, nextDeadline(node.kernel) ?? 0) + jumpUs;
    this.#event({ type: "tick", at: node.now });
  }

  #hearWorker({ hello, worker, connection, messages }: MoveOf<"hear-worker">): void {
    const at = this.#node.now;
    for (const message of messages) {
      if (message.type === "inventory") {
        this.#event({ type: "worker-connected", at, hello, inventory: message });
        this.#outs.unshift({ to: "session", worker, connection });
      } else this.#event({ type: "worker-messaged", at, worker, message });
    }
    // As the shell does at the end of a turn, once it is durable; but it counts from the latest
    // acknowledgement (`worker-node.ts` does too), so that not all that ever came is told apart.
    const sequence = this.#node.kernel.workers[worker].receivedCount;
    if (messages.every(({ type }) => type === "inventory")) return;
    this.#outs.push({ to: "worker", worker, message: { type: "acknowledge", sequence } });
  }

  #greet(clientId: string): void {
    this.#event({ type: "client-connected", at: this.#node.now, clientId, user: "ann" });
    const { kernel } = this.#node;
    const index = kernel.clientsById.get(clientId) ?? -1;
    const known = kernel.clients[index];
    const sequence = known ? acceptedSequence(kernel, known) : 0;
    this.#outs.push({ to: "client", clientId, message: { type: "greeting", index, sequence } });
  }

  #hearClient(clientId: string, message: FromClient): void {
    const at = this.#node.now;
    if (message.type === "api") {
      const { call, request } = message;
      this.#event({ type: "api-called", at, call, principal: administrator, request });
      this.#outs.push({ to: "client", clientId, message: { type: "replied", call } });
      return;
    }
    const client = this.#node.kernel.clientsById.get(clientId);
    if (client !== undefined) this.#event({ type: "client-messaged", at, client, message });
  }

  #event(event: ControllerEvent): void {
    const { kernel } = this.#node;
    const { facts, sends } = this.#kernels.stepController(kernel, event);
    if (facts.some(isDurable)) this.#outs.push({ to: "journal" });
    for (const send of sends) this.#carryOut(kernel, send);
  }

  #carryOut(kernel: ControllerState, send: ControllerSend): void {
    switch (send.type) {
      case "send-to-worker":
        this.#outs.push({ to: "worker", worker: send.worker, message: send.message });
        return;
      case "send-to-client": {
        const clientId = kernel.clients[send.client]?.clientId;
        if (clientId === undefined) return;
        this.#outs.push({ to: "client", clientId, message: send.message });
        return;
      }
      case "disconnect-worker":
        this.#outs.push({ to: "cut", worker: send.worker });
        return;
      case "disconnect-client": // The client closed its session, and its end of the stream.
      case "reply-to-call": // Answered when the event is over, whatever the answer is.
    }
  }
}

type WorkerRecord = ControllerState["workers"][number];

/** Its worker has taken up so many messages, and counts from there: so does the controller. */
function countAnew(worker: WorkerRecord, applied: number): void {
  worker.sentCount -= applied;
  const rest = worker.unapplied.filter(({ sequence }) => sequence > applied);
  const moved = rest.map((effect) => ({ ...effect, sequence: effect.sequence - applied }));
  worker.unapplied.splice(0, worker.unapplied.length, ...moved);
}

/** What came is acknowledged, and counted anew from there; without a connection all is. */
function forgetStream(worker: WorkerRecord): void {
  worker.receivedCount = 0;
  if (worker.connected) return;
  worker.sentCount = 0;
  worker.unapplied.length = 0;
}

type MoveOf<T extends ControllerMove["type"]> = Extract<ControllerMove, { type: T }>;

function viewOf({ kernel, now }: ControllerNode): ControllerView {
  const workers = new Map<string, WorkerBelief>();
  for (const worker of kernel.workers) {
    const { workerId, incarnation, connected, lost, attemptsDigest, valuesDigest } = worker;
    workers.set(workerId, {
      index: worker.index,
      ...{ incarnation, connected, lost, attemptsDigest, valuesDigest },
      isTaken: isHealthy(worker),
    });
  }
  const dueAt = nextDeadline(kernel);
  const isDue = dueAt !== null && dueAt <= now;
  return { owed: owedBy(kernel), isDue, dueAt, epoch: kernel.epoch, workers };
}

/** What has not come to its end, as a sentence. */
function owedBy(kernel: ControllerState): string | null {
  const { tasks, attempts } = kernel;
  for (let row = 0; row < tasks.length; row++) {
    if (!tasks.isLive(row) || isTerminalCode(tasks.state[row])) continue;
    return `${taskIdOf(kernel, row)} is ${taskStates[tasks.state[row]]}`;
  }
  if (attempts.live > 0) return `${attempts.live} attempts have not ended`;
  for (const { workerId, used } of kernel.workers) {
    if (used.some((amount) => amount !== 0)) return `${workerId} is still charged`;
  }
  for (const job of kernel.jobs) {
    if (job.pruned || job.launch === null || job.launch.ended !== null) continue;
    return `${job.id} has no end`;
  }
  return null;
}
