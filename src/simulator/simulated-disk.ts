/**
 * The disk of a simulated worker: values that did not fit in memory. It takes its time, refuses
 * some writes, and some files cannot be read again.
 *
 * @module
 */

import { assert } from "../base/assert.ts";
import type { TaskRef } from "../model/ids.ts";
import type { FileId, WorkerEvent, WorkerSend } from "../worker/events.ts";
import type { WorkerState } from "../worker/state.ts";
import type { DrawStream } from "./draws.ts";
import type { FaultKind } from "./fault-kinds.ts";
import type { Faults } from "./faults.ts";

type SendOf<T extends WorkerSend["type"]> = Extract<WorkerSend, { type: T }>;

export interface DiskSurroundings {
  readonly draws: DrawStream;
  readonly faults: Faults;
  /** What is due once; `event` says what happened then, if anything did. */
  later(delayUs: number, event: () => WorkerEvent | null): void;
  onFault(kind: FaultKind): void;
  /** Files were read, or could not be: what waits for them may go on. */
  onRead(): void;
  onLost(task: TaskRef): void;
}

export class SimulatedDisk {
  readonly #around: DiskSurroundings;
  readonly #writing = new Set<FileId>();
  /** Whole, and their values are in memory still. */
  readonly #whole = new Set<FileId>();
  /** Values that are in a file and not in memory. */
  readonly #files = new Map<TaskRef, FileId>();
  readonly #reading = new Set<FileId>();

  constructor(around: DiskSurroundings) {
    this.#around = around;
  }

  /** Whether the bytes of a value that is here are in memory. */
  isInMemory(task: TaskRef): boolean {
    return !this.#files.has(task);
  }

  isReading(task: TaskRef): boolean {
    return this.#reading.has(this.#files.get(task) ?? 0);
  }

  spill({ file, task }: SendOf<"spill-value">): void {
    assert(this.isInMemory(task), "only what is in memory is written");
    this.#writing.add(file);
    this.#around.later(this.#takesUs(), () => {
      if (!this.#writing.delete(file)) return null; // Abandoned.
      if (this.#fails("disk refused a value")) return { type: "write-failed", at: 0, file };
      this.#whole.add(file);
      return { type: "value-written", at: 0, file };
    });
  }

  abandon({ file }: SendOf<"abandon-spill">): void {
    this.#writing.delete(file);
    this.#whole.delete(file);
  }

  unload({ file, task }: SendOf<"unload-value">): void {
    assert(this.isInMemory(task), "only what is in memory leaves it");
    assert(this.#whole.delete(file), "a value leaves memory when its file is whole");
    this.#files.set(task, file);
  }

  load({ file, task }: SendOf<"load-value">): void {
    assert(this.#files.get(task) === file, "only what is in its file is read");
    this.#reading.add(file);
    this.#around.later(this.#takesUs(), () => {
      const isKept = this.#reading.delete(file);
      const isLost = isKept && this.#fails("file unreadable");
      if (isKept) this.#files.delete(task);
      if (isLost) this.#around.onLost(task);
      this.#around.later(0, () => {
        this.#around.onRead();
        return null;
      });
      if (!isKept) return null; // Dropped.
      return { type: isLost ? "file-lost" : "value-read", at: 0, file };
    });
  }

  drop(task: TaskRef): void {
    this.#reading.delete(this.#files.get(task) ?? 0);
    this.#files.delete(task);
  }

  /** What the kernel believes to be on the disk is there, and nothing else. */
  check({ residence }: WorkerState): void {
    for (const [task, file] of this.#files) {
      const value = residence.files.get(file);
      assert(value?.task === task, "what is on the disk is known");
      assert(value.place === "disk" || value.place === "reading", "it is known to be there");
    }
    for (const { place, task } of residence.files.values()) {
      if (place === "disk") assert(this.#files.has(task), "what is not in memory is on the disk");
      if (place === "writing") assert(!this.#files.has(task), "what is written is in memory");
    }
  }

  #takesUs(): number {
    const { draws, faults } = this.#around;
    return 50 + draws.below(Math.max(1_000, faults.diskUsMax));
  }

  #fails(kind: FaultKind): boolean {
    const { draws, faults } = this.#around;
    if (!draws.chance(faults.spillFailure)) return false;
    this.#around.onFault(kind);
    return true;
  }
}
