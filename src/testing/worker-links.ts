/**
 * The workers of a simulated cluster and their connections to its controller.
 *
 * A connection that ends is told to both sides; one whose network is cut is told to nobody: each
 * side finds out by silence, as in production.
 *
 * @module
 */

import { assert } from "../base/assert.ts";
import type { Prng } from "../base/prng.ts";
import type { ControllerSend } from "../controller/events.ts";
import { admitWorker } from "../controller/workers.ts";
import type { HotMessageOf, WorkerMessage } from "../protocol/messages.ts";
import type { SimulatedWorker } from "../simulator/simulated-worker.ts";
import { reconnectDelayUsMax, workerSilenceUs } from "./limits.ts";
import type { VirtualController } from "./virtual-controller.ts";
import { type Route, VirtualLink } from "./virtual-link.ts";

type ToWorker = Extract<ControllerSend, { type: "send-to-worker" | "disconnect-worker" }>;

/** How long a stranger waits for the one before it to tell its inventory, microseconds. */
const strangerDelayUs = 1_000;

interface Connection {
  readonly worker: SimulatedWorker;
  readonly link: VirtualLink;
  readonly index: number;
  /** The controller has let go of it. */
  isDropped: boolean;
}

export class WorkerLinks {
  readonly #controller: VirtualController;
  readonly #prng: Prng;
  readonly #delayUsMax: number;
  readonly #connections = new Map<SimulatedWorker, Connection>();
  readonly #byIndex = new Map<number, Connection>();
  readonly #routes = new Map<string, Route>();
  /** A stranger between its hello and its inventory: the next one waits. */
  #stranger: SimulatedWorker | null = null;

  constructor(controller: VirtualController, prng: Prng, delayUsMax: number) {
    this.#controller = controller;
    this.#prng = prng;
    this.#delayUsMax = delayUsMax;
  }

  /** How the network reaches a machine. */
  routeOf(workerId: string): Route {
    const route = this.#routes.get(workerId) ?? { isCut: false };
    this.#routes.set(workerId, route);
    return route;
  }

  connect(worker: SimulatedWorker): void {
    if (!worker.alive || this.#connections.has(worker)) return;
    const controller = this.#controller;
    const known = controller.state.workersById.get(worker.workerId);
    const isRefused =
      !controller.isUp ||
      this.routeOf(worker.workerId).isCut ||
      admitWorker(controller.state, worker.hello(controller.clusterId)) !== null ||
      (known !== undefined && this.#byIndex.has(known));
    if (isRefused) return this.#tryLater(worker);
    if (known === undefined && this.#stranger !== null) {
      controller.time.afterIdly(strangerDelayUs, () => this.connect(worker));
      return;
    }
    if (known === undefined) this.#stranger = worker;
    const index = known ?? controller.state.workers.length;
    const link = new VirtualLink(controller.time, this.#prng, {
      delayUsMax: this.#delayUsMax,
      route: this.routeOf(worker.workerId),
    });
    const connection = { worker, link, index, isDropped: false };
    this.#connections.set(worker, connection);
    this.#byIndex.set(index, connection);
    const { epoch } = controller;
    link.carry("back", () => worker.connect(index, epoch));
  }

  /** A message of a worker. */
  hear(worker: SimulatedWorker, message: WorkerMessage): void {
    const connection = this.#connections.get(worker);
    connection?.link.carry("there", () => {
      if (connection.isDropped) this.#end(connection);
      else if (message.type === "inventory") this.#register(connection, message);
      else this.#take(connection, message);
    });
  }

  deliver(send: ToWorker): void {
    const connection = this.#byIndex.get(send.worker);
    if (connection === undefined) return;
    if (send.type === "send-to-worker") {
      connection.link.carry("back", () => connection.worker.order(send.message));
      return;
    }
    connection.isDropped = true;
    this.#byIndex.delete(connection.index);
    if (!this.routeOf(connection.worker.workerId).isCut) this.#end(connection);
  }

  /** The connection ends: its worker, or its controller, or the network between them did it. */
  drop(worker: SimulatedWorker): void {
    const connection = this.#connections.get(worker);
    if (connection !== undefined) this.#end(connection);
  }

  dropAll(): void {
    for (const connection of [...this.#connections.values()]) this.#end(connection);
    this.#stranger = null;
  }

  cut(worker: SimulatedWorker): void {
    this.routeOf(worker.workerId).isCut = true;
    const connection = this.#connections.get(worker);
    this.#controller.time.after(workerSilenceUs, () => {
      const isStill = this.#connections.get(worker) === connection;
      if (connection !== undefined && isStill && this.routeOf(worker.workerId).isCut) {
        this.#end(connection);
      }
    });
  }

  heal(workerId: string): void {
    this.routeOf(workerId).isCut = false;
    for (const { worker, link } of [...this.#connections.values()]) {
      if (worker.workerId === workerId) link.heal();
    }
  }

  #tryLater(worker: SimulatedWorker): void {
    const delayUs = reconnectDelayUsMax / 4 + this.#prng.below(reconnectDelayUsMax / 4);
    this.#controller.time.afterIdly(delayUs, () => this.connect(worker));
  }

  #take(connection: Connection, message: WorkerMessage): void {
    const controller = this.#controller;
    const { index, worker, link } = connection;
    const at = controller.time.now;
    controller.take({ type: "worker-messaged", at, worker: index, message });
    const sequence = controller.state.workers[index].receivedCount;
    controller.afterSync(() => {
      if (this.#connections.get(worker) !== connection) return;
      link.carry("back", () => worker.order({ type: "acknowledge", sequence }));
    });
  }

  #register(connection: Connection, inventory: HotMessageOf<"inventory">): void {
    const controller = this.#controller;
    const { worker, index } = connection;
    const hello = worker.hello(controller.clusterId);
    const at = controller.time.now;
    controller.take({ type: "worker-connected", at, hello, inventory });
    if (this.#stranger === worker) this.#stranger = null;
    const place = controller.state.workersById.get(worker.workerId);
    assert(place === index, "a worker is greeted as the one that it is");
  }

  #end(connection: Connection): void {
    const { worker, link, index } = connection;
    if (this.#connections.get(worker) !== connection) return;
    link.cut();
    this.#connections.delete(worker);
    if (this.#stranger === worker) this.#stranger = null;
    const controller = this.#controller;
    if (!connection.isDropped) {
      this.#byIndex.delete(index);
      connection.isDropped = true;
      const isKnown = controller.isUp && controller.state.workers[index] !== undefined;
      const at = controller.time.now;
      if (isKnown) controller.take({ type: "worker-disconnected", at, worker: index });
    }
    worker.disconnect();
    this.#tryLater(worker);
  }
}
