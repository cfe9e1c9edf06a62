/**
 * What this worker has of what is named by its hash, bundles or workspaces, as files, and how it
 * gets the rest from the controller.
 *
 * A file in the directory is complete and was verified: it gets its name only then. What an earlier
 * process left is verified again at its first use here.
 *
 * @module
 */

import { createHash, randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { CapstanError } from "../../model/errors.ts";
import {
  bundleFetchTimeoutMs,
  bundleFetchTriesMax,
  bundleInUseMs,
  bundleRetryDelayMaxMs,
  bundleRetryDelayMinMs,
  workspaceCacheBytesMax,
} from "./limits.ts";

export interface BundleStoreOptions {
  readonly controllerUrl: string;
  readonly token?: string | undefined;
  readonly directory: string;
  readonly signal: AbortSignal;
  readonly kind: BundleKind;
}

/** One kind of what is named by its hash. */
export interface BundleKind {
  /** For people: `"bundle"`. */
  readonly name: string;
  /** What a file is called behind its hash: `".mjs"`. */
  readonly suffix: string;
  /** The error when one cannot be had. */
  readonly failure: "TASK_MODULE_UNLOADABLE" | "TASK_BUILD_FAILED";
  /** Files past this are deleted, the longest unused first, but none of the last while. 0: none. */
  readonly keptBytesMax: number;
}

/** Modules of functions. */
export const moduleBundles: BundleKind = {
  name: "bundle",
  suffix: ".mjs",
  failure: "TASK_MODULE_UNLOADABLE",
  keptBytesMax: 0,
};

/** Archives that commands unpack. */
export const workspaceBundles: BundleKind = {
  name: "workspace",
  suffix: ".tar",
  failure: "TASK_BUILD_FAILED",
  keptBytesMax: workspaceCacheBytesMax,
};

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
   * @throws CapstanError of the kind's `failure` with the last reason.
   */
  fetch(bundle: string): Promise<string> {
    const underWay = this.#underWay.get(bundle) ?? this.#obtain(bundle);
    this.#underWay.set(bundle, underWay);
    return underWay;
  }

  async #obtain(bundle: string): Promise<string> {
    const { directory, kind } = this.#options;
    try {
      const path = join(directory, `${bundle}${kind.suffix}`);
      const isUsable = this.#paths.has(bundle) ? noteUse(path) : isIntact(path, bundle);
      if (!(await isUsable)) await this.#download(bundle, path);
      this.#paths.set(bundle, path);
      if (kind.keptBytesMax > 0) await this.#makeRoom(kind.keptBytesMax);
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
        if (isFinal || tries === bundleFetchTriesMax) throw this.#failure(bundle, tries, error);
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
    if (!response.ok || response.body === null) {
      throw new Error(`the controller answered with status ${response.status}`);
    }
    await mkdir(directory, { recursive: true });
    const partial = join(directory, `${bundle}.${randomUUID()}.part`);
    try {
      const found = await writeHashed(partial, Readable.fromWeb(response.body));
      if (found !== bundle) throw new Error("what came has another hash");
      await rename(partial, path);
    } catch (error) {
      await rm(partial, { force: true });
      throw error;
    }
  }

  async #makeRoom(keptBytesMax: number): Promise<void> {
    const { directory, kind } = this.#options;
    const files: { name: string; size: number; usedAtMs: number }[] = [];
    for (const name of await readdir(directory)) {
      const found = await unlessAbsent(stat(join(directory, name)));
      if (found !== null) files.push({ name, size: found.size, usedAtMs: found.mtimeMs });
    }
    files.sort((a, b) => a.usedAtMs - b.usedAtMs);
    let bytes = files.reduce((sum, { size }) => sum + size, 0);
    for (const { name, size, usedAtMs } of files) {
      // A file of the last while may be about to be read.
      if (bytes <= keptBytesMax || Date.now() - usedAtMs < bundleInUseMs) return;
      this.#paths.delete(name.slice(0, -kind.suffix.length));
      await rm(join(directory, name), { force: true });
      bytes -= size;
    }
  }

  #failure(bundle: string, tries: number, error: unknown): CapstanError {
    const { name, failure } = this.#options.kind;
    const reason = error instanceof Error ? reasonOf(error) : String(error);
    const message = `${name} ${bundle} could not be fetched (${tries} tries): ${reason}`;
    return new CapstanError(failure, message, { cause: error });
  }
}

/** The SHA-256 of what was written. */
async function writeHashed(path: string, content: Readable): Promise<string> {
  const hash = createHash("sha256");
  const hashing = async function* (chunks: AsyncIterable<Uint8Array>) {
    for await (const chunk of chunks) {
      hash.update(chunk);
      yield chunk;
    }
  };
  await pipeline(content, hashing, createWriteStream(path, { mode: 0o600 }));
  return hash.digest("hex");
}

async function isIntact(path: string, bundle: string): Promise<boolean> {
  return (await unlessAbsent(hashFile(path))) === bundle;
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest("hex");
}

/** False if the file is gone. */
async function noteUse(path: string): Promise<boolean> {
  const now = new Date();
  return (await unlessAbsent(utimes(path, now, now))) !== null;
}

async function unlessAbsent<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}

/** `fetch` hides what went wrong in the cause. */
function reasonOf(error: Error): string {
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
