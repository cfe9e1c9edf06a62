/**
 * The answers of the API as lines of a transcript.
 *
 * @module
 */

import { authorise } from "../../src/controller/authorise.ts";
import type { ApiRequest } from "../../src/controller/events.ts";
import { taskFlag } from "../../src/controller/tables/task-table.ts";
import { formatTime } from "../../src/controller/views.ts";
import { CapstanError } from "../../src/model/errors.ts";
import { counted } from "../../src/model/format-quantities.ts";
import type { Principal } from "../../src/model/job.ts";
import type { ControllerHarness } from "./controller-builders.ts";

/** A value that fits is one line; a larger one has a line for each of its fields. */
const lineColumnsMax = 96;

/** What `METHOD field=value…` answers, less what says nothing; values are JSON, or other text. */
export function answerOf(
  harness: ControllerHarness,
  [method, ...fields]: readonly string[],
  { principal, whole = false }: { principal?: Principal; whole?: boolean } = {},
): string[] {
  const request = fieldsOf(fields);
  try {
    const answer = harness.call(method, request, principal);
    return linesOf(whole ? answer : shortened(answer), "");
  } catch (error) {
    if (error instanceof CapstanError) return [refusalOf(error)];
    throw error;
  }
}

/** What a change `type field=value…` through the API sends, and then what it is answered, whole. */
export function changeOf(
  harness: ControllerHarness,
  [type, ...fields]: readonly string[],
  principal: Principal,
): string[] {
  const request = { type, ...fieldsOf(fields) } as ApiRequest;
  const sent = harness.asks(request, principal).filter((line) => !isAnswer(line));
  const { result, error } = harness.answered;
  return [...sent, ...(error === null ? linesOf(shortened(result), "") : [refusalOf(error)])];
}

function isAnswer(line: string): boolean {
  return line.startsWith("reply ") || line.startsWith("refused ");
}

/** Whether somebody may call `METHOD field=value…`: `yes`, or the refusal. */
export function permissionOf(
  { state }: ControllerHarness,
  [method, ...fields]: readonly string[],
  principal: Principal,
): string {
  const refusal = authorise(state, principal, method, fieldsOf(fields));
  return refusal === null ? "yes" : refusalOf(refusal);
}

/** `a is PENDING delayed, 1 failure, 2 losses, until 1970-…`, or with how it has failed. */
export function triesOf(harness: ControllerHarness, label: string): string {
  const { tasks, notBefore, failures } = harness.state;
  const row = harness.rowOf(label);
  const words = [`${label} is ${harness.stateOf(label)}`];
  if (row < 0) return words[0];
  const [failureCount, lossCount] = [tasks.failureCount[row], tasks.lossCount[row]];
  if (failureCount > 0) words.push(counted(failureCount, "failure"));
  if (lossCount > 0) words.push(lossCount === 1 ? "1 loss" : `${lossCount} losses`);
  if (tasks.hasFlag(row, taskFlag.suspect)) words.push("suspect");
  if (notBefore.has(row)) words.push(`until ${formatTime(notBefore.get(row) ?? 0)}`);
  const failure = failures.get(row);
  if (failure !== undefined) {
    const { code, workerId, attempts, message } = failure;
    words.push(`${code} on ${workerId} after ${counted(attempts, "attempt")}: ${message}`);
  }
  return words.join(", ");
}

/** With the details that are for programs. */
function refusalOf({ code, message, details }: CapstanError): string {
  const told = Object.keys(details ?? {}).length === 0 ? "" : ` ${JSON.stringify(details)}`;
  return `refused ${code}: ${message}${told}`;
}

/** `field=value…` as an object. */
export function fieldsOf(fields: readonly string[]): { readonly [name: string]: unknown } {
  return Object.fromEntries(fields.map(fieldOf));
}

function fieldOf(text: string): [string, unknown] {
  const cut = text.indexOf("=");
  const value = text.slice(cut + 1);
  try {
    return [text.slice(0, cut), JSON.parse(value)];
  } catch {
    return [text.slice(0, cut), value];
  }
}

/** Rises with each new rule, and is nothing that a transcript is about. */
const uncounted = "invariantsChecked";

/** Fields that say nothing are left out. */
function saysNothing(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return [null, 0, ""].includes(value as null);
  if (Array.isArray(value)) return value.length === 0;
  return Object.values(value).every(saysNothing);
}

function shortened(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(shortened);
  const told = Object.entries(value).filter(([name, field]) => {
    return name !== uncounted && !saysNothing(field);
  });
  return Object.fromEntries(told.map(([name, field]) => [name, shortened(field)]));
}

function linesOf(value: unknown, indent: string): string[] {
  if (typeof value !== "object" || value === null) return [`${indent}${JSON.stringify(value)}`];
  return Object.entries(value).flatMap(([name, field]) => {
    const head = Array.isArray(value) ? `${indent}-` : `${indent}${name}:`;
    const line = `${head} ${JSON.stringify(field)}`;
    if (typeof field !== "object" || field === null || line.length <= lineColumnsMax) return [line];
    const lines = linesOf(field, `${indent}  `);
    return Array.isArray(value)
      ? [`${head} ${lines[0].trimStart()}`, ...lines.slice(1)]
      : [head, ...lines];
  });
}
