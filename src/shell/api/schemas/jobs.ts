/**
 * Methods about jobs. The request of a launch is checked for its form only: `parse-job.ts` gives it
 * meaning, with errors that say more.
 *
 * @module
 */

import { z } from "zod";
import { constraintOperators } from "../../../model/constraints.ts";
import { childPolicies, existingPolicies, type Role } from "../../../model/job.ts";
import { taskStates } from "../../../model/states.ts";
import { requestEntriesMax } from "../limits.ts";
import {
  durationText,
  idField,
  nextPageToken,
  orderField,
  pageFields,
  requestOf,
  resources,
  resourcesRequest,
  responseOf,
  textField,
  timeOrNull,
  withDefault,
} from "./fields.ts";
import { task, taskError } from "./tasks.ts";

export const jobStates = [
  "PENDING",
  "RUNNING",
  "SUCCEEDED",
  "FAILED",
  "KILLED",
  "WORKER_FAILED",
  "UNSCHEDULABLE",
] as const;

export const bandNames = ["PRODUCTION", "INTERACTIVE", "BATCH"] as const;

const readers: readonly Role[] = ["admin", "user", "viewer"];
const writers: readonly Role[] = ["admin", "user"];

/** A constraint as it is shown. */
export const jobConstraint = responseOf({
  key: z.string(),
  op: z.enum(constraintOperators),
  values: z.array(z.string()),
  mode: z.enum(["REQUIRED", "PREFERRED"]),
});

/** What was asked for; secrets are hidden. */
const jobSpec = responseOf({
  command: responseOf({
    argv: z.array(z.string()),
    env: z.record(z.string(), z.string()),
    cwd: z.string(),
  }).nullable(),
  function: z.string().nullable(),
  replicas: z.int(),
  resources,
  coscheduling: responseOf({ groupBy: z.string() }),
  constraints: z.array(jobConstraint),
  band: z.enum(bandNames),
  priority: z.number(),
  timeoutMs: z.number(),
  schedulingTimeoutMs: z.number(),
  graceMs: z.number(),
  maxRetriesFailure: z.int(),
  maxRetriesPreemption: z.int(),
  maxTaskFailures: z.int(),
  retryBackoff: responseOf({ initialMs: z.number(), maxMs: z.number() }),
  retryExitCodes: z.array(z.int()),
  noRetryExitCodes: z.array(z.int()),
  ports: z.array(z.string()),
  workspace: z.string(),
  children: z.enum(childPolicies),
}).meta({ id: "JobSpec", description: "What was asked for; secrets are hidden." });

const job = responseOf({
  jobId: z.string(),
  user: z.string(),
  state: z.enum(jobStates),
  error: taskError.nullable(),
  band: z.enum(bandNames),
  replicas: z.int(),
  taskStateCounts: z.partialRecord(z.enum(taskStates), z.int()),
  failureCount: z.int(),
  preemptionCount: z.int(),
  failedTaskCount: z.int(),
  submittedAt: timeOrNull,
  startedAt: timeOrNull,
  finishedAt: timeOrNull,
  pendingReason: z.string().nullable(),
  parentJobId: z.string().nullable(),
  childJobIds: z.array(z.string()),
  stoppingAttempts: z.int().meta({ description: "Attempts that have not ended." }),
  spec: jobSpec.nullable(),
}).meta({ id: "Job", description: "A job; its state is derived from its tasks." });

const command = requestOf({
  argv: z.array(z.string()),
  env: withDefault(z.record(z.string(), z.string()), {}),
  cwd: withDefault(z.string(), ""),
  stdin: withDefault(z.string(), ""),
  result: withDefault(
    z.union([z.enum(["none", "json", "text"]), requestOf({ file: z.string() })]),
    "none",
  ),
}).meta({ description: "A program: argv without a shell. Exclusive with `function`." });

const functionRun = requestOf({
  bundle: z.string().meta({ description: "SHA-256 of an uploaded bundle, hex." }),
  functionName: z.string(),
  args: z.string().meta({ description: "The encoded list of arguments, base64." }),
  executor: withDefault(z.string(), "THREAD").meta({ description: "`THREAD` or `PROCESS`." }),
}).meta({ description: "A function of an uploaded bundle. Exclusive with `command`." });

const constraint = requestOf({
  key: z.string(),
  op: z.enum(constraintOperators),
  values: withDefault(z.array(z.union([z.string(), z.number(), z.boolean()])), []),
  mode: withDefault(z.enum(["REQUIRED", "PREFERRED"]), "REQUIRED"),
});

const exitCodes = z.array(z.number()).max(requestEntriesMax);

const launchRequest = requestOf({
  name: z.string().meta({ description: "A relative name gets `/<user>/`." }),
  command: command.optional(),
  function: functionRun.optional(),
  replicas: withDefault(z.number(), 1),
  resources: resourcesRequest.optional(),
  coscheduling: requestOf({ groupBy: withDefault(z.string(), "") }).optional(),
  constraints: withDefault(z.array(constraint).max(requestEntriesMax), []),
  band: withDefault(z.string(), "INTERACTIVE").meta({
    description: `One of ${bandNames.join(", ")}; case does not matter.`,
  }),
  priority: withDefault(z.number(), 0),
  schedulingTimeout: withDefault(durationText, 0),
  timeout: withDefault(durationText, 0),
  maxRetriesFailure: withDefault(z.number(), 0),
  maxRetriesPreemption: withDefault(z.number(), 100),
  maxTaskFailures: withDefault(z.number(), 0),
  retryBackoff: requestOf({
    initial: withDefault(durationText, 0),
    max: withDefault(durationText, "60s"),
  }).optional(),
  retryExitCodes: withDefault(exitCodes, []),
  noRetryExitCodes: withDefault(exitCodes, []),
  grace: withDefault(durationText, "10s"),
  ports: withDefault(z.array(z.string()).max(requestEntriesMax), []),
  workspace: withDefault(z.string(), "").meta({
    description: 'SHA-256 of an uploaded archive, hex; "" for none.',
  }),
  onExisting: withDefault(z.string(), "ERROR").meta({
    description: `One of ${existingPolicies.join(", ")}; case does not matter.`,
  }),
  children: withDefault(z.string(), "AUTO").meta({
    description: `One of ${childPolicies.join(", ")}; case does not matter.`,
  }),
  user: withDefault(z.string(), "").meta({
    description: "Whose job it is; only an administrator launches for somebody else.",
  }),
});

const launchWarning = responseOf({
  code: z.string(),
  message: z.string(),
  nearestWorkerId: z.string(),
  missing: resources,
});

const jobOrders = ["submittedAt", "name", "state", "failureCount", "preemptionCount"] as const;

const jobFilter = requestOf({
  user: withDefault(z.string(), ""),
  states: withDefault(z.array(z.enum(jobStates)), []),
  namePrefix: withDefault(z.string(), ""),
  parent: withDefault(z.string(), "").meta({ description: "Only direct children of this job." }),
  rootsOnly: withDefault(z.boolean(), false),
});

export const jobMethods = {
  LaunchJob: {
    summary: "Launches a job of commands or of functions under a name.",
    access: writers,
    request: launchRequest,
    response: responseOf({
      jobId: z.string(),
      created: z.boolean(),
      warnings: z.array(launchWarning),
    }),
  },
  GetJobStatus: {
    summary: "One job and the first page of its tasks.",
    access: readers,
    request: requestOf({ jobId: idField }),
    response: responseOf({ job, tasks: z.array(task) }),
  },
  GetJobResults: {
    summary:
      "What the functions of a launched job have returned, by index. They are final when the job " +
      "has SUCCEEDED: before, a gang may begin again.",
    access: readers,
    request: requestOf({ jobId: idField, ...pageFields }),
    response: responseOf({
      jobId: z.string(),
      submittedAt: z.string().meta({ description: "Of the job that has the name now." }),
      replicas: z.int(),
      results: z.array(
        responseOf({
          index: z.int(),
          state: z.enum(taskStates),
          sizeBytes: z.number().meta({ description: "Of the encoded value." }),
          value: z.string().nullable().meta({
            description: "The encoded value, base64; null where it is missing.",
          }),
          missing: z.enum(["", "NOT_SUCCEEDED", "COMMAND", "TOO_LARGE", "LEFT"]).meta({
            description:
              "Why there is none: its task has not succeeded; it runs a command; it has more " +
              "than 64 KiB; it was " +
              "among the oldest when the controller had no more room for results.",
          }),
        }),
      ),
      nextPageToken,
    }),
  },
  ListJobs: {
    summary: "Jobs, by default the latest first.",
    access: readers,
    request: requestOf({
      ...pageFields,
      filter: jobFilter.optional(),
      orderBy: orderField(jobOrders, "submittedAt desc"),
    }),
    response: responseOf({ jobs: z.array(job), totalCount: z.int(), nextPageToken }),
  },
  RetryJob: {
    summary:
      "Runs the failed tasks of an open job again; launches one that has ended again, whole.",
    access: writers,
    request: requestOf({ jobId: idField }),
    response: responseOf({
      jobId: z.string(),
      state: z.enum(jobStates),
      relaunched: z.boolean().meta({ description: "It had ended: a new job has its name." }),
      retriedCount: z.int().meta({ description: "Tasks that run again." }),
    }),
  },
  TerminateJob: {
    summary: "Orders a job and its children to stop; no effect on one that has ended.",
    access: writers,
    request: requestOf({ jobId: idField, reason: textField.default("") }),
    response: responseOf({
      jobId: z.string(),
      terminated: z.boolean().meta({ description: "False if it had ended before." }),
      state: z.enum(jobStates),
    }),
  },
};
