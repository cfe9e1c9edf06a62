/**
 * `capstan job wait ID`: returns when the job has ended, with 0 only if it SUCCEEDED.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { CapstanError } from "../../model/errors.ts";
import { type CliContext, command, type Terminal } from "../context.ts";
import { type GlobalFlags, globalFlags, parseText, targetOf } from "../global-flags.ts";
import { jobArgument } from "../id-argument.ts";
import { exitCodeOf, isTerminalJob } from "../job-end.ts";
import { watchPauseMsMax, watchPauseMsMin } from "../limits.ts";
import { parseDurationText } from "../parse-job-flags.ts";
import { PatientCalls, pause } from "../patient-calls.ts";
import { paintFor, paintState, printJson, printLines } from "../print.ts";
import { resolveJobId } from "../resolve-id.ts";
import type { Responses } from "../responses.ts";

interface WaitFlags extends GlobalFlags {
  readonly timeout?: string;
}

type Status = Responses["GetJobStatus"];

async function waitForJob(terminal: Terminal, flags: WaitFlags, id: string): Promise<number> {
  const target = targetOf(flags, terminal);
  const deadlineMs =
    flags.timeout === undefined
      ? Number.POSITIVE_INFINITY
      : Date.now() + parseDurationText("--timeout", flags.timeout);
  const calls = new PatientCalls({
    target,
    deadlineMs,
    notify: (message) => terminal.stderr.write(`capstan: ${message}\n`),
  });
  const status = await waitUntil(calls, await resolveJobId(target, id), deadlineMs);
  const { job } = status;
  if (flags.json) printJson(terminal, status);
  else printLines(terminal, [`${job.jobId} ${paintState(paintFor(terminal), job.state)}`]);
  return exitCodeOf(job);
}

async function waitUntil(calls: PatientCalls, jobId: string, deadlineMs: number): Promise<Status> {
  let pauseMs = watchPauseMsMin;
  for (;;) {
    const status = await calls.call("GetJobStatus", { jobId });
    if (isTerminalJob(status.job)) return status;
    const leftMs = deadlineMs - Date.now();
    if (leftMs <= 0) {
      const what = `${jobId} is still ${status.job.state}; it goes on, and so can you: wait again`;
      throw new CapstanError("TIMED_OUT", what, { details: { jobId, state: status.job.state } });
    }
    await pause(Math.min(pauseMs, leftMs));
    pauseMs = Math.min(pauseMs * 1.5, watchPauseMsMax);
  }
}

export const jobWaitCommand = buildCommand<WaitFlags, [string], CliContext>({
  func: command(waitForJob),
  parameters: {
    flags: {
      ...globalFlags,
      timeout: {
        kind: "parsed",
        parse: parseText,
        optional: true,
        placeholder: "DURATION",
        brief: 'How long to wait, such as "5m"; then exit code 124 [for ever]',
      },
    },
    positional: jobArgument,
  },
  docs: { brief: "Wait until a job has ended: 0 if it SUCCEEDED, 1 if not, 124 if it goes on" },
});
