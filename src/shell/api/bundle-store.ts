/**
 * Bundles by content: files named after the SHA-256 of their bytes. A file that is there is whole:
 * it was hashed while it came, is on the disk, and got its name by rename as the last step.
 *
 * @module
 */

import { createHash, randomUUID } from "node:crypto";
import { createReadStream, mkdirSync, readdirSync, rmSync } from "node:fs";
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { CapstanError } from "../../model/errors.ts";
import { bundleBytesMax } from "./limits.ts";

const incomingPrefix = "incoming-";

export class BundleStore {
  readonly #directory: string;
  /** Uploads of this process, so that two of one bundle do not disturb each other. */
  #uploads = 0;

  /** Creates the directory; what earlier uploads left unfinished is deleted. */
  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(directory)) {
      if (name.startsWith(incomingPrefix)) rmSync(join(directory, name));
    }
  }

  /** Bytes of the bundle, or null if it is not here. */
  async sizeOf(hash: string): Promise<number | null> {
    try {
      return (await stat(this.#path(hash))).size;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw error;
    }
  }

  read(hash: string): Readable {
    return createReadStream(this.#path(hash));
  }

  /**
   * Stores `content` if it is what `hash` says; true if it was not here before. Throws
   * INVALID_ARGUMENT when the bytes have another hash or are too many. Durable when it returns.
   */
  async write(hash: string, content: AsyncIterable<Uint8Array>): Promise<boolean> {
    if ((await this.sizeOf(hash)) !== null) return false;
    const incoming = join(this.#directory, `${incomingPrefix}${this.#uploads++}-${randomUUID()}`);
    try {
      await this.#receive(incoming, hash, content);
      await rename(incoming, this.#path(hash));
      await syncDirectory(this.#directory);
    } catch (error) {
      await rm(incoming, { force: true });
      throw error;
    }
    return true;
  }

  async #receive(
    path: string,
    expected: string,
    content: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const file = await open(path, "wx", 0o600);
    try {
      const found = await writeHashed(file, content);
      if (found !== expected) {
        throw new CapstanError(
          "INVALID_ARGUMENT",
          `the bundle's bytes have the SHA-256 ${found}, not ${expected}`,
        );
      }
      await file.sync();
    } finally {
      await file.close();
    }
  }

  #path(hash: string): string {
    return join(this.#directory, hash);
  }
}

async function writeHashed(file: FileHandle, content: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  let length = 0;
  for await (const chunk of content) {
    length += chunk.length;
    if (length > bundleBytesMax) {
      throw new CapstanError(
        "INVALID_ARGUMENT",
        `the bundle is larger than ${bundleBytesMax} bytes`,
      );
    }
    hash.update(chunk);
    await file.writeFile(chunk);
  }
  return hash.digest("hex");
}

/** The rename itself must survive a power cut. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
