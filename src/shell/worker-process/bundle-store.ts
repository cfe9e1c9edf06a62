/**
 * The bundles that this worker has, as files named by their hash, and how it gets the others.
 *
 * A file in the directory is complete and was verified: it gets its name only then. What an earlier
 * process left is verified again at its first use here.
 *
 * @module
 */

import { createHash, randomUUID } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CapstanError } from "../../model/errors.ts";
import {
  bundleFetchTimeoutMs,
  bundleFetchTriesMax,
  bundleRetryDelayMaxMs,
  bundleRetryDelayMinMs,
} from "./limits.ts";

export interface BundleStoreOptions {
  readonly controllerUrl: string;
  readonly token?: string | undefined;
  readonly directory: string;
  readonly signal: AbortSignal;
}

export class BundleStore {
  readonly #options: BundleStoreOptions;
  readonly #paths = new Map<string, string>();
  readonly #underWay = new Map<string, Promise<string>>();

  constructor(options: BundleStoreOptions) {
    this.#options = options;
  }

  /** The file of a bundle that is here, else null: then `fetch` it. */
  pathOf(bundle: string): string | null {
    return this.#paths.get(bundle) ?? null;
  }

  /**
   * The file of a bundle, brought here if need be. Calls for one bundle share one fetch; a failure
   * is not remembered.
   *
   * @throws CapstanError TASK_MODULE_UNLOADABLE with the last reason.
   */
  fetch(bundle: string): Promise<string> {
    const underWay = this.#underWay.get(bundle) ?? this.#obtain(bundle);
    this.#underWay.set(bundle, underWay);
    return underWay;
  }

  async #obtain(bundle: string): Promise<string> {
    try {
      const path = join(this.#options.directory, `${bundle}.mjs`);
      if (!(await isIntact(path, bundle))) await this.#download(bundle, path);
      this.#paths.set(bundle, path);
      return path;
    } finally {
      this.#underWay.delete(bundle);
    }
  }

  async #download(bundle: string, path: string): Promise<void> {
    for (let tries = 1, delayMs = bundleRetryDelayMinMs; ; tries++, delayMs *= 2) {
      try {
        return await this.#downloadOnce(bundle, path);
      } catch (error) {
        const isFinal = error instanceof CapstanError || this.#options.signal.aborted;
        if (isFinal || tries === bundleFetchTriesMax) throw unloadable(bundle, tries, error);
      }
      await sleep(Math.min(delayMs, bundleRetryDelayMaxMs));
    }
  }

  async #downloadOnce(bundle: string, path: string): Promise<void> {
    const { controllerUrl, token, directory, signal } = this.#options;
    const url = new URL(`/v1/bundles/${bundle}`, controllerUrl);
    const response = await fetch(url, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      signal: AbortSignal.any([signal, AbortSignal.timeout(bundleFetchTimeoutMs)]),
    });
    if (response.status === 404) {
      throw new CapstanError("NOT_FOUND", "the controller does not have it");
    }
    if (!response.ok) throw new Error(`the controller answered with status ${response.status}`);
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (sha256(bytes) !== bundle) throw new Error("what came has another hash");
    await mkdir(directory, { recursive: true });
    const partial = join(directory, `${bundle}.${randomUUID()}.part`);
    await writeFile(partial, bytes);
    await rename(partial, path);
  }
}

async function isIntact(path: string, bundle: string): Promise<boolean> {
  try {
    return sha256(await readFile(path)) === bundle;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
    throw error;
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function unloadable(bundle: string, tries: number, error: unknown): CapstanError {
  const reason = error instanceof Error ? reasonOf(error) : String(error);
  const message = `bundle ${bundle} could not be fetched (${tries} tries): ${reason}`;
  return new CapstanError("TASK_MODULE_UNLOADABLE", message, { cause: error });
}

/** `fetch` hides what went wrong in the cause. */
function reasonOf(error: Error): string {
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
