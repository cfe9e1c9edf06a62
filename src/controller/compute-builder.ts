/**
 * Collects attempts for one worker into one `compute` message.
 *
 * @module
 */

import { type Blobs, BlobsBuilder } from "../base/blobs.ts";
import { F64Column, U8Column, U32Column } from "../base/column.ts";
import { digestWith } from "../base/digest.ts";
import type { AttemptId, TaskRef, WorkerIndex } from "../model/ids.ts";
import type { HotMessageOf } from "../protocol/messages.ts";
import { messageBytesMax } from "./limits.ts";

/** One input: its bytes, or where to fetch them. */
export interface ComputeInput {
  readonly task: TaskRef;
  readonly source: WorkerIndex;
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
  readonly #inputs = new BlobsBuilder();
  #digest = 0;

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

  /** The message, and the digest of the attempts in it. */
  take(): { message: HotMessageOf<"compute">; digest: number } {
    const digest = this.#digest;
    this.#digest = 0;
    const message = {
      type: "compute",
      attempts: this.#attempts.take(),
      tasks: this.#tasks.take(),
      specs: this.#specs.take(),
      shapes: this.#shapes.take(),
      prefetched: this.#prefetched.take(),
      args: this.#args.take(),
      contexts: this.#takeContexts(),
      inputCounts: this.#inputCounts.take(),
      inputTasks: this.#inputTasks.take(),
      inputSources: this.#inputSources.take(),
      inputs: this.#inputs.take(),
    } as const;
    return { message, digest };
  }
}
