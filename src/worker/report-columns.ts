/**
 * The rows of one `reports` message while a step collects them.
 *
 * @module
 */

import { BlobsBuilder } from "../base/blobs.ts";
import { F64Column, U8Column, U32Column } from "../base/column.ts";
import type { AttemptId, TaskRef } from "../model/ids.ts";
import { type HotMessageOf, reportKind } from "../protocol/messages.ts";

/** One row. `reason`, `other`, sizes and durations are 0 where they do not apply. */
export interface Report {
  readonly kind: number;
  readonly attempt: AttemptId;
  readonly task: TaskRef;
  readonly reason: number;
  readonly successor: AttemptId;
  readonly other: TaskRef;
  readonly sizeBytes: number;
  readonly durationUs: number;
  readonly value: Uint8Array | null;
}

/** Whether a report of this kind ends its attempt. */
export function isTerminalKind(kind: number): boolean {
  return (
    kind === reportKind.finished || kind === reportKind.handedBack || kind === reportKind.abandoned
  );
}

/** What the column holds: some 71 minutes. A longer run is told as this long. */
const durationUsMax = 0xffffffff;

export class ReportColumns {
  /** How many of the rows end an attempt. */
  terminals = 0;
  readonly #kinds = new U8Column();
  readonly #attempts = new F64Column();
  readonly #tasks = new F64Column();
  readonly #reasons = new U8Column();
  readonly #successors = new F64Column();
  readonly #others = new F64Column();
  readonly #sizes = new F64Column();
  readonly #durations = new U32Column();
  readonly #values = new BlobsBuilder();

  get count(): number {
    return this.#kinds.length;
  }

  push(report: Report): void {
    if (isTerminalKind(report.kind)) this.terminals++;
    this.#kinds.push(report.kind);
    this.#attempts.push(report.attempt);
    this.#tasks.push(report.task);
    this.#reasons.push(report.reason);
    this.#successors.push(report.successor);
    this.#others.push(report.other);
    this.#sizes.push(report.sizeBytes);
    this.#durations.push(Math.min(report.durationUs, durationUsMax));
    if (report.value === null) this.#values.pushEmpty();
    else this.#values.push(report.value);
  }

  /** Whether a row is about the attempt. */
  tellsOf(attempt: AttemptId): boolean {
    for (let row = 0; row < this.count; row++) if (this.#attempts.at(row) === attempt) return true;
    return false;
  }

  /** The message of all rows; the columns are empty afterwards. */
  take(): HotMessageOf<"reports"> {
    this.terminals = 0;
    return {
      type: "reports",
      kinds: this.#kinds.take(),
      attempts: this.#attempts.take(),
      tasks: this.#tasks.take(),
      reasons: this.#reasons.take(),
      successors: this.#successors.take(),
      others: this.#others.take(),
      sizes: this.#sizes.take(),
      durations: this.#durations.take(),
      values: this.#values.take(),
    };
  }
}
