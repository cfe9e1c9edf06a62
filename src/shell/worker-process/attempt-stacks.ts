/**
 * Where attempts are that run on this worker: functions in their threads, commands and functions
 * that have processes in those. It looks, and changes nothing.
 *
 * @module
 */

import { formatDuration } from "../../model/format-quantities.ts";
import type { StackSource, StackView } from "../data-plane/stack-route.ts";
import type { CommandExecutor } from "../executor/command-executor.ts";
import type { CommandLogs } from "../executor/command-logs.ts";
import type { LaneThreadView } from "../executor/lane.ts";
import { stackOutputLines } from "../executor/limits.ts";
import type { FunctionProcessView } from "../executor/process-executor.ts";
import { lookAtProcesses } from "../executor/process-look.ts";
import { processDirectoryVariable } from "../executor/process-messages.ts";
import { readThreadStack, type ThreadStack } from "../executor/thread-stack.ts";
import type { Executions } from "./executions.ts";

const nothing: StackView = {
  summary: "",
  frames: [],
  waitsFor: [],
  processes: [],
  lastOutputAtMs: null,
  output: [],
};

export class AttemptStacks implements StackSource {
  readonly #logs: CommandLogs;
  // Known once the worker has begun.
  commands: CommandExecutor | null = null;
  executions: Executions | null = null;
  /** One thread is looked at at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(logs: CommandLogs) {
    this.#logs = logs;
  }

  async readStack(attemptId: string): Promise<StackView | null> {
    const workDirectory = this.commands?.workDirectoryOf(attemptId) ?? null;
    if (workDirectory !== null) return this.#ofCommand(attemptId, workDirectory);
    const process = this.executions?.processOf(attemptId) ?? null;
    if (process !== null) return this.#ofProcess(attemptId, process);
    const look = this.#turn.then(() => this.#ofFunction(attemptId));
    this.#turn = look.catch(() => {});
    return look;
  }

  async #ofFunction(attemptId: string): Promise<StackView | null> {
    const thread = this.executions?.threadOf(attemptId) ?? null;
    if (thread === null) return null;
    if (thread.name === "") {
      return { ...nothing, summary: whyNoThread(thread) };
    }
    const stack = await readThreadStack(thread.name);
    // It may have gone on to its next task while we looked.
    if (this.executions?.threadOf(attemptId)?.name !== thread.name) return null;
    const { lastOutputAtMs } = thread;
    return { ...nothing, ...viewOf(stack), lastOutputAtMs };
  }

  async #ofProcess(attemptId: string, process: FunctionProcessView): Promise<StackView> {
    const { directory } = process;
    if (directory === "") {
      return { ...nothing, summary: "it waits in line behind another task of its lane" };
    }
    if (process.isStarting) {
      return { ...nothing, summary: "its process is being started, or waits for its turn at that" };
    }
    const waitsFor = await process.look();
    const processes = lookAtProcesses(processDirectoryVariable, directory);
    const summary = `${stateOf(process, waitsFor)}; ${summaryOf(processes)}`;
    const output = await this.#outputOf(attemptId);
    return { ...nothing, summary, waitsFor: waitsFor ?? [], processes, ...output };
  }

  async #ofCommand(attemptId: string, workDirectory: string): Promise<StackView> {
    const processes = lookAtProcesses("CAPSTAN_WORKDIR", workDirectory);
    const summary = summaryOf(processes);
    return { ...nothing, summary, processes, ...(await this.#outputOf(attemptId)) };
  }

  async #outputOf(attemptId: string): Promise<Pick<StackView, "output" | "lastOutputAtMs">> {
    const page = await this.#logs.readLog(attemptId, {
      ...{ cursor: "", maxLines: stackOutputLines, tail: stackOutputLines },
      ...{ sinceMs: 0, substring: "", streams: ["stdout", "stderr"] },
    });
    const output = page?.lines ?? [];
    return { output, lastOutputAtMs: output.at(-1)?.atMs ?? null };
  }
}

function whyNoThread({ isBeside, isStarting }: LaneThreadView): string {
  if (isBeside) return "it waits for tasks of its own, and its thread runs others meanwhile";
  if (isStarting) return "its thread is being started, or waits for its turn at that";
  return "it waits in line behind another task of its thread";
}

/** What the event loop of a function's process says, if it says anything. */
function stateOf({ isBeside }: FunctionProcessView, waitsFor: readonly string[] | null): string {
  if (isBeside) return "it waits for tasks of its own";
  if (waitsFor === null) return "its JavaScript does not answer: a loop or a call lasts";
  const what = waitsFor.length === 0 ? "nothing that could wake it" : waitsFor.join(", ");
  return `it waits for ${what}`;
}

function summaryOf(processes: StackView["processes"]): string {
  if (processes.length === 0) return "none of its processes can be seen";
  const cpu = formatDuration(processes.reduce((sum, { cpuMs }) => sum + cpuMs, 0));
  const running = processes.filter(({ state }) => state === "running").length;
  const count = processes.length === 1 ? "its process" : `${processes.length} processes`;
  const doing = running > 0 ? `${running} running` : "all of it waiting";
  return `${count}, ${doing}; ${cpu} of CPU so far`;
}

function viewOf(stack: ThreadStack): Pick<StackView, "summary" | "frames" | "waitsFor"> {
  switch (stack.type) {
    case "in-javascript":
      return { summary: "its thread is in JavaScript", frames: stack.frames, waitsFor: [] };
    case "waiting": {
      const { waitsFor } = stack;
      const what = waitsFor.length === 0 ? "nothing that could wake it" : waitsFor.join(", ");
      return { summary: `no JavaScript runs: it waits for ${what}`, frames: [], waitsFor };
    }
    case "in-native-code":
      return { summary: "a call that is no JavaScript lasts", frames: [], waitsFor: [] };
    default:
      return { summary: "its thread is gone", frames: [], waitsFor: [] };
  }
}
