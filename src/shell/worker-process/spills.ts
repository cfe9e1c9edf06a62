/**
 * Values on their way to the disk and back, as the kernel orders it: each order is answered exactly
 * once, unless the value was dropped or the order withdrawn meanwhile.
 *
 * @module
 */

import type { TaskRef } from "../../model/ids.ts";
import type { FileId, WorkerSend } from "../../worker/events.ts";
import type { Logger } from "../logging/logger.ts";
import type { SpillFiles } from "../store/spill-files.ts";
import type { ValueStore } from "../store/value-store.ts";
import type { KernelLoop } from "./kernel-loop.ts";

type SpillValue = Extract<WorkerSend, { type: "spill-value" }>;
type UnloadValue = Extract<WorkerSend, { type: "unload-value" }>;
type LoadValue = Extract<WorkerSend, { type: "load-value" }>;

export interface SpillsOptions {
  readonly loop: KernelLoop;
  readonly store: ValueStore;
  readonly files: SpillFiles;
  readonly logger: Logger;
}

export class Spills {
  readonly #options: SpillsOptions;
  /** Files that are being written, and whether somebody still wants them. */
  readonly #writing = new Map<FileId, { isWanted: boolean }>();
  /** The file that a value is being written to, or is in. */
  readonly #fileOf = new Map<TaskRef, FileId>();
  readonly #reads = new Map<TaskRef, Promise<void>>();
  #isRefused = false;

  constructor(options: SpillsOptions) {
    this.#options = options;
    const { store, loop } = options;
    store.onSent = (tasks) => loop.post({ type: "values-sent", tasks });
    store.onUnreadable = (file, reason) => {
      this.#lose(file, reason);
      loop.pump();
    };
  }

  /** Writes a value. It stays in memory until `unload`. */
  spill({ file, task }: SpillValue): void {
    const { loop, store } = this.#options;
    const bytes = store.get(task);
    if (bytes === undefined) return loop.post({ type: "value-lost", task });
    this.#fileOf.set(task, file);
    void this.#write(file, task, bytes);
  }

  /** The file is not wanted any more. */
  abandon(file: FileId): void {
    const writing = this.#writing.get(file);
    if (writing !== undefined) writing.isWanted = false;
    else this.#options.files.remove(file);
  }

  unload({ file, task }: UnloadValue): void {
    this.#options.store.unload(task, file);
  }

  load({ file, task }: LoadValue): void {
    const read = this.#read(file, task);
    this.#reads.set(task, read);
    void read.then(() => {
      if (this.#reads.get(task) === read) this.#reads.delete(task);
    });
  }

  /** Settles when a value that is being read back is there, or lost; never rejects. */
  reading(task: TaskRef): Promise<void> | undefined {
    return this.#reads.get(task);
  }

  /** The value is not wanted any more, wherever it is. */
  drop(task: TaskRef): void {
    const file = this.#fileOf.get(task);
    this.#options.store.drop(task);
    if (file === undefined) return;
    this.#fileOf.delete(task);
    this.abandon(file);
  }

  async #write(file: FileId, task: TaskRef, bytes: Uint8Array): Promise<void> {
    const { loop, store, files } = this.#options;
    const writing = { isWanted: true };
    this.#writing.set(file, writing);
    try {
      await files.write(file, bytes);
      // While it is being sent its memory is not free, whoever lets go of it.
      await store.whenReturned(task);
      this.#isRefused = false;
      if (writing.isWanted) loop.post({ type: "value-written", file });
      else files.remove(file);
    } catch (error) {
      this.#refuse(error);
      loop.post({ type: "write-failed", file });
    }
    this.#writing.delete(file);
    loop.pump();
  }

  /** Said once, until the disk takes a value again. */
  #refuse(error: unknown): void {
    if (this.#isRefused) return;
    this.#isRefused = true;
    const message = "the disk takes no values: they stay in memory";
    this.#options.logger.warn({ err: error }, message);
  }

  async #read(file: FileId, task: TaskRef): Promise<void> {
    const { loop, store, files } = this.#options;
    try {
      const value = await files.read(file, store.lengthIn(file, task));
      if (store.lengthIn(file, task) === value.length) {
        store.reload(task, value);
        this.#fileOf.delete(task);
        loop.post({ type: "value-read", file });
      }
      files.remove(file);
    } catch (error) {
      this.#lose(file, error);
    }
    loop.pump();
  }

  #lose(file: FileId, reason: unknown): void {
    const { loop, logger } = this.#options;
    logger.warn({ file, err: reason }, "a value on the disk could not be read");
    loop.post({ type: "file-lost", file });
  }
}
