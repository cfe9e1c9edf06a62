/**
 * Methods about the cluster as a whole: the process that answers, its queues, its audit.
 *
 * @module
 */

import { z } from "zod";
import type { Role } from "../../../model/job.ts";
import { restartReasonCharactersMax } from "../../../model/limits.ts";
import { taskStates } from "../../../model/states.ts";
import { requestOf, resources, responseOf, timeOrNull } from "./fields.ts";
import { bandNames } from "./jobs.ts";
import { workerStates } from "./workers.ts";

const readers: readonly Role[] = ["admin", "user", "viewer"];
const administrators: readonly Role[] = ["admin"];

const queue = responseOf({
  queue: z.int(),
  user: z.string(),
  band: z.enum(bandNames),
  effectiveBand: z.enum(bandNames),
  priority: z.number(),
  resources,
  queued: z.int(),
  headTaskId: z.string(),
  isGang: z.boolean(),
}).meta({ id: "Queue", description: "Tasks that ask for the same, in the order of placement." });

const reservation = responseOf({
  reason: z.enum(["GANG", "PREEMPTION", "TURN"]),
  forTaskId: z.string(),
  workerIds: z.array(z.string()),
  expiresAt: timeOrNull,
}).meta({ id: "Reservation", description: "Free capacity that is kept for one queue." });

const share = responseOf({
  user: z.string(),
  dominantShare: z.number(),
  spend: z.number(),
  budget: z.number(),
}).meta({ id: "Share", description: "What a user holds of the cluster, by weight." });

const report = responseOf({
  ok: z.boolean(),
  journalSeq: z.int(),
  invariantsChecked: z.int(),
  violations: z.array(
    responseOf({
      rule: z.string(),
      ids: z.array(z.string()),
      message: z.string(),
      story: z.array(z.string()),
    }),
  ),
  usageMismatches: z.array(
    responseOf({
      workerId: z.string(),
      dimension: z.string(),
      charged: z.number(),
      recomputed: z.number(),
      reported: z.number().nullable(),
    }),
  ),
  orphans: z.array(responseOf({ attemptId: z.string(), taskId: z.string(), workerId: z.string() })),
  stuck: z.array(
    responseOf({
      id: z.string(),
      state: z.string(),
      sinceMs: z.number(),
      waker: z.string().nullable(),
    }),
  ),
  hung: z
    .array(
      responseOf({
        ...{ taskId: z.string(), attemptId: z.string(), name: z.string() },
        ...{ workerId: z.string(), workerPid: z.int(), startedAt: timeOrNull },
        ranMs: z.number(),
        usualMs: z.number().meta({ description: "95 of 100 of its kind took at most so long." }),
        message: z.string(),
      }),
    )
    .meta({ description: "Runs for much longer than its kind; named, and left alone." }),
  otherReleases: z
    .array(responseOf({ workerId: z.string(), version: z.string(), message: z.string() }))
    .meta({ description: "Workers of another release than the controller; who to upgrade." }),
  watchdogFired: z.int(),
  loops: z.array(responseOf({ name: z.string(), lastTickAgoMs: z.number() })),
  version: z.string(),
}).meta({ id: "DoctorReport" });

const repair = responseOf({
  type: z.enum(["reconcile-worker", "end-attempt", "place-again"]),
  id: z.string(),
  message: z.string(),
});

export const clusterMethods = {
  GetSchedulerState: {
    summary: "Queues in the order of placement, what is kept for whom, and who uses what.",
    access: readers,
    request: requestOf({}),
    response: responseOf({
      queues: z.array(queue),
      reservations: z.array(reservation),
      users: z.array(share),
    }),
  },
  GetDoctorReport: {
    summary: "Audits the live controller: every invariant, every leak, every stuck task.",
    access: readers,
    request: requestOf({}),
    response: report,
  },
  Repair: {
    summary: "Reconciles every worker, and ends what no worker has.",
    access: administrators,
    request: requestOf({ dryRun: z.boolean().default(false) }),
    response: responseOf({ dryRun: z.boolean(), actions: z.array(repair) }),
  },
  RestartCluster: {
    summary:
      "Ends what all sessions have submitted, and makes what runs functions anew. " +
      "Answered when all has ended; what is submitted meanwhile stays.",
    access: administrators,
    request: requestOf({
      reason: z.string().max(restartReasonCharactersMax).default("").meta({
        description: "Told to everybody whose task ends.",
      }),
    }),
    response: responseOf({
      taskCount: z.int().meta({ description: "Tasks that had not ended." }),
      valueCount: z.int().meta({ description: "Values that are dropped." }),
      lockCount: z.int().meta({ description: "Locks, and places in their lines, that are gone." }),
      sessionCount: z.int(),
      workerCount: z.int().meta({
        description: "Workers that were told at once; others are when they are back.",
      }),
    }),
  },
  GetClusterInfo: {
    summary: "The process that answers, and how much there is of everything.",
    access: readers,
    request: requestOf({}),
    response: responseOf({
      clusterId: z.string(),
      epoch: z.int(),
      version: z.string(),
      url: z.string(),
      pid: z.int(),
      startedAt: z.string(),
      durable: z.boolean(),
      journalSequence: z.int(),
      durableSequence: z.int(),
      clientCount: z.int(),
      ready: z.boolean(),
      notReadyReasons: z.array(z.string()),
      degraded: z.array(z.string()),
      rssBytes: z.number(),
      taskStateCounts: z.partialRecord(z.enum(taskStates), z.int()),
      workerStateCounts: z.partialRecord(z.enum(workerStates), z.int()),
      workerCount: z.int(),
      attemptCount: z.int(),
      recomputedCount: z.int(),
    }),
  },
};
