/**
 * What the columns of each hot message owe each other: equal lengths, counts that add up, integers
 * where integers belong. One pass over each column and no object per row.
 *
 * @module
 */

import { blobCount } from "../base/blobs.ts";
import { progressNoteCharactersMax } from "../model/limits.ts";
import { isFraction } from "../model/progress.ts";
import { protocolError } from "./frame-format.ts";
import {
  contextCharsMax,
  progressRowsMax,
  submitRowsMax,
  trafficRowsMax,
  valueSizeBytesMax,
  wantRowsMax,
} from "./limits.ts";
import {
  type HotMessage,
  type HotMessageOf,
  handBackReason,
  needsSourcesReason,
  noMemory,
  reportKind,
  type WorkerMemory,
} from "./messages.ts";
import { trafficKind } from "./traffic-kind.ts";

type ColumnChecks = {
  readonly [T in HotMessage["type"]]: (message: HotMessageOf<T>) => void;
};

const checks: ColumnChecks = {
  submit: checkSubmit,
  release: checkNothing,
  want: ({ tasks }) => requireAtMost("want.tasks", tasks.length, wantRowsMax),
  accepted: checkNothing,
  started: checkNothing,
  results: ({ tasks, values }) => requireRows("results.values", blobCount(values), tasks.length),
  located: checkLocated,
  compute: checkCompute,
  grant: (message) => checkAttempts("grant", message),
  retract: (message) => checkAttempts("retract", message),
  stop: (message) => checkAttempts("stop", message),
  forget: checkForget,
  sources: checkSources,
  acknowledge: ({ sequence }) => requireId("acknowledge.sequence", sequence),
  copy: checkCopy,
  uncopy: ({ tasks }) => requireIds("uncopy.tasks", tasks),
  reports: checkReports,
  inventory: checkInventory,
  heartbeat: checkHeartbeat,
  traffic: checkTraffic,
  progress: checkProgress,
};

/** Throws PROTOCOL_ERROR naming the column if the message does not fit together. */
export function checkColumns<T extends HotMessage["type"]>(message: HotMessageOf<T>): void {
  const check = checks[message.type as T] as (message: HotMessageOf<T>) => void;
  check(message);
}

/** One column whose every value is fit for its field by its width alone. */
function requireAtMost(field: string, count: number, max: number): void {
  if (count > max) throw protocolError(`${field} has ${count} rows, at most ${max} are allowed`);
}

function checkNothing(): void {}

function checkForget({ tasks, heard }: HotMessageOf<"forget">): void {
  requireIds("forget.tasks", tasks);
  requireId("forget.heard", heard);
}

function checkSubmit(message: HotMessageOf<"submit">): void {
  const { groupSpecs, groupCounts, args, dependencyCounts, dependencies, keys } = message;
  const count = blobCount(args);
  if (count > submitRowsMax) {
    throw protocolError(`submit has ${count} tasks, at most ${submitRowsMax} are allowed`);
  }
  requireRows("submit.groupCounts", groupCounts.length, groupSpecs.length);
  requireSum("submit.groupCounts", groupCounts, count, "tasks");
  requireRowsOrNone("submit.dependencyCounts", dependencyCounts.length, count);
  requireSum("submit.dependencyCounts", dependencyCounts, dependencies.length, "dependencies");
  requireRowsOrNone("submit.keys", keys.length, count);
  if (message.first + count > 0xffffffff) {
    throw protocolError(`submit.first: ${count} tasks from ${message.first} exceed 2^32 numbers`);
  }
}

function checkLocated({ tasks, refs, sizes, holders }: HotMessageOf<"located">): void {
  requireRows("located.refs", refs.length, tasks.length);
  requireRows("located.sizes", sizes.length, tasks.length);
  requireRows("located.holders", holders.length, tasks.length);
  requireIds("located.refs", refs);
  requireSizes("located.sizes", sizes);
}

function checkCompute(message: HotMessageOf<"compute">): void {
  const { attempts, tasks, specs, shapes, prefetched, args, inputCounts } = message;
  const count = attempts.length;
  requireRows("compute.tasks", tasks.length, count);
  requireRows("compute.specs", specs.length, count);
  requireRows("compute.shapes", shapes.length, count);
  requireRows("compute.prefetched", prefetched.length, count);
  requireRows("compute.args", blobCount(args), count);
  requireRows("compute.inputCounts", inputCounts.length, count);
  requireIds("compute.attempts", attempts);
  requireIds("compute.tasks", tasks);
  requireCodes("compute.prefetched", prefetched, 0, 1);
  checkContexts(message.contexts, count);
  checkInputs(message);
}

function checkContexts(contexts: readonly string[], count: number): void {
  requireRowsOrNone("compute.contexts", contexts.length, count);
  for (let i = 0; i < contexts.length; i++) {
    const { length } = contexts[i];
    if (length <= contextCharsMax) continue;
    throw protocolError(
      `compute.contexts[${i}] has ${length} characters, at most ${contextCharsMax} are allowed`,
    );
  }
}

function checkInputs(message: HotMessageOf<"compute">): void {
  const { inputCounts, inputTasks, inputSources, inputSizes, inputs } = message;
  requireSum("compute.inputCounts", inputCounts, inputTasks.length, "inputs");
  requireRows("compute.inputSources", inputSources.length, inputTasks.length);
  requireIds("compute.inputTasks", inputTasks);
  requireRows("compute.inputSizes", inputSizes.length, inputTasks.length);
  requireIds("compute.inputSizes", inputSizes);
  requireRows("compute.inputs", blobCount(inputs), inputTasks.length);
}

function checkAttempts(
  type: string,
  { attempts, tasks }: HotMessageOf<"grant" | "retract" | "stop">,
): void {
  requireRows(`${type}.tasks`, tasks.length, attempts.length);
  requireIds(`${type}.attempts`, attempts);
  requireIds(`${type}.tasks`, tasks);
}

function checkSources({ tasks, counts, sources }: HotMessageOf<"sources">): void {
  requireIds("sources.tasks", tasks);
  requireRows("sources.counts", counts.length, tasks.length);
  requireSum("sources.counts", counts, sources.length, "sources");
}

function checkCopy({ tasks, sources, sizes }: HotMessageOf<"copy">): void {
  requireRows("copy.sources", sources.length, tasks.length);
  requireRows("copy.sizes", sizes.length, tasks.length);
  requireIds("copy.tasks", tasks);
  requireSizes("copy.sizes", sizes);
}

function checkReports(message: HotMessageOf<"reports">): void {
  const { kinds, attempts, tasks, reasons, successors, others, sizes, durations } = message;
  const count = kinds.length;
  requireRows("reports.attempts", attempts.length, count);
  requireRows("reports.tasks", tasks.length, count);
  requireRows("reports.reasons", reasons.length, count);
  requireRows("reports.successors", successors.length, count);
  requireRows("reports.others", others.length, count);
  requireRows("reports.sizes", sizes.length, count);
  requireRows("reports.durations", durations.length, count);
  requireRows("reports.values", blobCount(message.values), count);
  requireIds("reports.attempts", attempts);
  requireIds("reports.tasks", tasks);
  requireIds("reports.successors", successors);
  requireIds("reports.others", others, -1);
  requireSizes("reports.sizes", sizes);
  checkReportCodes(message);
}

/** A `handedBack` has its reason, and `needsSources` may have one; no other kind has. */
function checkReportCodes({ kinds, reasons }: HotMessageOf<"reports">): void {
  requireCodes("reports.kinds", kinds, reportKind.started, reportKind.notCopied);
  for (let i = 0; i < kinds.length; i++) {
    const reason = reasons[i];
    if (isReasonOf(kinds[i], reason)) continue;
    throw protocolError(`reports.reasons[${i}] is ${reason} in a report of kind ${kinds[i]}`);
  }
}

function isReasonOf(kind: number, reason: number): boolean {
  if (kind === reportKind.handedBack) return reason > 0 && reason <= handBackReason.shutdown;
  if (kind === reportKind.needsSources) return reason <= needsSourcesReason.again;
  return reason === 0;
}

function checkInventory(message: HotMessageOf<"inventory">): void {
  const { attempts, attemptTasks, phases, values, valueSizes } = message;
  requireRows("inventory.attemptTasks", attemptTasks.length, attempts.length);
  requireRows("inventory.phases", phases.length, attempts.length);
  requireRows("inventory.valueSizes", valueSizes.length, values.length);
  requireIds("inventory.attempts", attempts);
  requireIds("inventory.attemptTasks", attemptTasks);
  requireCodes("inventory.phases", phases, 0, 3);
  requireIds("inventory.values", values);
  requireSizes("inventory.valueSizes", valueSizes);
}

function checkTraffic(message: HotMessageOf<"traffic">): void {
  const { kinds, counts, peers } = message;
  requireAtMost("traffic.kinds", kinds.length, trafficRowsMax);
  for (const column of ["tasks", "sizes", "agos", "durations"] as const) {
    requireRows(`traffic.${column}`, message[column].length, kinds.length);
    requireIds(`traffic.${column}`, message[column]);
  }
  requireRows("traffic.counts", counts.length, kinds.length);
  requireRows("traffic.peers", peers.length, kinds.length);
  for (const kind of kinds) {
    if (!knownTraffic.has(kind)) throw protocolError(`traffic.kinds: ${kind} is no kind`);
  }
}

function checkProgress(message: HotMessageOf<"progress">): void {
  const { attempts, tasks, fractions, notes } = message;
  requireAtMost("progress.attempts", attempts.length, progressRowsMax);
  for (const column of ["tasks", "fractions", "notes"] as const) {
    requireRows(`progress.${column}`, message[column].length, attempts.length);
  }
  requireIds("progress.attempts", attempts);
  requireIds("progress.tasks", tasks);
  for (const fraction of fractions) {
    if (!isFraction(fraction)) {
      throw protocolError(`progress.fractions: ${fraction} is not from 0 to 1`);
    }
  }
  for (const note of notes) {
    if (note.length > progressNoteCharactersMax) throw protocolError("progress.notes: too long");
  }
}

const knownTraffic: ReadonlySet<number> = new Set(Object.values(trafficKind));

const memoryFields = Object.keys(noMemory) as readonly (keyof WorkerMemory)[];

function checkHeartbeat(message: HotMessageOf<"heartbeat">): void {
  requireId("heartbeat.applied", message.applied);
  requireId("heartbeat.sent", message.sent);
  requireId("heartbeat.valueBytes", message.valueBytes);
  for (const field of memoryFields) requireId(`heartbeat.${field}`, message[field]);
}

function requireRows(column: string, length: number, expected: number): void {
  if (length === expected) return;
  throw protocolError(`${column} has ${length} entries, not ${expected} as the other columns`);
}

function requireRowsOrNone(column: string, length: number, expected: number): void {
  if (length !== 0) requireRows(column, length, expected);
}

function requireSum(column: string, counts: Uint32Array, expected: number, what: string): void {
  let sum = 0;
  for (let i = 0; i < counts.length; i++) sum += counts[i];
  if (sum === expected) return;
  throw protocolError(`${column} adds up to ${sum}, but the message has ${expected} ${what}`);
}

/** Ids, sizes, sequences: safe integers of at least `min` (-1 where "none" may stand). */
function requireIds(column: string, ids: Float64Array, min = 0): void {
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i];
    if (id >= min && Number.isSafeInteger(id)) continue;
    throw protocolError(`${column}[${i}] must be a safe integer of at least ${min}, not ${id}`);
  }
}

function requireSizes(column: string, sizes: Float64Array): void {
  requireIds(column, sizes);
  for (let i = 0; i < sizes.length; i++) {
    if (sizes[i] <= valueSizeBytesMax) continue;
    throw protocolError(`${column}[${i}] must be at most ${valueSizeBytesMax}, not ${sizes[i]}`);
  }
}

function requireId(field: string, id: number): void {
  if (id >= 0 && Number.isSafeInteger(id)) return;
  throw protocolError(`${field} must be a safe integer of at least 0, not ${id}`);
}

function requireCodes(column: string, codes: Uint8Array, min: number, max: number): void {
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i];
    if (code >= min && code <= max) continue;
    throw protocolError(`${column}[${i}] must be from ${min} to ${max}, not ${code}`);
  }
}
