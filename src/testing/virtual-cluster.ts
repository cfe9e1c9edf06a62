/**
 * A simulated cluster for the tests of programs: what `simulateCluster` returns.
 *
 * The controller and the workers are the real kernels and the clients the real client; the network,
 * the disk, the machines and the time are virtual. One seed and one program, one run.
 *
 * @module
 */

import { Client, type ConnectOptions, connectOptionNames } from "../client/client.ts";
import { type OfferedCluster, offerInProcess } from "../client/in-process-clusters.ts";
import { Session } from "../client/session.ts";
import type { AnyTask, Task } from "../client/task.ts";
import { CapstanError } from "../model/errors.ts";
import { parseFields, parseFunction, parseInteger, parseText } from "../model/parse-fields.ts";
import type { DurationOption } from "../model/parse-job.ts";
import { parseDurationMs } from "../model/parse-quantities.ts";
import type { CommandHandler } from "./command-behaviour.ts";
import { FaultInjector } from "./fault-injector.ts";
import { parseWorker, type SimulateSettings, type WorkerOptions } from "./options.ts";
import { Outages } from "./outages.ts";
import { parseTakes, type Takes } from "./takes.ts";
import type { TraceEntry } from "./trace.ts";
import { World } from "./world.ts";

/** When something that was taken away is back by itself. */
export interface Outage {
  /** Virtual time until then. Default: never. */
  readonly backAfter?: DurationOption | undefined;
}

export class VirtualCluster {
  /** Everything that is drawn follows from it. */
  readonly seed: number;
  readonly #world: World;
  readonly #outages: Outages;
  readonly #injector: FaultInjector;
  readonly #clients: Client[] = [];
  readonly #offer: OfferedCluster;
  #isClosed = false;

  /** Made by `simulateCluster`. */
  constructor(settings: SimulateSettings) {
    this.seed = settings.seed;
    const world = new World(settings);
    const { time, rates, randomness, controller } = world;
    this.#world = world;
    this.#outages = new Outages(world);
    this.#outages.startController();
    for (const plan of settings.workers) this.#outages.addWorker(plan);
    const isUp = (): boolean => {
      const up = controller.state.workers.filter(({ connected }) => connected);
      return up.length === settings.workers.length;
    };
    world.runUntil(isUp);
    time.begin();
    const draws = randomness.stream("faults");
    this.#injector = new FaultInjector(time, draws, rates, this.#outages);
    world.onProgress = () => this.#injector.progress();
    this.#offer = offerInProcess((options) => this.connect(options));
  }

  /** Virtual milliseconds since the cluster began. */
  get now(): number {
    return this.#world.time.elapsedMs;
  }

  /** The ids of its workers, also of those that are down. */
  get workers(): readonly string[] {
    return this.#world.machines.ids;
  }

  /** How many faults have happened by themselves. */
  get faultCount(): number {
    return this.#injector.count;
  }

  /** What `connect` takes to reach this cluster, in this process: `simulated:3`. */
  get url(): string {
    return this.#offer.url;
  }

  /**
   * A client of this cluster: the same as `connect(cluster.url, options)`, for whose `user` the
   * default is `"test"`. Close the cluster, and its clients are closed. Rejects with
   * INVALID_ARGUMENT naming the option, or CONFLICT when the cluster was closed.
   */
  async connect(options: ConnectOptions = {}): Promise<Client> {
    this.#checkOpen();
    parseFields("", options, connectOptionNames);
    const { user = "test", onWarning } = options;
    if (onWarning !== undefined) parseFunction("onWarning", onWarning);
    const session = new Session({
      transport: this.#world.clients.transport(),
      token: "",
      user: parseText("user", user, 128),
      jobAround: "",
      clientId: `client-${this.#clients.length + 1}`,
      onWarning: (code, message) => {
        this.#world.trace.add(user, `warned ${code}: ${message}`);
        onWarning?.(code, message);
      },
    });
    const client = new Client(session);
    this.#clients.push(client);
    await session.open();
    return client;
  }

  /**
   * Lets virtual time pass: `"10s"`, or milliseconds. Everything that is due in it happens. Rejects
   * with INVALID_ARGUMENT, or CONFLICT when the cluster was closed.
   */
  async advance(duration: DurationOption): Promise<void> {
    this.#checkOpen();
    const delayMs = parseDurationMs("advance", duration);
    await this.#world.drive.awaited("advance", () => {
      return new Promise<void>((resolve) => void this.#world.drive.after(delayMs, resolve));
    });
  }

  /**
   * How long each execution of a task runs in virtual time: a duration, a range to draw from, or a
   * function of its arguments. Default: `takes` of the cluster. What runs already goes on as it
   * was. Throws INVALID_ARGUMENT, also for an actor: its calls take `takes` of the cluster.
   */
  taskTakes<A extends readonly unknown[], R>(
    task: Task<A, R>,
    takes: Takes | ((...args: A) => Takes),
  ): void {
    this.#checkOpen();
    const parsed =
      typeof takes === "function"
        ? (takes as (...args: readonly unknown[]) => unknown)
        : parseTakes("takes", takes);
    this.#world.functions.setTakes(task, parsed);
  }

  /**
   * The next `count` executions of a task fail with `error`, without being called. Default 1.
   * Throws INVALID_ARGUMENT, also for an actor: a call of one fails if its method throws.
   */
  failNext(task: AnyTask, error: unknown = new Error("a planned failure"), count = 1): void {
    this.#checkOpen();
    parseInteger("count", count, 1, 1_000_000);
    for (let i = 0; i < count; i++) this.#world.functions.failNext(task, error);
  }

  /**
   * What commands do. Without a handler they succeed, and say nothing. Throws INVALID_ARGUMENT for
   * what is no function.
   */
  onCommand(handler: CommandHandler): void {
    this.#checkOpen();
    parseFunction("handler", handler);
    this.#world.commands.handler = handler;
  }

  /**
   * How often a task was begun, repeats and planned failures among them. Throws INVALID_ARGUMENT
   * for an actor: `trace` has its calls.
   */
  executionsOf(task: AnyTask): number {
    return this.#world.functions.countOf(task);
  }

  /** What happened, oldest first: the same for the same seed and program. */
  trace(): readonly TraceEntry[] {
    return this.#world.trace.entries;
  }

  /** The trace as text, a line for each entry. */
  traceText(): string {
    return this.#world.trace.toString();
  }

  /**
   * A worker's machine goes down with all that it runs and holds. Nobody is told: the controller
   * finds out by its silence, after ten seconds. Throws INVALID_ARGUMENT for no such worker or
   * option.
   */
  killWorker(workerId: string, outage: Outage = {}): void {
    this.#checkOpen();
    const outages = this.#outages;
    const backUs = parseBackUs(outage);
    outages.killWorker(workerId);
    if (backUs !== undefined) this.#world.time.after(backUs, () => outages.startWorker(workerId));
  }

  /** Starts a worker that is down, with nothing in its memory; one that lives goes on. */
  startWorker(workerId: string): void {
    this.#checkOpen();
    this.#outages.startWorker(workerId);
  }

  /** One more worker, which comes up at once. Returns its id. Throws INVALID_ARGUMENT. */
  addWorker(options: WorkerOptions = {}): string {
    this.#checkOpen();
    const plan = parseWorker("worker", options, `w${this.workers.length + 1}`);
    const { workerId } = plan.host;
    if (this.#world.machines.has(workerId)) {
      throw new CapstanError("INVALID_ARGUMENT", `id: there is a worker ${workerId} already`);
    }
    this.#outages.addWorker(plan);
    return workerId;
  }

  /**
   * Cuts a worker off the network: nothing arrives, and nobody is told. What it runs goes on.
   * `heal`, or `backAfter`, makes the network whole again.
   */
  partition(workerId: string, outage: Outage = {}): void {
    this.#checkOpen();
    this.#outages.partition(workerId, parseBackUs(outage));
  }

  /** The network of a worker is whole again. */
  heal(workerId: string): void {
    this.#checkOpen();
    this.#outages.heal(workerId);
  }

  /** The controller dies, and loses what was not on its disk. Who asks it waits. */
  killController(outage: Outage = {}): void {
    this.#checkOpen();
    const outages = this.#outages;
    const backUs = parseBackUs(outage);
    outages.killController();
    if (backUs !== undefined) this.#world.time.after(backUs, () => outages.startController());
  }

  /** Starts a controller that is down, from its journal; one that lives goes on. */
  startController(): void {
    this.#checkOpen();
    this.#outages.startController();
  }

  /** `killController`, and back at once. */
  restartController(): void {
    this.killController();
    this.startController();
  }

  /** Every client loses its connection, and connects anew by itself. */
  dropClients(): void {
    this.#checkOpen();
    for (const clientId of this.#outages.clientIds) this.#outages.dropClient(clientId);
  }

  /**
   * Ends all clients. What is open rejects with CLIENT_CLOSED. What happened can still be read;
   * whatever else is asked of the cluster then is refused with CONFLICT.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#offer.withdraw();
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new CapstanError("CONFLICT", `the cluster ${this.url} was closed`);
  }
}

function parseBackUs(outage: Outage): number | undefined {
  const { backAfter } = parseFields("", outage, ["backAfter"]);
  return backAfter === undefined ? undefined : parseDurationMs("backAfter", backAfter) * 1000;
}
