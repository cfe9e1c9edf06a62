/**
 * The connections of a simulated controller: who speaks for which peer, on both sides, as the shell
 * keeps them. The two sides of a connection may disagree for a while about whether it is up.
 *
 *     worker: hello ─▶ controller: greeting ─▶ worker: inventory ─▶ registered
 *       ─▶ (durable) what the kernel sends from then on
 *
 * @module
 */

import { acceptedSequence } from "../controller/acknowledge.ts";
import type { ControllerSend } from "../controller/events.ts";
import { admitWorker } from "../controller/workers.ts";
import type { ClientMessage, HotMessageOf, WorkerMessage } from "../protocol/messages.ts";
import type { DrawStream, Randomness } from "./draws.ts";
import type { Faults } from "./faults.ts";
import { type Link, NetworkPath } from "./link.ts";
import type { Observer } from "./observer.ts";
import type { ClusterClient } from "./simulated-client.ts";
import type { SimulatedController } from "./simulated-controller.ts";
import type { SimulatedWorker } from "./simulated-worker.ts";
import type { Timeline } from "./timeline.ts";

/** A worker's connection. Each side has its own idea of whether it is up. */
interface WorkerSession {
  readonly worker: SimulatedWorker;
  readonly link: Link;
  index: number;
  registered: boolean;
  /** Messages after the inventory. */
  received: number;
}

interface ClientSession {
  readonly client: ClusterClient;
  readonly link: Link;
  index: number;
}

export interface SessionsSurroundings {
  readonly timeline: Timeline;
  readonly randomness: Randomness;
  readonly faults: Faults;
  readonly controller: SimulatedController;
  readonly observer: Required<Observer>;
}

/** A worker that hears nothing for so long takes its connection for broken. */
const workerSilenceUs = 15_000_000;

/** A try to reach the controller is given up after so long. */
const connectTimeoutUs = 5_000_000;

/** What a worker that was greeted may take until its inventory is here. */
const inventoryTimeoutUs = 10_000_000;

const retryUs = 20_000;

export class Sessions {
  readonly #around: SessionsSurroundings;
  readonly #draws: DrawStream;
  readonly #paths = new Map<string, NetworkPath>();
  /** The controller's side: by worker id and client id, and by place once sends may flow. */
  readonly #workers = new Map<string, WorkerSession>();
  readonly #workersByIndex = new Map<number, WorkerSession>();
  readonly #clients = new Map<string, ClientSession>();
  readonly #clientsByIndex = new Map<number, ClientSession>();
  #stranger: WorkerSession | null = null;
  /** The peers' side: the connection that each takes for its own. */
  readonly #ofWorker = new Map<SimulatedWorker, WorkerSession>();
  readonly #ofClient = new Map<ClusterClient, ClientSession>();

  constructor(around: SessionsSurroundings) {
    this.#around = around;
    this.#draws = around.randomness.stream("sessions");
  }

  /** The network between the controller and a peer, by its id. */
  pathTo(peerId: string): NetworkPath {
    let path = this.#paths.get(peerId);
    if (path === undefined) {
      const { timeline, randomness, faults } = this.#around;
      path = new NetworkPath(timeline, randomness.stream(`network ${peerId}`), faults);
      this.#paths.set(peerId, path);
    }
    return path;
  }

  // Workers.

  connectWorker(worker: SimulatedWorker): void {
    if (!worker.alive || this.#ofWorker.has(worker)) return;
    const { controller, timeline } = this.#around;
    const again = () => this.connectWorker(worker);
    if (!controller.isUp || worker.isPaused) return timeline.after(retryUs, again);
    const path = this.pathTo(worker.workerId);
    const session: WorkerSession = {
      ...{ worker, link: path.open(), index: -1, registered: false, received: 0 },
    };
    this.#ofWorker.set(worker, session);
    session.link.carry("there", () => controller.whenAwake(() => this.#openWorker(session)));
    if (path.isStalled || controller.isPaused) {
      timeline.after(connectTimeoutUs, () => {
        if (this.#ofWorker.get(worker) === session && session.index < 0) this.loseWorker(worker);
      });
    }
  }

  #openWorker(session: WorkerSession): void {
    const { controller, timeline } = this.#around;
    const { worker, link } = session;
    if (!worker.alive || !link.isUp) return;
    const known = controller.state.workersById.get(worker.workerId);
    if (this.#refuses(session, known)) {
      link.carry("back", () => this.#refuseWorker(session));
      return;
    }
    const previous = this.#workers.get(worker.workerId);
    if (previous !== undefined) this.#endWorker(previous);
    if (!controller.isUp) return; // It died of that.
    if (known === undefined) this.#stranger = session;
    const index = known ?? controller.state.workers.length;
    this.#workers.set(worker.workerId, session);
    timeline.after(inventoryTimeoutUs, () => {
      if (!session.registered && this.#workers.get(worker.workerId) === session)
        this.#endWorker(session);
    });
    const { epoch } = controller;
    link.carry("back", () => {
      if (this.#ofWorker.get(worker) !== session) return;
      session.index = index;
      worker.connect(index, epoch);
    });
  }

  #refuses({ worker }: WorkerSession, known: number | undefined): boolean {
    const { controller } = this.#around;
    // A new worker's place is the next one; two strangers at once would both be told the same.
    if (known === undefined && this.#stranger !== null) return true;
    const live = this.#workers.get(worker.workerId);
    if (live !== undefined && !live.registered && live.worker !== worker) return true;
    return admitWorker(controller.state, worker.hello("sim")) !== null;
  }

  #refuseWorker({ worker, link }: WorkerSession): void {
    link.cut();
    this.#ofWorker.delete(worker);
    this.#around.timeline.after(retryUs, () => this.connectWorker(worker));
  }

  /** The controller's side is over: it closes the stream, and the worker reads that in its turn. */
  #endWorker(session: WorkerSession): void {
    const { worker, link, registered } = session;
    const index = this.#indexOf(session);
    if (this.#workers.get(worker.workerId) !== session) return;
    this.#workers.delete(worker.workerId);
    if (this.#workersByIndex.get(index) === session) this.#workersByIndex.delete(index);
    if (this.#stranger === session) this.#stranger = null;
    link.carry("back", () => this.#closedBehind(session));
    const { controller } = this.#around;
    if (!registered) return;
    controller.take({ type: "worker-disconnected", at: controller.now(), worker: index });
  }

  #indexOf({ worker }: WorkerSession): number {
    return this.#around.controller.state.workersById.get(worker.workerId) ?? -1;
  }

  /** The worker's side is over, and it comes again. */
  #closedBehind(session: WorkerSession): void {
    const { worker } = session;
    if (this.#ofWorker.get(worker) !== session) return;
    this.#ofWorker.delete(worker);
    session.link.cut();
    worker.disconnect();
    const delay = retryUs + this.#draws.below(30_000);
    this.#around.timeline.after(delay, () => this.connectWorker(worker));
  }

  /**
   * The connection of a worker breaks without a word, and what was on its way is lost. Each side
   * hears of it within a millisecond, or, if it is half open, much later.
   */
  loseWorker(worker: SimulatedWorker): void {
    const session = this.#ofWorker.get(worker) ?? this.#workers.get(worker.workerId);
    if (session === undefined || session.worker !== worker) return;
    const { timeline, controller, faults, observer } = this.#around;
    session.link.cut();
    const [workerHears, controllerHears] = this.#hearings(faults.halfOpen);
    if (workerHears + controllerHears > 2_000) {
      observer.onFault("connection half open", worker.workerId);
    }
    timeline.after(workerHears, () => this.#closedBehind(session));
    timeline.after(controllerHears, () => controller.whenAwake(() => this.#endWorker(session)));
  }

  /** When the two sides of a broken connection hear of it. */
  #hearings(halfOpen: number): readonly [number, number] {
    const late = () => this.#draws.chance(halfOpen);
    const hearing = () =>
      late() ? this.#draws.below(workerSilenceUs) : 100 + this.#draws.below(900);
    return [hearing(), hearing()];
  }

  /** The process of a worker is gone. Its machine says so to the controller, or is gone as well. */
  forgetWorker(worker: SimulatedWorker): void {
    const session = this.#ofWorker.get(worker);
    this.#ofWorker.delete(worker);
    if (session === undefined) return;
    session.link.cut();
    const { timeline, controller, faults } = this.#around;
    const [hears] = this.#hearings(faults.halfOpen);
    timeline.after(hears, () => controller.whenAwake(() => this.#endWorker(session)));
  }

  fromWorker(worker: SimulatedWorker, message: WorkerMessage): void {
    const session = this.#ofWorker.get(worker);
    const { timeline, observer } = this.#around;
    const { workerId } = worker;
    observer.onTraffic({ type: "said", at: timeline.now, workerId, message });
    session?.link.carry("there", () => {
      this.#around.controller.whenAwake(() => this.#hearWorker(session, message));
    });
  }

  #hearWorker(session: WorkerSession, message: WorkerMessage): void {
    const { controller, observer, timeline } = this.#around;
    const { worker } = session;
    if (this.#workers.get(worker.workerId) !== session) return;
    if (message.type === "inventory") return this.#register(session, message);
    if (!session.registered) return;
    session.received++;
    const { workerId } = worker;
    observer.onTraffic({ type: "heard", at: timeline.now, workerId, message });
    const index = this.#indexOf(session);
    controller.take({ type: "worker-messaged", at: controller.now(), worker: index, message });
    this.#acknowledge(session);
  }

  #register(session: WorkerSession, inventory: HotMessageOf<"inventory">): void {
    const { controller } = this.#around;
    const hello = session.worker.hello("sim");
    const { workerId } = hello;
    session.registered = true;
    const { observer, timeline } = this.#around;
    observer.onTraffic({ type: "registered", at: timeline.now, hello, inventory });
    if (this.#stranger === session) this.#stranger = null;
    controller.take({ type: "worker-connected", at: controller.now(), hello, inventory }, () => {
      if (this.#workers.get(workerId) !== session) return;
      this.#workersByIndex.set(this.#indexOf(session), session);
    });
  }

  /** When the facts of the worker's last message are durable. */
  #acknowledge(session: WorkerSession): void {
    const message = { type: "acknowledge", sequence: session.received } as const;
    const { controller, observer, timeline } = this.#around;
    const { workerId } = session.worker;
    controller.hold(() => {
      // Nobody hears what a closed connection says, and its numbers are not the next one's.
      if (this.#workers.get(workerId) !== session) return;
      observer.onTraffic({ type: "ordered", at: timeline.now, workerId, message });
      session.link.carry("back", () => {
        if (this.#ofWorker.get(session.worker) === session) session.worker.order(message);
      });
    });
  }

  // Clients.

  connectClient(client: ClusterClient): void {
    if (client.gone || this.#ofClient.has(client)) return;
    const { controller, timeline } = this.#around;
    if (!controller.isUp) return timeline.after(retryUs, () => this.connectClient(client));
    const link = this.pathTo(client.clientId).open();
    const session: ClientSession = { client, link, index: -1 };
    this.#ofClient.set(client, session);
    link.carry("there", () => controller.whenAwake(() => this.#openClient(session)));
  }

  #openClient(session: ClientSession): void {
    const { controller } = this.#around;
    const { clientId, user } = session.client;
    const previous = this.#clients.get(clientId);
    if (previous !== undefined) this.#endClient(previous);
    if (!controller.isUp) return; // It died of that.
    this.#clients.set(clientId, session);
    const at = controller.now();
    controller.take({ type: "client-connected", at, clientId, user }, () => this.#greet(session));
  }

  /** Its first word, before anything that its connection caused. */
  #greet(session: ClientSession): void {
    const { client, link } = session;
    if (this.#clients.get(client.clientId) !== session) return;
    const { state } = this.#around.controller;
    session.index = state.clientsById.get(client.clientId) ?? -1;
    this.#clientsByIndex.set(session.index, session);
    const known = state.clients[session.index];
    const sequence = known ? acceptedSequence(state, known) : 0;
    link.carry("back", () => {
      if (this.#ofClient.get(client) === session) client.onConnected(session.index, sequence);
    });
  }

  #endClient(session: ClientSession): void {
    const { controller } = this.#around;
    const { client } = session;
    if (this.#clients.get(client.clientId) !== session) return;
    const index = controller.state.clientsById.get(client.clientId) ?? -1;
    this.#clients.delete(client.clientId);
    if (this.#clientsByIndex.get(index) === session) this.#clientsByIndex.delete(index);
    if (index < 0) return; // It has closed its session.
    controller.take({ type: "client-disconnected", at: controller.now(), client: index });
  }

  /** The connection of a client breaks; the client comes again before its grace is over. */
  loseClient(client: ClusterClient): void {
    const session = this.#ofClient.get(client);
    if (session === undefined) return;
    this.#ofClient.delete(client);
    session.link.cut();
    client.connected = false;
    const { timeline, controller, faults, observer } = this.#around;
    const [hears] = this.#hearings(faults.halfOpen);
    if (hears > 1_000) observer.onFault("client half open", client.clientId);
    timeline.after(hears, () => controller.whenAwake(() => this.#endClient(session)));
    timeline.after(this.#draws.below(20_000), () => this.connectClient(client));
  }

  fromClient(client: ClusterClient, message: ClientMessage): void {
    const session = this.#ofClient.get(client);
    this.#around.observer.onTraffic({ type: "asked", clientId: client.clientId, message });
    session?.link.carry("there", () => {
      this.#around.controller.whenAwake(() => this.#hearClient(session, message));
    });
  }

  #hearClient(session: ClientSession, message: ClientMessage): void {
    const { controller } = this.#around;
    if (message.type === "call" || this.#clients.get(session.client.clientId) !== session) return;
    const { index } = session;
    const { clientId } = session.client;
    this.#around.observer.onTraffic({ type: "asked-heard", clientId, message });
    controller.take({ type: "client-messaged", at: controller.now(), client: index, message });
  }

  // The controller.

  /** Carries out an order of the kernel; what is for nobody is dropped. */
  deliver(send: Exclude<ControllerSend, { type: "reply-to-call" }>): void {
    switch (send.type) {
      case "send-to-worker": {
        const session = this.#workersByIndex.get(send.worker);
        if (session === undefined) return;
        const { observer, timeline } = this.#around;
        const { workerId } = session.worker;
        const { message } = send;
        observer.onTraffic({ type: "ordered", at: timeline.now, workerId, message });
        session.link.carry("back", () => {
          if (this.#ofWorker.get(session.worker) === session) session.worker.order(send.message);
        });
        return;
      }
      case "send-to-client": {
        const session = this.#clientsByIndex.get(send.client);
        if (session === undefined) return;
        const { clientId } = session.client;
        this.#around.observer.onTraffic({ type: "told", clientId, message: send.message });
        session.link.carry("back", () => {
          if (this.#ofClient.get(session.client) === session) session.client.receive(send.message);
        });
        return;
      }
      case "disconnect-worker": {
        const session = this.#workersByIndex.get(send.worker);
        if (session !== undefined) this.#endWorker(session);
        return;
      }
      case "disconnect-client":
        return; // The session is over; the client closed it.
    }
  }

  /** The controller is gone, and all connections with it; each peer hears of it in its time. */
  onControllerDeath(): void {
    this.#workers.clear();
    this.#workersByIndex.clear();
    this.#clients.clear();
    this.#clientsByIndex.clear();
    this.#stranger = null;
    const { timeline, faults } = this.#around;
    for (const session of this.#ofWorker.values()) {
      session.link.cut();
      const [hears] = this.#hearings(faults.halfOpen);
      timeline.after(hears, () => this.#closedBehind(session));
    }
    for (const [client, session] of this.#ofClient) {
      session.link.cut();
      client.connected = false;
      const [hears] = this.#hearings(0);
      timeline.after(hears, () => {
        if (this.#ofClient.get(client) === session) this.#ofClient.delete(client);
        this.connectClient(client);
      });
    }
  }
}
