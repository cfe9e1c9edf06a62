/**
 * Jobs as they are launched, and who may do what.
 *
 * @module
 */

import type { Resources } from "./resources.ts";
import type { TaskSpec } from "./spec.ts";
import type { Band } from "./states.ts";

/**
 * What becomes of a launch whose name is taken. `ERROR` refuses it while the old job is open,
 * `KEEP` answers with the open one, `RECREATE` ends the old one and begins when that has really
 * stopped. A job that has ended is replaced under all three.
 */
export const existingPolicies = ["ERROR", "KEEP", "RECREATE"] as const;
export type ExistingPolicy = (typeof existingPolicies)[number];

/**
 * What becomes of a job's children when it ends otherwise than by success, or when a task of it is
 * tried again. Success and a cancel end them in any case. `AUTO` is `TERMINATE` for one replica and
 * `PRESERVE` for several.
 */
export const childPolicies = ["AUTO", "TERMINATE", "PRESERVE"] as const;
export type ChildPolicy = (typeof childPolicies)[number];

/** One launch, parsed: immutable. */
export interface JobSpec {
  /** `/user/name[/child…]`. */
  readonly jobId: string;
  readonly task: TaskSpec;
  /** Encoded arguments of a job of functions; empty for a command. */
  readonly args: Uint8Array;
  readonly replicas: number;
  /** How many tasks may end FAILED before the job does. */
  readonly maxTaskFailures: number;
  readonly onExisting: ExistingPolicy;
  readonly children: ChildPolicy;
}

/** From most to least: each may do what those after it may, but for `worker`. */
export const roles = ["admin", "user", "worker", "viewer"] as const;
export type Role = (typeof roles)[number];

/** Who makes a call. */
export interface Principal {
  readonly user: string;
  readonly role: Role;
  /** The job tree that a task's own token speaks for; "" for a person's token. */
  readonly jobId: string;
}

/** What a user may use. Every field has its default, also for users that nobody configured. */
export interface UserBudget {
  readonly user: string;
  /** Share of the cluster relative to other users. Default 1. */
  readonly weight: number;
  /**
   * Value of running interactive and production work past which more interactive work counts as
   * batch; 0 is unlimited. 1,000 for each accelerator, 1 for each GiB, 5 for each core.
   */
  readonly budget: number;
  /** The best band that the user may ask for. Default `production`. */
  readonly bandMax: Band;
  /** What all running work of the user may hold together; null for no cap. Zeros are no cap. */
  readonly cap: Resources | null;
  /** Tasks that have not ended, in all; a launch past it is refused. */
  readonly activeTasksMax: number;
}

export const budgetDefaults: Omit<UserBudget, "user"> = {
  weight: 1,
  budget: 0,
  bandMax: "production",
  cap: null,
  activeTasksMax: 2_000_000,
};
