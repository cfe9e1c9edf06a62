/**
 * The machines of a simulated cluster and the worker on each: the real kernel, in memory.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import { CapstanError } from "../model/errors.ts";
import type { TaskRef } from "../model/ids.ts";
import type { WorkerMessage } from "../protocol/messages.ts";
import type { Behaviour } from "../simulator/behaviour.ts";
import type { Randomness } from "../simulator/draws.ts";
import type { Faults } from "../simulator/faults.ts";
import type { Observer } from "../simulator/observer.ts";
import { SimulatedHost } from "../simulator/simulated-host.ts";
import { SimulatedWorker } from "../simulator/simulated-worker.ts";
import { nextWorkerDeadline } from "../worker/step.ts";
import type { WorkerPlan } from "./options.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** What the machines need of the cluster around them. */
export interface MachineSurroundings {
  readonly time: VirtualTime;
  readonly randomness: Randomness;
  readonly faults: Faults;
  readonly observer: Required<Observer>;
  readonly behaviour: Behaviour;
  /** A worker says something to its controller. */
  send(worker: SimulatedWorker, message: WorkerMessage): void;
  /** Whether the network reaches the worker. */
  isReachable(workerId: string): boolean;
  /** The id of the worker at this place of the controller's table. */
  workerIdAt(index: number): string | undefined;
}

interface Machine {
  readonly plan: WorkerPlan;
  readonly host: SimulatedHost;
  worker: SimulatedWorker | null;
}

export class Machines {
  readonly #around: MachineSurroundings;
  readonly #machines = new Map<string, Machine>();
  #incarnations = 0;

  constructor(around: MachineSurroundings) {
    this.#around = around;
  }

  get ids(): readonly string[] {
    return [...this.#machines.keys()];
  }

  get liveIds(): readonly string[] {
    return this.ids.filter((id) => this.#machines.get(id)?.worker?.alive === true);
  }

  add(plan: WorkerPlan): void {
    const { time, randomness, faults, behaviour, observer } = this.#around;
    const draws = randomness.stream(`host ${plan.host.workerId}`);
    const around = { timeline: time.timeline, draws, faults, behaviour, observer };
    const host = new SimulatedHost({ ...plan.host, place: this.#machines.size }, around);
    this.#machines.set(plan.host.workerId, { plan, host, worker: null });
  }

  has(workerId: string): boolean {
    return this.#machines.has(workerId);
  }

  /** The worker that lives on a machine. Throws INVALID_ARGUMENT for no such machine. */
  workerOf(workerId: string): SimulatedWorker | null {
    const machine = this.#machine(workerId);
    return machine.worker?.alive === true ? machine.worker : null;
  }

  /** A new worker process, which knows nothing; null if one lives. */
  start(workerId: string): SimulatedWorker | null {
    const machine = this.#machine(workerId);
    if (machine.worker?.alive === true) return null;
    const { time, randomness, faults, behaviour, observer } = this.#around;
    const { send, workerIdAt, isReachable } = this.#around;
    const incarnation = `i${++this.#incarnations}`;
    machine.worker = new SimulatedWorker(
      { workerId, incarnation, slots: machine.plan.slots },
      {
        ...{ timeline: time.timeline, faults, behaviour, observer, checks: false },
        draws: randomness.stream(`worker ${workerId}`),
        send,
        peerAt: (index) => (isReachable(workerId) ? this.#reached(workerIdAt(index)) : null),
        onExecution: () => undefined,
        onLeft: () => undefined,
        host: machine.host,
      },
    );
    return machine.worker;
  }

  /** The machine goes down with all that runs on it; null if it was down. */
  kill(workerId: string): SimulatedWorker | null {
    const machine = this.#machine(workerId);
    const { worker } = machine;
    if (worker === null || !worker.alive) return null;
    worker.kill();
    machine.host.die();
    machine.worker = null;
    return worker;
  }

  /** When a worker has something to do, heartbeats aside; infinity for never. */
  nextDeadline(): Micros {
    let next = Number.POSITIVE_INFINITY;
    for (const { worker } of this.#machines.values()) {
      if (worker === null || !worker.alive) continue;
      const { state } = worker;
      const connection = { ...state.connection, up: false };
      const due = nextWorkerDeadline({ ...state, connection });
      if (due !== null) next = Math.min(next, due);
    }
    return next;
  }

  /** The value of a task on the worker at `w1:1`; null if it is not there. */
  valueAt(address: string, task: TaskRef): Uint8Array | null {
    const workerId = address.slice(0, address.lastIndexOf(":"));
    return this.#reached(workerId)?.values.get(task)?.bytes ?? null;
  }

  /** Whether a worker at `w1:1` takes the value of a task. */
  bringTo(address: string, task: TaskRef, bytes: Uint8Array): boolean {
    const worker = this.#reached(address.slice(0, address.lastIndexOf(":")));
    worker?.bring(task, { sizeBytes: bytes.length, bytes });
    return worker !== null;
  }

  #reached(workerId = ""): SimulatedWorker | null {
    const worker = this.#machines.get(workerId)?.worker ?? null;
    return worker?.alive === true && this.#around.isReachable(workerId) ? worker : null;
  }

  #machine(workerId: string): Machine {
    const machine = this.#machines.get(workerId);
    if (machine !== undefined) return machine;
    const message = `${JSON.stringify(workerId)} is no worker; there are ${this.ids.join(", ")}`;
    throw new CapstanError("INVALID_ARGUMENT", message);
  }
}
