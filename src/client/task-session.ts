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
import type { ConnectedClient, FetchedBytes, Transport, ValuesRequest } from "./transport.ts";
import { machineClock, type OpenWait, type WaitClock } from "./wait-clock.ts";

/** The session of a task's user in this thread. The task uses it until it ends. */
export function sessionInside(task: RunningTask): Session {
  let shared = sharedByUser.get(task.user);
  if (shared === undefined || shared.session.table.closedWith !== null) {
    shared = new SharedSession(task.user);
    sharedByUser.set(task.user, shared);
  }
  shared.join(task);
  return shared.session;
}

const sharedByUser = new Map<string, SharedSession>();

/** What a task has submitted that it has not ended without. */
class SharedSession {
  readonly session: Session;
  readonly #user: string;
  /** Those that run, with the numbers of what they submitted. */
  readonly #tasks = new Map<RunningTask, number[]>();
  #idleTimer: NodeJS.Timeout | null = null;

  constructor(user: string) {
    this.#user = user;
    this.session = new Session({
      transport: new TaskTransport(() => this.#anyTask()),
      ...{ token: "", user, jobAround: "", clientId: randomUUID() },
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

  close(): void {
    this.#network?.close();
  }
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

const taskClock: WaitClock = { ...machineClock, waits: waitInside };

/** Before the siblings of the task that submits. */
function priorityInside(): number {
  return Math.min(Number.MAX_SAFE_INTEGER, (runningTask()?.priority ?? 0) + 1);
}
