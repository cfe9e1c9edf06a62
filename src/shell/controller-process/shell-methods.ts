/**
 * The API methods that are about the process and not about its work.
 *
 * @module
 */

import type { Readiness } from "../api/http-api.ts";
import type { Responses } from "../api/schemas.ts";
import type { ClusterSummary } from "./kernel.ts";
import { packageVersion } from "./version.ts";

/** What the process knows of itself. */
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
export function clusterInfoOf(
  summary: ClusterSummary,
  facts: ProcessFacts,
): Responses["GetClusterInfo"] {
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
