/**
 * What a person sees of a job that is followed: its lines as they come, each on the stream that it
 * was written to, remarks on stderr, and on a terminal one line with the state, always the last.
 *
 * @module
 */

import { formatDuration } from "../model/format-quantities.ts";
import type { Terminal } from "./context.ts";
import type { LogSink } from "./log-follower.ts";
import { paintFor, printJson } from "./print.ts";
import type { JobView, LogLine } from "./responses.ts";
import { clearLine, lineForTerminal } from "./terminal-text.ts";

export interface JobScreenOptions {
  readonly jobId: string;
  /** Whether every line says which task wrote it. Lines of child jobs always do. */
  readonly prefixed: boolean;
  /** Lines as JSON, one object each. */
  readonly json: boolean;
}

/** Cyan, yellow, green, magenta, blue: neighbours differ. */
const taskColours = [36, 33, 32, 35, 34] as const;

/** Of a terminal that does not say how wide it is, or that says 0. */
const columnsDefault = 80;

export class JobScreen implements LogSink {
  readonly #terminal: Terminal;
  readonly #options: JobScreenOptions;
  readonly #hasStatus: boolean;
  readonly #startedMs = Date.now();
  #status = "";

  constructor(terminal: Terminal, options: JobScreenOptions) {
    this.#terminal = terminal;
    this.#options = options;
    this.#hasStatus = terminal.stderr.isTTY === true && !options.json;
  }

  line(line: LogLine): void {
    this.#hideStatus();
    if (this.#options.json) printJson(this.#terminal, line);
    else this.#streamOf(line).write(`${this.#prefixOf(line)}${this.#textOf(line)}\n`);
    this.#drawStatus();
  }

  notice(message: string): void {
    this.#hideStatus();
    const text = this.#options.json ? JSON.stringify({ notice: message }) : `capstan: ${message}`;
    this.#terminal.stderr.write(`${text}\n`);
    this.#drawStatus();
  }

  /** Replaces the status line; nothing on what is no terminal. */
  showState(job: JobView): void {
    const elapsed = formatElapsed(Date.now() - this.#startedMs);
    const status = `${job.jobId}  ${job.state}  ${describeCounts(job)}  ${elapsed}`;
    if (status === this.#status) return;
    this.#hideStatus();
    this.#status = status;
    this.#drawStatus();
  }

  /** Takes the status line away. */
  close(): void {
    this.#hideStatus();
    this.#status = "";
  }

  #streamOf({ stream }: LogLine) {
    return stream === "stderr" ? this.#terminal.stderr : this.#terminal.stdout;
  }

  #textOf(line: LogLine): string {
    return this.#streamOf(line).isTTY === true ? lineForTerminal(line.text) : line.text;
  }

  #prefixOf(line: LogLine): string {
    const label = relativeTask(this.#options.jobId, line.taskId);
    if (!this.#options.prefixed && /^\d+$/.test(label)) return "";
    const colour = taskColours[indexOf(line.taskId) % taskColours.length];
    const isColoured = this.#streamOf(line).isTTY === true && !this.#terminal.env.NO_COLOR;
    return isColoured ? `\x1b[${colour}m[${label}]\x1b[0m ` : `[${label}] `;
  }

  #hideStatus(): void {
    if (this.#hasStatus && this.#status !== "") this.#terminal.stderr.write(clearLine);
  }

  #drawStatus(): void {
    if (!this.#hasStatus || this.#status === "") return;
    const width = (this.#terminal.stderr.columns || columnsDefault) - 1;
    this.#terminal.stderr.write(paintFor(this.#terminal).dim(this.#status.slice(0, width)));
  }
}

/** `"3"` for a task of the job itself, `"child/3"` for one of a child, else the whole id. */
function relativeTask(jobId: string, taskId: string): string {
  return taskId.startsWith(`${jobId}/`) ? taskId.slice(jobId.length + 1) : taskId;
}

function indexOf(taskId: string): number {
  const index = Number(taskId.slice(taskId.lastIndexOf("/") + 1));
  return Number.isSafeInteger(index) ? index : 0;
}

/** `"3 running, 5 pending"`, in the order of a task's life. */
export function describeCounts({ taskStateCounts }: Pick<JobView, "taskStateCounts">): string {
  const counts = Object.entries(taskStateCounts).filter(([, count = 0]) => count > 0);
  if (counts.length === 0) return "no tasks";
  return counts
    .map(([state, count]) => `${count} ${state.toLowerCase().replaceAll("_", "-")}`)
    .join(", ");
}

/** Whole seconds: `"0s"`, `"1m 5s"`. */
function formatElapsed(ms: number): string {
  return ms < 1_000 ? "0s" : formatDuration(Math.floor(ms / 1_000) * 1_000);
}
