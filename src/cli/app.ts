/**
 * The command tree, and one run of it.
 *
 * @module
 */

import { buildApplication, buildRouteMap, ExitCode, run, text_en } from "@stricli/core";
import { CapstanError } from "../model/errors.ts";
import { packageVersion } from "../shell/controller-process/version.ts";
import { type Arranged, arrangeArguments, wantsJson } from "./arguments.ts";
import { controllerCommand } from "./commands/controller.ts";
import { demoChaosCommand } from "./commands/demo-chaos.ts";
import { demoEpidemicCommand } from "./commands/demo-epidemic.ts";
import { demoGangCommand } from "./commands/demo-gang.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { dumpCommand } from "./commands/dump.ts";
import { endpointListCommand } from "./commands/endpoint-list.ts";
import { eventsCommand } from "./commands/events.ts";
import { jobBugReportCommand } from "./commands/job-bug-report.ts";
import { jobCancelCommand } from "./commands/job-cancel.ts";
import { jobListCommand } from "./commands/job-list.ts";
import { jobLogsCommand } from "./commands/job-logs.ts";
import { jobResultsCommand } from "./commands/job-results.ts";
import { jobRetryCommand } from "./commands/job-retry.ts";
import { jobShowCommand } from "./commands/job-show.ts";
import { jobSummaryCommand } from "./commands/job-summary.ts";
import { jobWaitCommand } from "./commands/job-wait.ts";
import { lockListCommand } from "./commands/lock-list.ts";
import { replayCommand } from "./commands/replay.ts";
import { restartCommand } from "./commands/restart.ts";
import { rpcCommand } from "./commands/rpc.ts";
import { runCommand } from "./commands/run.ts";
import { simulateCommand } from "./commands/simulate.ts";
import { studyExportCommand } from "./commands/study-export.ts";
import { studyListCommand } from "./commands/study-list.ts";
import { studyResumeCommand, studyRunCommand } from "./commands/study-run.ts";
import { studyShowCommand } from "./commands/study-show.ts";
import { taskGraphCommand } from "./commands/task-graph.ts";
import { taskListCommand } from "./commands/task-list.ts";
import { taskProgressCommand } from "./commands/task-progress.ts";
import { taskRetryCommand } from "./commands/task-retry.ts";
import { taskShowCommand } from "./commands/task-show.ts";
import { taskStackCommand } from "./commands/task-stack.ts";
import { taskStoryCommand } from "./commands/task-story.ts";
import { tokenCreateCommand } from "./commands/token-create.ts";
import { tokenListCommand } from "./commands/token-list.ts";
import { tokenRevokeCommand } from "./commands/token-revoke.ts";
import { topCommand } from "./commands/top.ts";
import { upCommand } from "./commands/up.ts";
import { userListCommand } from "./commands/user-list.ts";
import { userSetCommand } from "./commands/user-set.ts";
import { valueListCommand } from "./commands/value-list.ts";
import { valueRebalanceCommand } from "./commands/value-rebalance.ts";
import { valueReplicateCommand } from "./commands/value-replicate.ts";
import { valueUnpublishCommand } from "./commands/value-unpublish.ts";
import { whyCommand } from "./commands/why.ts";
import { workerCommand } from "./commands/worker.ts";
import { workerCordonCommand, workerUncordonCommand } from "./commands/worker-cordon.ts";
import { workerDrainCommand, workerUndrainCommand } from "./commands/worker-drain.ts";
import { workerListCommand } from "./commands/worker-list.ts";
import { workerShowCommand } from "./commands/worker-show.ts";
import { type CliContext, exitCodes, type Terminal } from "./context.ts";
import { describeUsage } from "./describe-usage.ts";
import { obeyingNobody } from "./terminal-text.ts";

const worker = buildRouteMap({
  routes: {
    run: workerCommand,
    list: workerListCommand,
    show: workerShowCommand,
    drain: workerDrainCommand,
    undrain: workerUndrainCommand,
    cordon: workerCordonCommand,
    uncordon: workerUncordonCommand,
  },
  defaultCommand: "run",
  docs: { brief: "Run one worker here, or look after the workers" },
});

const job = buildRouteMap({
  routes: {
    list: jobListCommand,
    show: jobShowCommand,
    wait: jobWaitCommand,
    logs: jobLogsCommand,
    cancel: jobCancelCommand,
    retry: jobRetryCommand,
    summary: jobSummaryCommand,
    results: jobResultsCommand,
    "bug-report": jobBugReportCommand,
  },
  docs: { brief: "Look at jobs, wait for them, cancel them, try them again" },
});

const task = buildRouteMap({
  routes: {
    list: taskListCommand,
    show: taskShowCommand,
    story: taskStoryCommand,
    stack: taskStackCommand,
    graph: taskGraphCommand,
    progress: taskProgressCommand,
    retry: taskRetryCommand,
  },
  docs: { brief: "Look at tasks, try them again" },
});

const study = buildRouteMap({
  routes: {
    run: studyRunCommand,
    list: studyListCommand,
    show: studyShowCommand,
    resume: studyResumeCommand,
    export: studyExportCommand,
  },
  docs: { brief: "Simulate parameter sets many times, aggregate, resume" },
});

const token = buildRouteMap({
  routes: { create: tokenCreateCommand, list: tokenListCommand, revoke: tokenRevokeCommand },
  docs: { brief: "Say who may call" },
});

const user = buildRouteMap({
  routes: { list: userListCommand, set: userSetCommand },
  docs: { brief: "Say what users may use" },
});

const endpoint = buildRouteMap({
  routes: { list: endpointListCommand },
  docs: { brief: "Look at where tasks can be reached" },
});

const value = buildRouteMap({
  routes: {
    list: valueListCommand,
    unpublish: valueUnpublishCommand,
    replicate: valueReplicateCommand,
    rebalance: valueRebalanceCommand,
  },
  docs: { brief: "Look after values" },
});

const lock = buildRouteMap({
  routes: { list: lockListCommand },
  docs: { brief: "Look at who holds which lock" },
});

const demo = buildRouteMap({
  routes: { epidemic: demoEpidemicCommand, gang: demoGangCommand, chaos: demoChaosCommand },
  docs: { brief: "See it work" },
});

const routes = buildRouteMap({
  routes: {
    up: upCommand,
    controller: controllerCommand,
    worker,
    run: runCommand,
    job,
    task,
    top: topCommand,
    study,
    events: eventsCommand,
    why: whyCommand,
    doctor: doctorCommand,
    restart: restartCommand,
    dump: dumpCommand,
    simulate: simulateCommand,
    replay: replayCommand,
    rpc: rpcCommand,
    endpoint,
    value,
    lock,
    token,
    user,
    demo,
  },
  docs: {
    brief: "A scheduler for jobs, gangs and task graphs",
    fullDescription:
      "A scheduler for jobs, gangs and task graphs that never leaks a resource and always says " +
      "why.\n\nExit codes: 0 ok; 1 a job did not succeed, or doctor found something; 2 usage; 3 " +
      "not found; 4 refused; 5 controller unreachable; 70 a bug; 74 disk; 124 timed out; " +
      "130 interrupted.",
  },
});

/** For one command line, whose words its complaints are about. */
function applicationFor(argv: readonly string[]) {
  const exceptionWhileParsingArguments = (thrown: unknown) => describeUsage(thrown, argv);
  return buildApplication(routes, {
    name: "capstan",
    versionInfo: { currentVersion: packageVersion },
    scanner: { caseStyle: "allow-kebab-for-camel" },
    documentation: {
      caseStyle: "convert-camel-to-kebab",
      disableAnsiColor: true,
      onlyRequiredInUsageLine: true,
    },
    localization: { text: { ...text_en, exceptionWhileParsingArguments } },
  });
}

/** Runs one command line and returns its exit code; everything it prints goes to `given`. */
export async function runCli(argv: readonly string[], given: Terminal): Promise<number> {
  const terminal = obeyingNobody(given);
  const complaints: string[] = [];
  const arranged = arrangeArguments(argv);
  const context: CliContext = {
    terminal,
    program: arranged.program,
    exitCode: exitCodes.ok,
    process: {
      stdout: terminal.stdout,
      stderr: { write: (text) => void complaints.push(text) },
      exitCode: null,
    },
  };
  await run(applicationFor(arranged.argv), arranged.argv, context);
  const outcome = Number(context.process.exitCode ?? 0);
  if (outcome === ExitCode.Success) return context.exitCode;
  const complaint = `${complaints.join("").trim()}${hintFor(arranged)}`;
  return reportUsage(terminal, complaint, wantsJson(argv), outcome);
}

/** A flag of the program that stands before `--`, or without one, looks like a flag of ours. */
function hintFor({ argv, program }: Arranged): string {
  if (argv[0] !== "run" || program !== null) return "";
  return '. The program and its flags stand behind "--": capstan run [flags] -- CMD ARG';
}

/** What stricli found wrong with the command line, in our form and with our exit code. */
function reportUsage(terminal: Terminal, message: string, json: boolean, outcome: number): number {
  const isUsage = outcome === ExitCode.InvalidArgument || outcome === ExitCode.UnknownCommand;
  const error = new CapstanError(isUsage ? "INVALID_ARGUMENT" : "BUG", message);
  terminal.stderr.write(json ? `${JSON.stringify(error)}\n` : `capstan: ${message}\n`);
  return isUsage ? exitCodes.usage : exitCodes.bug;
}
