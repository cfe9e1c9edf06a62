/**
 * Who moves a task that does not move now.
 *
 * @module
 */

/** Who will move a task, and when. */
export interface Waker {
  readonly kind: "CAPACITY" | "DEPENDENCY" | "ATTEMPT" | "TIMER" | "WORKER" | "CLIENT";
  readonly id: string;
  readonly message: string;
}

/** A waker, and the row of the task that it waits for in its turn, or `noSlot`. */
export interface NextWaker {
  readonly waker: Waker | null;
  readonly next: number;
}
