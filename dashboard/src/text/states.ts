/**
 * States as they are shown: a word, a tone of colour and a shape of their own, so that no state is
 * told by its colour alone.
 *
 * @module
 */

import type { Responses } from "../../../src/shell/api/schemas.ts";

export type TaskState = Responses["ListTasks"]["tasks"][number]["state"];
export type JobState = Responses["ListJobs"]["jobs"][number]["state"];
export type WorkerState = Responses["ListWorkers"]["workers"][number]["state"];

export type Tone = "wait" | "start" | "run" | "done" | "fail" | "lost" | "taken" | "ended" | "warn";

/** Names of shapes in `components/glyph.tsx`. */
export type Shape =
  | "ring"
  | "half"
  | "dots"
  | "play"
  | "check"
  | "cross"
  | "square"
  | "bolt"
  | "eject"
  | "slash"
  | "links"
  | "up"
  | "dot"
  | "question"
  | "bang"
  | "bar"
  | "down";

export interface StateLook {
  readonly word: string;
  readonly tone: Tone;
  readonly shape: Shape;
}

const looks: { readonly [state: string]: StateLook } = {
  PENDING: { word: "Pending", tone: "wait", shape: "ring" },
  ASSIGNED: { word: "Assigned", tone: "start", shape: "half" },
  BUILDING: { word: "Building", tone: "start", shape: "dots" },
  RUNNING: { word: "Running", tone: "run", shape: "play" },
  SUCCEEDED: { word: "Succeeded", tone: "done", shape: "check" },
  FAILED: { word: "Failed", tone: "fail", shape: "cross" },
  KILLED: { word: "Killed", tone: "ended", shape: "square" },
  WORKER_FAILED: { word: "Worker failed", tone: "lost", shape: "bolt" },
  PREEMPTED: { word: "Preempted", tone: "taken", shape: "eject" },
  UNSCHEDULABLE: { word: "Unschedulable", tone: "fail", shape: "slash" },
  COSCHED_FAILED: { word: "Cosched failed", tone: "lost", shape: "links" },
  UPSTREAM_FAILED: { word: "Upstream failed", tone: "fail", shape: "up" },
  STOPPING: { word: "Stopping", tone: "warn", shape: "square" },
  ENDED: { word: "Ended", tone: "ended", shape: "square" },
  HEALTHY: { word: "Healthy", tone: "done", shape: "dot" },
  SUSPECT: { word: "Suspect", tone: "warn", shape: "question" },
  UNUSABLE: { word: "Unusable", tone: "fail", shape: "bang" },
  CORDONED: { word: "Cordoned", tone: "warn", shape: "bar" },
  DRAINING: { word: "Draining", tone: "warn", shape: "down" },
  LOST: { word: "Lost", tone: "lost", shape: "bolt" },
};

const unknownLook: StateLook = { word: "?", tone: "ended", shape: "question" };

export function lookOf(state: string): StateLook {
  return Object.hasOwn(looks, state) ? looks[state] : { ...unknownLook, word: state };
}

/** Ends that are nobody's fault, and cost nothing. */
const faultlessCauses: readonly string[] = [
  "stopped",
  "retracted",
  "superseded",
  "refused",
  "gang-returned",
  "rescheduled",
];

/** How an attempt ended, as the state of a task that looks like it. */
export function lookOfCause(cause: string | null): StateLook {
  const word = cause === null ? "Running" : sentence(cause.replaceAll("-", " "));
  if (cause === null) return lookOf("RUNNING");
  if (cause === "finished") return { ...lookOf("SUCCEEDED"), word };
  if (faultlessCauses.includes(cause)) {
    return { ...lookOf("KILLED"), word };
  }
  if (["preempted", "drained"].includes(cause)) return { ...lookOf("PREEMPTED"), word };
  if (["worker-lost", "never-had-it", "dependency-lost"].includes(cause)) {
    return { ...lookOf("WORKER_FAILED"), word };
  }
  if (cause === "cosched-failed") return { ...lookOf("COSCHED_FAILED"), word };
  return { ...lookOf("FAILED"), word };
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The parts of a bar of progress, in their order. */
export const progressParts = [
  { name: "succeeded", tone: "done", states: ["SUCCEEDED"] },
  { name: "running", tone: "run", states: ["RUNNING"] },
  { name: "starting", tone: "start", states: ["ASSIGNED", "BUILDING"] },
  {
    name: "failed",
    tone: "fail",
    states: ["FAILED", "UPSTREAM_FAILED", "UNSCHEDULABLE", "WORKER_FAILED", "COSCHED_FAILED"],
  },
  { name: "preempted", tone: "taken", states: ["PREEMPTED"] },
  { name: "killed", tone: "ended", states: ["KILLED"] },
  { name: "pending", tone: "wait", states: ["PENDING"] },
] as const satisfies readonly { name: string; tone: Tone; states: readonly TaskState[] }[];

export type TaskCounts = { readonly [state in TaskState]?: number | undefined };

export function countOf(counts: TaskCounts, states: readonly TaskState[]): number {
  return states.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
}

export function totalOf(counts: TaskCounts): number {
  return Object.values(counts).reduce((sum: number, count) => sum + (count ?? 0), 0);
}

export const terminalStates: readonly string[] = [
  ...["SUCCEEDED", "FAILED", "KILLED", "WORKER_FAILED", "PREEMPTED", "UNSCHEDULABLE"],
  ...["COSCHED_FAILED", "UPSTREAM_FAILED"],
];
