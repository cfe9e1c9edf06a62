/**
 * Which faults happen by themselves, and how often.
 *
 * @module
 */

import { fieldPath, invalidArgument, parseFields } from "../model/parse-fields.ts";
import type { DurationOption } from "../model/parse-job.ts";
import { parseDurationMs } from "../model/parse-quantities.ts";
import { specDefaults } from "../model/spec.ts";
import type { Draws } from "../simulator/draws.ts";

/** Each is the mean virtual time between two of its kind in the whole cluster. Default: never. */
export interface FaultOptions {
  /** A worker dies with all that it runs and holds, and is back within a minute. */
  readonly workerCrash?: DurationOption | undefined;
  /** The network of a worker is cut, for up to a minute. */
  readonly partition?: DurationOption | undefined;
  /** A worker or client loses its connection, and connects anew. */
  readonly connectionLoss?: DurationOption | undefined;
  /** The controller dies, loses what was not synced, and is back within ten seconds. */
  readonly controllerCrash?: DurationOption | undefined;
  /** How often, from 0 to 1, a fetch of a value between workers fails. Default 0. */
  readonly fetchFailure?: number | undefined;
}

export const faultKinds = [
  "workerCrash",
  "partition",
  "connectionLoss",
  "controllerCrash",
] as const;

export type FaultKind = (typeof faultKinds)[number];

/** Microseconds between two of a kind; infinity for never. */
export type FaultRates = { readonly [K in FaultKind]: number } & {
  readonly fetchFailure: number;
  /** How many crashes and cuts of workers there are at most. */
  readonly workerLossesMax: number;
};

const never: FaultRates = {
  workerCrash: Number.POSITIVE_INFINITY,
  partition: Number.POSITIVE_INFINITY,
  connectionLoss: Number.POSITIVE_INFINITY,
  controllerCrash: Number.POSITIVE_INFINITY,
  fetchFailure: 0,
  workerLossesMax: Number.POSITIVE_INFINITY,
};

/** Throws INVALID_ARGUMENT naming the fault. */
export function parseFaults(field: string, value: unknown): FaultRates {
  if (value === "none") return never;
  if (typeof value === "string") {
    throw invalidArgument(field, value, '"none", "swarm" or an object of faults');
  }
  const { fetchFailure = 0, ...means } = parseFields(field, value, [
    ...faultKinds,
    "fetchFailure",
  ] as const);
  const isShare = typeof fetchFailure === "number" && fetchFailure >= 0 && fetchFailure <= 1;
  if (!isShare) {
    throw invalidArgument(fieldPath(field, "fetchFailure"), fetchFailure, "a number from 0 to 1");
  }
  const rates = { ...never, fetchFailure: fetchFailure as number };
  for (const kind of faultKinds) {
    if (means[kind] === undefined) continue;
    const meanMs = parseDurationMs(fieldPath(field, kind), means[kind]);
    if (meanMs === 0) throw invalidArgument(fieldPath(field, kind), means[kind], "above 0");
    rates[kind] = meanMs * 1000;
  }
  return rates;
}

/**
 * Draws which faults exist, and how often they are. Workers are lost no more often than a task of
 * a graph may be taken away by default: a program that does nothing wrong ends well.
 */
export function drawFaultRates(draws: Draws): FaultRates {
  const maybe = (...means: readonly number[]) =>
    draws.chance(0.5) ? draws.pick(means) * 1_000_000 : Number.POSITIVE_INFINITY;
  return {
    workerCrash: maybe(20, 60, 300),
    partition: maybe(30, 120, 600),
    connectionLoss: maybe(5, 20, 60),
    controllerCrash: maybe(15, 60, 300),
    fetchFailure: draws.chance(0.5) ? draws.pick([0.01, 0.05]) : 0,
    workerLossesMax: specDefaults.maxRetriesPreemption,
  };
}
