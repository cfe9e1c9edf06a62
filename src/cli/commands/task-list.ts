/**
 * `capstan task list`: tasks by job and state.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { type TaskState, taskStates } from "../../model/states.ts";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { type GlobalFlags, globalFlags, parseText, targetOf } from "../global-flags.ts";
import { parseCount } from "../parse-flags.ts";
import { paintFor, paintState, printJson, printLines, printTable } from "../print.ts";
import type { TaskView } from "../responses.ts";

interface TaskListFlags extends GlobalFlags {
  readonly job?: string;
  readonly state?: readonly TaskState[];
  readonly unfinished: boolean;
  readonly pageSize: number;
  readonly pageToken?: string;
}

async function listTasks(terminal: Terminal, flags: TaskListFlags): Promise<number> {
  const response = await callApi(targetOf(flags, terminal), "ListTasks", {
    jobId: flags.job ?? "",
    states: flags.state ?? [],
    unfinished: flags.unfinished,
    pageSize: flags.pageSize,
    pageToken: flags.pageToken ?? "",
  });
  if (flags.json) {
    printJson(terminal, response);
    return exitCodes.ok;
  }
  printTable(
    terminal,
    header,
    response.tasks.map((task) => rowOf(terminal, task)),
  );
  const more = response.totalCount - response.tasks.length;
  const { dim } = paintFor(terminal);
  if (response.nextPageToken !== "" && terminal.stdout.isTTY === true) {
    const next = `--page-token ${response.nextPageToken}`;
    printLines(terminal, [dim(`${response.totalCount} in all, ${more} on other pages: ${next}`)]);
  }
  return exitCodes.ok;
}

const header = ["TASK", "STATE", "WORKER", "ATTEMPTS", "KEY", "REASON"];

function rowOf(terminal: Terminal, task: TaskView): readonly string[] {
  return [
    task.taskId,
    paintState(paintFor(terminal), task.state),
    task.workerId ?? "",
    String(task.attempts.length),
    task.key,
    task.pendingReason ?? "",
  ];
}

export const taskListCommand = buildCommand<TaskListFlags, [], CliContext>({
  func: command(listTasks),
  parameters: {
    flags: {
      ...globalFlags,
      job: { kind: "parsed", parse: parseText, optional: true, brief: "Only tasks of this job" },
      state: {
        kind: "enum",
        values: taskStates,
        optional: true,
        variadic: ",",
        brief: "Only tasks in these states, such as FAILED,KILLED",
      },
      unfinished: { kind: "boolean", default: false, brief: "Only tasks that have not ended" },
      pageSize: { kind: "parsed", parse: parseCount, default: "50", brief: "Tasks a page" },
      pageToken: { kind: "parsed", parse: parseText, optional: true, brief: "Page to show" },
    },
  },
  docs: { brief: "List tasks by job and state" },
});
