/**
 * What commands do in a simulated cluster: what the test says. No process is started.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { type AttemptId, formatAttemptId } from "../model/ids.ts";
import { invalidArgument, parseFields, parseInteger } from "../model/parse-fields.ts";
import type { CommandRun } from "../model/spec.ts";
import type { AttemptContext } from "../protocol/messages.ts";
import { type CommandOutcome, judgeExit } from "../shell/executor/command-outcome.ts";
import type { ExitRecord } from "../shell/launcher/exit-record.ts";
import { encodeValue } from "../shell/values/value-codec.ts";
import type { Ending, RunningExecution } from "../simulator/behaviour.ts";
import type { BehaviourSurroundings } from "./function-behaviour.ts";
import { drawUs, parseTakes, type Takes, type TakesUs } from "./takes.ts";
import type { VirtualLogs } from "./virtual-logs.ts";

/** A command that begins to run, as its handler sees it. */
export interface SimulatedCommand {
  readonly argv: readonly string[];
  /** What the job or command was given; not what every attempt has besides. */
  readonly env: { readonly [name: string]: string };
  readonly cwd: string;
  readonly stdin: string;
  readonly worker: string;
  /** For example `/ada/train/0`; "" for a command that was submitted into a graph. */
  readonly taskId: string;
  /** `"3.17"`: another one for each try. */
  readonly attempt: string;
  /** Its place among the tasks of its job, from 0. */
  readonly index: number;
  /** How many tasks its job has. */
  readonly replicas: number;
}

/** How a simulated command ends. All of it is optional: it succeeds and says nothing. */
export interface CommandEnd {
  /** Virtual run time. Default: as the cluster's `takes`. */
  readonly takes?: Takes | undefined;
  /** Default 0; anything else fails the attempt. */
  readonly exitCode?: number | undefined;
  /** The signal that ended it, `"SIGKILL"`: somebody else did that. Default none. */
  readonly signal?: string | undefined;
  /** Its log, and its value with `result: "json"` or `"text"`. Default "". */
  readonly stdout?: string | undefined;
  readonly stderr?: string | undefined;
  /** Files of its work directory by path, for `result: { file }`. Default none. */
  readonly files?: { readonly [path: string]: string | Uint8Array } | undefined;
}

/** What a test does in the place of a program. What it throws fails the attempt (exit code 1). */
export type CommandHandler = (
  command: SimulatedCommand,
) => CommandEnd | undefined | Promise<CommandEnd | undefined>;

const endNames = ["takes", "exitCode", "signal", "stdout", "stderr", "files"] as const;

export class CommandBehaviour {
  readonly #around: BehaviourSurroundings;
  readonly #takesDefault: TakesUs;
  readonly #logs: VirtualLogs;
  handler: CommandHandler = () => undefined;

  constructor(around: BehaviourSurroundings, takesDefault: TakesUs, logs: VirtualLogs) {
    this.#around = around;
    this.#takesDefault = takesDefault;
    this.#logs = logs;
  }

  begin(execution: RunningExecution, run: CommandRun, end: (ending: Ending) => void): void {
    const { time, drive, trace } = this.#around;
    const { workerId, attempt } = execution;
    const name = `${run.argv[0]} ${formatAttemptId(attempt)}`;
    trace.add(workerId, `started ${name}`);
    drive.news();
    const beganAt = time.now;
    const drawnUs = drawUs(this.#takesDefault, this.#around.draws);
    const finish = async (): Promise<void> => {
      const answer = await this.#ask(commandOf(execution, run));
      const takesUs =
        answer.takes === undefined
          ? drawnUs
          : drawUs(parseTakes("takes", answer.takes), this.#around.draws);
      const ending = await endingOf(answer, run);
      time.after(beganAt + takesUs - time.now, () => {
        this.#write(attempt, answer);
        trace.add(workerId, `${ending.type} ${name}`);
        end(ending);
      });
    };
    // What the handler returned is wrong: the test is, and not the command.
    const settled = finish().catch((error: unknown) => drive.fail(error));
    drive.runs(name, settled);
  }

  async #ask(command: SimulatedCommand): Promise<CommandEnd> {
    let end: unknown;
    try {
      end = await this.handler(command);
    } catch (thrown) {
      const stderr = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
      return { exitCode: 1, stderr };
    }
    return checkEnd(end);
  }

  #write(attempt: AttemptId, { stdout = "", stderr = "" }: CommandEnd): void {
    const id = formatAttemptId(attempt);
    const atMs = this.#around.time.now / 1000;
    this.#logs.write(id, "stdout", stdout, atMs);
    this.#logs.write(id, "stderr", stderr, atMs);
  }
}

function commandOf({ workerId, attempt, context }: RunningExecution, run: CommandRun) {
  const { argv, env, cwd, stdin } = run;
  const about = context === "" ? null : (JSON.parse(context) as AttemptContext);
  const { taskId = "", index = 0, replicas = 1 } = about ?? {};
  const place = { worker: workerId, taskId, attempt: formatAttemptId(attempt), index, replicas };
  return { argv, env, cwd, stdin, ...place };
}

function checkEnd(value: unknown): CommandEnd {
  if (value === undefined) return {};
  const end = parseFields("onCommand: its result", value, endNames) as CommandEnd;
  if (end.exitCode !== undefined) parseInteger("exitCode", end.exitCode, 0, 255);
  for (const name of ["signal", "stdout", "stderr"] as const) {
    const text = end[name];
    if (text !== undefined && typeof text !== "string") throw invalidArgument(name, text, "text");
  }
  if (end.takes !== undefined) parseTakes("takes", end.takes);
  return end;
}

/** Judged as the end of a real process. */
async function endingOf(end: CommandEnd, run: CommandRun): Promise<Ending> {
  const { exitCode = 0, signal = null, stdout = "", stderr = "", files = {} } = end;
  const isFile = run.result.type === "file" && exitCode === 0 && signal === null;
  if (run.result.type === "file" && isFile && Object.hasOwn(files, run.result.path)) {
    return finished(encodeValue(Uint8Array.from(Buffer.from(files[run.result.path])), valueRoot));
  }
  const status = { exitCode: signal === null ? exitCode : null, signal, oom: false };
  const record: ExitRecord = {
    attemptId: "",
    tag: null,
    pid: 0,
    kind: "exited",
    stop: "none",
    message: "",
    ...{ ...status, startedAtMs: 0, endedAtMs: 0, peakRssBytes: 0, cpuMs: 0 },
    ...{ stdoutBytes: 0, stderrBytes: 0, droppedLogBytes: 0, stderrTail: stderr.slice(-8192) },
    ...{ stdoutResult: stdout, resultTruncated: false },
  };
  return endingOfOutcome(await judgeExit(record, run, noDirectory));
}

const valueRoot = { root: "result" };

/** No simulated command has one. */
const noDirectory = "/nonexistent";

function endingOfOutcome(outcome: CommandOutcome): Ending {
  if (outcome.type === "finished") return finished(outcome.value);
  // An end that is no failure of the command: somebody took it away.
  if (outcome.type !== "failed" || outcome.cause === "killed") return { type: "killed" };
  return { type: "failed", failure: outcome.failure };
}

function finished(value: Uint8Array): Ending {
  const bytes = value.slice();
  return { type: "finished", value: { sizeBytes: bytes.length, bytes } };
}
