/**
 * What a fetch brings from a peer's store.
 *
 * @module
 */

import type { TaskRef } from "../model/ids.ts";
import type { SimulatedValue } from "./behaviour.ts";

/** A value on its way. */
export interface Taken {
  readonly task: TaskRef;
  readonly value: SimulatedValue;
}

/** What of these tasks a peer has, what it has not, and what comes with bad bytes. */
export function takeFrom(
  values: { get(task: TaskRef): SimulatedValue | undefined },
  tasks: readonly TaskRef[],
  { isCorrupted, onCorrupted }: { isCorrupted(): boolean; onCorrupted(): void },
): {
  readonly got: readonly Taken[];
  readonly absent: readonly TaskRef[];
  readonly corrupt: readonly TaskRef[];
} {
  const got: Taken[] = [];
  const absent: TaskRef[] = [];
  const corrupt: TaskRef[] = [];
  for (const task of tasks) {
    const value = values.get(task);
    if (value === undefined) absent.push(task);
    else if (isCorrupted()) {
      onCorrupted();
      corrupt.push(task);
    } else got.push({ task, value });
  }
  return { got, absent, corrupt };
}

/** As the kernel hears of it. */
export function sizeOf({ task, value }: Taken): {
  readonly task: TaskRef;
  readonly sizeBytes: number;
} {
  return { task, sizeBytes: value.sizeBytes };
}
