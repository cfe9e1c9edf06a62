/**
 * Where things are in the tuple that stands for the state of a whole cluster. All are small
 * numbers: places in pools and interners.
 *
 * @module
 */

import { budgetFields, type Configuration, type FaultBudget } from "./configuration.ts";

export const slot = {
  controller: 0,
  /** Whether a controller process serves. */
  isUp: 1,
  /** What is not synced yet, and what leaves with it: a queue of batches. */
  pending: 2,
  /** With something pending: the controller's state as of the last sync. Else 0. */
  synced: 3,
  /** What may still go wrong, four bits for each kind of fault. */
  budget: 4,
  /** Calls of actors that have begun, anywhere: a bit for each. */
  begunCalls: 5,
  first: 6,
} as const;

export const workerSlot = {
  node: 0,
  /** 0 none, 1 greeted, 2 registered. */
  link: 1,
  there: 2,
  back: 3,
  /** The controller has not noticed yet that its connection is over. */
  unnoticed: 4,
  /** Its process ended and the controller will be told: twice its incarnation, and 1 if its
   * launcher lives. Else 0. */
  exit: 5,
  incarnation: 6,
  /** Where syncs are moves: which connection it is, so that what waits for a sync finds its own. */
  connection: 7,
  size: 8,
} as const;

export const clientSlot = { node: 0, link: 1, there: 2, back: 3, size: 4 } as const;

export const linkState = { none: 0, greeted: 1, registered: 2 } as const;

export class Layout {
  readonly workerCount: number;
  readonly clientCount: number;
  readonly size: number;

  constructor({ workers, programs }: Configuration) {
    this.workerCount = workers.length;
    this.clientCount = programs.length;
    this.size = this.client(programs.length);
  }

  /** Where the slots of a worker begin. */
  worker(place: number): number {
    return slot.first + place * workerSlot.size;
  }

  client(place: number): number {
    return this.worker(this.workerCount) + place * clientSlot.size;
  }
}

export function packBudget(faults: FaultBudget): number {
  return budgetFields.reduce((packed, field, place) => packed | (faults[field] << (4 * place)), 0);
}

export function budgetLeft(packed: number, field: keyof FaultBudget): number {
  return (packed >>> (4 * budgetFields.indexOf(field))) & 15;
}

export function spend(packed: number, field: keyof FaultBudget): number {
  return packed - (1 << (4 * budgetFields.indexOf(field)));
}
