/**
 * Collects small values for one client into one `results` message.
 *
 * @module
 */

import { type Blobs, BlobsBuilder } from "../base/blobs.ts";
import { U32Column } from "../base/column.ts";
import type { HotMessageOf } from "../protocol/messages.ts";
import { messageBytesMax } from "./limits.ts";

export class ResultsBuilder {
  readonly #tasks = new U32Column();
  readonly #values = new BlobsBuilder();

  get count(): number {
    return this.#tasks.length;
  }

  get isFull(): boolean {
    return this.#values.byteLength > messageBytesMax;
  }

  push(number: number, value: Uint8Array): void {
    this.#tasks.push(number);
    this.#values.push(value);
  }

  pushFrom(number: number, values: Blobs, index: number): void {
    this.#tasks.push(number);
    this.#values.pushFrom(values, index);
  }

  take(): HotMessageOf<"results"> {
    return { type: "results", tasks: this.#tasks.take(), values: this.#values.take() };
  }
}
