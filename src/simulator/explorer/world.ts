/**
 * A whole cluster as a tuple of numbers, and what each move does to it: nodes take their steps,
 * frames travel in order on links, links break, processes end and begin again.
 *
 * What one step says to one peer is one frame. Frames of different links come in any order, frames
 * of one link in theirs; what was on its way when a link breaks is lost.
 *
 * @module
 */

import { assert, present } from "../../base/assert.ts";
import type { WorkerMessage } from "../../protocol/messages.ts";
import {
  type ClientMove,
  type ClientNode,
  type ClientView,
  clientKind,
  newClientNode,
} from "./client-node.ts";
import type { Configuration, FaultBudget } from "./configuration.ts";
import type {
  ControllerMove,
  ControllerNode,
  ControllerOut,
  ControllerView,
  FromClient,
} from "./controller-node.ts";
import { controllerKind, newControllerNode } from "./controller-node.ts";
import { Interner, Queues } from "./interner.ts";
import type { Kernels } from "./kernels.ts";
import { clientSlot, Layout, linkState, packBudget, slot, spend, workerSlot } from "./layout.ts";
import { Parcels, type Sends, type WorkerSend } from "./parcels.ts";
import { Pool } from "./pool.ts";
import type { WorkerMove, WorkerNode, WorkerView } from "./worker-node.ts";
import { helloOf, newWorkerNode, workerKind } from "./worker-node.ts";

/** The rule that a move broke. */
export class Broken extends Error {}

/** A cluster's state: see `layout.ts`. */
export type Tuple = Int32Array;

/** Sends that wait for a sync, and the controller's state that is durable with it. */
interface Batch {
  readonly controller: number;
  readonly sends: Sends;
}

export class World {
  readonly configuration: Configuration;
  readonly layout: Layout;
  readonly queues = new Queues();
  readonly reports = new Interner<readonly WorkerMessage[]>();
  readonly requests = new Interner<readonly FromClient[]>();
  readonly parcels = new Parcels();
  readonly controllers: Pool<ControllerNode, ControllerMove, ControllerOut, ControllerView>;
  readonly workers: Pool<WorkerNode, WorkerMove, WorkerMessage, WorkerView>;
  readonly clients: Pool<ClientNode, ClientMove, FromClient, ClientView>;
  readonly #batches = new Interner<Batch>();

  readonly #frames = new WeakMap<readonly unknown[], number>();

  constructor(configuration: Configuration, kernels: Kernels) {
    const { separateSync, faults } = configuration;
    // What waits for a sync does not know which connection of its client it was meant for.
    assert(!separateSync || faults.losses === 0, "syncs apart and lost connections do not mix");
    this.configuration = configuration;
    this.layout = new Layout(configuration);
    this.controllers = new Pool(controllerKind(kernels));
    this.workers = new Pool(workerKind(kernels));
    this.clients = new Pool(clientKind);
  }

  /** Nobody has been started yet, and nothing may go wrong. */
  blank(): Tuple {
    const { workers, programs } = this.configuration;
    const tuple = new Int32Array(this.layout.size);
    tuple[slot.controller] = this.controllers.root(newControllerNode());
    for (const [place, identity] of workers.entries()) {
      const at = this.layout.worker(place);
      tuple[at + workerSlot.node] = this.workers.root(newWorkerNode(identity));
      tuple[at + workerSlot.incarnation] = place * 100;
    }
    for (const [place, program] of programs.entries()) {
      const at = this.layout.client(place);
      tuple[at + clientSlot.node] = this.clients.root(newClientNode(program));
    }
    return tuple;
  }

  /** The same state, where from now on this much may go wrong. */
  endangered(tuple: Tuple, faults: FaultBudget): Tuple {
    const copy = tuple.slice();
    copy[slot.budget] = packBudget(faults);
    return copy;
  }

  controllerOf(tuple: Tuple): ControllerView {
    return this.controllers.view(tuple[slot.controller]);
  }

  workerOf(tuple: Tuple, place: number): WorkerView {
    return this.workers.view(tuple[this.layout.worker(place) + workerSlot.node]);
  }

  clientOf(tuple: Tuple, place: number): ClientView {
    return this.clients.view(tuple[this.layout.client(place) + clientSlot.node]);
  }

  // What follows writes into the tuple that it is given.

  spend(tuple: Tuple, field: keyof FaultBudget): void {
    tuple[slot.budget] = spend(tuple[slot.budget], field);
  }

  /** A method runs. */
  beginCall(tuple: Tuple, call: number): void {
    const bit = 1 << call;
    if ((tuple[slot.begunCalls] & bit) !== 0) throw new Broken(`no call begins twice: ${call}`);
    tuple[slot.begunCalls] |= bit;
  }

  stepController(tuple: Tuple, move: ControllerMove, text: string): void {
    const before = tuple[slot.controller];
    const { next, outs, broken } = this.controllers.step(
      before,
      this.controllers.event(move, text),
    );
    if (broken !== null) throw new Broken(`the controller: ${broken}`);
    tuple[slot.controller] = next;
    if (outs.length === 0) return;
    const { isDurable, sends } = this.parcels.parcelOf(outs);
    const pending = tuple[slot.pending];
    if (!this.configuration.separateSync || (pending === 0 && !isDurable)) {
      this.#deliver(tuple, sends);
      return;
    }
    if (pending === 0) tuple[slot.synced] = before;
    const batch = this.#batches.intern({ controller: next, sends });
    tuple[slot.pending] = this.queues.push(pending, batch);
  }

  stepWorker(tuple: Tuple, place: number, move: WorkerMove, text: string): void {
    const at = this.layout.worker(place);
    const event = this.workers.event(move, text);
    const { next, outs, broken } = this.workers.step(tuple[at + workerSlot.node], event);
    const { workerId } = this.configuration.workers[place];
    if (broken !== null) throw new Broken(`${workerId}: ${broken}`);
    tuple[at + workerSlot.node] = next;
    if (outs.length === 0 || tuple[at + workerSlot.link] === linkState.none) return;
    const frame = this.#frameOf(this.reports, outs);
    tuple[at + workerSlot.there] = this.queues.push(tuple[at + workerSlot.there], frame);
  }

  stepClient(tuple: Tuple, place: number, move: ClientMove, text: string): void {
    const at = this.layout.client(place);
    const event = this.clients.event(move, text);
    const { next, outs, broken } = this.clients.step(tuple[at + clientSlot.node], event);
    if (broken !== null) throw new Broken(broken);
    tuple[at + clientSlot.node] = next;
    if (outs.length === 0 || tuple[at + clientSlot.link] === linkState.none) return;
    const frame = this.#frameOf(this.requests, outs);
    tuple[at + clientSlot.there] = this.queues.push(tuple[at + clientSlot.there], frame);
  }

  /** The oldest batch is on the disk: what waited for it leaves. */
  sync(tuple: Tuple): void {
    const { controller, sends } = this.#batches.at(this.queues.head(tuple[slot.pending]));
    tuple[slot.pending] = this.queues.shift(tuple[slot.pending]);
    tuple[slot.synced] = tuple[slot.pending] === 0 ? 0 : controller;
    this.#deliver(tuple, sends);
  }

  /** Ends the controller. Of what was not synced, the first `kept` batches are on the disk. */
  crashController(tuple: Tuple, kept: number): void {
    const pending = this.queues.items(tuple[slot.pending]);
    if (kept > 0) tuple[slot.controller] = this.#batches.at(pending[kept - 1]).controller;
    else if (pending.length > 0) tuple[slot.controller] = tuple[slot.synced];
    tuple[slot.isUp] = 0;
    tuple[slot.pending] = 0;
    tuple[slot.synced] = 0;
    for (let place = 0; place < this.layout.workerCount; place++) {
      const at = this.layout.worker(place);
      this.#closeWorkerLink(tuple, place);
      tuple[at + workerSlot.unnoticed] = 0;
      tuple[at + workerSlot.exit] = 0;
    }
    for (let place = 0; place < this.layout.clientCount; place++) {
      this.#closeClientLink(tuple, place);
    }
  }

  /** Breaks the link of a worker; the controller notices later. */
  breakWorkerLink(tuple: Tuple, place: number): void {
    const at = this.layout.worker(place);
    if (this.#isRegistered(tuple, place)) tuple[at + workerSlot.unnoticed] = 1;
    this.#closeWorkerLink(tuple, place);
  }

  crashWorker(tuple: Tuple, place: number, launcherLives: boolean): void {
    const at = this.layout.worker(place);
    if (this.#isRegistered(tuple, place)) tuple[at + workerSlot.unnoticed] = 1;
    tuple[at + workerSlot.link] = linkState.none;
    tuple[at + workerSlot.there] = 0;
    tuple[at + workerSlot.back] = 0;
    if (this.configuration.exitsAreSeen) {
      tuple[at + workerSlot.exit] = tuple[at + workerSlot.incarnation] * 2 + Number(launcherLives);
    }
    this.stepWorker(tuple, place, { type: "crash", launcherLives }, `crash ${launcherLives}`);
  }

  /** The controller notices that the connection of a worker is over. */
  noticeLoss(tuple: Tuple, place: number): void {
    const at = this.layout.worker(place);
    if (tuple[at + workerSlot.unnoticed] === 0) return;
    tuple[at + workerSlot.unnoticed] = 0;
    const worker = this.#indexOf(tuple, place);
    this.stepController(tuple, { type: "lose-worker", worker }, `lose ${worker}`);
  }

  /**
   * Both ends of a worker's stream count its orders from the latest that the worker has taken up:
   * only a heartbeat on its way refers to how many there were before.
   */
  countOrdersAnew(tuple: Tuple): void {
    for (let place = 0; place < this.layout.workerCount; place++) {
      const { appliedCount } = this.workerOf(tuple, place);
      if (appliedCount === 0) continue;
      const at = this.layout.worker(place);
      if (this.#isRegistered(tuple, place)) {
        if (this.carriesHeartbeat(tuple[at + workerSlot.there])) continue;
        const worker = this.#indexOf(tuple, place);
        const move = { type: "count-anew", worker, applied: appliedCount } as const;
        this.stepController(tuple, move, `count ${worker} ${appliedCount}`);
      }
      this.stepWorker(tuple, place, { type: "count-anew" }, "count");
    }
  }

  /** Whether a worker's frames that are on their way tell of its health. */
  carriesHeartbeat(queue: number): boolean {
    return this.queues
      .items(queue)
      .some((frame) => this.reports.at(frame).some(({ type }) => type === "heartbeat"));
  }

  /** Whether a process may connect now; as the shell of the controller decides it. */
  isAdmitted(tuple: Tuple, place: number): boolean {
    const { workerId } = this.configuration.workers[place];
    const belief = this.controllerOf(tuple).workers.get(workerId);
    const rival = this.#rivalOf(tuple, place);
    if (rival >= 0) {
      const isGreeted =
        tuple[this.layout.worker(rival) + workerSlot.link] === linkState.greeted &&
        !this.#isRegistered(tuple, rival);
      if (isGreeted) return false;
    }
    if (belief === undefined) return !this.#hasStranger(tuple);
    const incarnation = this.#incarnationOf(tuple, place);
    const isNoticed = tuple[this.layout.worker(place) + workerSlot.unnoticed] === 0;
    return belief.incarnation === incarnation || !belief.isTaken || !isNoticed;
  }

  /** A worker connects: whoever spoke for its id before is cut off. */
  connectWorker(tuple: Tuple, place: number): void {
    const at = this.layout.worker(place);
    this.noticeLoss(tuple, place);
    const rival = this.#rivalOf(tuple, place);
    if (rival >= 0) {
      this.breakWorkerLink(tuple, rival);
      this.noticeLoss(tuple, rival);
    }
    const { workers, epoch } = this.controllerOf(tuple);
    const { workerId } = this.configuration.workers[place];
    const index = workers.get(workerId)?.index ?? workers.size;
    tuple[at + workerSlot.link] = linkState.greeted;
    if (this.configuration.separateSync) tuple[at + workerSlot.connection]++;
    this.stepWorker(tuple, place, { type: "connect", epoch, index }, `connect ${epoch} ${index}`);
  }

  hearWorker(tuple: Tuple, place: number): void {
    const at = this.layout.worker(place);
    const frame = this.queues.head(tuple[at + workerSlot.there]);
    tuple[at + workerSlot.there] = this.queues.shift(tuple[at + workerSlot.there]);
    const incarnation = tuple[at + workerSlot.incarnation];
    const { workers } = this.controllerOf(tuple);
    const identity = this.configuration.workers[place];
    const worker = workers.get(identity.workerId)?.index ?? workers.size;
    const connection = tuple[at + workerSlot.connection];
    const hello = helloOf(identity, incarnation);
    const messages = this.reports.at(frame);
    this.stepController(
      tuple,
      { type: "hear-worker", hello, worker, connection, messages },
      `w ${place} ${incarnation} ${worker} ${connection} ${frame}`,
    );
  }

  orderWorker(tuple: Tuple, place: number): void {
    const at = this.layout.worker(place);
    const frame = this.queues.head(tuple[at + workerSlot.back]);
    tuple[at + workerSlot.back] = this.queues.shift(tuple[at + workerSlot.back]);
    const messages = this.parcels.orders.at(frame);
    this.stepWorker(tuple, place, { type: "hear", messages }, `f ${frame}`);
  }

  hearClient(tuple: Tuple, place: number): void {
    const at = this.layout.client(place);
    const frame = this.queues.head(tuple[at + clientSlot.there]);
    tuple[at + clientSlot.there] = this.queues.shift(tuple[at + clientSlot.there]);
    const { clientId } = this.configuration.programs[place];
    const messages = this.requests.at(frame);
    this.stepController(tuple, { type: "hear-client", clientId, messages }, `c ${place} ${frame}`);
  }

  answerClient(tuple: Tuple, place: number): void {
    const at = this.layout.client(place);
    const frame = this.queues.head(tuple[at + clientSlot.back]);
    tuple[at + clientSlot.back] = this.queues.shift(tuple[at + clientSlot.back]);
    const messages = this.parcels.answers.at(frame);
    this.stepClient(tuple, place, { type: "hear", messages }, `f ${frame}`);
  }

  connectClient(tuple: Tuple, place: number): void {
    tuple[this.layout.client(place) + clientSlot.link] = linkState.registered;
    const { clientId } = this.configuration.programs[place];
    this.stepController(tuple, { type: "greet-client", clientId }, `greet ${place}`);
  }

  breakClientLink(tuple: Tuple, place: number): void {
    this.#closeClientLink(tuple, place);
    const { clientId } = this.configuration.programs[place];
    this.stepController(tuple, { type: "lose-client", clientId }, `part ${place}`);
  }

  /** Somebody saw the process of a worker end, and says so. */
  learnExit(tuple: Tuple, place: number): void {
    const at = this.layout.worker(place);
    const exit = tuple[at + workerSlot.exit];
    tuple[at + workerSlot.exit] = 0;
    this.noticeLoss(tuple, place);
    const { workerId } = this.configuration.workers[place];
    const incarnation = `i${exit >> 1}`;
    const launcherLives = (exit & 1) === 1;
    this.stepController(
      tuple,
      { type: "learn-exit", workerId, incarnation, launcherLives },
      `exit ${place} ${exit}`,
    );
  }

  #indexOf(tuple: Tuple, place: number): number {
    const { workerId } = this.configuration.workers[place];
    const belief = this.controllerOf(tuple).workers.get(workerId);
    return present(belief, "who was connected is registered").index;
  }

  #incarnationOf(tuple: Tuple, place: number): string {
    return `i${tuple[this.layout.worker(place) + workerSlot.incarnation]}`;
  }

  /** Whether the controller takes this process's connection for a live one. */
  #isRegistered(tuple: Tuple, place: number): boolean {
    if (tuple[this.layout.worker(place) + workerSlot.link] === linkState.none) return false;
    const { workerId } = this.configuration.workers[place];
    const belief = this.controllerOf(tuple).workers.get(workerId);
    if (belief === undefined) return false;
    return belief.connected && belief.incarnation === this.#incarnationOf(tuple, place);
  }

  /** Another process of the same id that has a connection; -1 for none. */
  #rivalOf(tuple: Tuple, place: number): number {
    const { workers } = this.configuration;
    for (let other = 0; other < workers.length; other++) {
      if (other === place || workers[other].workerId !== workers[place].workerId) continue;
      if (tuple[this.layout.worker(other) + workerSlot.link] !== linkState.none) return other;
    }
    return -1;
  }

  #hasStranger(tuple: Tuple): boolean {
    const known = this.controllerOf(tuple).workers;
    return this.configuration.workers.some(({ workerId }, place) => {
      const link = tuple[this.layout.worker(place) + workerSlot.link];
      return link !== linkState.none && !known.has(workerId);
    });
  }

  #closeWorkerLink(tuple: Tuple, place: number): void {
    const at = this.layout.worker(place);
    if (tuple[at + workerSlot.link] === linkState.none) return;
    tuple[at + workerSlot.link] = linkState.none;
    tuple[at + workerSlot.there] = 0;
    tuple[at + workerSlot.back] = 0;
    if (this.workerOf(tuple, place).isAlive)
      this.stepWorker(tuple, place, { type: "disconnect" }, "cut");
  }

  #closeClientLink(tuple: Tuple, place: number): void {
    const at = this.layout.client(place);
    if (tuple[at + clientSlot.link] === linkState.none) return;
    tuple[at + clientSlot.link] = linkState.none;
    tuple[at + clientSlot.there] = 0;
    tuple[at + clientSlot.back] = 0;
    this.stepClient(tuple, place, { type: "disconnect" }, "cut");
  }

  /** The frame of what one step says: a step that was taken before says the same object. */
  #frameOf<T>(frames: Interner<readonly T[]>, said: readonly T[]): number {
    let frame = this.#frames.get(said);
    if (frame === undefined) {
      frame = frames.intern(said);
      this.#frames.set(said, frame);
    }
    return frame;
  }

  #deliver(tuple: Tuple, sends: Sends): void {
    for (const send of sends) {
      if (send.to === "client") this.#sendToClient(tuple, send.clientId, send.frame);
      else this.#sendToWorker(tuple, send);
    }
  }

  #sendToClient(tuple: Tuple, clientId: string, frame: number): void {
    const place = this.configuration.programs.findIndex((one) => one.clientId === clientId);
    const at = this.layout.client(place);
    if (tuple[at + clientSlot.link] === linkState.none) return;
    tuple[at + clientSlot.back] = this.queues.push(tuple[at + clientSlot.back], frame);
  }

  #sendToWorker(tuple: Tuple, send: WorkerSend): void {
    const wanted = send.to === "session" ? linkState.greeted : linkState.registered;
    const { workers } = this.controllerOf(tuple);
    const place = this.configuration.workers.findIndex(
      ({ workerId }, one) =>
        workers.get(workerId)?.index === send.index &&
        tuple[this.layout.worker(one) + workerSlot.link] === wanted,
    );
    if (place < 0) return;
    const at = this.layout.worker(place);
    if (send.to === "session") {
      if (send.connection !== tuple[at + workerSlot.connection]) return; // It broke since.
      tuple[at + workerSlot.link] = linkState.registered;
    } else if (send.to === "cut") {
      this.#closeWorkerLink(tuple, place);
      this.stepController(tuple, { type: "lose-worker", worker: send.index }, `lose ${send.index}`);
    } else tuple[at + workerSlot.back] = this.queues.push(tuple[at + workerSlot.back], send.frame);
  }
}
