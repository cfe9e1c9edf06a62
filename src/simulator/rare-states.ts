/**
 * States that a good search must reach: each is named as a sentence, and a run that never gets
 * there proves less than it seems to.
 *
 * @module
 */

import type { Fact } from "../controller/facts.ts";
import { attemptCauses, type JobState, taskStates } from "../model/states.ts";
import type { WorkerFact } from "../worker/facts.ts";

/** Reached whenever the controller records such a fact. */
export const controllerFactStates: { readonly [T in Fact["type"]]?: string } = {
  "sequence-taken": "a cancel or a retry was taken up",
  "attempts-building": "a work directory was being made",
  "attempts-hung": "an attempt ran for much longer than its kind",
  "progress-told": "a running task said how far it was",
  "attempts-yielded": "an attempt yielded its slot, or had it again",
  "attempt-superseded": "a stopping attempt handed its grant to the next attempt",
  "attempt-reinstated": "an order that took a grant over was lost and stopped",
  "tasks-resumed": "a back-off ended",
  "values-gone": "a queued task lost an input",
  "values-moved": "another holder of a value took over",
  "worker-adopted": "a new agent was adopted with what had outlived the old one",
  "worker-closed-to-work": "a worker was cordoned or drained",
  "gang-returned": "a round of a gang was returned",
  "gangs-rested": "a gang that had held in vain held again",
  "capacity-reserved": "capacity was reserved",
  "jobs-pruned": "an ended job made room for its successor",
  "copies-added": "a value got a second holder",
  "copies-removed": "a second holder lost its value",
  "actors-tended": "an actor was called, or let go",
  "input-unreachable": "a healthy holder of an input could not be reached",
  "input-failed": "an input could not be fetched from where it was said to be",
  "data-waits-begun": "a task stood in line where its inputs were",
  "data-waits-ended": "a wait for inputs came to its bound",
  "copies-ordered": "a worker was told to copy a value",
  "copies-closed": "an order of a copy was taken back, or failed",
  "drain-gave-up": "a drain waited for its values as long as it may",
  "copies-moving": "values were to move to an emptier worker",
  "copies-wanted": "a value was wanted on another number of workers",
  "value-kept": "a worker kept a value that was being read",
  "value-cached": "the controller kept a small value",
  "silence-excused": "a pause of the controller excused silence",
  "worker-setup-failed": "a plugin could not be set up on a worker",
  "tasks-detached": "tasks were detached",
  "cluster-restarted": "the cluster was restarted",
  "results-returned": "functions of a job returned values",
  "restart-begun": "a restart was accepted",
  "session-restarted": "a session was restarted",
  "keys-given-up": "tasks with keys ended with a restart",
  "value-published": "a value was published",
  "value-unpublished": "a value was unpublished",
  "value-fetched": "a published value was fetched",
  "values-offered": "a value that was there once was offered again",
  "lock-left": "a lock was left",
  "leases-renewed": "a lock was renewed",
  "worker-emptying": "a worker that left had its values copied",
  "worker-health": "a worker was sick, or well again",
  "member-prepared": "a member of a gang was prepared",
  "wants-dropped": "a client dropped its wants",
};

/** Reached whenever a worker records such a fact. */
export const workerFactStates: { readonly [T in WorkerFact["type"]]?: string } = {
  "task-rescheduled": "a worker handed a task back",
  "sources-missing": "a worker asked where a value is",
  "sources-changed": "a worker was told where else a value is",
  "execution-progressed": "an execution said how far it was",
  "execution-yielded": "an execution yielded its lane",
  "execution-rejoined": "an execution went on beside the lanes",
  "execution-orphaned": "a task let go of what still ran",
  "execution-requeued": "what was queued on a lane waited again",
  "execution-revoke-refused": "a revoke came too late",
  "execution-promoted": "a thread went on to the next of its lane by itself",
  "executions-recovered": "an agent recovered commands",
  "peer-refused": "a peer was busy or failed, and was left alone",
  "executors-renewed": "a worker made its executors anew",
  "leave-began": "a worker began to leave",
  "worker-left": "a worker left",
  "copy-ordered": "a worker was to fetch what nothing there read",
  "copy-closed": "a copy that was on its way did not come",
  "value-dropped": "a worker dropped a value",
  "spill-ended": "a value went to the disk",
  "spill-abandoned": "a value was read while it was being written",
  "spill-failed": "the disk refused a value",
  "load-ended": "a value came back from the disk",
  "file-lost": "a value on the disk could not be read",
  "worker-paused": "a worker paused for want of memory",
  "worker-resumed": "a worker had room again",
  "pause-outlasted": "a pause lasted so long that work was handed back",
};

/** Reached by what has to be looked at more closely. */
export const otherStates = [
  "attempt 3 or later of a task committed",
  "a gang was preempted while partly launched",
  "a failure spread to dependents",
  "a reservation expired",
  "a reservation helped",
  "a worker was lost in silence",
  "a worker was lost because its process ended",
  "a worker was lost because it was started again",
  "a silent worker was suspected",
  "a suspected worker was heard again",
  "a lost worker came back under its id",
  "an attempt was assigned without a grant",
  "a grant followed later",
  "a grant went to the successor on the lane",
  "devices were granted by index",
  "a task was charged a failure",
  "a task was charged a loss",
  "a task became suspect when its worker died",
  "a bystander became suspect when its worker died",
  "a task asked to run later",
  "a task asked to run later more often than it may",
  "an exclusive task ended because it may have run",
  "a task waited for a back-off",
  "a failed task was tried again by a person",
  "a value was computed again because it was lost",
  "a member of a gang that had succeeded ran again",
  "a submit was refused",
  "a session ended because its client stayed away",
  "a report arrived of an attempt that had ended before",
  "a retract crossed a start",
  "a worker lost a value that nobody had told it to drop",
  "an attempt that nobody knew was stopped at a reconnect",
  "a digest differed and the worker was reconciled",
  "a peer was said to be gone",
  "a gang was told to start",
  "a function of a gang was told to start",
  "a function of a gang waited for tasks of its own",
  "a gang began again because a member asked to run later",
  "two events of one kernel fell on one instant",
  "the controller died with facts that were not durable",
  "the controller died with nothing to lose",
  "the controller served its fifth epoch or a later one",
  "a worker took several events up in one turn",
  "a worker took an order while it was leaving",
  "an answer was said again after a reconnect",
  "a worker had ten executions or more",
] as const;

const stopStates = ["stopped", "preempted", "cosched-failed", "drained", "gang-returned"] as const;
const jobEnds: readonly JobState[] = ["SUCCEEDED", "FAILED", "KILLED", "UNSCHEDULABLE"];

/** Nothing reaches them within the hours that a run lasts, or in a simulator at all. */
const outOfReach: ReadonlySet<string> = new Set([
  ...["an attempt ended: oom", "an attempt ended: exited", "an attempt ended: module-unloadable"],
  ...["an attempt ended: start-timeout", "an attempt ended: superseded"],
]);

export function endState(cause: string): string {
  return `an attempt ended: ${cause}`;
}

export function stopState(reason: string): string {
  return `an attempt was told to stop: ${reason}`;
}

export function taskEndState(state: string): string {
  return `a task ended ${state}`;
}

export function jobEndState(state: string): string {
  return `a job ended ${state}`;
}

const terminalFrom = taskStates.indexOf("SUCCEEDED");

/** All of them, in the order of a report. */
export const rareStates: readonly string[] = [
  ...otherStates,
  ...Object.values(controllerFactStates),
  ...Object.values(workerFactStates),
  ...attemptCauses.map(endState),
  ...stopStates.map(stopState),
  ...taskStates.slice(terminalFrom).map(taskEndState),
  ...jobEnds.map(jobEndState),
].filter((name) => !outOfReach.has(name));
