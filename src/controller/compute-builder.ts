/**
 * Collects attempts for one worker into one `compute` message.
 *
 * @module
 */

import { type Blobs, BlobsBuilder } from "../base/blobs.ts";
import { F64Column, U8Column, U32Column } from "../base/column.ts";
import { digestWith } from "../base/digest.ts";
import { Slab } from "../base/slab.ts";
import type { AttemptId, TaskRef, WorkerIndex } from "../model/ids.ts";
import type { HotMessageOf } from "../protocol/messages.ts";
import { messageBytesMax } from "./limits.ts";

/** One input: its bytes, or where to fetch them. */
export interface ComputeInput {
  readonly task: TaskRef;
  readonly source: WorkerIndex;
  /** 0 for one that comes along. */
  readonly sizeBytes: number;
  readonly inline: Uint8Array | null;
}

export interface ComputeEntry {
  readonly attempt: AttemptId;
  readonly task: TaskRef;
  readonly spec: number;
  readonly shape: number;
  readonly prefetched: boolean;
  /** JSON, or "". */
  readonly context: string;
  /** Its arguments are byte string `argsIndex` of these. */
  readonly args: Blobs;
  readonly argsIndex: number;
  readonly inputs: readonly ComputeInput[];
}

export class ComputeBuilder {
  readonly #attempts = new F64Column();
  readonly #tasks = new F64Column();
  readonly #specs = new U32Column();
  readonly #shapes = new U32Column();
  readonly #prefetched = new U8Column();
  readonly #args = new BlobsBuilder();
  /** Stays empty while no attempt has a context. */
  #contexts: string[] = [];
  #contextBytes = 0;
  readonly #inputCounts = new U32Column();
  readonly #inputTasks = new F64Column();
  readonly #inputSources = new U32Column();
  readonly #inputSizes = new F64Column();
  readonly #inputs = new BlobsBuilder();
  #digest = 0;
  /** Attempts of its largest message so far: what it has room for. */
  largest = 0;

  get count(): number {
    return this.#attempts.length;
  }

  get isFull(): boolean {
    return this.#args.byteLength + this.#inputs.byteLength + this.#contextBytes > messageBytesMax;
  }

  push(entry: ComputeEntry): void {
    this.#addContext(entry.context);
    this.#attempts.push(entry.attempt);
    this.#tasks.push(entry.task);
    this.#specs.push(entry.spec);
    this.#shapes.push(entry.shape);
    this.#prefetched.push(entry.prefetched ? 1 : 0);
    this.#args.pushFrom(entry.args, entry.argsIndex);
    this.#inputCounts.push(entry.inputs.length);
    for (const input of entry.inputs) {
      this.#inputTasks.push(input.task);
      this.#inputSources.push(input.source);
      this.#inputSizes.push(input.sizeBytes);
      if (input.inline === null) this.#inputs.pushEmpty();
      else this.#inputs.push(input.inline);
    }
    this.#digest = digestWith(this.#digest, entry.attempt);
  }

  #addContext(context: string): void {
    if (context === "" && this.#contexts.length === 0) return;
    while (this.#contexts.length < this.#attempts.length) this.#contexts.push("");
    this.#contexts.push(context);
    this.#contextBytes += context.length;
  }

  #takeContexts(): string[] {
    const contexts = this.#contexts;
    this.#contexts = [];
    this.#contextBytes = 0;
    return contexts;
  }

  /** The message, and the digest of the attempts in it. The room for the next one stays here. */
  take(): { message: HotMessageOf<"compute">; digest: number } {
    const digest = this.#digest;
    this.#digest = 0;
    this.largest = Math.max(this.largest, this.count);
    const message = this.#emptyMessage(this.#attempts.length, this.#inputTasks.length);
    this.#attempts.moveTo(message.attempts);
    this.#tasks.moveTo(message.tasks);
    this.#specs.moveTo(message.specs);
    this.#shapes.moveTo(message.shapes);
    this.#prefetched.moveTo(message.prefetched);
    this.#args.moveTo(message.args);
    this.#inputCounts.moveTo(message.inputCounts);
    this.#inputTasks.moveTo(message.inputTasks);
    this.#inputSources.moveTo(message.inputSources);
    this.#inputSizes.moveTo(message.inputSizes);
    this.#inputs.moveTo(message.inputs);
    return { message, digest };
  }

  /** All columns lie in one buffer: a dozen small ones would cost more than the attempts. */
  #emptyMessage(count: number, inputCount: number): HotMessageOf<"compute"> {
    const bytes = this.#args.byteLength + this.#inputs.byteLength;
    const slab = new Slab(33 * count + 24 * inputCount + 8 + bytes);
    return {
      type: "compute",
      attempts: slab.f64(count),
      tasks: slab.f64(count),
      inputTasks: slab.f64(inputCount),
      inputSizes: slab.f64(inputCount),
      specs: slab.u32(count),
      shapes: slab.u32(count),
      inputCounts: slab.u32(count),
      inputSources: slab.u32(inputCount),
      ...this.#emptyBlobs(slab, count, inputCount),
      prefetched: slab.u8(count),
      contexts: this.#takeContexts(),
    };
  }

  #emptyBlobs(slab: Slab, count: number, inputCount: number): { args: Blobs; inputs: Blobs } {
    const argsOffsets = slab.u32(count + 1);
    const inputOffsets = slab.u32(inputCount + 1);
    return {
      args: { offsets: argsOffsets, data: slab.u8(this.#args.byteLength) },
      inputs: { offsets: inputOffsets, data: slab.u8(this.#inputs.byteLength) },
    };
  }
}

const spares: ComputeBuilder[] = [];

/** An empty builder, with the room that its last messages needed. */
export function borrowBuilder(): ComputeBuilder {
  return spares.pop() ?? new ComputeBuilder();
}

/** Takes back a builder whose message was taken. */
export function returnBuilder(builder: ComputeBuilder): void {
  if (builder.largest <= spareEntriesMax && spares.length < sparesMax) spares.push(builder);
}

/** Builders that are kept for the next step: one for each of many workers. */
const sparesMax = 1_024;

/** Attempts of the largest message of a builder that is kept. */
const spareEntriesMax = 256;
