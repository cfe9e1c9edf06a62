/**
 * Methods about tasks: their state, their story, their logs, and why they do not run.
 *
 * @module
 */

import { z } from "zod";
import type { Role } from "../../../model/job.ts";
import { progressNoteCharactersMax } from "../../../model/limits.ts";
import { attemptCauses, taskStates } from "../../../model/states.ts";
import { logCursorCharactersMax, logLinesMax } from "../limits.ts";
import {
  countField,
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

const readers: readonly Role[] = ["admin", "user", "viewer"];
const writers: readonly Role[] = ["admin", "user"];

const failure = responseOf({
  error: responseOf({
    name: z.string(),
    message: z.string(),
    stack: z.string(),
    causes: z.array(responseOf({ name: z.string(), message: z.string() })),
  }),
  exitCode: z.int().nullable(),
  signal: z.string().nullable(),
  oom: z.boolean(),
  stderrTail: z.string(),
});

/** Why a task, or a job, ended otherwise than by success. */
export const taskError = responseOf({
  code: z.string(),
  message: z.string(),
  blame: z.string(),
  workerId: z.string(),
  attempts: z.int(),
  failure: failure.nullable(),
}).meta({ id: "TaskError", description: "`blame` is the task whose failure began it." });

const attempt = responseOf({
  attemptId: z.string(),
  workerId: z.string(),
  incarnation: z.string(),
  state: z.enum(["ASSIGNED", "BUILDING", "RUNNING", "STOPPING", "ENDED"]),
  cause: z.enum(attemptCauses).nullable(),
  exitCode: z.int().nullable(),
  signal: z.string().nullable(),
  oom: z.boolean(),
  assignedAt: timeOrNull,
  startedAt: timeOrNull,
  endedAt: timeOrNull,
  stderrTail: z.string(),
  peakRssBytes: z.number(),
  cpuMs: z.number(),
  granted: resources,
}).meta({ id: "Attempt", description: "One try of a task on one worker." });

const progress = responseOf({
  fraction: z.number(),
  note: z.string(),
  at: timeOrNull,
}).meta({ id: "TaskProgress", description: "How far a running task says it is, from 0 to 1." });

export const task = responseOf({
  taskId: z.string(),
  jobId: z.string(),
  key: z.string(),
  name: z.string(),
  index: z.int(),
  state: z.enum(taskStates),
  workerId: z.string().nullable(),
  attempts: z.array(attempt),
  inputs: z.array(z.string()),
  error: taskError.nullable(),
  pendingReason: z.string().nullable(),
  progress: progress.nullable(),
  /** Why it is not run again, whoever asks; null if it may be, or has not failed. */
  retryRefusal: z.string().nullable(),
  part: z.enum(["ACTOR", "CALL"]).nullable(),
  /** Of an actor that has not ended. */
  calls: responseOf({ waitingCount: z.int(), underwayCount: z.int() }).nullable(),
}).meta({ id: "Task", description: "A replica of a job, or a node of a graph." });

export const reasonCodes = [
  "INSUFFICIENT",
  "DEVICE_KIND",
  "DEVICE_VARIANT",
  "CONSTRAINT",
  "TAINT",
  "WORKER_STATE",
  "SLOTS",
  "BACKOFF",
  "DEPENDENCY",
  "GANG_NO_ATTRIBUTE",
  "GANG_TOO_SMALL",
  "GANG_BUSY",
  "HELD_FOR_OTHER",
  "QUEUED_BEHIND",
  "DATA_WAIT",
  "USER_CAP",
  "PREDECESSOR_STOPPING",
  "SILENT",
  "HUNG",
] as const;

const explanation = responseOf({
  id: z.string(),
  kind: z.enum(["TASK", "JOB"]),
  state: z.string(),
  summary: z.string(),
  canRunNow: z.boolean(),
  canEverRun: z.boolean(),
  reasons: z.array(
    responseOf({
      code: z.enum(reasonCodes),
      dimension: z.string().nullable(),
      clause: z.string().nullable(),
      workers: z.int(),
      workersTotal: z.int(),
      need: z.number().nullable(),
      best: z.number().nullable(),
      bestWorkerId: z.string().nullable(),
      message: z.string(),
    }),
  ),
  wakers: z.array(
    responseOf({
      kind: z.enum(["CAPACITY", "DEPENDENCY", "ATTEMPT", "TIMER", "WORKER", "CLIENT"]),
      id: z.string(),
      message: z.string(),
    }),
  ),
  aheadCount: z.int(),
  ahead: z.array(z.string()),
  holders: z.array(
    responseOf({
      workerId: z.string(),
      taskId: z.string(),
      user: z.string(),
      granted: resources,
    }),
  ),
  change: responseOf({ kind: z.string(), message: z.string() }).nullable(),
  deadlineAt: timeOrNull,
}).meta({ id: "Explanation" });

const streams = ["stdout", "stderr"] as const;

const sinceField = z.union([z.iso.datetime({ offset: true }), durationField]).meta({
  description: 'RFC 3339, or how long ago: "10m".',
});

const logRequest = requestOf({
  taskId: idField.optional(),
  jobId: idField.optional().meta({ description: "With all that stands below it." }),
  attemptId: idField.optional(),
  cursor: z.string().max(logCursorCharactersMax).default("").meta({
    description: "Of the answer before; the rest of the request must be the same.",
  }),
  maxLines: z.int().min(1).max(logLinesMax).default(1_000),
  tail: z.int().min(0).max(logLinesMax).optional().meta({
    description: "Begin with the last so many lines; only without a cursor.",
  }),
  since: sinceField.optional(),
  substring: textField.min(1).optional(),
  streams: z.array(z.enum(streams)).min(1).max(streams.length).optional(),
});

const logLine = responseOf({
  taskId: z.string(),
  attemptId: z.string(),
  at: z.string(),
  stream: z.enum(streams),
  text: z.string(),
});

const storyEvent = responseOf({
  at: z.string(),
  type: z.string(),
  attemptId: z.string().nullable(),
  workerId: z.string().nullable(),
  detail: z.string().nullable(),
  message: z.string(),
});

const clusterEvent = responseOf({
  sequence: z.int(),
  journalSequence: z.int().nullable().meta({
    description: "How far the journal was: an instant to look at, with `at`. Null if not known.",
  }),
  at: z.string(),
  type: z.string(),
  id: z.string(),
  message: z.string(),
});

const stack = responseOf({
  taskId: z.string(),
  state: z.enum(taskStates),
  kind: z.enum(["FUNCTION", "COMMAND"]),
  attemptId: z.string().nullable(),
  workerId: z.string().nullable(),
  workerPid: z.int().nullable(),
  startedAt: timeOrNull,
  available: z.boolean().meta({ description: "False: `summary` says why." }),
  summary: z.string(),
  frames: z
    .array(responseOf({ function: z.string(), file: z.string(), line: z.int(), column: z.int() }))
    .meta({ description: "Of a function's thread in JavaScript, the innermost call first." }),
  waitsFor: z.array(z.string()).meta({
    description: "What the event loop of its thread waits for, where no JavaScript runs.",
  }),
  processes: z
    .array(
      responseOf({
        ...{ pid: z.int(), parentPid: z.int(), command: z.string(), state: z.string() },
        ...{ waitsIn: z.string(), threads: z.int(), cpuMs: z.number(), rssBytes: z.number() },
      }),
    )
    .meta({ description: "Of a command; `waitsIn` is a function of the machine's kernel." }),
  lastOutputAt: timeOrNull,
  output: z.array(responseOf({ at: z.string(), stream: z.enum(streams), text: z.string() })),
}).meta({ id: "Stack", description: "Where a task is that runs." });

const taskFilter = requestOf({
  user: withDefault(z.string(), ""),
  name: withDefault(textField, "").meta({ description: "A part of its function or program." }),
  id: withDefault(textField, "").meta({ description: "A part of its id." }),
  workerId: withDefault(z.string(), "").meta({ description: "Where it has an attempt now." }),
});

const taskOrders = [
  "submittedAt",
  "name",
  "state",
  "failureCount",
  "valueBytes",
  "startedAt",
] as const;

const eventFilter = requestOf({
  type: withDefault(z.string(), ""),
  id: withDefault(textField, "").meta({ description: "A part of what it happened to." }),
});

export const taskMethods = {
  GetTaskStatus: {
    summary: "One task, by its id or its key.",
    access: readers,
    request: requestOf({ taskId: idField }),
    response: responseOf({ task }),
  },
  GetTaskStack: {
    summary: "Where a task is that runs: the stack of its thread, or its processes and last lines.",
    access: writers,
    request: requestOf({ taskId: idField }),
    response: stack,
  },
  RetryTask: {
    summary: "Runs a failed task again, with the failed tasks that it depends on.",
    access: writers,
    request: requestOf({ taskId: idField }),
    response: responseOf({
      taskId: z.string(),
      state: z.enum(taskStates),
      retriedCount: z.int().meta({ description: "Tasks that run again; 0 if it had not failed." }),
    }),
  },
  ReportProgress: {
    summary:
      "How far a running task is, said by itself: for programs, with the token of their job.",
    access: writers,
    request: requestOf({
      taskId: idField,
      attemptId: idField,
      fraction: z.number().min(0).max(1),
      note: z.string().max(progressNoteCharactersMax).default(""),
    }),
    response: responseOf({ taskId: z.string(), attemptId: z.string() }),
  },
  ListTasks: {
    summary: "Tasks that are remembered, of one job or of all.",
    access: readers,
    request: requestOf({
      jobId: withDefault(z.string(), ""),
      states: withDefault(z.array(z.enum(taskStates)), []),
      unfinished: withDefault(z.boolean(), false),
      filter: taskFilter.optional(),
      orderBy: orderField(taskOrders, "submittedAt"),
      ...pageFields,
    }),
    response: responseOf({ tasks: z.array(task), totalCount: z.int(), nextPageToken }),
  },
  FetchLogs: {
    summary: "Lines of the logs of a task, a job tree or an attempt, merged by time.",
    access: readers,
    request: logRequest,
    response: responseOf({
      lines: z.array(logLine),
      cursor: z.string(),
      droppedBytes: z.number().meta({ description: "Of these logs, lost to their bounds." }),
      complete: z.boolean().meta({ description: "All sources have ended and were read." }),
      unavailable: z.array(
        responseOf({
          ...{ attemptId: z.string(), workerId: z.string(), reason: z.string() },
          final: z.boolean().meta({ description: "It will never be there: ask no more." }),
        }),
      ),
    }),
  },
  Explain: {
    summary: "Why a task or a job is not running, and what would start it.",
    access: readers,
    request: requestOf({ id: idField }),
    response: explanation,
  },
  GetStory: {
    summary: "What happened to one task, oldest first.",
    access: readers,
    request: requestOf({ id: idField }),
    response: responseOf({ id: z.string(), events: z.array(storyEvent) }),
  },
  ListEvents: {
    summary: "What happened to the cluster, by default the oldest first.",
    access: readers,
    request: requestOf({
      after: withDefault(countField, 0),
      filter: eventFilter.optional(),
      orderBy: orderField(["sequence"], "sequence"),
      ...pageFields,
    }),
    response: responseOf({ events: z.array(clusterEvent), totalCount: z.int(), nextPageToken }),
  },
};
