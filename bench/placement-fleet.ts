/**
 * A large cluster for the case `placement`: the controller's real kernel, with clients and workers
 * that this file plays. Everything is drawn from a seed.
 *
 * @module
 */

import { BlobsBuilder } from "../src/base/blobs.ts";
import { Prng } from "../src/base/prng.ts";
import { apply } from "../src/controller/apply.ts";
import type { ApiRequest, ControllerEvent } from "../src/controller/events.ts";
import { isPlacementPaused } from "../src/controller/placement-budget.ts";
import { type ControllerState, newControllerState } from "../src/controller/state.ts";
import { step } from "../src/controller/step.ts";
import type { Constraint } from "../src/model/constraints.ts";
import type { JobSpec } from "../src/model/job.ts";
import { noResources, type Resources } from "../src/model/resources.ts";
import { jobDefaults, specDefaults, type TaskSpec } from "../src/model/spec.ts";
import { type HotMessageOf, protocolVersion, reportKind } from "../src/protocol/messages.ts";

const gibibyte = 1024 ** 3;
const submitSize = 10_000;

/** A task of a shape: what it asks for, and nothing of interest besides. */
export interface Wanted {
  readonly resources: Resources;
  readonly constraints?: readonly Constraint[];
  readonly band?: TaskSpec["band"];
}

export interface Machine {
  readonly capacity: Resources;
  readonly attributes: { readonly [key: string]: string };
}

/** The kernel, and everybody who speaks with it. */
export class Fleet {
  readonly state: ControllerState = newControllerState();
  readonly random: Prng;
  #at = 1_000_000;
  #joined = 0;
  readonly #sequences: number[] = [];
  readonly #numbers: number[] = [];

  constructor(seed: number) {
    this.random = new Prng(seed);
    this.step({ type: "controller-started", at: this.#at, epoch: 1 });
  }

  /** One event; how many milliseconds the kernel took. */
  step(event: ControllerEvent): number {
    const startedAt = performance.now();
    step(this.state, event);
    return performance.now() - startedAt;
  }

  /** The next moment. */
  now(): number {
    this.#at += 10;
    return this.#at;
  }

  joins(machine: Machine): number {
    return this.step(workerConnected(this.#joined++, machine, this.now()));
  }

  /** Nobody takes work until `opens`. */
  closes(): void {
    for (const { index } of this.state.workers) {
      apply(this.state, { type: "worker-health", worker: index, trouble: "not yet" });
    }
  }

  /** All workers take work at once: a cold pass, or its first turn, of every queue. */
  opens(): number {
    for (const { index } of this.state.workers) {
      apply(this.state, { type: "worker-health", worker: index, trouble: "" });
    }
    for (const shape of this.state.queuedShapes) this.state.untriedShapes.add(shape);
    return this.step({ type: "tick", at: this.now() });
  }

  /** Turns until nothing is left to be placed; the milliseconds of each. */
  turns(): number[] {
    const times: number[] = [];
    while (isPlacementPaused(this.state)) {
      times.push(this.step({ type: "tick", at: this.now() }));
    }
    return times;
  }

  /** A client with specs of its own; returns its index. */
  client(user: string, wanted: readonly Wanted[]): number {
    const client = this.#sequences.length;
    const clientId = `client-${client}`;
    this.step({ type: "client-connected", at: this.now(), clientId, user });
    this.#sequences.push(1);
    this.#numbers.push(0);
    for (const [spec, one] of wanted.entries()) {
      const message = { type: "define-spec", spec, definition: specOf(one) } as const;
      this.step({ type: "client-messaged", at: this.now(), client, message });
    }
    return client;
  }

  /** Submits `count` tasks of a client's spec; milliseconds of the last message. */
  submits(client: number, spec: number, count: number): number {
    let spent = 0;
    for (let left = count; left > 0; left -= submitSize) {
      const size = Math.min(left, submitSize);
      const message: HotMessageOf<"submit"> = {
        type: "submit",
        sequence: this.#sequences[client]++,
        first: this.#numbers[client],
        groupSpecs: Uint32Array.of(spec),
        groupCounts: Uint32Array.of(size),
        args: argumentsOf(size),
        dependencyCounts: new Uint32Array(0),
        dependencies: new Uint32Array(0),
        keys: [],
      };
      this.#numbers[client] += size;
      spent = this.step({ type: "client-messaged", at: this.now(), client, message });
    }
    return spent;
  }

  /** A client lets its `count` youngest tasks go. */
  cancels(client: number, count: number): number {
    const last = this.#numbers[client];
    const tasks = Array.from({ length: count }, (_unused, i) => last - 1 - i);
    const sequence = this.#sequences[client]++;
    const message = { type: "cancel", sequence, tasks, reason: "" } as const;
    return this.step({ type: "client-messaged", at: this.now(), client, message });
  }

  /** An attempt ends well. */
  ends(row: number): number {
    const { attempts, tasks } = this.state;
    const builder = new BlobsBuilder();
    builder.push(new Uint8Array(0));
    const message: HotMessageOf<"reports"> = {
      type: "reports",
      kinds: Uint8Array.of(reportKind.finished),
      attempts: Float64Array.of(attempts.id[row]),
      tasks: Float64Array.of(tasks.ref(attempts.task[row])),
      reasons: new Uint8Array(1),
      successors: new Float64Array(1),
      others: new Float64Array(1),
      sizes: new Float64Array(1),
      durations: Uint32Array.of(60_000_000),
      values: builder.take(),
    };
    const worker = attempts.worker[row];
    return this.step({ type: "worker-messaged", at: this.now(), worker, message });
  }

  /** A granted attempt, any. */
  anyAttempt(): number {
    const { attempts } = this.state;
    for (;;) {
      const row = this.random.below(attempts.length);
      if (attempts.id[row] !== 0 && attempts.isGranted(row)) return row;
    }
  }

  leaves(worker: number): number {
    const { workerId, incarnation } = this.state.workers[worker];
    const how = { exitCode: 1, signal: null, launcherLives: false };
    return this.step({ type: "worker-exited", at: this.now(), workerId, incarnation, ...how });
  }

  drains(worker: number): number {
    const { workerId } = this.state.workers[worker];
    return this.asks({ type: "drain-worker", workerId, deadlineMs: 0, drain: true });
  }

  asks(request: ApiRequest): number {
    const principal = { user: "root", role: "admin", jobId: "" } as const;
    return this.step({ type: "api-called", at: this.now(), call: 1, principal, request });
  }

  launches(name: string, wanted: Wanted, replicas: number, groupBy = ""): number {
    const spec: JobSpec = {
      ...{ jobId: name, replicas, maxTaskFailures: 0, onExisting: "ERROR", children: "AUTO" },
      task: { ...specOf(wanted), ...jobDefaults, band: wanted.band ?? "interactive", groupBy },
      args: new Uint8Array(0),
    };
    return this.asks({ type: "launch-job", spec, token: name, tokenHash: name });
  }

  get placed(): number {
    return this.state.attempts.live;
  }
}

function specOf({ resources, constraints = [], band = "interactive" }: Wanted): TaskSpec {
  const nothing = { env: {}, cwd: "", workspace: "", ports: [], stdin: "" };
  return {
    ...specDefaults,
    run: { kind: "command", argv: ["true"], ...nothing, result: { type: "none" } },
    name: "bench",
    resources,
    constraints,
    band,
  };
}

function workerConnected(index: number, machine: Machine, at: number): ControllerEvent {
  const none = new Float64Array(0);
  const noAttempts = { attempts: none, attemptTasks: none, phases: new Uint8Array(0) };
  return {
    type: "worker-connected",
    at,
    hello: {
      ...{ role: "worker", protocolVersion, workerId: `w-${index}`, incarnation: `i-${index}` },
      ...{ clusterId: "bench", epoch: 1, address: `10.0.0.1:${index}`, pid: 1 + index },
      ...machine,
      ...{ slots: machine.capacity.cpuMilli / 1_000, commandSlots: 256 },
    },
    inventory: { type: "inventory", ...noAttempts, values: none, valueSizes: none },
  };
}

function argumentsOf(count: number) {
  const builder = new BlobsBuilder();
  const one = new Uint8Array(8);
  for (let i = 0; i < count; i++) builder.push(one);
  return builder.take();
}

const licences = ["a", "b", "c", "d"];

/** Worker `index` of a fleet of four kinds in eight zones; `slice` has up to 640 workers. */
export function machineAt(index: number): Machine {
  const cores = [16, 32, 64, 96][index % 4];
  return {
    capacity: {
      ...noResources,
      cpuMilli: cores * 1_000,
      memoryBytes: cores * 4 * gibibyte,
      diskBytes: cores * 64 * gibibyte,
      custom: Object.fromEntries(licences.map((name) => [name, cores * 1_000])),
    },
    attributes: {
      kind: `k${index % 4}`,
      zone: `z${(index >> 2) % 8}`,
      slice: `s${Math.floor(index / 640)}`,
    },
  };
}

/** A request for CPU and memory, drawn. */
export function plainRequest(random: Prng): Wanted {
  const cpuMilli = 1_000 * (4 + random.below(13));
  const memoryBytes = gibibyte * (8 + random.below(57));
  return { resources: { ...noResources, cpuMilli, memoryBytes } };
}

/** The same in eight dimensions (with the slot), with three constraints. */
export function richRequest(random: Prng): Wanted {
  const { resources } = plainRequest(random);
  const custom = Object.fromEntries(licences.map((name) => [name, 1_000 + random.below(3_000)]));
  const zones = Array.from({ length: 6 }, () => `z${random.below(8)}`);
  return {
    resources: { ...resources, diskBytes: gibibyte * (1 + random.below(64)), custom },
    constraints: [
      { key: "zone", op: "in", values: zones, mode: "REQUIRED" },
      { key: "kind", op: "!=", values: [`k${random.below(4)}`], mode: "REQUIRED" },
      { key: "kind", op: "=", values: [`k${random.below(4)}`], mode: "PREFERRED" },
    ],
  };
}
