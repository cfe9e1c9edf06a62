/**
 * Ids, all safe integers on the inside and short strings for people.
 *
 * @module
 */

/**
 * A task on the wire and in the kernels: table slot (low 32 bits) and the slot's generation (next
 * 16), so that a slot that was reused is never mistaken for the task that had it before. Bound to
 * one spec for ever.
 */
export type TaskRef = number;

/** One try of a task: (epoch, counter), strictly increasing over the life of the cluster. */
export type AttemptId = number;

/** A worker's place in the controller's table; stable for a `workerId` while the cluster lives. */
export type WorkerIndex = number;

export const noAttempt: AttemptId = 0;
export const noWorker: WorkerIndex = 0xffffffff;

const generationUnit = 0x1_0000_0000;
const epochUnit = 2 ** 36;

/** Starts of a controller on one journal: what leaves the counter 36 of an id's 53 bits. */
export const epochMax = 2 ** 17 - 1;

export function taskRef(slot: number, generation: number): TaskRef {
  return generation * generationUnit + slot;
}

export function slotOfTask(ref: TaskRef): number {
  return ref >>> 0;
}

export function generationOfTask(ref: TaskRef): number {
  return Math.floor(ref / generationUnit);
}

export function attemptId(epoch: number, counter: number): AttemptId {
  return epoch * epochUnit + counter;
}

export function epochOfAttempt(id: AttemptId): number {
  return Math.floor(id / epochUnit);
}

/** `"3.17"`: epoch 3, the 17th attempt of that epoch. */
export function formatAttemptId(id: AttemptId): string {
  return `${epochOfAttempt(id)}.${id % epochUnit}`;
}
