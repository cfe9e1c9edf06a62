/**
 * Logs in the Standard Workload Format: rigid parallel jobs with the time limits that their users
 * asked for.
 *
 * A job of n processors is one task of n CPUs. That is honest for a machine of like processors that
 * is one worker; on several workers a job fits only where one has all its processors.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import { noResources } from "../model/resources.ts";
import type { PlannedTask, Workload } from "./workload.ts";

/** Places in a line, from 0. */
const field = { id: 0, submit: 1, run: 3, allocated: 4, requested: 7, limit: 8, user: 11 } as const;
const fieldsMin = 12;

export function readSwf(file: string, text: string): Workload {
  const tasks: PlannedTask[] = [];
  let unusable = 0;
  let first = 0;
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith(";")) continue;
    const values = numbersOf(`${file}:${index + 1}`, line);
    if (tasks.length === 0) first = values[field.submit];
    const task = taskOf(values, first);
    if (task === null) unusable++;
    else tasks.push(task);
  }
  tasks.sort((a, b) => a.submitUs - b.submitUs);
  const notes =
    unusable === 0 ? [] : [`${unusable} jobs without a run time or processors left out`];
  return { name: file, tasks, isGraph: false, notes };
}

function numbersOf(where: string, line: string): number[] {
  const values = line.split(/\s+/).map(Number);
  if (values.length < fieldsMin) {
    const message = `${where}: ${values.length} fields, a job has at least ${fieldsMin}`;
    throw new CapstanError("INVALID_ARGUMENT", message);
  }
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong < 0) return values;
  const what = JSON.stringify(line.split(/\s+/)[wrong]);
  throw new CapstanError("INVALID_ARGUMENT", `${where}: field ${wrong + 1}: ${what} is no number`);
}

/** Null where the log does not know what ran. */
function taskOf(values: readonly number[], first: number): PlannedTask | null {
  const processors =
    values[field.allocated] > 0 ? values[field.allocated] : values[field.requested];
  if (processors <= 0 || values[field.run] < 0) return null;
  return {
    name: `${values[field.id]}`,
    user: `user-${Math.max(0, values[field.user])}`,
    resources: { ...noResources, cpuMilli: processors * 1_000 },
    constraints: [],
    band: "batch",
    priority: 0,
    submitUs: (values[field.submit] - first) * 1e6,
    runUs: values[field.run] * 1e6,
    limitUs: Math.max(0, values[field.limit]) * 1e6,
    dependencies: [],
  };
}
