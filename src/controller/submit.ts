/**
 * Submission of a graph: all of it or nothing. Whatever is wrong is found before the first fact.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import { CapstanError } from "../model/errors.ts";
import { isTerminalCode } from "../model/states.ts";
import type { HotMessageOf } from "../protocol/messages.ts";
import { tellAccepted } from "./acknowledge.ts";
import { isAvailable } from "./apply-tasks.ts";
import type { ClientIndex } from "./events.ts";
import { taskWithKey } from "./keys.ts";
import { dependenciesPerTaskMax } from "./limits.ts";
import { isComputed, orderUpload } from "./offers.ts";
import type { Outbox } from "./outbox.ts";
import { refuse } from "./refuse.ts";
import { giveUpKeysAmong } from "./restarts.ts";
import { failDoomed } from "./settle.ts";
import {
  type Client,
  type ControllerState,
  openClient,
  specRecord,
  submissionOf,
} from "./state.ts";
import { partsRefusal } from "./submit-parts.ts";
import { unplaceableWarnings } from "./unplaceable.ts";
import { UploadRecipients } from "./upload-recipients.ts";
import { recomputeNeeded } from "./values.ts";
import { onWant, retryTasks } from "./wants.ts";

type Submit = HotMessageOf<"submit">;

export function onSubmit(
  state: ControllerState,
  out: Outbox,
  { client: index, submit, at }: { client: ClientIndex; submit: Submit; at: Micros },
): void {
  const client = openClient(state, index);
  if (submit.sequence > client.lastSequence) {
    giveUpKeysAmong(state, out, { user: client.user, keys: submit.keys });
    const refusal = refusalOf(state, client, submit);
    if (refusal !== null) return refuse(state, out, client, { sequence: submit.sequence, refusal });
    out.record(state, { type: "tasks-submitted", at, client: index, submit });
    settleSubmitted(state, out, { client, submit, at });
    warnOfUnplaceable(state, out, client, submit);
  }
  tellAccepted(state, out, client);
}

function refusalOf(state: ControllerState, client: Client, submit: Submit): CapstanError | null {
  return (
    numbersRefusal(client, submit) ??
    specsRefusal(state, client, submit) ??
    dependenciesRefusal(client, submit) ??
    partsRefusal(state, client, submit) ??
    keysRefusal(state, client, submit) ??
    cycleRefusal(submit)
  );
}

function numbersRefusal(client: Client, submit: Submit): CapstanError | null {
  if (submit.first >= client.nextNumber) return null;
  return new CapstanError(
    "INVALID_ARGUMENT",
    `first: task number ${submit.first} was used before; expected at least ${client.nextNumber}`,
  );
}

function specsRefusal(state: ControllerState, client: Client, submit: Submit): CapstanError | null {
  for (const number of submit.groupSpecs) {
    const spec = client.specs.get(number);
    if (spec === undefined) {
      return new CapstanError(
        "INVALID_ARGUMENT",
        `groupSpecs: spec ${number} was not defined by this client`,
      );
    }
    if (specRecord(state, spec).definition.groupBy === "") continue;
    // Its worker would prepare it, and nobody would ever tell it to start.
    return new CapstanError("INVALID_SPEC", "groupBy: gangs are jobs; launch one with launchJob");
  }
  return null;
}

function dependenciesRefusal(client: Client, submit: Submit): CapstanError | null {
  const end = submit.first + submit.args.offsets.length - 1;
  let at = 0;
  for (let entry = 0; entry < submit.dependencyCounts.length; entry++) {
    const count = submit.dependencyCounts[entry];
    if (count > dependenciesPerTaskMax) return tooMany(submit.first + entry, count);
    for (const last = at + count; at < last; at++) {
      const number = submit.dependencies[at];
      if (number >= submit.first && number < end) continue;
      if (client.handles.get(number) < 0) return unknownDependency(submit.first + entry, number);
    }
  }
  return null;
}

function tooMany(task: number, count: number): CapstanError {
  return new CapstanError(
    "INVALID_SPEC",
    `task ${task} has ${count} dependencies; at most ${dependenciesPerTaskMax} are allowed: ` +
      "reduce in stages",
    { details: { task, count } },
  );
}

function unknownDependency(task: number, dependency: number): CapstanError {
  return new CapstanError(
    "UNKNOWN_DEPENDENCY",
    `task ${task} depends on task ${dependency}, which does not exist or was released; ` +
      "keep its future until the dependents are submitted",
    { details: { task, dependency } },
  );
}

function keysRefusal(state: ControllerState, client: Client, submit: Submit): CapstanError | null {
  if (submit.keys.length === 0) return null;
  const seen = new Set<string>();
  let entry = 0;
  let edge = 0;
  for (let group = 0; group < submit.groupSpecs.length; group++) {
    const spec = client.specs.get(submit.groupSpecs[group]);
    for (let left = submit.groupCounts[group]; left > 0; left--, entry++) {
      const key = submit.keys[entry];
      const firstEdge = edge;
      edge += submit.dependencyCounts[entry] ?? 0;
      if (key === "") continue;
      if (seen.has(key)) return keyConflict(key, "it is given twice in one submission");
      seen.add(key);
      const task = taskWithKey(state, client.user, key);
      if (task < 0) continue;
      if (!sameWork(state, { task, client, submit, entry, firstEdge, spec })) {
        return keyConflict(
          key,
          "it is bound to another function or value, other options or arguments",
        );
      }
    }
  }
  return null;
}

interface KeyedEntry {
  readonly task: number;
  readonly client: Client;
  readonly submit: Submit;
  readonly entry: number;
  /** Where its dependencies begin. */
  readonly firstEdge: number;
  readonly spec: number | undefined;
}

/** Whether a keyed entry asks for exactly what the task with that key computes. */
function sameWork(state: ControllerState, keyed: KeyedEntry): boolean {
  const { task, submit, entry } = keyed;
  const { tasks } = state;
  if (tasks.spec[task] !== keyed.spec) return false;
  const { args, first } = submissionOf(state, task);
  const known = tasks.index[task] - first;
  const { offsets, data } = args;
  const length = offsets[known + 1] - offsets[known];
  const start = submit.args.offsets[entry];
  if (submit.args.offsets[entry + 1] - start !== length) return false;
  for (let i = 0; i < length; i++) {
    if (data[offsets[known] + i] !== submit.args.data[start + i]) return false;
  }
  return sameDependencies(state, keyed);
}

function sameDependencies(state: ControllerState, keyed: KeyedEntry): boolean {
  const { task, client, submit, entry, firstEdge } = keyed;
  const count = submit.dependencyCounts[entry] ?? 0;
  if (state.tasks.dependencyCount[task] !== count) return false;
  for (let position = 0; position < count; position++) {
    const number = submit.dependencies[firstEdge + position];
    const target = targetOf(state, client, submit, number);
    if (target !== state.tasks.dependency(task, position)) return false;
  }
  return true;
}

/** The row of a dependency, if it has one already: one of this submission may have it by key. */
function targetOf(state: ControllerState, client: Client, submit: Submit, number: number): number {
  const inner = number - submit.first;
  if (inner < 0 || inner >= submit.keys.length) return client.handles.get(number);
  return taskWithKey(state, client.user, submit.keys[inner]);
}

function keyConflict(key: string, why: string): CapstanError {
  return new CapstanError(
    "KEY_CONFLICT",
    `key ${JSON.stringify(key)}: ${why}; release that task or choose another key`,
    { details: { key } },
  );
}

/** Kahn's algorithm over the submission; only tasks that refer forward can close a circle. */
function cycleRefusal(submit: Submit): CapstanError | null {
  const count = submit.args.offsets.length - 1;
  if (!refersForward(submit)) return null;
  const open = new Uint32Array(count);
  const dependents: number[][] = Array.from({ length: count }, () => []);
  forEachInnerEdge(submit, (entry, input) => {
    open[entry]++;
    dependents[input].push(entry);
  });
  const ready = [...open.keys()].filter((entry) => open[entry] === 0);
  let done = 0;
  for (let next = ready.pop(); next !== undefined; next = ready.pop(), done++) {
    for (const dependent of dependents[next]) if (--open[dependent] === 0) ready.push(dependent);
  }
  if (done === count) return null;
  const cycle = findCycle(open, dependents).map((entry) => submit.first + entry);
  return new CapstanError(
    "GRAPH_CYCLE",
    `tasks depend on each other in a circle: ${cycle.join(" -> ")}`,
    { details: { tasks: cycle } },
  );
}

function refersForward(submit: Submit): boolean {
  let forward = false;
  forEachInnerEdge(submit, (entry, input) => {
    if (input >= entry) forward = true;
  });
  return forward;
}

function forEachInnerEdge(submit: Submit, visit: (entry: number, input: number) => void): void {
  const count = submit.args.offsets.length - 1;
  let at = 0;
  for (let entry = 0; entry < submit.dependencyCounts.length; entry++) {
    for (const last = at + submit.dependencyCounts[entry]; at < last; at++) {
      const input = submit.dependencies[at] - submit.first;
      if (input >= 0 && input < count) visit(entry, input);
    }
  }
}

/** One circle among the entries that are still open: follow open dependents until one repeats. */
function findCycle(open: Uint32Array, dependents: readonly number[][]): number[] {
  const inputs = new Map<number, number>();
  for (const [entry, list] of dependents.entries()) {
    if (open[entry] === 0) continue;
    for (const dependent of list) if (open[dependent] > 0) inputs.set(dependent, entry);
  }
  let at = open.findIndex((count, entry) => count > 0 && inputs.has(entry));
  const seen = new Map<number, number>();
  const path: number[] = [];
  while (!seen.has(at)) {
    seen.set(at, path.length);
    path.push(at);
    at = inputs.get(at) ?? at;
  }
  return [...path.slice(seen.get(at)), at];
}

/** Inputs that are there, failed or lost already have their effect at once. */
function settleSubmitted(
  state: ControllerState,
  out: Outbox,
  { client, submit, at }: { client: Client; submit: Submit; at: Micros },
): void {
  if (submit.keys.length > 0) deliverKnown(state, out, { client, submit, at });
  if (state.shared.offers.size > 0) orderOffered(state, out, client, submit);
  if (submit.dependencyCounts.length === 0) return;
  const inputs = new Set<number>();
  const created: number[] = [];
  const count = submit.args.offsets.length - 1;
  for (let entry = 0; entry < count; entry++)
    created.push(client.handles.get(submit.first + entry));
  for (const number of submit.dependencies) inputs.add(client.handles.get(number));
  recomputeNeeded(state, out, { tasks: inputs, at });
  failDoomed(state, out, { tasks: created, at });
}

/** Tells the client where to bring what it offers. */
function orderOffered(state: ControllerState, out: Outbox, client: Client, submit: Submit): void {
  const recipients = new UploadRecipients(state);
  const end = submit.first + submit.args.offsets.length - 1;
  for (let number = submit.first; number < end; number++) {
    const task = client.handles.get(number);
    const isNew = state.tasks.job[task] === client.job && state.tasks.index[task] === number;
    // What was there already is wanted by whoever submits it again, and so ordered there.
    const offer = { client: client.index, number, task, again: false };
    if (isNew) orderUpload(state, out, recipients, offer);
  }
}

/**
 * A key that names a task which is there already is answered at once. One that ended without a
 * value, and that nobody holds any more, is tried again: it is only remembered, not wanted.
 */
function deliverKnown(
  state: ControllerState,
  out: Outbox,
  { client, submit, at }: { client: Client; submit: Submit; at: Micros },
): void {
  const { tasks } = state;
  const numbers: number[] = [];
  const abandoned: number[] = [];
  const offered: number[] = [];
  for (let entry = 0; entry < submit.keys.length; entry++) {
    const number = submit.first + entry;
    const task = client.handles.get(number);
    if (tasks.job[task] === client.job && tasks.index[task] === number) continue; // It is new.
    numbers.push(number);
    if (!isComputed(state, task)) offered.push(number);
    else if (tasks.wants[task] === 1) abandoned.push(task);
  }
  offerAgain(state, out, { client, numbers: offered, at });
  retryTasks(state, out, { tasks: abandoned, at });
  onWant(state, out, { client: client.index, numbers, at });
}

/** The client brings those of these values that are not there: lost, or not brought by another. */
function offerAgain(
  state: ControllerState,
  out: Outbox,
  { client, numbers: known, at }: { client: Client; numbers: readonly number[]; at: Micros },
): void {
  const { handles } = client;
  const numbers = known.filter((number) => !isAvailable(state, handles.get(number)));
  if (numbers.length === 0) return;
  const offer = { client: client.index, numbers: Uint32Array.from(numbers) };
  out.record(state, { type: "values-offered", ...offer });
  const tasks = new Set(numbers.map((number) => handles.get(number)));
  const ended = [...tasks].filter((task) => isTerminalCode(state.tasks.state[task]));
  if (ended.length === 0) return;
  const revived = Uint32Array.from(ended);
  out.record(state, { type: "tasks-revived", at, tasks: revived, cause: "retry" });
}

function warnOfUnplaceable(
  state: ControllerState,
  out: Outbox,
  client: Client,
  submit: Submit,
): void {
  for (const number of submit.groupSpecs) {
    const spec = client.specs.get(number);
    const shape = spec === undefined ? undefined : state.shapes[specRecord(state, spec).shape];
    if (shape === undefined || client.warnedShapes.has(shape.index)) continue;
    const [warning] = unplaceableWarnings(state, shape, 1);
    if (warning === undefined) continue;
    client.warnedShapes.add(shape.index);
    const { code, message } = warning;
    out.toClient(state, client.index, { type: "warning", code, message });
  }
}
