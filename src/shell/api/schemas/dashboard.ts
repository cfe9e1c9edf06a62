/**
 * Methods that show the whole at a glance: what is going on, what waits for what, the graph, and
 * what ran where and when. Each answer is bounded, however much there is.
 *
 * @module
 */

import { z } from "zod";
import type { Role } from "../../../model/job.ts";
import { attemptCauses, taskStates } from "../../../model/states.ts";
import { graphNodesMax, gridCellsMax, streamRunsMax, streamWorkersMax } from "../limits.ts";
import {
  countField,
  durationField,
  idField,
  nextPageToken,
  pageFields,
  requestOf,
  resources,
  responseOf,
  timeField,
  timeOrNull,
  withDefault,
} from "./fields.ts";
import { bandNames, jobConstraint, jobStates } from "./jobs.ts";
import { reasonCodes } from "./tasks.ts";
import { workerStates } from "./workers.ts";

const readers: readonly Role[] = ["admin", "user", "viewer"];

const taskCounts = z.partialRecord(z.enum(taskStates), z.int());

const series = responseOf({
  stepMs: z.int().meta({ description: "Each value is of so long." }),
  endAt: z.string().meta({ description: "Where the last value ends; the steps are aligned." }),
  succeeded: z.array(z.int()),
  failed: z.array(z.int()).meta({ description: "Tasks that ended otherwise than by success." }),
}).meta({ id: "Throughput", description: "Tasks that ended in each step, oldest first." });

const resourceUse = responseOf({
  name: z.string().meta({
    description: "cpu, memory, disk, slots, command slots, device:<kind>:<variant>, custom:<name>.",
  }),
  unit: z.enum(["MILLI", "BYTES", "COUNT"]),
  total: z.number().meta({ description: "Of the workers that are not lost." }),
  committed: z.number().meta({ description: "Granted to attempts that have not ended." }),
  held: z.number().meta({ description: "Free, and kept for somebody." }),
}).meta({ id: "ResourceUse" });

const problem = responseOf({
  code: z.string(),
  severity: z.enum(["ERROR", "WARNING"]),
  message: z.string(),
  subject: responseOf({
    kind: z.enum(["CONTROLLER", "WORKER", "JOB", "TASK"]),
    id: z.string(),
  }),
  count: z.int().meta({ description: "How many are like it; the subject is one of them." }),
}).meta({ id: "Problem", description: "What is wrong at this moment, worst first." });

const overview = responseOf({
  clusterId: z.string(),
  startedAt: timeOrNull.meta({ description: "Of the process that answers." }),
  recent: series.meta({ description: "The last minute by seconds." }),
  history: series.meta({ description: "The last 15 minutes by 15 seconds." }),
  taskStateCounts: taskCounts,
  jobStateCounts: z.partialRecord(z.enum(jobStates), z.int()),
  workerStateCounts: z.partialRecord(z.enum(workerStates), z.int()),
  queued: responseOf({
    tasks: z.int().meta({ description: "Ready to run, not placed." }),
    queues: z.int(),
    waiting: z.int().meta({ description: "PENDING for another reason: inputs, back-off." }),
  }),
  running: responseOf({ attempts: z.int(), prefetched: z.int() }),
  resources: z.array(resourceUse),
  reservations: z.int(),
  problems: z.array(problem),
}).meta({ id: "Overview" });

const waitingQueue = responseOf({
  queue: z.int(),
  user: z.string(),
  band: z.enum(bandNames),
  effectiveBand: z.enum(bandNames),
  priority: z.number(),
  resources,
  constraints: z.array(jobConstraint),
  isGang: z.boolean(),
  jobId: z.string().meta({ description: "Of the task at its head." }),
  name: z.string().meta({ description: "The function or program of the task at its head." }),
  queued: z.int(),
  headTaskId: z.string(),
  oldestSince: timeOrNull.meta({ description: "When the task at its head was submitted." }),
  canEverRun: z.boolean(),
  summary: z.string(),
  reasons: z.array(
    responseOf({
      code: z.enum(reasonCodes),
      message: z.string(),
      workers: z.int(),
      workersTotal: z.int(),
    }),
  ),
  holders: z.array(responseOf({ workerId: z.string(), taskId: z.string(), user: z.string() })),
  change: responseOf({ kind: z.string(), message: z.string() })
    .nullable()
    .meta({ description: "What would start it." }),
}).meta({ id: "WaitingQueue", description: "Tasks that ask for the same, and why they wait." });

const graphNode = responseOf({
  nodeId: z.string().meta({ description: "A group's name, or the id of a task." }),
  name: z.string(),
  taskId: z.string().nullable().meta({ description: "Null for a group." }),
  taskCount: z.int(),
  taskStateCounts: taskCounts,
}).meta({ id: "GraphNode" });

const graph = responseOf({
  jobId: z.string(),
  kind: z.enum(["GROUPS", "TASKS"]),
  taskCount: z.int().meta({ description: "Tasks that are remembered." }),
  nodes: z.array(graphNode),
  edges: z.array(
    responseOf({
      edgeId: z.string(),
      from: z.string(),
      to: z.string(),
      count: z.int().meta({ description: "Inputs that tasks of `to` have of `from`." }),
    }),
  ),
  omitted: responseOf({ nodes: z.int(), edges: z.int(), tasks: z.int() }).meta({
    description: "What is not shown; tasks of groups that are not.",
  }),
}).meta({ id: "Graph" });

const run = responseOf({
  runId: z.string().meta({ description: "The attempt, or the place of several in time." }),
  workerId: z.string(),
  lane: z.int().meta({ description: "Of its worker, from 0; no two runs of a lane overlap." }),
  name: z.string().meta({ description: "The function or program; of several, the longest." }),
  taskId: z.string().nullable().meta({ description: "Null for several." }),
  count: z.int(),
  failed: z.int().meta({ description: "Of these, the ones that did not end well." }),
  cause: z.enum(attemptCauses).nullable().meta({ description: "Null for several, or running." }),
  assignedMs: z.number().meta({
    description: "When it was sent to the worker; until `startMs` it waits and fetches inputs.",
  }),
  startMs: z.number().meta({ description: "Milliseconds since 1970." }),
  endMs: z.number().nullable().meta({ description: "Null while it runs." }),
  busyMs: z.number().meta({ description: "Of the time from its start to its end, all runs." }),
}).meta({ id: "Run", description: "One execution, or several that are too short to tell apart." });

const travel = responseOf({
  workerId: z.string(),
  kind: z.enum(["FETCH", "SPILL", "LOAD"]).meta({
    description: "From another worker, to the disk, or back.",
  }),
  taskId: z.string().nullable().meta({ description: "Of several, the first; null if forgotten." }),
  count: z.int(),
  bytes: z.number(),
  peerId: z.string().nullable().meta({ description: "Of a fetch: who had it." }),
  startMs: z.number().meta({ description: "Milliseconds since 1970." }),
  endMs: z.number(),
}).meta({
  id: "Travel",
  description: "A value, or some together, on the way to a worker or disk.",
});

const taskStream = responseOf({
  fromAt: z.string(),
  toAt: z.string(),
  oldestAt: timeOrNull.meta({ description: "Of what ended before this nothing is remembered." }),
  bucketMs: z.number().meta({ description: "0 if every run is told by itself." }),
  workers: z.array(responseOf({ workerId: z.string(), lanes: z.int(), slots: z.int() })),
  runs: z.array(run),
  omitted: z.int().meta({ description: "Runs that are in no entry: workers beyond the bound." }),
  traffic: z.array(travel).meta({ description: "Small ones that took no time are not told." }),
  trafficOmitted: z.int(),
}).meta({ id: "TaskStream" });

export const dashboardMethods = {
  GetOverview: {
    summary: "What the cluster does, what it has, and what is wrong at this moment.",
    access: readers,
    request: requestOf({}),
    response: overview,
  },
  GetQueue: {
    summary: "What waits for a place, in the order of placement, and what would start it.",
    access: readers,
    request: requestOf(pageFields),
    response: responseOf({
      queues: z.array(waitingQueue),
      totalCount: z.int(),
      queuedTasks: z.int(),
      nextPageToken,
    }),
  },
  GetTaskGrid: {
    summary: "The states of a job's tasks by index, a character each.",
    access: readers,
    request: requestOf({
      jobId: idField,
      fromIndex: countField.optional().meta({ description: "Default: the first remembered." }),
      cellsMax: withDefault(z.int().min(1).max(gridCellsMax), 20_000),
    }),
    response: responseOf({
      jobId: z.string(),
      taskCount: z.int().meta({ description: "Tasks that are remembered." }),
      indexBegin: z.int().meta({ description: "The lowest index of these." }),
      indexEnd: z.int().meta({ description: "One past the highest; 0 without tasks." }),
      fromIndex: z.int().meta({ description: "Of the first cell." }),
      rows: z.array(z.string()).meta({
        description:
          "Of 500 cells each: a digit or letter for the place of the state in the list of states " +
          '(PENDING is 0, UPSTREAM_FAILED b), "-" where no task is remembered.',
      }),
    }),
  },
  GetGraph: {
    summary: "A graph by groups of like tasks, or what stands around one task.",
    access: readers,
    request: requestOf({
      jobId: withDefault(z.string(), "").meta({ description: "May be left out with `around`." }),
      around: withDefault(z.string(), "").meta({ description: "A task: its neighbourhood." }),
      depth: withDefault(z.int().min(1).max(10), 2).meta({
        description: "With `around`: so many edges away, both ways.",
      }),
      nodesMax: withDefault(z.int().min(1).max(graphNodesMax), 500),
    }),
    response: graph,
  },
  GetTaskStream: {
    summary: "What ran on which lane of which worker, within a window of time.",
    access: readers,
    request: requestOf({
      last: durationField.optional().meta({ description: "The window ends now and is so long." }),
      fromAt: timeField.optional(),
      toAt: timeField.optional(),
      workerIds: withDefault(z.array(idField).max(streamWorkersMax), []).meta({
        description: "Default: all, by id, up to the bound.",
      }),
      runsMax: withDefault(z.int().min(1).max(streamRunsMax), 4_000).meta({
        description: "If there are more, those of one lane are told together.",
      }),
    }),
    response: taskStream,
  },
};
