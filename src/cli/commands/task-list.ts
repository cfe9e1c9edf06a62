/**
 * `capstan task list`: tasks by job and state.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { CapstanError } from "../../model/errors.ts";
import { formatFraction } from "../../model/format-quantities.ts";
import { type TaskState, taskStates } from "../../model/states.ts";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { type GlobalFlags, parseText, targetOf } from "../global-flags.ts";
import { type PageFlags, pageFlags, pageRequest, sayNextPage } from "../paging.ts";
import { paintFor, paintState, printJson, printTable } from "../print.ts";
import { resolveJobId } from "../resolve-id.ts";
import type { TaskView } from "../responses.ts";

interface TaskListFlags extends GlobalFlags, PageFlags {
  readonly job?: string;
  readonly state?: readonly TaskState[];
  readonly unfinished: boolean;
}

async function listTasks(
  terminal: Terminal,
  flags: TaskListFlags,
  given?: string,
): Promise<number> {
  const target = targetOf(flags, terminal);
  const job = jobOf(flags, given);
  const response = await callApi(target, "ListTasks", {
    jobId: job === "" ? "" : await resolveJobId(target, job),
    states: flags.state ?? [],
    unfinished: flags.unfinished,
    ...pageRequest(flags),
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
  sayNextPage(terminal, response.nextPageToken, response.totalCount);
  return exitCodes.ok;
}

/** The job may stand behind a flag or alone; "" is every job. */
function jobOf({ job }: TaskListFlags, given: string | undefined): string {
  if (job !== undefined && given !== undefined) {
    throw new CapstanError("INVALID_ARGUMENT", "--job and ID name the same thing: give one");
  }
  return job ?? given ?? "";
}

const header = ["TASK", "STATE", "WORKER", "ATTEMPTS", "KEY", "REASON"];

function rowOf(terminal: Terminal, task: TaskView): readonly string[] {
  return [
    task.taskId,
    paintState(paintFor(terminal), task.state),
    task.workerId ?? task.attempts.at(-1)?.workerId ?? "",
    String(task.attempts.length),
    task.key,
    task.pendingReason ?? progressOf(task),
  ];
}

/** How far it says it is. */
function progressOf({ progress }: TaskView): string {
  return progress === null ? "" : `${formatFraction(progress.fraction)} ${progress.note}`.trimEnd();
}

export const taskListCommand = buildCommand<TaskListFlags, [string?], CliContext>({
  func: command(listTasks),
  parameters: {
    flags: {
      ...pageFlags,
      job: { kind: "parsed", parse: parseText, optional: true, brief: "Only tasks of this job" },
      state: {
        kind: "enum",
        values: taskStates,
        optional: true,
        variadic: ",",
        brief: "Only tasks in these states, such as FAILED,KILLED",
      },
      unfinished: { kind: "boolean", default: false, brief: "Only tasks that have not ended" },
    },
    positional: {
      kind: "tuple",
      parameters: [
        { parse: parseText, brief: "Id of the job [every job]", placeholder: "ID", optional: true },
      ],
    },
  },
  docs: { brief: "List tasks by job and state" },
});
