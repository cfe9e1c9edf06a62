/**
 * Room that is kept for what was already accepted. A preallocated file holds bytes of the disk;
 * when free space falls below a bound, new submits are refused and the file is given back, so that
 * the completions of accepted work still fit. When space returns the file is made anew first.
 *
 * @module
 */

import { closeSync, fsyncSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { join } from "node:path";
import {
  diskCheckIntervalMs,
  diskFreeBytesMin,
  diskFreeBytesResume,
  diskReserveBytes,
} from "./limits.ts";

export interface DiskReserveOptions {
  readonly dataDir: string;
  readonly freeBytes: (() => Promise<number>) | undefined;
  readonly onChange: (low: boolean, freeBytes: number) => void;
}

export class DiskReserve {
  readonly #path: string;
  readonly #freeBytes: () => Promise<number>;
  readonly #onChange: DiskReserveOptions["onChange"];
  #timer: NodeJS.Timeout | null = null;
  #closed = false;
  low = false;

  constructor(options: DiskReserveOptions) {
    this.#path = join(options.dataDir, "reserve");
    this.#freeBytes = options.freeBytes ?? (() => freeBytesOf(options.dataDir));
    this.#onChange = options.onChange;
  }

  /** Looks now, and then at every interval until `close`. */
  async open(): Promise<void> {
    await this.#look(async () => {
      const free = await this.#freeBytes();
      if (free < diskFreeBytesMin) this.#change(true, free);
      else preallocate(this.#path);
    });
    this.#arm();
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #arm(): void {
    if (this.#closed) return;
    const look = () => this.#look(() => this.#check());
    this.#timer = setTimeout(() => void look().then(() => this.#arm()), diskCheckIntervalMs);
    this.#timer.unref();
  }

  /** Where not even the free space can be read or the reserve be written, no new work is taken. */
  async #look(check: () => Promise<void>): Promise<void> {
    await check().catch(() => this.#change(true, 0));
  }

  async #check(): Promise<void> {
    const free = await this.#freeBytes();
    if (this.#closed) return;
    if (free < diskFreeBytesMin) this.#change(true, free);
    else if (free >= diskFreeBytesResume) this.#change(false, free);
  }

  #change(low: boolean, freeBytes: number): void {
    if (this.#closed || this.low === low) return;
    if (low) rmSync(this.#path, { force: true });
    else preallocate(this.#path);
    this.low = low;
    this.#onChange(low, freeBytes);
  }
}

async function freeBytesOf(dataDir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dataDir);
  return bavail * bsize;
}

/** Written in full: a file with holes would reserve nothing. */
function preallocate(path: string): void {
  const there = statSync(path, { throwIfNoEntry: false });
  if (there?.size === diskReserveBytes) return;
  const file = openSync(path, "w", 0o600);
  try {
    const block = new Uint8Array(1024 * 1024).fill(0xa5);
    for (let at = 0; at < diskReserveBytes; at += block.length) writeSync(file, block);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
