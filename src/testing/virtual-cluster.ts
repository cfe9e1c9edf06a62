/**
 * A simulated cluster for the tests of programs: what `simulateCluster` returns.
 *
 * The controller and the workers are the real kernels and the clients the real client; the network,
 * the disk, the machines and the time are virtual. One seed and one program, one run.
 *
 * @module
 */

import { assert } from "../base/assert.ts";
import { Prng } from "../base/prng.ts";
import { Client } from "../client/client.ts";
import { Session } from "../client/session.ts";
import type { AnyTask, Task } from "../client/task.ts";
import { CapstanError } from "../model/errors.ts";
import { parseInteger, parseText } from "../model/parse-fields.ts";
import type { DurationOption } from "../model/parse-job.ts";
import { parseDurationMs } from "../model/parse-quantities.ts";
import type { Behaviour } from "../simulator/behaviour.ts";
import { ClientLinks } from "./client-links.ts";
import { CommandBehaviour, type CommandHandler } from "./command-behaviour.ts";
import { Drive } from "./drive.ts";
import { explainStandstill } from "./explain-standstill.ts";
import { FaultInjector, type Faulty } from "./fault-injector.ts";
import { drawFaultRates } from "./fault-options.ts";
import { FunctionBehaviour } from "./function-behaviour.ts";
import { FunctionRegistry } from "./function-registry.ts";
import { Machines } from "./machines.ts";
import { parseWorker, type SimulateSettings, type WorkerOptions } from "./options.ts";
import { parseTakes, type Takes } from "./takes.ts";
import { Trace, type TraceEntry } from "./trace.ts";
import { VirtualController } from "./virtual-controller.ts";
import { VirtualLogs } from "./virtual-logs.ts";
import { VirtualTime } from "./virtual-time.ts";
import { WorkerLinks } from "./worker-links.ts";

/** Who a client of a simulated cluster is. */
export interface SimulatedConnectOptions {
  /** Whose tasks these are. Default `"test"`. */
  readonly user?: string | undefined;
  /** Told what the controller warns of. Default: it goes into the trace only. */
  readonly onWarning?: ((code: string, message: string) => void) | undefined;
}

/** When something that was taken away is back by itself. */
export interface Outage {
  /** Virtual time until then. Default: never. */
  readonly backAfter?: DurationOption | undefined;
}

export class VirtualCluster {
  /** Everything that is drawn follows from it. */
  readonly seed: number;
  readonly #time = new VirtualTime();
  readonly #trace = new Trace(this.#time);
  readonly #functions = new FunctionRegistry();
  readonly #controller: VirtualController;
  readonly #drive: Drive;
  readonly #functionBehaviour: FunctionBehaviour;
  readonly #commandBehaviour: CommandBehaviour;
  readonly #machines: Machines;
  readonly #workerLinks: WorkerLinks;
  readonly #clientLinks: ClientLinks;
  readonly #injector: FaultInjector;
  readonly #clients: Client[] = [];

  /** Made by `simulateCluster`. */
  constructor(settings: SimulateSettings) {
    const { seed, delayUsMax, syncUsMax, takes } = settings;
    this.seed = seed;
    const draws = drawsOf(seed);
    const time = this.#time;
    const trace = this.#trace;
    const functions = this.#functions;
    const logs = new VirtualLogs();
    const rates = settings.faults === "swarm" ? drawFaultRates(draws.faults) : settings.faults;
    const controller = new VirtualController(time, draws.disk, syncUsMax, logs);
    const drive = new Drive(time, draws.clients, settings.patienceMs);
    const around = { time, drive, prng: draws.takes, functions, trace };
    this.#controller = controller;
    this.#drive = drive;
    this.#functionBehaviour = new FunctionBehaviour(around, takes);
    this.#commandBehaviour = new CommandBehaviour(around, takes, logs);
    this.#workerLinks = new WorkerLinks(controller, draws.network, delayUsMax);
    this.#machines = new Machines({
      ...{ time, prng: draws.machines, fetchFailure: rates.fetchFailure },
      behaviour: this.#behaviour(),
      send: (worker, message) => this.#workerLinks.hear(worker, message),
      isReachable: (workerId) => !this.#workerLinks.routeOf(workerId).isCut,
      workerIdAt: (index) => controller.state.workers[index]?.workerId,
    });
    this.#clientLinks = new ClientLinks({
      ...{ controller, drive, functions, prng: draws.network, delayUsMax },
      valueAt: (address, task) => this.#machines.valueAt(address, task),
      onSaid: () => this.#injector.progress(),
    });
    this.#injector = new FaultInjector(time, draws.faults, rates, this.#faulty());
    drive.attach(this.#driveHost());
    this.startController();
    for (const plan of settings.workers) {
      this.#machines.add(plan);
      this.startWorker(plan.host.workerId);
    }
    this.#awaitWorkers(settings.workers.length);
    time.begin();
  }

  /** Virtual milliseconds since the cluster began. */
  get now(): number {
    return this.#time.elapsedMs;
  }

  /** The ids of its workers, also of those that are down. */
  get workers(): readonly string[] {
    return this.#machines.ids;
  }

  /** How many faults have happened by themselves. */
  get faultCount(): number {
    return this.#injector.count;
  }

  /**
   * A client of this cluster, as `connect` gives one of a real cluster: the same class, and the
   * same code. Close the cluster, and its clients are closed.
   */
  async connect(options: SimulatedConnectOptions = {}): Promise<Client> {
    const { user = "test", onWarning } = options;
    const number = this.#clients.length + 1;
    const session = new Session({
      transport: this.#clientLinks.transport(),
      token: "",
      user: parseText("user", user, 128),
      jobAround: "",
      clientId: `client-${number}`,
      onWarning: (code, message) => {
        this.#trace.add(user, `warned ${code}: ${message}`);
        onWarning?.(code, message);
      },
    });
    const client = new Client(session);
    this.#clients.push(client);
    await this.#awaited("a connection", () => session.open());
    return client;
  }

  /**
   * Lets virtual time pass: `"10s"`, or milliseconds. Everything that is due in it happens. Rejects
   * with INVALID_ARGUMENT.
   */
  async advance(duration: DurationOption): Promise<void> {
    const delayMs = parseDurationMs("advance", duration);
    await this.#awaited("advance", () => {
      return new Promise<void>((resolve) => void this.#drive.after(delayMs, resolve));
    });
  }

  /**
   * How long each execution of a task runs in virtual time: a duration, a range to draw from, or a
   * function of its arguments. Default: `takes` of the cluster. What runs already goes on as it
   * was. Throws INVALID_ARGUMENT.
   */
  taskTakes<A extends readonly unknown[], R>(
    task: Task<A, R>,
    takes: Takes | ((...args: A) => Takes),
  ): void {
    const parsed =
      typeof takes === "function"
        ? (takes as (...args: readonly unknown[]) => unknown)
        : parseTakes("takes", takes);
    this.#functionBehaviour.setTakes(task, parsed);
  }

  /** The next `count` executions of a task fail with `error`, without being called. Default 1. */
  failNext(task: AnyTask, error: unknown = new Error("a planned failure"), count = 1): void {
    parseInteger("count", count, 1, 1_000_000);
    for (let i = 0; i < count; i++) this.#functionBehaviour.failNext(task, error);
  }

  /** What commands do. Without a handler they succeed, and say nothing. */
  onCommand(handler: CommandHandler): void {
    this.#commandBehaviour.handler = handler;
  }

  /** How often a task was begun, repeats and planned failures among them. */
  executionsOf(task: AnyTask): number {
    return this.#functionBehaviour.countOf(task);
  }

  /** What happened, oldest first: the same for the same seed and program. */
  trace(): readonly TraceEntry[] {
    return this.#trace.entries;
  }

  /** The trace as text, a line for each entry. */
  traceText(): string {
    return this.#trace.toString();
  }

  /**
   * A worker's machine goes down with all that it runs and holds. Nobody is told: the controller
   * finds out by its silence, after ten seconds. Throws INVALID_ARGUMENT for no such worker.
   */
  killWorker(workerId: string, { backAfter }: Outage = {}): void {
    this.#killWorker(workerId);
    this.#later("backAfter", backAfter, () => this.startWorker(workerId));
  }

  /** Starts a worker that is down, with nothing in its memory; one that lives goes on. */
  startWorker(workerId: string): void {
    const worker = this.#machines.start(workerId);
    if (worker === null) return;
    this.#trace.add(workerId, "came up");
    this.#time.stir();
    this.#workerLinks.connect(worker);
  }

  /** One more worker, which comes up at once. Returns its id. Throws INVALID_ARGUMENT. */
  addWorker(options: WorkerOptions = {}): string {
    const plan = parseWorker("worker", options, `w${this.workers.length + 1}`);
    const { workerId } = plan.host;
    if (this.#machines.has(workerId)) {
      throw new CapstanError("INVALID_ARGUMENT", `id: there is a worker ${workerId} already`);
    }
    this.#machines.add(plan);
    this.startWorker(workerId);
    return workerId;
  }

  /**
   * Cuts a worker off the network: nothing arrives, and nobody is told. What it runs goes on.
   * `heal`, or `backAfter`, makes the network whole again.
   */
  partition(workerId: string, { backAfter }: Outage = {}): void {
    const worker = this.#machines.workerOf(workerId);
    this.#trace.add(workerId, "was cut off");
    this.#time.stir();
    if (worker === null) this.#workerLinks.routeOf(workerId).isCut = true;
    else this.#workerLinks.cut(worker);
    this.#later("backAfter", backAfter, () => this.heal(workerId));
  }

  /** The network of a worker is whole again. */
  heal(workerId: string): void {
    this.#machines.workerOf(workerId);
    if (!this.#workerLinks.routeOf(workerId).isCut) return;
    this.#trace.add(workerId, "was reached again");
    this.#time.stir();
    this.#workerLinks.heal(workerId);
  }

  /** The controller dies, and loses what was not on its disk. Who asks it waits. */
  killController({ backAfter }: Outage = {}): void {
    if (this.#controller.isUp) {
      this.#trace.add("controller", "went down");
      this.#controller.crash();
      this.#workerLinks.dropAll();
      this.#clientLinks.dropAll();
    }
    this.#later("backAfter", backAfter, () => this.startController());
  }

  /** Starts a controller that is down, from its journal; one that lives goes on. */
  startController(): void {
    if (this.#controller.isUp) return;
    this.#trace.add("controller", this.#controller.epoch === 0 ? "came up" : "came back");
    this.#time.stir();
    this.#controller.start({
      deliver: (send) => {
        if (send.type === "send-to-client" || send.type === "disconnect-client") {
          this.#clientLinks.deliver(send);
        } else this.#workerLinks.deliver(send);
      },
      flush: () => this.#clientLinks.flush(),
    });
  }

  /** `killController`, and back at once. */
  restartController(): void {
    this.killController();
    this.startController();
  }

  /** Every client loses its connection, and connects anew by itself. */
  dropClients(): void {
    this.#trace.add("clients", "lost their connections");
    this.#clientLinks.dropAll();
  }

  /** Ends all clients. What is open rejects with CLIENT_CLOSED. */
  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Until all workers are there, as a cluster is that a program is started on. */
  #awaitWorkers(count: number): void {
    const isUp = (): boolean => {
      const up = this.#controller.state.workers.filter(({ connected }) => connected);
      return up.length >= count;
    };
    while (!isUp()) assert(this.#time.runNext(), "workers come up");
  }

  /** Virtual time goes on while `run` is awaited. */
  async #awaited<T>(what: string, run: () => Promise<T>): Promise<T> {
    const failed = Promise.withResolvers<never>();
    failed.promise.catch(() => undefined);
    const stop = this.#drive.waits({ describe: () => what, fail: failed.reject });
    try {
      return await Promise.race([run(), failed.promise]);
    } finally {
      stop();
    }
  }

  #later(field: string, delay: DurationOption | undefined, act: () => void): void {
    if (delay === undefined) return;
    this.#time.after(parseDurationMs(field, delay) * 1000, act);
  }

  #killWorker(workerId: string): void {
    const worker = this.#machines.kill(workerId);
    if (worker === null) return;
    this.#trace.add(workerId, "went down");
    this.#functionBehaviour.abandon(workerId);
    this.#time.stir();
    this.#workerLinks.drop(worker);
  }

  #behaviour(): Behaviour {
    return {
      begin: (execution, end) => {
        this.#time.stir();
        this.#injector.progress();
        const { run } = execution.definition;
        if (run.kind === "function") this.#functionBehaviour.begin(execution, run, end);
        else this.#commandBehaviour.begin(execution, run, end);
      },
      abort: (attempt, reason) => this.#functionBehaviour.abort(attempt, reason),
    };
  }

  #driveHost() {
    const controller = this.#controller;
    const machines = this.#machines;
    return {
      get decidedAt() {
        return controller.decidedAt;
      },
      nextDeadline: () => Math.min(controller.nextDeadline(), machines.nextDeadline()),
      skipped: (pausedUs: number) => {
        const at = this.#time.now;
        if (controller.isUp) controller.take({ type: "controller-paused", at, pausedUs });
      },
      explain: () => explainStandstill(controller),
    };
  }

  #faulty(): Faulty {
    const machines = this.#machines;
    const clients = this.#clientLinks;
    const controller = this.#controller;
    return {
      get liveWorkerIds() {
        return machines.liveIds;
      },
      get clientIds() {
        return clients.clientIds;
      },
      get isControllerUp() {
        return controller.isUp;
      },
      killWorker: (workerId) => this.#killWorker(workerId),
      startWorker: (workerId) => this.startWorker(workerId),
      partition: (workerId) => this.partition(workerId),
      heal: (workerId) => this.heal(workerId),
      dropWorker: (workerId) => {
        const worker = machines.workerOf(workerId);
        this.#trace.add(workerId, "lost its connection");
        if (worker !== null) this.#workerLinks.drop(worker);
      },
      dropClient: (clientId) => {
        this.#trace.add(clientId, "lost its connection");
        clients.drop(clientId);
      },
      killController: () => this.killController(),
      startController: () => this.startController(),
    };
  }
}

/** One generator for each purpose, so that more draws of one kind do not change the others. */
function drawsOf(seed: number) {
  const root = new Prng(seed);
  const next = () => new Prng(root.u32());
  return {
    network: next(),
    disk: next(),
    machines: next(),
    takes: next(),
    clients: next(),
    faults: next(),
  };
}
