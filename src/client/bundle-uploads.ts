/**
 * Brings bundles to the controller: the modules and workspaces of tasks, once for each cluster,
 * before the first task that needs them.
 *
 * @module
 */

import { CapstanError, type ErrorCode } from "../model/errors.ts";
import { type Bundle, bundleModule } from "./bundle.ts";
import { reconnectDelayMaxMs, reconnectDelayMinMs } from "./limits.ts";
import type { TaskDefinition } from "./task.ts";
import type { Transport } from "./transport.ts";

/** Where the bytes of a bundle come from. */
export interface BundleSource {
  /** For people: `the task module file:///…`. */
  readonly name: string;
  /** What it is when the bytes cannot be had. */
  readonly failure: ErrorCode;
  read(): Promise<Bundle>;
}

/** A bundle on its way to the cluster. */
export interface BundleHandle {
  readonly source: BundleSource;
  state: "idle" | "pending" | "ready" | "failed";
  /** Without its bytes, which are read again if another cluster needs them. */
  bundle: NamedBundle | null;
  error: CapstanError | null;
  /** The cluster that it was brought to, or is on its way to: counted as this client met them. */
  generation: number;
}

/** A bundle as its tasks name it. */
export type NamedBundle = Omit<Bundle, "code">;

/** The handle of what needs no bundle at all. */
export const noBundle: BundleHandle = {
  ...handleOf({
    name: "nothing",
    failure: "BUG",
    read: () => Promise.resolve({ sha256: "", code: new Uint8Array(0), exports: [] }),
  }),
  state: "ready",
  generation: Number.POSITIVE_INFINITY,
};

/** A handle. Nothing happens until `ensure`. */
export function handleOf(source: BundleSource): BundleHandle {
  return { source, state: "idle", bundle: null, error: null, generation: 0 };
}

export interface BundleUploadsOptions {
  readonly transport: Transport;
  /** A handle has become `ready` or `failed`. */
  readonly onChange: () => void;
}

export class BundleUploads {
  readonly #options: BundleUploadsOptions;
  readonly #modules = new Map<string, BundleHandle>();
  readonly #closed = new AbortController();
  /** Counts the clusters that this client has met: an upload to an earlier one does not count. */
  #generation = 0;

  constructor(options: BundleUploadsOptions) {
    this.#options = options;
  }

  /** The handle of a task's module; one for all its tasks. Nothing happens until `ensure`. */
  handleOfTask(task: TaskDefinition): BundleHandle {
    const source = this.#options.transport.sourceOf(task);
    let handle = this.#modules.get(task.moduleUrl);
    if (handle === undefined) {
      handle = handleOf(source);
      this.#modules.set(task.moduleUrl, handle);
    }
    return handle;
  }

  /** Begins to bring it over, if nobody has. `onChange` tells the end. */
  ensure(handle: BundleHandle): void {
    const isElsewhere = handle.generation < this.#generation && handle.state !== "failed";
    if (handle.state !== "idle" && !isElsewhere) return;
    const generation = this.#generation;
    handle.state = "pending";
    handle.generation = generation;
    this.#read(handle).then(
      () => this.#finish(handle, generation, null),
      (error: unknown) => this.#finish(handle, generation, error),
    );
  }

  /** Another cluster: it has none of the bundles. */
  restart(): void {
    this.#generation++;
  }

  /**
   * Brings one bundle over, however long the controller is away. Rejects when it refuses, when the
   * client is closed, and with the signal's reason.
   */
  async bring(bundle: Bundle, source: BundleSource, signal?: AbortSignal): Promise<void> {
    const { transport } = this.#options;
    const closed = this.#closed.signal;
    const either = signal === undefined ? closed : AbortSignal.any([signal, closed]);
    let delayMs = reconnectDelayMinMs;
    while (!(await transport.upload(bundle, source, either))) {
      await transport.clock.pause(delayMs, either);
      delayMs = Math.min(2 * delayMs, reconnectDelayMaxMs);
    }
  }

  close(): void {
    this.#closed.abort();
  }

  async #read(handle: BundleHandle): Promise<void> {
    const bundle = await handle.source.read();
    const { sha256, exports } = bundle;
    handle.bundle = { sha256, exports };
    await this.bring(bundle, handle.source);
  }

  #finish(handle: BundleHandle, generation: number, error: unknown): void {
    if (this.#closed.signal.aborted || generation !== this.#generation) return;
    handle.state = error === null ? "ready" : "failed";
    if (error !== null) handle.error = asCapstanError(error, handle.source);
    this.#options.onChange();
  }
}

/** A task's module, bundled. */
export function moduleSource(moduleUrl: string): BundleSource {
  return {
    name: `the task module ${moduleUrl}`,
    failure: "TASK_MODULE_UNLOADABLE",
    read: () => bundleModule(moduleUrl),
  };
}

function asCapstanError(error: unknown, { name, failure }: BundleSource): CapstanError {
  if (error instanceof CapstanError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new CapstanError(failure, `Could not bring over ${name}: ${reason}`, { cause: error });
}
