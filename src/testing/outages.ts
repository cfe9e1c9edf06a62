/**
 * What can be taken away from a simulated cluster, and how it comes back: by a test's word, or by
 * faults that happen by themselves.
 *
 * @module
 */

import { workerSilenceUs } from "./limits.ts";
import type { WorkerPlan } from "./options.ts";
import type { World } from "./world.ts";

/** A partition without an end. */
const never = Number.MAX_SAFE_INTEGER;

export class Outages {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  get liveWorkerIds(): readonly string[] {
    return this.#world.machines.liveIds;
  }

  get clientIds(): readonly string[] {
    return this.#world.clients.clientIds;
  }

  get isControllerUp(): boolean {
    return this.#world.controller.isUp;
  }

  addWorker(plan: WorkerPlan): void {
    this.#world.machines.add(plan);
    this.startWorker(plan.host.workerId);
  }

  startWorker(workerId: string): void {
    const { machines, sessions } = this.#world;
    const worker = machines.start(workerId);
    if (worker === null) return;
    this.#tell(workerId, "came up");
    sessions.connectWorker(worker);
  }

  killWorker(workerId: string): void {
    const { machines, sessions, functions } = this.#world;
    const worker = machines.kill(workerId);
    if (worker === null) return;
    this.#tell(workerId, "went down");
    functions.abandon(workerId);
    sessions.forgetWorker(worker);
  }

  /** The worker's connection breaks; it connects anew. */
  dropWorker(workerId: string): void {
    const { machines, sessions } = this.#world;
    const worker = machines.workerOf(workerId);
    if (worker === null) return;
    this.#tell(workerId, "lost its connection");
    sessions.loseWorker(worker);
  }

  /** For `durationUs`, or until it is healed. */
  partition(workerId: string, durationUs: number = never): void {
    const { machines, sessions, time } = this.#world;
    const worker = machines.workerOf(workerId);
    const path = sessions.pathTo(workerId);
    this.#tell(workerId, "was cut off");
    const until = Math.min(never, time.now + durationUs);
    path.stall("there", until);
    path.stall("back", until);
    if (durationUs < never) time.after(durationUs, () => this.#tell(workerId, "can be reached"));
    // A worker that hears nothing for so long takes its connection for broken.
    time.after(workerSilenceUs, () => {
      if (worker !== null && path.isStalled) sessions.loseWorker(worker);
    });
  }

  /** The network is whole again; what was on its way is lost with its connection. */
  heal(workerId: string): void {
    const { machines, sessions, time } = this.#world;
    const worker = machines.workerOf(workerId);
    const path = sessions.pathTo(workerId);
    if (!path.isStalled) return;
    this.#tell(workerId, "can be reached");
    path.stalledUntil.there = time.now;
    path.stalledUntil.back = time.now;
    if (worker !== null) sessions.loseWorker(worker);
  }

  /** The client's connection breaks; it connects anew. */
  dropClient(clientId: string): void {
    this.#tell(clientId, "lost its connection");
    this.#world.clients.drop(clientId);
  }

  killController(): void {
    if (!this.isControllerUp) return;
    this.#tell("controller", "went down");
    this.#world.controller.die();
  }

  startController(): void {
    if (this.isControllerUp) return;
    this.#tell("controller", this.#world.controller.epoch === 0 ? "came up" : "came back");
    this.#world.startController();
  }

  #tell(who: string, what: string): void {
    this.#world.time.stir();
    this.#world.trace.add(who, what);
  }
}
