/**
 * What a plan is about: machines, and work with its times.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import type { Attributes, Constraint } from "../model/constraints.ts";
import type { Resources } from "../model/resources.ts";
import type { Band } from "../model/states.ts";

/** One task of a workload: what it asks for, and what really happens. */
export interface PlannedTask {
  readonly name: string;
  readonly user: string;
  readonly resources: Resources;
  readonly constraints: readonly Constraint[];
  readonly band: Band;
  /** Higher goes first among the tasks of its user. */
  readonly priority: number;
  /** When it is submitted, from the beginning of the workload. */
  readonly submitUs: Micros;
  /** How long it runs: the scheduler is not told. Infinity: it never ends. */
  readonly runUs: number;
  /** Its time limit, which the scheduler knows; 0 for none. Past it the task is stopped. */
  readonly limitUs: number;
  /** Places in the workload of tasks that must have ended; all stand before it. */
  readonly dependencies: readonly number[];
}

export interface Workload {
  readonly name: string;
  readonly tasks: readonly PlannedTask[];
  /** Tasks that come at the same time are one submission, as those of a graph; else one each. */
  readonly isGraph: boolean;
  /** What the reader left out, and why: for people. */
  readonly notes: readonly string[];
}

/** Machines that are alike. */
export interface MachineClass {
  /** The beginning of their names, or the whole name of a single one. */
  readonly name: string;
  readonly count: number;
  readonly capacity: Resources;
  readonly attributes: Attributes;
  /** How many programs run there at once. */
  readonly commandSlots: number;
}

export interface PlannedCluster {
  readonly name: string;
  readonly machines: readonly MachineClass[];
}
