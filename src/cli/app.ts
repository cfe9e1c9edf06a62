/**
 * The command tree, and one run of it.
 *
 * @module
 */

import { buildApplication, buildRouteMap, ExitCode, run } from "@stricli/core";
import { CapstanError } from "../model/errors.ts";
import { arrangeArguments, wantsJson } from "./arguments.ts";
import { controllerCommand } from "./commands/controller.ts";
import { demoEpidemicCommand } from "./commands/demo-epidemic.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { eventsCommand } from "./commands/events.ts";
import { rpcCommand } from "./commands/rpc.ts";
import { taskListCommand } from "./commands/task-list.ts";
import { taskShowCommand } from "./commands/task-show.ts";
import { taskStoryCommand } from "./commands/task-story.ts";
import { upCommand } from "./commands/up.ts";
import { whyCommand } from "./commands/why.ts";
import { workerCommand } from "./commands/worker.ts";
import { workerListCommand } from "./commands/worker-list.ts";
import { type CliContext, exitCodes, type Terminal } from "./context.ts";

const routes = buildRouteMap({
  routes: {
    up: upCommand,
    controller: controllerCommand,
    worker: buildRouteMap({
      routes: { run: workerCommand, list: workerListCommand },
      defaultCommand: "run",
      docs: { brief: "Run one worker here, or look at the workers" },
    }),
    task: buildRouteMap({
      routes: { list: taskListCommand, show: taskShowCommand, story: taskStoryCommand },
      docs: { brief: "Look at tasks" },
    }),
    events: eventsCommand,
    why: whyCommand,
    doctor: doctorCommand,
    rpc: rpcCommand,
    demo: buildRouteMap({
      routes: { epidemic: demoEpidemicCommand },
      docs: { brief: "See it work" },
    }),
  },
  docs: {
    brief: "A scheduler for jobs, gangs and task graphs",
    fullDescription:
      "A scheduler for jobs, gangs and task graphs that never leaks a resource and always says " +
      "why.\n\nExit codes: 0 ok; 1 doctor found something, or the work failed; 2 usage; 3 not " +
      "found; 4 refused; 5 controller unreachable; 70 a bug; 74 disk; 124 timed out; " +
      "130 interrupted.",
  },
});

const application = buildApplication(routes, {
  name: "capstan",
  scanner: { caseStyle: "allow-kebab-for-camel" },
  documentation: {
    caseStyle: "convert-camel-to-kebab",
    disableAnsiColor: true,
    onlyRequiredInUsageLine: true,
  },
});

/** Runs one command line and returns its exit code; everything it prints goes to `terminal`. */
export async function runCli(argv: readonly string[], terminal: Terminal): Promise<number> {
  const complaints: string[] = [];
  const context: CliContext = {
    terminal,
    exitCode: exitCodes.ok,
    process: {
      stdout: terminal.stdout,
      stderr: { write: (text) => void complaints.push(text) },
      exitCode: null,
    },
  };
  await run(application, arrangeArguments(argv), context);
  const outcome = Number(context.process.exitCode ?? 0);
  if (outcome === ExitCode.Success) return context.exitCode;
  return reportUsage(terminal, complaints.join("").trim(), wantsJson(argv), outcome);
}

/** What stricli found wrong with the command line, in our form and with our exit code. */
function reportUsage(terminal: Terminal, message: string, json: boolean, outcome: number): number {
  const isUsage = outcome === ExitCode.InvalidArgument || outcome === ExitCode.UnknownCommand;
  const error = new CapstanError(isUsage ? "INVALID_ARGUMENT" : "BUG", message);
  terminal.stderr.write(json ? `${JSON.stringify(error)}\n` : `capstan: ${message}\n`);
  return isUsage ? exitCodes.usage : exitCodes.bug;
}
