/**
 * What the controller decided, complete enough for `apply` to need nothing else. Facts about many
 * tasks are columns: entry `i` of each speaks of the same task or attempt.
 *
 * Tasks and attempts are named by table row: rows are a function of the facts before, so a replay
 * finds the same ones.
 *
 * @module
 */

import type { Blobs } from "../base/blobs.ts";
import type { Micros } from "../base/time.ts";
import type { AttemptUsage, TaskFailure } from "../model/failure.ts";
import type { AttemptId, TaskRef, WorkerIndex } from "../model/ids.ts";
import type { JobSpec } from "../model/job.ts";
import type { Progress } from "../model/progress.ts";
import type { DeviceAmount } from "../model/resources.ts";
import type { TaskSpec } from "../model/spec.ts";
import type { JobState } from "../model/states.ts";
import type { GangMember, HotMessageOf, WorkerHello, WorkerMemory } from "../protocol/messages.ts";
import type { QueuePolicy } from "../scheduler/queue-policy.ts";
import type { AccessFact } from "./apply-access.ts";
import type { LeaseFact, RestartFact, SharedFact } from "./apply-shared.ts";
import type { DataWait } from "./data-wait-state.ts";
import type { Reservation } from "./state.ts";

/** How a requeued task is charged. */
export const charge = {
  nothing: 0,
  failure: 1,
  loss: 2,
  /** Its worker died while it may have run: a suspect, not charged the first time. */
  suspicion: 3,
  /** Its worker died while it waited there, as far as is known: a suspect, and nothing was lost. */
  bystander: 4,
  /** Its function asked to run later: counted apart from failures. */
  reschedule: 5,
} as const;

/** A task whose worker died while it ran, or may have, or waited. */
export const suspecting: readonly number[] = [charge.loss, charge.suspicion, charge.bystander];

/** Facts that a restart needs. */
export type DurableFact =
  | {
      readonly type: "controller-started";
      readonly at: Micros;
      readonly epoch: number;
      /** Default `fair`. */
      readonly policy?: QueuePolicy;
    }
  | {
      readonly type: "client-opened";
      readonly at: Micros;
      readonly clientId: string;
      readonly user: string;
      readonly jobId: string;
    }
  /** Its session ends: handles of number `below` and above are gone. */
  | {
      readonly type: "client-closing";
      readonly at: Micros;
      readonly client: number;
      readonly why: string;
      readonly below: number;
    }
  | { readonly type: "client-closed"; readonly at: Micros; readonly client: number }
  | {
      readonly type: "spec-defined";
      readonly client: number;
      readonly number: number;
      readonly definition: TaskSpec;
    }
  | {
      readonly type: "tasks-submitted";
      readonly at: Micros;
      readonly client: number;
      readonly submit: HotMessageOf<"submit">;
    }
  /** A cancel or retry with this sequence was taken up, or a submit was refused. */
  | { readonly type: "sequence-taken"; readonly client: number; readonly sequence: number }
  | {
      readonly type: "wants-dropped";
      readonly client: number;
      readonly numbers: Uint32Array;
    }
  | {
      readonly type: "attempts-assigned";
      readonly at: Micros;
      readonly tasks: Uint32Array;
      readonly workers: Uint32Array;
      /** 1: without a grant. */
      readonly prefetched: Uint8Array;
      /** Grants that differ from their shape's request, by entry. */
      readonly grants: readonly SpecialGrant[];
      /** Index into `bands`: what each counts as while it lives. */
      readonly bands: Uint8Array;
    }
  | { readonly type: "attempts-granted"; readonly attempts: Uint32Array }
  /** The work directories of these are being made. */
  | { readonly type: "attempts-building"; readonly attempts: Uint32Array }
  /** How an attempt of a command ended and what it used; goes before its end. */
  | {
      readonly type: "attempt-measured";
      readonly attempt: number;
      readonly usage: AttemptUsage;
    }
  /** These wait for tasks of their own, and give slot and CPU back; or (off) have them again. */
  | {
      readonly type: "attempts-yielded";
      readonly attempts: Uint32Array;
      readonly on: boolean;
    }
  | { readonly type: "attempts-started"; readonly at: Micros; readonly attempts: Uint32Array }
  /** They run much longer than others of their kind did: what was usual of each, microseconds. */
  | {
      readonly type: "attempts-hung";
      readonly at: Micros;
      readonly attempts: Uint32Array;
      readonly usualUs: Float64Array;
    }
  /** A stop was ordered, and their tasks let go of them. `reason` indexes `attemptCauses`. */
  | {
      readonly type: "attempts-stopping";
      readonly attempts: Uint32Array;
      readonly reason: number;
    }
  /** The door: the grant goes back, or to `successors[i]` (`noSlot` for none). */
  | {
      readonly type: "attempts-ended";
      readonly at: Micros;
      readonly attempts: Uint32Array;
      readonly causes: Uint8Array;
      readonly successors: Uint32Array;
    }
  /** A task's stopping attempt hands its grant, whole, to the task's next attempt. */
  | {
      readonly type: "attempt-superseded";
      readonly at: Micros;
      readonly attempt: number;
      readonly task: number;
    }
  /** A stopping attempt never came to its worker: its row is that of the one it took over, `id`. */
  | {
      readonly type: "attempt-reinstated";
      readonly at: Micros;
      readonly attempt: number;
      readonly id: AttemptId;
    }
  | {
      readonly type: "tasks-succeeded";
      readonly at: Micros;
      readonly tasks: Uint32Array;
      readonly holders: Uint32Array;
      readonly sizes: Float64Array;
    }
  /** What functions of launched jobs have returned. */
  | {
      readonly type: "results-returned";
      readonly tasks: Uint32Array;
      readonly sizes: Float64Array;
      /** Empty for what is too large to be kept. */
      readonly values: Blobs;
    }
  | {
      readonly type: "tasks-failed";
      readonly at: Micros;
      readonly tasks: Uint32Array;
      readonly states: Uint8Array;
      /** Index into `failures`: dependents share their root's. */
      readonly reasons: Uint32Array;
      readonly failures: readonly TaskFailure[];
    }
  | {
      readonly type: "tasks-requeued";
      readonly at: Micros;
      readonly tasks: Uint32Array;
      readonly charges: Uint8Array;
      /** Microseconds; 0 for at once. */
      readonly notBefore: Float64Array;
      /** Where those ran that asked to run later, by entry; absent where none did. */
      readonly leaving?: readonly { readonly entry: number; readonly worker: WorkerIndex }[];
    }
  /** Back-offs that are over. */
  | { readonly type: "tasks-resumed"; readonly tasks: Uint32Array }
  /** Queued again from the start: by a person's retry (counters cleared) or for a lost value. */
  | {
      readonly type: "tasks-revived";
      readonly at: Micros;
      readonly tasks: Uint32Array;
      /** `gang`: a member that had succeeded starts again with the others. */
      readonly cause: "retry" | "recompute" | "gang";
      /** Who asked for it through the API; a client's own retry does not say. */
      readonly by?: string;
    }
  /** A queued task whose input is gone waits again. */
  | { readonly type: "values-gone"; readonly tasks: Uint32Array }
  | { readonly type: "values-moved"; readonly tasks: Uint32Array; readonly holders: Uint32Array }
  | { readonly type: "tasks-forgotten"; readonly at: Micros; readonly tasks: Uint32Array }
  | {
      readonly type: "worker-registered";
      readonly at: Micros;
      readonly hello: WorkerHello;
    }
  | {
      readonly type: "worker-lost";
      readonly at: Micros;
      readonly worker: WorkerIndex;
      readonly reason: string;
    }
  /** A worker that came back under a new incarnation proved that these still run. */
  | {
      readonly type: "worker-adopted";
      readonly at: Micros;
      readonly hello: WorkerHello;
    }
  | {
      readonly type: "worker-closed-to-work";
      readonly at: Micros;
      readonly worker: WorkerIndex;
      readonly cordoned: boolean;
      readonly draining: boolean;
      /** Microseconds; 0 for never. */
      readonly drainBy: Micros;
      /** Whose word it was; older journals do not say. */
      readonly by?: string;
    }
  /** What only it holds was not copied in time: its drain does not wait for it any more. */
  | {
      readonly type: "drain-gave-up";
      readonly at: Micros;
      readonly worker: WorkerIndex;
      readonly values: number;
      readonly bytes: number;
    }
  /** The plugins of a set cannot be set up there: what needs them goes elsewhere. */
  | {
      readonly type: "worker-setup-failed";
      readonly at: Micros;
      readonly worker: WorkerIndex;
      /** Of the set. */
      readonly key: string;
      readonly reason: string;
    }
  | {
      readonly type: "job-launched";
      readonly at: Micros;
      readonly spec: JobSpec;
      readonly user: string;
      readonly token: string;
      readonly tokenHash: string;
      /** Who asked for it, if that was not the user; older journals do not say. */
      readonly by?: string;
    }
  /** The terminal state of a launched job, once. */
  | {
      readonly type: "job-ended";
      readonly at: Micros;
      readonly job: number;
      readonly state: JobState;
      readonly error: TaskFailure | null;
    }
  | { readonly type: "jobs-pruned"; readonly at: Micros; readonly jobs: Uint32Array }
  /** A member of a gang can be reached there: who starts after a restart must know it. */
  | {
      readonly type: "member-prepared";
      readonly job: number;
      readonly index: number;
      readonly member: GangMember;
    }
  /** A round of a gang is over before all members had started. */
  | { readonly type: "gang-returned"; readonly job: number }
  /** These gangs may hold capacity again. */
  | { readonly type: "gangs-rested"; readonly jobs: readonly number[] }
  | {
      readonly type: "capacity-reserved";
      readonly reservation: Reservation;
    }
  | {
      readonly type: "reservation-ended";
      readonly at: Micros;
      readonly id: number;
      /** It did not help in time: the next one is longer, after a rest. */
      readonly expired: boolean;
    }
  | AccessFact
  | SharedFact
  | RestartFact;

/** A grant that is not its shape's request: a chosen device variant, device indices. */
export interface SpecialGrant {
  readonly entry: number;
  readonly grant: Float64Array;
  /** With indices; empty without devices. */
  readonly devices: readonly DeviceAmount[];
}

/** Facts that a restart learns anew. */
export type VolatileFact =
  | { readonly type: "time-passed"; readonly at: Micros }
  | { readonly type: "client-present"; readonly client: number }
  | { readonly type: "client-absent"; readonly at: Micros; readonly client: number }
  | { readonly type: "outcomes-awaited"; readonly tasks: Uint32Array; readonly awaited: boolean }
  | {
      readonly type: "worker-present";
      readonly at: Micros;
      readonly worker: WorkerIndex;
    }
  | { readonly type: "worker-absent"; readonly worker: WorkerIndex }
  | {
      readonly type: "worker-heard";
      readonly at: Micros;
      readonly worker: WorkerIndex;
      readonly memory: WorkerMemory;
    }
  | {
      readonly type: "traffic-told";
      readonly at: Micros;
      readonly worker: WorkerIndex;
      readonly message: HotMessageOf<"traffic">;
    }
  /** How far these say they are. */
  | {
      readonly type: "progress-told";
      readonly at: Micros;
      readonly attempts: Uint32Array;
      readonly progress: readonly Progress[];
    }
  | { readonly type: "worker-suspected"; readonly worker: WorkerIndex; readonly suspect: boolean }
  | { readonly type: "worker-health"; readonly worker: WorkerIndex; readonly trouble: string }
  /** Others copy what only it holds, until then; `worker-emptied`: nobody copies any more. */
  | { readonly type: "worker-emptying"; readonly worker: WorkerIndex; readonly by: Micros }
  | { readonly type: "worker-emptied"; readonly worker: WorkerIndex }
  | { readonly type: "silence-excused"; readonly pausedUs: number }
  /** Every deadline up to `until` has been looked at. */
  | { readonly type: "deadlines-passed"; readonly until: Micros }
  | { readonly type: "silence-checked"; readonly nextAt: Micros }
  /** The next look for what hangs begins at this row of the attempts. */
  | { readonly type: "hangs-looked-for"; readonly next: number }
  | { readonly type: "copies-added"; readonly worker: WorkerIndex; readonly tasks: Uint32Array }
  | { readonly type: "copies-removed"; readonly worker: WorkerIndex; readonly tasks: Uint32Array }
  /** Who holds them, or should, is looked at before the step ends. */
  | { readonly type: "copies-touched"; readonly tasks: Uint32Array }
  /** These are to have one copy more, until the one where most is held can be dropped. */
  | { readonly type: "copies-moving"; readonly tasks: Uint32Array }
  /** All that was touched was looked at: these lack copies that nobody brings, those none. */
  | {
      readonly type: "copies-reviewed";
      readonly lacking: Uint32Array;
      readonly settled: Uint32Array;
    }
  /** Their values are about to be dropped: they lack no copies. */
  | { readonly type: "copies-let-go"; readonly tasks: Uint32Array }
  /** These were told to fetch the value; nobody else could be for now. */
  | { readonly type: "copies-ordered"; readonly task: number; readonly workers: Uint32Array }
  /** Those orders are over without a copy: taken back, or `failed`. */
  | {
      readonly type: "copies-closed";
      readonly worker: WorkerIndex;
      readonly tasks: Uint32Array;
      readonly failed: boolean;
    }
  /** What was listed up to then was looked at; `again`, in some seconds once more. */
  | {
      readonly type: "copies-looked-at";
      readonly until: Micros;
      readonly again: Uint32Array;
    }
  /** These stand in line where their inputs are. */
  | {
      readonly type: "data-waits-begun";
      readonly waits: readonly { readonly task: number; readonly wait: DataWait }[];
    }
  /** Of all that were to end up to then, whatever still waits may be taken back. */
  | { readonly type: "data-waits-ended"; readonly until: Micros }
  | {
      readonly type: "durations-sampled";
      readonly shape: number;
      readonly meanUs: number;
    }
  | { readonly type: "input-failed"; readonly task: number }
  /** Its holder could not be reached from where its value is needed. */
  | { readonly type: "input-unreachable"; readonly at: Micros; readonly task: number }
  | {
      readonly type: "value-kept";
      readonly worker: WorkerIndex;
      readonly task: TaskRef;
      readonly kept: boolean;
    }
  | { readonly type: "value-cached"; readonly task: number; readonly bytes: Uint8Array }
  /** A pass takes up all that was touched and untried. */
  /** A value that is offered is to be brought to this worker; `noWorker`: to nobody. */
  | { readonly type: "upload-directed"; readonly task: number; readonly worker: WorkerIndex }
  | { readonly type: "placement-passed" }
  /** A pass has spent its turn: these are for the next one. */
  | {
      readonly type: "placement-paused";
      readonly workers: Uint32Array;
      readonly shapes: Uint32Array;
    }
  | { readonly type: "retracts-ordered"; readonly attempts: Uint32Array; readonly on: boolean }
  /** All actors of which something had changed have been looked at. */
  | { readonly type: "actors-tended" }
  | LeaseFact;

export type Fact = DurableFact | VolatileFact;
export type FactOf<T extends Fact["type"]> = Extract<Fact, { type: T }>;

const volatileTypes: ReadonlySet<string> = new Set<VolatileFact["type"]>([
  "time-passed",
  "client-present",
  "client-absent",
  "outcomes-awaited",
  "worker-present",
  "worker-absent",
  "worker-heard",
  "traffic-told",
  "progress-told",
  "worker-suspected",
  "worker-health",
  "worker-emptying",
  "worker-emptied",
  "silence-excused",
  "deadlines-passed",
  "silence-checked",
  "hangs-looked-for",
  "copies-added",
  "copies-removed",
  "copies-touched",
  "copies-moving",
  "copies-reviewed",
  "copies-let-go",
  "copies-ordered",
  "copies-closed",
  "copies-looked-at",
  "data-waits-begun",
  "data-waits-ended",
  "durations-sampled",
  "input-failed",
  "input-unreachable",
  "value-kept",
  "value-cached",
  "upload-directed",
  "placement-passed",
  "placement-paused",
  "retracts-ordered",
  "actors-tended",
  "leases-renewed",
  "leases-swept",
]);

/** Whether the journal keeps the fact. */
export function isDurable(fact: Fact): fact is DurableFact {
  return !volatileTypes.has(fact.type);
}
