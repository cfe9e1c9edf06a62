/**
 * `capstan job logs ID`: what the tasks of a job, and of its children, wrote.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { CapstanError } from "../../model/errors.ts";
import { logLinesMax } from "../../shell/api/limits.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { followUntilEnded } from "../follow.ts";
import { type GlobalFlags, globalFlags, parseText, targetOf } from "../global-flags.ts";
import { idOf } from "../id-argument.ts";
import { isTerminalJob, isTerminalTask } from "../job-end.ts";
import { JobScreen } from "../job-screen.ts";
import { logTailLines } from "../limits.ts";
import { LogFollower, type LogSelection } from "../log-follower.ts";
import { parseWhole } from "../parse-flags.ts";
import { parseDurationText } from "../parse-job-flags.ts";
import { PatientCalls } from "../patient-calls.ts";
import { resolveJobId } from "../resolve-id.ts";

interface LogsFlags extends GlobalFlags {
  readonly follow: boolean;
  readonly all: boolean;
  readonly tail?: number;
  readonly since?: string;
  readonly task?: number;
  readonly attempt?: string;
  readonly grep?: string;
}

async function showLogs(terminal: Terminal, flags: LogsFlags, given: string): Promise<number> {
  const target = targetOf(flags, terminal);
  const id = await resolveJobId(target, given);
  const selection = selectionOf(flags, id);
  const notices = new JobScreen(terminal, { jobId: id, prefixed: true, json: flags.json });
  const calls = new PatientCalls({
    target,
    notify: (message) => notices.notice(message),
  });
  const subject = await lookAt(calls, selection);
  const { json } = flags;
  const screen = new JobScreen(terminal, {
    ...{ jobId: subject.jobId, prefixed: subject.replicas > 1, json },
  });
  const logs = new LogFollower(calls, selection, screen);
  if (flags.follow) await follow(calls, selection, logs);
  else sayIfMore(screen, flags, await readOnce(logs, flags));
  return exitCodes.ok;
}

/** Every filter that was not given is left out: an attempt that nobody named is all attempts. */
function selectionOf(flags: LogsFlags, id: string): LogSelection {
  const { all, tail, since, task, attempt, grep } = flags;
  if (all && tail !== undefined) {
    throw new CapstanError("INVALID_ARGUMENT", "--all and --tail exclude each other");
  }
  if (tail !== undefined && tail > logLinesMax) {
    const what = `--tail is at most ${logLinesMax}; --all shows every line`;
    throw new CapstanError("INVALID_ARGUMENT", what);
  }
  return {
    ...subjectOf(id, task),
    ...(all ? {} : { tail: tail ?? logTailLines }),
    ...(since === undefined ? {} : { since: parseSince(since) }),
    ...(attempt === undefined ? {} : { attemptId: attempt }),
    ...(grep === undefined ? {} : { substring: grep }),
  };
}

/** The last part of a task's id is a number, that of a job's never is. */
function subjectOf(id: string, task: number | undefined): LogSelection {
  const isTask = /\/\d+$/.test(id);
  if (!isTask) return task === undefined ? { jobId: id } : { taskId: `${id}/${task}` };
  if (task === undefined) return { taskId: id };
  throw new CapstanError("INVALID_ARGUMENT", `--task wants the id of a job; ${id} is a task's`);
}

/** A time as RFC 3339, or how long ago: `"10m"`. */
function parseSince(text: string): string {
  if (!Number.isNaN(Date.parse(text)) && text.includes("T")) return new Date(text).toISOString();
  return new Date(Date.now() - parseDurationText("--since", text)).toISOString();
}

interface Subject {
  readonly jobId: string;
  readonly replicas: number;
  readonly ended: boolean;
}

/** One look: it must exist, and its size decides whether lines say whose they are. */
async function lookAt(calls: PatientCalls, { jobId, taskId = "" }: LogSelection): Promise<Subject> {
  if (jobId !== undefined) {
    const { job } = await calls.call("GetJobStatus", { jobId });
    return { jobId, replicas: job.replicas, ended: isTerminalJob(job) };
  }
  const { task } = await calls.call("GetTaskStatus", { taskId });
  return { jobId: task.jobId, replicas: 1, ended: isTerminalTask(task) };
}

async function follow(
  calls: PatientCalls,
  selection: LogSelection,
  logs: LogFollower,
): Promise<void> {
  const look = async () => (await lookAt(calls, selection)).ended;
  await followUntilEnded({ look, pull: () => logs.pull() });
  await logs.drain();
}

/**
 * What is there now. Without a limit that may be many pages; of a job that writes all the time,
 * what is newer than the question can wait.
 */
async function readOnce(logs: LogFollower, { all }: LogsFlags): Promise<number> {
  const startedMs = Date.now();
  let total = 0;
  for (;;) {
    const count = await logs.pullOnce();
    total += count;
    if (!all || count === 0 || logs.lastAtMs >= startedMs) return total;
  }
}

function sayIfMore(screen: JobScreen, { all, tail, json }: LogsFlags, count: number): void {
  const limit = tail ?? logTailLines;
  if (all || json || limit === 0 || count < limit) return;
  screen.notice(`the last ${limit} lines; --all shows every line, --tail N the last N`);
}

const text = { kind: "parsed", parse: parseText, optional: true } as const;
const whole = { kind: "parsed", parse: parseWhole, optional: true } as const;

export const jobLogsCommand = buildCommand<LogsFlags, [string], CliContext>({
  func: command(showLogs),
  parameters: {
    flags: {
      ...globalFlags,
      follow: { kind: "boolean", default: false, brief: "Go on until it has ended" },
      all: { kind: "boolean", default: false, brief: "Every line that was kept" },
      tail: { ...whole, brief: `Only the last lines [${logTailLines}]` },
      since: { ...text, placeholder: "TIME", brief: 'Only lines since "10m" ago, or since a time' },
      task: { ...whole, placeholder: "INDEX", brief: "Only this task of the job" },
      attempt: { ...text, placeholder: "ID", brief: "Only this attempt, such as 3.17 [all]" },
      grep: { ...text, placeholder: "TEXT", brief: "Only lines that contain this" },
    },
    aliases: { f: "follow" },
    positional: idOf("Id of the job, or of one task"),
  },
  docs: { brief: "Show what the tasks of a job, and of its children, wrote" },
});
