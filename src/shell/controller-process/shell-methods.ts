/**
 * The API methods that are about the process and not about its work.
 *
 * @module
 */

import { CapstanError } from "../../model/errors.ts";
import type { Readiness } from "../api/http-api.ts";
import type { ClusterSummary } from "./kernel.ts";
import { packageVersion } from "./version.ts";

/** Proof that a worker process ended, from whoever started it. */
export interface WorkerExit {
  readonly workerId: string;
  readonly incarnation: string;
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: string | null;
}

/** Checks the request of `ReportWorkerExit`. Throws INVALID_ARGUMENT naming the field. */
export function parseWorkerExit(request: unknown): WorkerExit {
  const fields = (typeof request === "object" && request !== null ? request : {}) as {
    readonly [name: string]: unknown;
  };
  const { workerId, incarnation, exitCode = null, signal = null, ...others } = fields;
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined) throw invalid(unknown, "there is no such field");
  if (typeof workerId !== "string" || workerId === "") throw invalid("workerId", "is a string");
  if (typeof incarnation !== "string" || incarnation === "") {
    throw invalid("incarnation", "is a string");
  }
  if (exitCode !== null && typeof exitCode !== "number") {
    throw invalid("exitCode", "is a number or null");
  }
  if (signal !== null && typeof signal !== "string") throw invalid("signal", "is a string or null");
  return { workerId, incarnation, exitCode, signal };
}

function invalid(field: string, rule: string): CapstanError {
  return new CapstanError("INVALID_ARGUMENT", `ReportWorkerExit: ${field} ${rule}`);
}

/** Throws INVALID_ARGUMENT naming a field that a method does not take. */
export function requireNoFields(method: string, request: unknown): void {
  const unknown = Object.keys(request ?? {})[0];
  if (unknown === undefined) return;
  throw new CapstanError("INVALID_ARGUMENT", `${method}: unknown field ${unknown}; it takes none`);
}

export interface ProcessFacts {
  readonly journal: {
    readonly clusterId: string;
    readonly epoch: number;
    readonly sequence: number;
    readonly durableSequence: number;
  };
  readonly url: string;
  /** Microseconds. */
  readonly startedAt: number;
  readonly durable: boolean;
  readonly clientCount: number;
  readonly readiness: Readiness;
}

/** The answer of `GetClusterInfo`. */
export function clusterInfoOf(summary: ClusterSummary, facts: ProcessFacts) {
  const { journal, url, durable, clientCount, readiness } = facts;
  return {
    clusterId: journal.clusterId,
    epoch: journal.epoch,
    version: packageVersion,
    url,
    pid: process.pid,
    startedAt: new Date(facts.startedAt / 1000).toISOString(),
    durable,
    journalSequence: journal.sequence,
    durableSequence: journal.durableSequence,
    clientCount,
    ready: readiness.ready,
    notReadyReasons: readiness.reasons,
    degraded: readiness.degraded,
    rssBytes: process.memoryUsage.rss(),
    ...summary,
  };
}
