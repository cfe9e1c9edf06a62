/**
 * Values on the disk: one file each, with the bytes as they are in memory.
 *
 * Nothing of it outlives the process: the directory is emptied when the next one begins. So nothing
 * is synced. It never fills the disk: a value for which there is not enough room is refused.
 *
 * @module
 */

import { mkdirSync, rmSync } from "node:fs";
import { type FileHandle, open, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { formatMemory } from "../../model/format-quantities.ts";
import type { FileId } from "../../worker/events.ts";
import { freeDiskNeeded } from "../worker-process/health-watch.ts";
import { spillChunkBytes, spillFreeFactor, streamChunkBytes } from "./limits.ts";
import { allocateValue } from "./value-store.ts";

export class SpillFiles {
  readonly #directory: string;

  /** Empties the directory, and makes it. Throws what the disk says. */
  constructor(directory: string) {
    this.#directory = directory;
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  /** Throws what the disk says; then there is no such file. */
  async write(file: FileId, bytes: Uint8Array): Promise<void> {
    await this.#requireRoomFor(bytes.length);
    const handle = await open(this.#pathOf(file), "wx", 0o600);
    try {
      await writeAll(handle, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    } catch (error) {
      this.remove(file);
      throw error;
    } finally {
      await handle.close();
    }
  }

  /** The value in memory again. Throws what the disk says. */
  async read(file: FileId, length: number): Promise<Uint8Array> {
    const handle = await this.#openWhole(file, length);
    try {
      const value = allocateValue(length);
      const buffer = Buffer.from(value.buffer, value.byteOffset, length);
      for (let at = 0; at < length; ) {
        at += await readSome(handle, buffer.subarray(at, at + spillChunkBytes), at);
      }
      return value;
    } finally {
      await handle.close();
    }
  }

  /** The bytes in their order, a part in memory at a time. Throws, also on the way. */
  async *stream(file: FileId, length: number): AsyncGenerator<Uint8Array> {
    const handle = await this.#openWhole(file, length);
    try {
      for (let at = 0; at < length; ) {
        const chunk = Buffer.allocUnsafeSlow(Math.min(streamChunkBytes, length - at));
        const count = await readSome(handle, chunk, at);
        at += count;
        yield chunk.subarray(0, count);
      }
    } finally {
      await handle.close();
    }
  }

  /** Whoever reads it goes on reading. A file that is not there is none. */
  remove(file: FileId): void {
    rm(this.#pathOf(file), { force: true }).catch(() => undefined); // It goes with the directory.
  }

  /** Removes everything. */
  close(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #pathOf(file: FileId): string {
    return join(this.#directory, `${file}.value`);
  }

  async #openWhole(file: FileId, length: number): Promise<FileHandle> {
    const handle = await open(this.#pathOf(file), "r");
    const { size } = await handle.stat();
    if (size === length) return handle;
    await handle.close();
    throw new Error(`file ${file} has ${size} of ${length} bytes`);
  }

  async #requireRoomFor(length: number): Promise<void> {
    const { bavail, blocks, bsize } = await statfs(this.#directory);
    const free = bavail * bsize;
    const left = spillFreeFactor * freeDiskNeeded(blocks * bsize);
    if (free - length >= left) return;
    const [has, needs] = [formatMemory(free), formatMemory(Math.ceil(left + length))];
    throw new Error(`there are ${has} free on the disk, and ${needs} are needed`);
  }
}

async function writeAll(handle: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const length = Math.min(spillChunkBytes, bytes.length - at);
    const { bytesWritten } = await handle.write(bytes, at, length, at);
    at += bytesWritten;
  }
}

async function readSome(handle: FileHandle, into: Buffer, at: number): Promise<number> {
  const { bytesRead } = await handle.read(into, 0, into.length, at);
  if (bytesRead === 0) throw new Error(`a file ends after ${at} bytes`);
  return bytesRead;
}
