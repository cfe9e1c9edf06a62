/**
 * The sessions of running tasks: one for each user in each thread, opened by the first task that
 * submits something, shared by those that run beside it, and closed a while after the last.
 *
 * @module
 */

import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { CapstanError } from "../model/errors.ts";
import type { ClientHello } from "../protocol/messages.ts";
import { type RunningTask, runningTask } from "../shell/executor/context.ts";
import { taskNamesOf } from "../shell/executor/task-modules.ts";
import type { Bundle } from "./bundle.ts";
import { type BundleSource, moduleSource } from "./bundle-uploads.ts";
import { idleTaskSessionMs } from "./limits.ts";
import { NetworkTransport } from "./network-transport.ts";
import { Session } from "./session.ts";
import type { TaskDefinition } from "./task.ts";
import type {
  BringRequest,
  ConnectedClient,
  FetchedBytes,
  Transport,
  ValuesRequest,
} from "./transport.ts";
import { machineClock, type OpenWait, type WaitClock } from "./wait-clock.ts";

/** The session of a task's user in this thread. The task uses it until it ends. */
export function sessionInside(task: RunningTask): Session {
  const transport = ownTransports.get(task);
  if (transport !== undefined) return sessionOver(transport, task);
  let shared = sharedByUser.get(task.user);
  if (shared === undefined || shared.session.table.closedWith !== null) {
    shared = new SharedSession({ user: task.user, clientId: randomUUID() });
    sharedByUser.set(task.user, shared);
  }
  shared.join(task);
  return shared.session;
}

/** For a task of a simulated cluster: how it reaches that, with a session of its own. */
export function setTransportInside(task: RunningTask, transport: Transport): void {
  ownTransports.set(task, transport);
}

const ownTransports = new WeakMap<RunningTask, Transport>();

function sessionOver(transport: Transport, task: RunningTask): Session {
  const clientId = `inside ${task.taskId} ${task.attempt}`;
  const own = new SharedSession({ user: task.user, clientId, transport });
  own.join(task);
  return own.session;
}

const sharedByUser = new Map<string, SharedSession>();

interface SharedSessionOptions {
  readonly user: string;
  readonly clientId: string;
  /** Default: the network. A session over another one is its task's own, and ends with it. */
  readonly transport?: Transport;
}

/** What a task has submitted that it has not ended without. */
class SharedSession {
  readonly session: Session;
  readonly #user: string;
  readonly #isOwn: boolean;
  /** Those that run, with the numbers of what they submitted. */
  readonly #tasks = new Map<RunningTask, number[]>();
  #idleTimer: NodeJS.Timeout | null = null;

  constructor({ user, clientId, transport }: SharedSessionOptions) {
    this.#user = user;
    this.#isOwn = transport !== undefined;
    this.session = new Session({
      transport: transport ?? new TaskTransport(() => this.#anyTask()),
      ...{ token: "", user, jobAround: "", clientId },
      onWarning: (code, message) => runningTask()?.logger.warn(message, { code }),
      onSubmitted: (number) => this.#ownerOf().push(number),
      defaults: () => ({ priority: priorityInside() }),
    });
    this.session.begin();
  }

  join(task: RunningTask): void {
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
    this.#idleTimer = null;
    this.#tasks.set(task, []);
    task.whenEnded(() => this.#leave(task));
  }

  #leave(task: RunningTask): void {
    const { session } = this;
    for (const number of this.#tasks.get(task) ?? []) {
      if (session.table.closedWith === null) session.cancel(number, "its parent has ended");
      session.table.release(number);
    }
    this.#tasks.delete(task);
    if (this.#tasks.size > 0) return;
    if (this.#isOwn) return void this.#close();
    this.#idleTimer = setTimeout(() => void this.#close(), idleTaskSessionMs);
    this.#idleTimer.unref();
  }

  #close(): Promise<void> {
    if (sharedByUser.get(this.#user) === this) sharedByUser.delete(this.#user);
    return this.session.close();
  }

  /** Any that runs may speak for the user. */
  #anyTask(): RunningTask | null {
    const [task] = this.#tasks.keys();
    return task ?? null;
  }

  /** Where the number of a future goes that is made now. */
  #ownerOf(): number[] {
    const task = runningTask();
    const numbers = task === null ? undefined : this.#tasks.get(task);
    if (numbers !== undefined) return numbers;
    const message = "a task that has ended submits nothing: await what it starts";
    throw new CapstanError("CLIENT_CLOSED", message);
  }
}

/** The network, with what the controller gives to a running task. */
class TaskTransport implements Transport {
  readonly url = "the controller of this task's cluster";
  readonly clock = taskClock;
  readonly releasesCollected = true;
  readonly runsPlugins = true;
  readonly #anyTask: () => RunningTask | null;
  #network: NetworkTransport | null = null;

  constructor(anyTask: () => RunningTask | null) {
    this.#anyTask = anyTask;
  }

  async connect(hello: ClientHello, signal: AbortSignal): Promise<ConnectedClient> {
    const task = this.#anyTask();
    if (task === null) throw new CapstanError("UNREACHABLE", "no task runs that could speak");
    const { url, token } = await task.credentials();
    this.#network?.close();
    this.#network = new NetworkTransport(url, token);
    return this.#network.connect(hello, signal);
  }

  /** The bundle that the task itself came in is at the controller already. */
  sourceOf({ moduleUrl }: TaskDefinition): BundleSource {
    const exports = taskNamesOf(moduleUrl);
    if (exports === null) return moduleSource(moduleUrl);
    return {
      name: `the task module ${moduleUrl}`,
      failure: "TASK_MODULE_UNLOADABLE",
      read: async (): Promise<Bundle> => {
        const path = fileURLToPath(moduleUrl);
        return { sha256: basename(path, ".mjs"), code: await readFile(path), exports };
      },
    };
  }

  upload(bundle: Bundle, source: BundleSource, signal: AbortSignal): Promise<boolean> {
    return this.#network?.upload(bundle, source, signal) ?? Promise.resolve(false);
  }

  fetchValues(request: ValuesRequest): Promise<FetchedBytes> {
    if (this.#network !== null) return this.#network.fetchValues(request);
    return Promise.reject(new CapstanError("UNREACHABLE", "not connected yet"));
  }

  bringValue(request: BringRequest): Promise<string> {
    return this.#network?.bringValue(request) ?? Promise.resolve("not connected yet");
  }

  close(): void {
    this.#network?.close();
  }
}

/** A clock inside a task: whoever waits by it gives its slot back. */
export function clockInside(clock: WaitClock): WaitClock {
  return {
    nowMs: () => clock.nowMs(),
    unixMs: () => clock.unixMs(),
    after: (delayMs, act) => clock.after(delayMs, act),
    pause: (delayMs, signal) => clock.pause(delayMs, signal),
    poll: (delayMs, signal) => clock.poll(delayMs, signal),
    random: () => clock.random(),
    waits: (wait) => {
      const rejoin = waitInside(wait);
      const stop = clock.waits(wait);
      return () => {
        stop();
        rejoin();
      };
    },
  };
}

/** Whoever waits gives its slot back, and is told when its task is to end. */
function waitInside(wait: OpenWait): () => void {
  const task = runningTask();
  if (task === null) return () => undefined;
  const { signal } = task;
  const end = task.beginWait();
  const onAbort = (): void => wait.fail(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  return () => {
    signal.removeEventListener("abort", onAbort);
    end();
  };
}

const taskClock = clockInside(machineClock);

/** Before the siblings of the task that submits. */
function priorityInside(): number {
  return Math.min(Number.MAX_SAFE_INTEGER, (runningTask()?.priority ?? 0) + 1);
}
