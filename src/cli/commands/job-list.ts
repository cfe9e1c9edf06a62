/**
 * `capstan job list`: jobs by user and state.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { CapstanError } from "../../model/errors.ts";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { type GlobalFlags, parseName, parseText, targetOf } from "../global-flags.ts";
import { isTerminalTask } from "../job-end.ts";
import { type PageFlags, pageFlags, pageRequest, sayNextPage } from "../paging.ts";
import { paintFor, paintState, printJson, printTable } from "../print.ts";
import { formatSpan } from "../print-times.ts";
import type { JobView, Requests } from "../responses.ts";

type Ordering = NonNullable<Requests["ListJobs"]["orderBy"]>;

const jobStates = [
  ...(["PENDING", "RUNNING", "SUCCEEDED", "FAILED", "KILLED", "WORKER_FAILED"] as const),
  "UNSCHEDULABLE",
] as const;

const sortFields = [
  ...["submittedAt", "name", "state", "failureCount", "preemptionCount"],
] as const;

interface JobListFlags extends GlobalFlags, PageFlags {
  readonly user?: string;
  readonly state?: readonly (typeof jobStates)[number][];
  readonly prefix?: string;
  readonly parent?: string;
  readonly roots: boolean;
  readonly sort?: string;
}

async function listJobs(terminal: Terminal, flags: JobListFlags): Promise<number> {
  const response = await callApi(targetOf(flags, terminal), "ListJobs", {
    filter: filterOf(flags),
    ...(flags.sort === undefined ? {} : { orderBy: parseSort(flags.sort) }),
    ...pageRequest(flags),
  });
  if (flags.json) {
    printJson(terminal, response);
    return exitCodes.ok;
  }
  printTable(
    terminal,
    header,
    response.jobs.map((job) => rowOf(terminal, job)),
  );
  sayNextPage(terminal, response.nextPageToken, response.totalCount);
  return exitCodes.ok;
}

function filterOf({ user, state, prefix, parent, roots }: JobListFlags) {
  return {
    ...(user === undefined ? {} : { user }),
    ...(state === undefined || state.length === 0 ? {} : { states: state }),
    ...(prefix === undefined ? {} : { namePrefix: prefix }),
    ...(parent === undefined ? {} : { parent }),
    ...(roots ? { rootsOnly: true } : {}),
  };
}

/** `failureCount:desc` is `failureCount desc` for the API. Throws CapstanError INVALID_ARGUMENT. */
function parseSort(text: string): Ordering {
  const [name, direction = "asc", ...rest] = text.split(/[: ]/);
  const field = sortFields.find((known) => known === name);
  if (field !== undefined && ["asc", "desc"].includes(direction) && rest.length === 0) {
    return direction === "desc" ? `${field} desc` : field;
  }
  const what = `--sort must be one of ${sortFields.join(", ")}, with ":desc" to turn it round`;
  throw new CapstanError("INVALID_ARGUMENT", `${what}, not "${text}"`);
}

const header = [
  ...["JOB", "STATE", "ENDED", "FAILURES", "TAKEN AWAY", "SUBMITTED", "RAN FOR", "REASON"],
] as const;

function rowOf(terminal: Terminal, job: JobView): readonly string[] {
  const counts = Object.entries(job.taskStateCounts);
  const ended = counts.filter(([state]) => isTerminalTask({ state }));
  const endedCount = ended.reduce((sum, [, count]) => sum + count, 0);
  return [
    job.jobId,
    paintState(paintFor(terminal), job.state),
    `${endedCount}/${job.replicas}`,
    String(job.failureCount),
    String(job.preemptionCount),
    job.submittedAt ?? "",
    formatSpan(job.startedAt, job.finishedAt),
    job.error?.message ?? job.pendingReason ?? "",
  ];
}

const text = { kind: "parsed", parse: parseText, optional: true } as const;

export const jobListCommand = buildCommand<JobListFlags, [], CliContext>({
  func: command(listJobs),
  parameters: {
    flags: {
      ...pageFlags,
      user: { ...text, parse: parseName, brief: "Only jobs of this user" },
      state: {
        kind: "enum",
        values: jobStates,
        optional: true,
        variadic: ",",
        brief: "Only jobs in these states, such as RUNNING,FAILED",
      },
      prefix: { ...text, brief: "Only jobs whose id begins so" },
      parent: { ...text, placeholder: "ID", brief: "Only children of this job" },
      roots: { kind: "boolean", default: false, brief: "Only jobs without a parent" },
      sort: { ...text, placeholder: "FIELD[:desc]", brief: sortFields.join(", ") },
    },
  },
  docs: { brief: "List jobs by user and state" },
});
