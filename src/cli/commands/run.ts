/**
 * `capstan run -- CMD ARG…`: launches a job, shows what it writes, and ends as it ends.
 *
 * @module
 */

import { randomInt } from "node:crypto";
import { buildCommand } from "@stricli/core";
import { CapstanError } from "../../model/errors.ts";
import { jobDefaults } from "../../model/spec.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { parseText, type Target, targetOf } from "../global-flags.ts";
import { describeJobEnd, exitCodeOf, failedTaskStates } from "../job-end.ts";
import { type RunFlags, runFlags } from "../job-flags.ts";
import { JobScreen } from "../job-screen.ts";
import { launchJob } from "../launch-job.ts";
import { finalLinesMsMax, shownFailuresMax } from "../limits.ts";
import { defaultJobName, launchRequestOf, parseDurationText } from "../parse-job-flags.ts";
import { PatientCalls } from "../patient-calls.ts";
import { printJson, printLines } from "../print.ts";
import type { JobView, Responses } from "../responses.ts";
import { onStopSignal } from "../stop-signals.ts";
import { uploadWorkspace } from "../upload-workspace.ts";
import { watchJob } from "../watch-job.ts";

/** The flags, with the program that stood behind `--`. */
interface RunRequest extends RunFlags {
  readonly program: readonly string[];
}

type Launched = Responses["LaunchJob"];

async function runJob(terminal: Terminal, flags: RunRequest): Promise<number> {
  const target = targetOf(flags, terminal);
  const stop = new AbortController();
  const stopListening = onStopSignal(() => stop.abort());
  try {
    const launched = await launch(terminal, flags, target);
    if (flags.detach) return announceDetached(terminal, flags, launched);
    return await followJob(terminal, flags, { target, launched, wake: stop.signal });
  } finally {
    stopListening();
  }
}

async function launch(terminal: Terminal, flags: RunRequest, target: Target): Promise<Launched> {
  const [program] = flags.program;
  const surroundings = {
    name: nameWithin(target, flags, flags.name ?? defaultJobName(program, randomSuffix())),
    argv: flags.program,
    shell: terminal.env,
    workspace: "",
  };
  const request = launchRequestOf(flags, surroundings); // Before the upload: it may be refused.
  const { workspace: directory } = flags;
  const workspace =
    directory === undefined ? {} : { workspace: await uploadWorkspace(target, directory) };
  return launchJob({
    target,
    request: { ...request, ...workspace },
    isNameOurs: flags.name === undefined,
    notify: (message) => terminal.stderr.write(`capstan: ${message}\n`),
  });
}

/** What a task launches is a child of its job, unless its name says otherwise. */
function nameWithin({ jobId }: Target, { user }: RunFlags, name: string): string {
  return jobId === "" || user !== undefined || name.startsWith("/") ? name : `${jobId}/${name}`;
}

/** Six letters and digits: two runs of one program do not meet. */
function randomSuffix(): string {
  return randomInt(36 ** 5, 36 ** 6).toString(36);
}

/** The id alone on stdout, so that a script can take it; everything else on stderr. */
function announceDetached(terminal: Terminal, flags: RunRequest, launched: Launched): number {
  if (flags.json) {
    printJson(terminal, launched);
    return exitCodes.ok;
  }
  for (const { message } of launched.warnings) {
    terminal.stderr.write(`capstan: warning: ${message}\n`);
  }
  printLines(terminal, [launched.jobId]);
  if (terminal.stderr.isTTY === true) {
    terminal.stderr.write(`capstan: capstan job logs --follow ${launched.jobId} shows its lines\n`);
  }
  return exitCodes.ok;
}

interface Following {
  readonly target: Target;
  readonly launched: Launched;
  readonly wake: AbortSignal;
}

async function followJob(
  terminal: Terminal,
  flags: RunRequest,
  { target, launched, wake }: Following,
): Promise<number> {
  const { jobId } = launched;
  const { json, replicas = 1 } = flags;
  const screen = new JobScreen(terminal, { jobId, json, prefixed: replicas > 1 });
  if (json) printJson(terminal, launched);
  else screen.notice(`${launched.created ? "launched" : "following the open"} ${jobId}`);
  for (const { message } of launched.warnings) screen.notice(`warning: ${message}`);
  const calls = new PatientCalls({ target, wake, notify: (message) => screen.notice(message) });
  const lastLinesMs = finalLinesMsMax + graceMsOf(flags);
  const job = await watchJob({ calls, screen, jobId, lastLinesMs, interrupt: { wake } });
  if (json) printJson(terminal, { job });
  else if (job.state !== "SUCCEEDED") await explainEnd(calls, screen, job);
  return wake.aborted ? exitCodes.interrupted : exitCodeOf(job);
}

/** How long a program may go on writing after it was asked to end. */
function graceMsOf({ grace }: RunFlags): number {
  return grace === undefined ? jobDefaults.graceMs : parseDurationText("--grace", grace);
}

async function explainEnd(calls: PatientCalls, screen: JobScreen, job: JobView): Promise<void> {
  const { tasks } = await calls.call("ListTasks", {
    jobId: job.jobId,
    states: failedTaskStates,
    pageSize: shownFailuresMax,
  });
  const rank = (state: string) => (failedTaskStates as readonly string[]).indexOf(state);
  const telling = tasks.toSorted((a, b) => rank(a.state) - rank(b.state));
  const first = telling.filter(({ state }) => state === telling[0].state).slice(0, 3);
  screen.notice(describeJobEnd(job, first).join("\n"));
}

/** The program stands behind `--`, so that a flag of it is never taken for one of ours. */
function requireProgram(
  program: readonly string[] | null,
  misplaced: readonly string[],
): readonly string[] {
  if (program !== null && program.length > 0 && misplaced.length === 0) return program;
  const words = [...misplaced, ...(program ?? [])];
  const example = words.length === 0 ? "python train.py" : words.join(" ");
  const what =
    program === null || misplaced.length > 0
      ? `the program stands behind "--": capstan run [flags] -- ${example}`
      : `there is no program behind "--": capstan run [flags] -- ${example}`;
  throw new CapstanError("INVALID_ARGUMENT", `${what}. Nothing was launched`);
}

export const runCommand = buildCommand<RunFlags, string[], CliContext>({
  func: function run(this: CliContext, flags: RunFlags, ...misplaced: readonly string[]) {
    const body = (terminal: Terminal, given: RunFlags) =>
      runJob(terminal, { ...given, program: requireProgram(this.program, misplaced) });
    return command(body).call(this, flags);
  },
  parameters: {
    flags: runFlags,
    positional: {
      kind: "array",
      parameter: { parse: parseText, brief: "The program, behind --", placeholder: "CMD" },
    },
  },
  docs: {
    brief: "Launch a program as a job and show what it writes",
    customUsage: ["[flags] -- CMD ARG…"],
    fullDescription:
      "capstan run [flags] -- CMD ARG… launches a job, streams what its tasks write, and exits " +
      "with 0 only if the job SUCCEEDED. Ctrl-C cancels the job (130), a second one leaves it " +
      "to end by itself. Losing the connection does not cancel it. The program reads nothing " +
      "from standard input. Launched by a task, it is a child of that task's job.",
  },
});
