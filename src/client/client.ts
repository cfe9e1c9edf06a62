/**
 * A client of one cluster: what `connect` returns.
 *
 * An open client keeps its process alive until it is closed, as an open server or socket would; so
 * that a program whose tasks still run does not end by itself. Use `await using`, or call `close`.
 *
 * @module
 */

import { randomUUID } from "node:crypto";
import { userInfo } from "node:os";
import { findOwnCluster } from "../backends/own-clusters.ts";
import { jobAround } from "../backends/surrounding-task.ts";
import { findToken, isLoopback } from "../backends/token-file.ts";
import { CapstanError } from "../model/errors.ts";
import { parseJobPath } from "../model/job-path.ts";
import { restartReasonCharactersMax, sharedNameCharactersMax } from "../model/limits.ts";
import {
  parseFields,
  parseInteger,
  parseOneOf,
  parsePlainObject,
  parseText,
} from "../model/parse-fields.ts";
import { copiesMax } from "../protocol/limits.ts";
import { type ActorClass, actorDefinitionOf } from "./actor.ts";
import type { Actor } from "./actor-handle.ts";
import type { ActorOptions } from "./actor-options.ts";
import type { Command } from "./command.ts";
import { type Future, sessionOf } from "./future.ts";
import { gather } from "./gather.ts";
import { refuseWhileImporting } from "./importing.ts";
import { findInProcess } from "./in-process-clusters.ts";
import { Job } from "./job.ts";
import type { LaunchOptions } from "./job-types.ts";
import { launchJob } from "./jobs.ts";
import type { Lock, LockOptions } from "./locks.ts";
import { NetworkTransport } from "./network-transport.ts";
import type { PluginOptions } from "./plugins.ts";
import type { ScatterOptions } from "./scatter-options.ts";
import { Session } from "./session.ts";
import type { AnyWork } from "./spec-table.ts";
import { type Study, startStudy } from "./studies/study.ts";
import type { Aggregated, Aggregates, StudyOptions } from "./studies/study-options.ts";
import type { MapOptions, SubmitOptions } from "./submit-options.ts";
import type { Arguments, Returned, Task } from "./task.ts";
import { checkWaitLimits, type WaitLimits } from "./waiting.ts";

/** How to reach a cluster. */
export interface ConnectOptions {
  /**
   * Default: for a cluster that this program has started itself its own; else `CAPSTAN_TOKEN`, else
   * for a url of this machine the token that `capstan up` left there, else none.
   */
  readonly token?: string | undefined;
  /** Whose tasks these are. Default: the operating system's user. A token's user wins. */
  readonly user?: string | undefined;
  /** Told what the controller warns of. Default: a Node process warning. */
  readonly onWarning?: ((code: string, message: string) => void) | undefined;
}

/** What `connect` takes; anything else is refused by name. */
export const connectOptionNames = ["token", "user", "onWarning"] as const;

/** A worker as the controller lists it; see the API reference. Further fields may be added. */
export interface WorkerSummary {
  readonly workerId: string;
  readonly incarnation: string;
  readonly address: string;
  readonly state: string;
  readonly stateReason: string;
  readonly runningTaskIds: readonly string[];
  /** Of its process. */
  readonly pid: number;
  /** Of its process, and of the processes that run functions. */
  readonly rssBytes: number;
  readonly processCount: number;
  readonly processBytes: number;
  /** Processes that ran functions and were not used again: too old, too large, not clean. */
  readonly processRecycledCount: number;
  /** Of the values that it holds, and of those of them that are on its disk. */
  readonly heldValueBytes: number;
  readonly spilledBytes: number;
  /** Values to its disk and back since its process began, and how often the disk failed. */
  readonly spillCount: number;
  readonly loadCount: number;
  readonly spillFailureCount: number;
  readonly [field: string]: unknown;
}

/** See `Client.run`. */
export interface RunOptions extends WaitLimits {
  /** Ids of the workers. Default: all that take work. */
  readonly workers?: string | readonly string[] | undefined;
}

/** See `Client.restart`. */
export interface RestartOptions {
  /** Default `session`: what this client submitted. `cluster` is for administrators. */
  readonly scope?: "session" | "cluster" | undefined;
  /** Told to everybody whose task ends. At most 1,000 characters. Default: none. */
  readonly reason?: string | undefined;
}

/** A published value, as `Client.published` lists it. Further fields may be added. */
export interface PublishedValue {
  readonly name: string;
  readonly taskId: string;
  readonly state: string;
  readonly valueBytes: number;
  /** Ids of the workers that hold it. */
  readonly workerIds: readonly string[];
  readonly publishedAt: string;
  readonly [field: string]: unknown;
}

const defaultUrl = "http://127.0.0.1:7070";

/**
 * Opens a session at the controller at `url` (default: `CAPSTAN_URL`; in a command that runs as a
 * task, its own cluster; else the port 7070 of this machine). A connection that is lost later is
 * opened again by itself, and futures live on. The url of a cluster of this process, such as a
 * simulated one, leads there.
 *
 * Rejects with UNREACHABLE, UNAUTHENTICATED, FORBIDDEN or VERSION_MISMATCH; throws INVALID_ARGUMENT
 * for a url that is none, and TASK_MODULE_RUNS_PROGRAM while a worker imports a task's module.
 */
export function connect(url?: string, options: ConnectOptions = {}): Promise<Client> {
  refuseWhileImporting("connect");
  parseFields("", options, connectOptionNames);
  const wanted = url ?? (urlOfEnvironment() || defaultUrl);
  const inProcess = findInProcess(wanted);
  if (inProcess !== undefined) return inProcess(options);
  const address = checkUrl(wanted);
  const isFromEnvironment = url === undefined && urlOfEnvironment() !== "";
  const own = isFromEnvironment ? undefined : findOwnCluster(address);
  const token = options.token ?? (own === undefined ? tokenFor(address) : (own.token ?? ""));
  const session = new Session({
    transport: new NetworkTransport(address, token),
    token,
    user: options.user ?? userInfo().username,
    jobAround: jobAround(process.env, { url: address, token }),
    clientId: randomUUID(),
    onWarning: options.onWarning ?? warnProcess,
  });
  return session.open().then(() => new Client(session));
}

export class Client {
  readonly #session: Session;

  /** Made by `connect`. */
  constructor(session: Session) {
    this.#session = session;
  }

  /** The graph job of this session, `/user/graph-7`. */
  get jobId(): string {
    return this.#session.jobId;
  }

  /**
   * Submits one call of a task and returns at once. A future is accepted wherever its value's type
   * is, also inside an array argument, and becomes a dependency. A `command` has no arguments.
   *
   * Throws UNSERIALISABLE (with the path of what cannot travel), INVALID_ARGUMENT or INVALID_SPEC;
   * what the controller refuses rejects the future.
   */
  submit<T>(command: Command<T>, args?: readonly [], options?: SubmitOptions): Future<T>;
  submit<A extends readonly unknown[], R>(
    task: Task<A, R>,
    args: Arguments<NoInfer<A>>,
    options?: SubmitOptions,
  ): Future<Returned<R>>;
  submit(work: AnyWork, args: readonly unknown[] = [], options?: SubmitOptions): Future<unknown> {
    return this.#session.submit(work, args, options);
  }

  /** Submits one call for each argument list: all, or none if this throws. See `submit`. */
  map<T>(command: Command<T>, argsList: Iterable<readonly []>, options?: MapOptions): Future<T>[];
  map<A extends readonly unknown[], R>(
    task: Task<A, R>,
    argsList: Iterable<Arguments<NoInfer<A>>>,
    options?: MapOptions,
  ): Future<Returned<R>>[];
  map(
    work: AnyWork,
    argsList: Iterable<readonly unknown[]>,
    options?: MapOptions,
  ): Future<unknown>[] {
    return this.#session.map(work, argsList, options);
  }

  /**
   * Makes an object of an actor's class on a worker, in a thread of its own, and returns its handle
   * at once. It stays there, with what `resources` says, until the handle goes, it is cancelled or
   * this client ends; its methods are called with `actor.call`. When its worker is lost it has
   * ended, and so have its calls, unless `restarts` lets it begin again with a new object.
   *
   * Throws UNSERIALISABLE, INVALID_ARGUMENT or INVALID_SPEC, as `submit` does.
   */
  createActor<A extends readonly unknown[], O extends object>(
    actor: ActorClass<A, O>,
    args: Arguments<NoInfer<A>>,
    options: ActorOptions = {},
  ): Actor<O> {
    const definition = actorDefinitionOf(actor);
    parsePlainObject("options", options);
    return this.#session.createActor(definition, args, options) as Actor<O>;
  }

  /**
   * Brings a value to a worker, and returns its future at once: arguments that many tasks share
   * travel once. It goes from here to the worker and not through the controller; dependents wait
   * until it has arrived. Nothing can compute it again: when its last holder is lost, it and
   * whatever still needs it fail with VALUE_LOST. Bring it to several with `broadcast`.
   *
   * Throws UNSERIALISABLE (with the path of what cannot travel), INVALID_ARGUMENT or INVALID_SPEC;
   * what the controller refuses rejects the future.
   */
  scatter<T>(value: T, options?: ScatterOptions): Future<T> {
    return this.#session.sharing.scatter(value, options) as Future<T>;
  }

  /**
   * Scatters each of these values, spread over the workers: all, or none if this throws. See
   * `scatter`.
   */
  scatterAll<T>(values: Iterable<T>, options?: Omit<ScatterOptions, "key">): Future<T>[] {
    return [...values].map((value) => this.scatter(value, options));
  }

  /**
   * Wants the values of these futures on `copies` workers each, or on all if those are fewer: the
   * loss of one costs nothing then, and readers find them near. The number holds, also for workers
   * that come later and for copies that are lost, until the value is let go of or another number is
   * said; 1 is what is usual. Resolves when the controller has the number on disk: the copies come
   * after, each when its value is there.
   *
   * Rejects with INVALID_ARGUMENT for a future of another client, or a number below 1.
   */
  async replicate(
    futures: Future<unknown> | Iterable<Future<unknown>>,
    copies: number,
  ): Promise<void> {
    parseInteger("copies", copies, 1, copiesMax);
    const all = isIterable(futures) ? [...futures] : [futures];
    for (const future of all) this.#requireOwn(future);
    await this.#session.sharing.replicate(all, copies);
  }

  /**
   * Moves values from workers that hold much to those that hold little, once: values of 16 KiB and
   * more that are on one worker and that nothing reads now, of everybody. A value lies where its
   * task ran; after workers have come, this makes use of them. Resolves when it is decided; the
   * values move after, and are readable all the while.
   *
   * Rejects with FORBIDDEN for whoever is no administrator, or UNREACHABLE.
   */
  async rebalance(): Promise<{ readonly valueCount: number; readonly valueBytes: number }> {
    const done = await this.call("RebalanceValues");
    return done as { readonly valueCount: number; readonly valueBytes: number };
  }

  #requireOwn(future: Future<unknown>): void {
    if (sessionOf(future) === this.#session) return;
    throw new CapstanError("INVALID_ARGUMENT", "future: it is of another client");
  }

  /**
   * Gives the value of a future a name among those of this client's user. It is kept, and computed
   * again if it is lost, until `unpublish`; clients, and the controller, come and go. Resolves when
   * the controller has the name on disk; the task itself may not have run yet.
   *
   * Rejects with ALREADY_EXISTS if the name is another task's, QUOTA_EXCEEDED past 1,000 names,
   * NOT_FOUND if the future was released or refused, or INVALID_ARGUMENT.
   */
  async publish(name: string, future: Future<unknown>): Promise<void> {
    parseText("name", name, sharedNameCharactersMax);
    this.#requireOwn(future);
    await this.#session.sharing.publish(name, future);
  }

  /**
   * A future of what is published under a name of this client's user, at once. If nothing is, it
   * rejects with NOT_FOUND. Throws INVALID_ARGUMENT for what cannot be a name.
   */
  fetch<T = unknown>(name: string): Future<T> {
    parseText("name", name, sharedNameCharactersMax);
    return this.#session.sharing.fetchPublished(name) as Future<T>;
  }

  /**
   * Frees a name of this client's user. Rejects with NOT_FOUND, or as `call` does: with UNREACHABLE
   * it may have been freed.
   */
  async unpublish(name: string): Promise<void> {
    await this.call("UnpublishValue", { name });
  }

  /** What this client's user has published, by name. */
  async published(): Promise<PublishedValue[]> {
    const values: PublishedValue[] = [];
    for (let pageToken = ""; ; ) {
      const request = { user: this.#session.user, ...(pageToken === "" ? {} : { pageToken }) };
      const page = (await this.call("ListPublishedValues", request)) as {
        readonly values: readonly PublishedValue[];
        readonly nextPageToken: string;
      };
      values.push(...page.values);
      pageToken = page.nextPageToken;
      if (pageToken === "") return values;
    }
  }

  /**
   * Waits for the lock of that name among those of this client's user; who asks first has it first.
   * It is renewed while this client lives and is heard, and goes to the next in line when it is
   * released, its lease runs out or the session ends. Use `await using`.
   *
   * Rejects with TIMED_OUT (saying who holds it), the signal's reason, LOCK_LOST, QUOTA_EXCEEDED or
   * INVALID_ARGUMENT.
   */
  lock(name: string, options: LockOptions = {}): Promise<Lock> {
    return this.#session.sharing.lock(name, options);
  }

  /**
   * Has every executor call the task `setup` of a module before the first function of this client
   * that runs there, now and later, and `teardown` when it ends; those of other clients are not
   * concerned. Resolves when functions that are submitted from then on need it.
   *
   * Where `setup` throws, its task is not run and not charged: it goes to another worker, and that
   * worker gets none of this client's functions until it is started again or the plugin is another.
   * The reason is in `why`, in `capstan events` and among the worker's attributes.
   *
   * Rejects with INVALID_ARGUMENT, TASK_MODULE_UNLOADABLE, QUOTA_EXCEEDED or UNREACHABLE; with
   * INVALID_SPEC on a simulated cluster.
   */
  registerPlugin(plugin: PluginOptions): Promise<void> {
    return this.#session.plugins.register(plugin);
  }

  /**
   * Functions that are submitted from now on do not need it. Where it was set up it stays until the
   * executor ends. Throws NOT_FOUND.
   */
  unregisterPlugin(name: string): void {
    this.#session.plugins.unregister(name);
  }

  /**
   * Calls a task once on each worker that takes work, or on those that are named, and resolves to
   * what it returned, by worker id. Each call takes a slot, no CPU, and goes before other work.
   *
   * Rejects with the first error of a call, TIMED_OUT or the signal's reason.
   */
  async run<A extends readonly unknown[], R>(
    task: Task<A, R>,
    args: Arguments<NoInfer<A>>,
    options: RunOptions = {},
  ): Promise<Map<string, Returned<R>>> {
    checkWaitLimits(options, ["workers"]);
    const { workers, ...limits } = options;
    const ids = workers === undefined ? await this.#openWorkers() : [workers].flat();
    const placed = { resources: { cpu: 0 }, priority: Number.MAX_SAFE_INTEGER };
    const futures = ids.map((id) => this.submit(task, args, { ...placed, workers: id }));
    try {
      const values = await gather(futures, limits);
      return new Map(ids.map((id, i) => [id, values[i]]));
    } finally {
      for (const future of futures) future.cancel("another call of this run failed");
      for (const future of futures) future.release();
    }
  }

  async #openWorkers(): Promise<string[]> {
    const workers = await this.workers();
    return workers.filter(({ state }) => state === "HEALTHY").map(({ workerId }) => workerId);
  }

  /**
   * Launches a job: `replicas` tasks that run a `command`, or a `task` with its `args`. Unlike what
   * is submitted it lives on when this client is gone. Resolves when the controller has it on disk.
   *
   * Asked once, however often the connection is lost: a launch whose answer was lost is looked up
   * before it is asked for again, for ten minutes or `limits.timeoutMs`.
   *
   * Rejects with INVALID_ARGUMENT or INVALID_SPEC (naming the option), ALREADY_EXISTS,
   * QUOTA_EXCEEDED, FORBIDDEN, TASK_MODULE_UNLOADABLE, UNREACHABLE or the signal's reason.
   */
  launchJob<A extends readonly unknown[], R>(
    options: LaunchOptions<A, R>,
    limits: WaitLimits = {},
  ): Promise<Job<Returned<R>>> {
    const launched = launchJob(this.#session, options as LaunchOptions, limits);
    return launched as Promise<Job<Returned<R>>>;
  }

  /**
   * A handle of a job that was launched before, here or elsewhere: `"/ada/train"`, or `"train"` for
   * one of this client's user; in a command that runs as a task, for a child of its job. Nobody is
   * asked yet: `status` tells whether there is such a job.
   *
   * Throws INVALID_ARGUMENT or INVALID_SPEC for what cannot be the name of a job.
   */
  job(id: string): Job {
    const path = parseJobPath("id", id, this.#session.home);
    return new Job(this.#session, path, { state: null, warnings: [] });
  }

  /**
   * Starts a study, or resumes the one of that name: `replicates` simulations of each parameter
   * set, and their aggregate. Each finished replicate is on the disk at once and is never computed
   * again for the same code, parameters and seed. One process at a time works on a study.
   *
   * Throws INVALID_ARGUMENT for a wrong option, and for parameters that are not JSON or are given
   * twice. What goes wrong later rejects `results`.
   */
  study<P, O, const G extends Aggregates<P, Awaited<O>>>(
    options: StudyOptions<P, O, G>,
  ): Study<P, Aggregated<G>> {
    return startStudy(this.#session, options as unknown as StudyOptions<never, never, unknown>);
  }

  /**
   * Ends all that this client has submitted so far: what runs or waits is cancelled, values are
   * dropped, actors end, locks are lost. Each future of it is `cancelled` then, and says by whom;
   * but a value that was read here stays. What others need, or has a published name, goes on for
   * them. What is submitted afterwards is new, also under an old key. Resolves when all of it has
   * ended, but for what still stops, and is on disk.
   *
   * With `scope: "cluster"` the same for every session, and the threads and processes that run
   * functions are made anew: what they imported or left behind is gone. Launched jobs stay. What
   * this client submits before it has resolved may be ended too.
   *
   * Rejects with INVALID_ARGUMENT, FORBIDDEN for whoever is no administrator, or UNREACHABLE.
   */
  async restart(options: RestartOptions = {}): Promise<void> {
    parseFields("", options, ["scope", "reason"]);
    const { scope = "session", reason = "" } = options;
    parseOneOf("scope", scope, ["session", "cluster"]);
    if (reason !== "") parseText("reason", reason, restartReasonCharactersMax);
    if (scope === "cluster") await this.call("RestartCluster", { reason });
    // Also for a cluster: what this client had submitted may not have been there yet.
    await this.#session.request((sequence) => ({ type: "restart-session", sequence, reason }));
  }

  /**
   * A method of the API by name. Rejects with the controller's error, or with UNREACHABLE if the
   * connection was lost before it was answered; one that only looks is sent again then.
   */
  call(method: string, request: unknown = {}): Promise<unknown> {
    return this.#session.call(method, request);
  }

  /** Every worker with its resources. */
  async workers(): Promise<WorkerSummary[]> {
    const workers: WorkerSummary[] = [];
    for (let pageToken = ""; ; ) {
      const request = pageToken === "" ? {} : { pageToken };
      const page = (await this.call("ListWorkers", request)) as {
        readonly workers: readonly WorkerSummary[];
        readonly nextPageToken: string;
      };
      workers.push(...page.workers);
      pageToken = page.nextPageToken;
      if (pageToken === "") return workers;
    }
  }

  /**
   * Ends the session: what only it wanted is cancelled and forgotten, open waits reject with
   * CLIENT_CLOSED. Values that are here already can still be read.
   */
  close(): Promise<void> {
    return this.#session.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function isIterable<T>(value: T | Iterable<T>): value is Iterable<T> {
  return typeof value === "object" && value !== null && Symbol.iterator in value;
}

/** "" if the environment names no cluster. */
function urlOfEnvironment(): string {
  const { CAPSTAN_URL, CAPSTAN_CONTROLLER_URL } = process.env;
  return CAPSTAN_URL || CAPSTAN_CONTROLLER_URL || "";
}

/** Of a cluster that somebody else has started. */
function tokenFor(address: string): string {
  return process.env.CAPSTAN_TOKEN || tokenLeftFor(address);
}

function checkUrl(url: string): string {
  const isHttp = URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
  if (isHttp) return url;
  const message = `connect: ${JSON.stringify(url)} is not a URL such as ${defaultUrl}`;
  throw new CapstanError("INVALID_ARGUMENT", message);
}

/** The token of a cluster of this user on this machine; "" for another machine, or if none is. */
function tokenLeftFor(url: string): string {
  return isLoopback(new URL(url).hostname) ? (findToken(url) ?? "") : "";
}

function warnProcess(code: string, message: string): void {
  process.emitWarning(message, { type: "CapstanWarning", code });
}
