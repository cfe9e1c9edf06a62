/**
 * Orders for one attempt: what to run, with what, and where its inputs are.
 *
 * @module
 */

import { formatAttemptId, type WorkerIndex } from "../model/ids.ts";
import { partOf, type TaskRun } from "../model/spec.ts";
import { type AttemptContext, inlineSource } from "../protocol/messages.ts";
import { isCall } from "./call-lines.ts";
import type { ComputeInput } from "./compute-builder.ts";
import { introducePeer } from "./inputs.ts";
import { inlineInputBytesMax } from "./limits.ts";
import type { Outbox } from "./outbox.ts";
import {
  type ControllerState,
  isHealthy,
  jobOf,
  orderOf,
  specRecord,
  submissionOf,
  taskIdOf,
} from "./state.ts";
import { noSlot } from "./tables/task-table.ts";

/** Orders the worker of attempt `row` to compute it. */
export function sendAttempt(state: ControllerState, out: Outbox, row: number): void {
  const { attempts, tasks } = state;
  const task = attempts.task[row];
  const worker = attempts.worker[row];
  const spec = tasks.spec[task];
  const { knownSpecs } = state.workers[worker];
  const { definition } = specRecord(state, spec);
  if (!knownSpecs.has(spec)) {
    knownSpecs.add(spec);
    const { user } = jobOf(state, task);
    out.toWorker(state, worker, { type: "define-spec", spec, definition, user });
  }
  const { args, sharesArgs, first } = submissionOf(state, task);
  out.compute(state, worker, {
    attempt: attempts.id[row],
    task: tasks.ref(task),
    spec,
    shape: attempts.shape[row],
    prefetched: !attempts.isGranted(row),
    context: contextOf(state, row, definition.run),
    args,
    argsIndex: sharesArgs ? 0 : tasks.index[task] - first,
    inputs: tasks.dependencyCount[task] === 0 ? noInputs : inputsOf(state, out, task, worker),
  });
}

const noInputs: readonly ComputeInput[] = [];

/** What programs and members of gangs are told of themselves, and a call of its place in line. */
function contextOf(state: ControllerState, row: number, run: TaskRun): string {
  const task = state.attempts.task[row];
  if (partOf(run) === "call") return String(orderOf(state, task));
  const { id, launch } = jobOf(state, task);
  if (run.kind !== "command" && !launch?.gang) return "";
  const context: AttemptContext = {
    taskId: taskIdOf(state, task),
    jobId: id,
    attemptId: formatAttemptId(state.attempts.id[row]),
    index: state.tasks.index[task],
    replicas: launch?.rows.length ?? 1,
    devices: state.deviceGrants.get(row) ?? [],
    // A function asks for credentials when it needs some: its order carries no secret.
    token: run.kind === "command" ? (launch?.token ?? "") : "",
  };
  return JSON.stringify(context);
}

const noBytes = new Uint8Array(0);

/** Where each input is. The actor of a call is its first, and is only named. */
function inputsOf(
  state: ControllerState,
  out: Outbox,
  task: number,
  worker: WorkerIndex,
): ComputeInput[] {
  const { tasks } = state;
  const inputs: ComputeInput[] = [];
  let inlineBytes = 0;
  for (let position = 0; position < tasks.dependencyCount[task]; position++) {
    const input = tasks.dependency(task, position);
    const ref = tasks.ref(input);
    if (position === 0 && isCall(state, task)) {
      inputs.push({ task: ref, source: inlineSource, sizeBytes: 0, inline: noBytes });
      continue;
    }
    const bytes = state.inline.bytes.get(input);
    if (bytes !== undefined && inlineBytes + bytes.length <= inlineInputBytesMax) {
      inlineBytes += bytes.length;
      inputs.push({ task: ref, source: inlineSource, sizeBytes: 0, inline: bytes });
      continue;
    }
    const source = sourceFor(state, input, worker);
    introducePeer(state, out, worker, source);
    inputs.push({ task: ref, source, sizeBytes: tasks.valueBytes[input], inline: null });
  }
  return inputs;
}

/**
 * The worker itself if it holds the value, else a healthy holder, else whoever is said to. What is
 * ordered again after the last holder has gone has no source: its worker is named, and asks.
 */
function sourceFor(state: ControllerState, input: number, worker: WorkerIndex): WorkerIndex {
  const holder = state.tasks.holder[input];
  if (holder === noSlot) return worker;
  const extras = state.extraHolders.get(input);
  if (holder === worker || extras === undefined) return holder;
  if (extras.includes(worker)) return worker;
  return [holder, ...extras].find((one) => isHealthy(state.workers[one])) ?? holder;
}
