/**
 * The API methods that are about the process and not about its work.
 *
 * @module
 */

import type { WorkerRelease } from "../../controller/doctor.ts";
import { worstFirst } from "../../controller/overview.ts";
import { adviseUpgrade } from "../../model/compare-versions.ts";
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
  const { taskStateCounts, workerStateCounts, workerCount, attemptCount, recomputedCount } =
    summary;
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
    taskStateCounts,
    workerStateCounts,
    workerCount,
    attemptCount,
    recomputedCount,
  };
}

/** What the kernel answers to GetDoctorReport. */
export type KernelReport = Omit<
  Responses["GetDoctorReport"],
  "otherReleases" | "journalSeq" | "loops" | "version"
> & { readonly releases: readonly WorkerRelease[] };

/** The answer of `GetDoctorReport`. */
export function doctorReportOf(
  { releases, ...report }: KernelReport,
  process: Pick<Responses["GetDoctorReport"], "journalSeq" | "loops">,
): Responses["GetDoctorReport"] {
  const ours = { name: "the controller", version: packageVersion };
  const otherReleases = releases.flatMap(({ workerId, version }) => {
    const message = adviseUpgrade({ name: `worker ${workerId}`, version }, ours);
    return message === "" ? [] : [{ workerId, version, message }];
  });
  return { ...report, ...process, otherReleases, version: packageVersion };
}

/** What the kernel answers to GetOverview: what its shell measures is added. */
export type KernelOverview = Omit<
  Responses["GetOverview"],
  "clusterId" | "startedAt" | "recent" | "history"
>;

type Overview = Responses["GetOverview"];

/** What a process knows and its kernel does not. */
export interface OverviewOfProcess {
  readonly clusterId: string;
  /** Microseconds; null for a state of the past. */
  readonly startedAt: number | null;
  readonly series: Pick<Overview, "recent" | "history">;
  readonly problems: Overview["problems"];
}

/** The answer of `GetOverview`. */
export function overviewOf(seen: KernelOverview, process: OverviewOfProcess): Overview {
  const { clusterId, startedAt, series, problems } = process;
  return {
    clusterId,
    startedAt: startedAt === null ? null : new Date(startedAt / 1000).toISOString(),
    ...series,
    ...seen,
    problems: worstFirst([...problems, ...seen.problems]),
  };
}

type Problem = Overview["problems"][number];

/** What is wrong with the process itself; `lateMs` is how late its loop was a short time ago. */
export function problemsOfProcess(readiness: Readiness, lateMs: number): readonly Problem[] {
  const subject = { kind: "CONTROLLER", id: "" } as const;
  const about = { subject, count: 1 };
  const problems: Problem[] = [];
  for (const message of readiness.degraded) {
    problems.push({ code: "DEGRADED", severity: "ERROR", message, ...about });
  }
  for (const message of readiness.reasons) {
    problems.push({ code: "NOT_READY", severity: "WARNING", message, ...about });
  }
  if (lateMs > 0) {
    const message = `the event loop stood still for ${Math.round(lateMs)} ms`;
    problems.push({ code: "LOOP_LATE", severity: "WARNING", message, ...about });
  }
  return problems;
}
