/**
 * What one exploration is made of: who takes part, what they want, and what may go wrong how often.
 *
 * @module
 */

import type { Program } from "./client-node.ts";
import type { WorkerIdentity } from "./worker-node.ts";

/** How often each fault may happen in one run, 0 to 15. */
export interface FaultBudget {
  readonly workerCrashes: number;
  readonly controllerCrashes: number;
  /** Connections of workers or clients that break, with all that is on its way. */
  readonly losses: number;
  /** Functions that throw, commands that fail, directories that cannot be made, fetches. */
  readonly failures: number;
  /** Requests that a client says twice. */
  readonly repeats: number;
  /** Timers of workers that fire before everything else has come to rest. */
  readonly workerTicks: number;
  readonly controllerTicks: number;
  /** The controller's clock runs ahead, by as much as a silent worker is given. */
  readonly jumps: number;
}

export const budgetFields = [
  "workerCrashes",
  "controllerCrashes",
  "losses",
  "failures",
  "repeats",
  "workerTicks",
  "controllerTicks",
  "jumps",
] as const satisfies readonly (keyof FaultBudget)[];

export const noFaults: FaultBudget = {
  workerCrashes: 0,
  controllerCrashes: 0,
  losses: 0,
  failures: 0,
  repeats: 0,
  workerTicks: 0,
  controllerTicks: 0,
  jumps: 0,
};

export interface Configuration {
  /** `X1`. */
  readonly name: string;
  /** What it is about, in a line. */
  readonly about: string;
  /** Processes; two of one `workerId` contend for it. */
  readonly workers: readonly WorkerIdentity[];
  readonly programs: readonly Program[];
  readonly faults: FaultBudget;
  /** A sync of the journal is a move of its own; else it is a part of each step. */
  readonly separateSync: boolean;
  /** What a worker that crashes leaves behind: with 0 nothing, with 1 its commands. */
  readonly launchers: readonly boolean[];
  /** Somebody sees a worker's process end, and tells the controller, sooner or later. */
  readonly exitsAreSeen: boolean;
}

/** Who takes part and what may go wrong, in a line. */
export function boundsOf({ about, faults, separateSync }: Configuration): string {
  const words = budgetFields.flatMap((field) => {
    if (faults[field] === 0) return [];
    const name = field.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
    return [`${faults[field]} ${faults[field] === 1 ? name.replace(/e?s$/, endings) : name}`];
  });
  if (separateSync) words.push("syncs apart");
  return `${about} [${words.join(", ")}]`;
}

/** "crashes" → "crash", "failures" → "failure". */
function endings(ending: string, at: number, name: string): string {
  return ending === "es" && !/(sh|ss)es$/.test(name.slice(0, at + 2)) ? "e" : "";
}
