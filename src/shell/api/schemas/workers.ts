/**
 * Methods about workers.
 *
 * @module
 */

import { z } from "zod";
import type { Role } from "../../../model/job.ts";
import {
  durationField,
  idField,
  nextPageToken,
  orderField,
  pageFields,
  requestOf,
  resources,
  responseOf,
  textField,
  timeOrNull,
  withDefault,
} from "./fields.ts";

export const workerStates = [
  "HEALTHY",
  "SUSPECT",
  "UNUSABLE",
  "CORDONED",
  "DRAINING",
  "LOST",
] as const;

const readers: readonly Role[] = ["admin", "user", "viewer"];
const administrators: readonly Role[] = ["admin"];
const watchers: readonly Role[] = ["admin", "worker"];

const worker = responseOf({
  workerId: z.string(),
  incarnation: z.string(),
  address: z.string(),
  pid: z.int(),
  state: z.enum(workerStates),
  stateReason: z.string(),
  lastHeartbeatAt: timeOrNull,
  attributes: z.record(z.string(), z.string()),
  slots: z.int(),
  commandSlots: z.int(),
  total: resources,
  committed: resources,
  held: resources,
  available: resources,
  runningTaskIds: z.array(z.string()),
  runningJobIds: z.array(z.string()),
  stoppingAttemptIds: z.array(z.string()),
  heldValueBytes: z.number(),
  rssBytes: z.number(),
  spilledBytes: z.number(),
  spillCount: z.int(),
  loadCount: z.int(),
  spillFailureCount: z.int(),
  fetchCount: z.int(),
  fetchedBytes: z.number(),
  processCount: z.int(),
  processBytes: z.number(),
  processRecycledCount: z.int(),
}).meta({
  id: "Worker",
  description:
    "`available` = `total` - `committed` - `held`. `spilledBytes` of `heldValueBytes` are on its " +
    "disk. Counts are since its process began: values to the disk and back, and from peers. " +
    "`rssBytes` are of its process and of the `processCount` processes that run functions, " +
    "`processBytes` of them; `processRecycledCount` of those were not used again.",
});

const workerFilter = requestOf({
  states: withDefault(z.array(z.enum(workerStates)), []),
  text: withDefault(textField, "").meta({
    description: "A part of its id, of its address, or of an attribute `key=value`.",
  }),
});

const workerOrders = [
  "registration",
  "workerId",
  "state",
  "cpu",
  "memory",
  "attempts",
  "rssBytes",
  "heldValueBytes",
  "spilledBytes",
  "lastHeartbeatAt",
] as const;

export const workerMethods = {
  ListWorkers: {
    summary: "All workers, the lost ones too.",
    access: readers,
    request: requestOf({
      ...pageFields,
      filter: workerFilter.optional(),
      orderBy: orderField(workerOrders, "registration"),
    }),
    response: responseOf({
      workers: z.array(worker),
      totalCount: z.int(),
      controllerEpoch: z.int(),
      nextPageToken,
    }),
  },
  GetWorkerStatus: {
    summary: "One worker.",
    access: readers,
    request: requestOf({ workerId: idField }),
    response: responseOf({ worker }),
  },
  DrainWorker: {
    summary: "Asks a worker to empty itself, or ends that.",
    access: administrators,
    request: requestOf({
      workerId: idField,
      drain: z.boolean().default(true),
      deadline: durationField.default(0).meta({
        description: "After it what still runs is moved, uncharged. Default 0: it may finish.",
      }),
    }),
    response: responseOf({ worker }),
  },
  CordonWorker: {
    summary: "Closes a worker to new work, or opens it again.",
    access: administrators,
    request: requestOf({ workerId: idField, cordon: z.boolean().default(true) }),
    response: responseOf({ worker }),
  },
  GetTaskCredentials: {
    summary: "For a worker: with what a running task speaks to this controller, as its user.",
    access: watchers,
    request: requestOf({ attemptId: idField }),
    response: responseOf({
      user: z.string(),
      token: z.string().meta({
        description: 'Good for some minutes, to begin with; "" where no token is needed.',
      }),
    }),
  },
  ReportWorkerExit: {
    summary: "Proof, by whoever started it, that the process of a worker has ended.",
    access: watchers,
    request: requestOf({
      workerId: idField,
      incarnation: idField,
      exitCode: z.int().nullable().default(null),
      signal: z.string().max(32).nullable().default(null),
      launcherLives: z.boolean().default(false).meta({
        description: "Its launcher, and with it what commands it runs, was not ended.",
      }),
    }),
    response: responseOf({}),
  },
};
