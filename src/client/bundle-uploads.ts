/**
 * Brings bundles to the controller: once for each module and cluster, before its first task.
 *
 * @module
 */

import { setTimeout as pause } from "node:timers/promises";
import { CapstanError } from "../model/errors.ts";
import { type Bundle, bundleModule } from "./bundle.ts";
import { requestOnce } from "./http-request.ts";
import { reconnectDelayMaxMs, reconnectDelayMinMs } from "./limits.ts";

/** A module on its way to the cluster. */
export interface BundleHandle {
  readonly moduleUrl: string;
  state: "idle" | "pending" | "ready" | "failed";
  bundle: Bundle | null;
  error: CapstanError | null;
}

export interface BundleUploadsOptions {
  readonly url: string;
  readonly token: string;
  /** A handle has become `ready` or `failed`. */
  readonly onChange: () => void;
}

export class BundleUploads {
  readonly #options: BundleUploadsOptions;
  readonly #handles = new Map<string, BundleHandle>();
  readonly #closed = new AbortController();
  /** Counts the clusters that this client has met: an upload to an earlier one does not count. */
  #generation = 0;

  constructor(options: BundleUploadsOptions) {
    this.#options = options;
  }

  /** The handle of a module. Nothing happens until `ensure`. */
  handleOf(moduleUrl: string): BundleHandle {
    let handle = this.#handles.get(moduleUrl);
    if (handle === undefined) {
      handle = { moduleUrl, state: "idle", bundle: null, error: null };
      this.#handles.set(moduleUrl, handle);
    }
    return handle;
  }

  /** Begins to bring it over, if nobody has. `onChange` tells the end. */
  ensure(handle: BundleHandle): void {
    if (handle.state !== "idle") return;
    handle.state = "pending";
    const generation = this.#generation;
    this.#bring(handle).then(
      () => this.#finish(handle, generation, null),
      (error: unknown) => this.#finish(handle, generation, error),
    );
  }

  /** Another cluster: it has none of the bundles. */
  restart(): void {
    this.#generation++;
    for (const handle of this.#handles.values()) {
      if (handle.state !== "failed") handle.state = "idle";
    }
  }

  close(): void {
    this.#closed.abort();
  }

  async #bring(handle: BundleHandle): Promise<void> {
    handle.bundle = await bundleModule(handle.moduleUrl);
    let delayMs = reconnectDelayMinMs;
    while (!(await this.#upload(handle.bundle))) {
      await pause(delayMs, undefined, { signal: this.#closed.signal });
      delayMs = Math.min(2 * delayMs, reconnectDelayMaxMs);
    }
  }

  /** False if the controller does not answer, or not now. */
  async #upload({ sha256, code }: Bundle): Promise<boolean> {
    const { url, token } = this.#options;
    const request = { url: new URL(`/v1/bundles/${sha256}`, url), token };
    const { signal } = this.#closed;
    try {
      const head = await requestOnce({ ...request, method: "HEAD", signal });
      if (head.status === 200) return true;
      const put = await requestOnce({ ...request, method: "PUT", body: code, signal });
      if (put.status >= 200 && put.status < 300) return true;
      if (put.status >= 500) return false;
      throw new CapstanError(
        put.status === 401 ? "UNAUTHENTICATED" : "TASK_MODULE_UNLOADABLE",
        `The controller refused the bundle (${code.length} bytes): ${put.status} ${put.text}`,
      );
    } catch (error) {
      if (error instanceof CapstanError && error.code === "UNREACHABLE") return false;
      throw error;
    }
  }

  #finish(handle: BundleHandle, generation: number, error: unknown): void {
    if (this.#closed.signal.aborted || generation !== this.#generation) return;
    handle.state = error === null ? "ready" : "failed";
    if (error !== null) handle.error = asCapstanError(error, handle.moduleUrl);
    this.#options.onChange();
  }
}

function asCapstanError(error: unknown, moduleUrl: string): CapstanError {
  if (error instanceof CapstanError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new CapstanError("TASK_MODULE_UNLOADABLE", `The task module ${moduleUrl}: ${reason}`, {
    cause: error,
  });
}
