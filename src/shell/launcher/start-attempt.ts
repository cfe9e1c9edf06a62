/**
 * Starts the program of one order: in its control groups, in a session of its own, with pipes, and
 * with a file on the disk before it runs, so that no launcher's death can make it a stranger.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, constants, openSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { InvariantError } from "../../base/assert.ts";
import type { AttemptFile, AttemptFiles } from "./attempt-files.ts";
import {
  type AttemptGroup,
  AttemptGroups,
  makeGroups,
  removeGroups,
  startInside,
} from "./attempt-groups.ts";
import { AttemptOutput } from "./attempt-output.ts";
import type { Hierarchy } from "./control-groups.ts";
import { keptOrder, type LaunchOrder } from "./launch-order.ts";
import type { Pipe, PipeMaker } from "./pipes.ts";
import { newIdentity, sightProcess } from "./process-table.ts";
import { resolveProgram } from "./resolve-program.ts";
import { isShortage } from "./shortage.ts";
import { markVariable } from "./tree-scanner.ts";
import { type WrappedProgram, wrapProgram } from "./wrap-program.ts";

/** How the main process of an attempt ended, as its parent was told. */
export interface MainExit {
  readonly exitCode: number | null;
  readonly signal: string | null;
}

/** A program that runs. */
export interface StartedProgram {
  readonly type: "started";
  readonly file: AttemptFile;
  readonly groups: AttemptGroups;
  readonly output: AttemptOutput;
  readonly exit: Promise<MainExit>;
}

/** Nothing runs. `message` names the field of the order and what to do. */
export interface FailedStart {
  readonly type: "failed";
  readonly message: string;
  /** The machine had nothing left for it: no fault of the order. */
  readonly isShortage: boolean;
}

/** What every start of one launcher shares. */
export interface StartPlace {
  readonly stateDirectory: string;
  readonly hierarchies: readonly Hierarchy[];
  readonly pipes: PipeMaker;
  readonly files: AttemptFiles;
  readonly bootId: string;
}

/** The start of an attempt's file: known before anything runs. */
export function newAttemptFile(place: StartPlace, order: LaunchOrder): AttemptFile {
  return {
    order: keptOrder(order),
    nonce: newIdentity(),
    groups: [],
    pid: 0,
    startTicks: 0,
    startedAtMs: Date.now(),
    bootId: place.bootId,
  };
}

/** Starts it now, or says why not, at the latest when the operating system has. */
export function startAttempt(
  place: StartPlace,
  order: LaunchOrder,
  file: AttemptFile,
): StartedProgram | FailedStart | Promise<FailedStart> {
  const resolved = resolveProgram(order);
  if (resolved.type === "refused") {
    return { type: "failed", message: resolved.message, isShortage: false };
  }
  const groups = makeGroups(place.hierarchies, order.attemptId, order);
  const owned = new AttemptGroups(groups);
  const program = wrapProgram(resolved.file, order, owned.apart);
  const opened: number[] = [];
  try {
    const planned = { ...file, groups };
    place.files.create(planned);
    owned.setLimitsApart(order);
    const ends = openEnds(place, order, opened);
    const child = startInside(place.hierarchies, groups, () =>
      spawnProgram(program, order, file.nonce, ends),
    );
    if (child.pid === undefined) return failedLater(child, order, groups, ends);
    owned.setLimitsOfTracker(order);
    if (program.joinsLate) owned.joinLate(child.pid);
    return started(place, order, planned, child, ends);
  } catch (error) {
    if (error instanceof InvariantError) throw error;
    removeGroups(groups);
    for (const end of opened) closeSync(end);
    return failedBy(order, error as Error);
  }
}

interface Ends {
  readonly stdin: number;
  readonly stdout: Pipe;
  readonly stderr: Pipe;
}

function openEnds(place: StartPlace, order: LaunchOrder, opened: number[]): Ends {
  const note = (pipe: Pipe): Pipe => {
    opened.push(pipe.readEnd, pipe.writeEnd);
    return pipe;
  };
  const stdout = note(place.pipes.make());
  const stderr = note(place.pipes.make());
  const stdin = openStdin(place, order);
  opened.push(stdin);
  return { stdin, stdout, stderr };
}

/** A file without a name: the program may read it when it likes, and nobody waits for it. */
function openStdin({ stateDirectory }: StartPlace, { attemptId, stdin }: LaunchOrder): number {
  if (stdin === "") return openSync("/dev/null", constants.O_RDONLY);
  const path = join(stateDirectory, `stdin-${attemptId}`);
  const writeEnd = openSync(path, "w", 0o600);
  try {
    const readEnd = openSync(path, constants.O_RDONLY);
    writeWhole(writeEnd, Buffer.from(stdin));
    return readEnd;
  } finally {
    closeSync(writeEnd);
    unlinkSync(path);
  }
}

function writeWhole(end: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(end, bytes, done);
}

function spawnProgram(
  { file, argv }: WrappedProgram,
  order: LaunchOrder,
  nonce: string,
  ends: Ends,
): ChildProcess {
  const child = spawn(file, argv.slice(1), {
    argv0: argv[0],
    cwd: order.cwd,
    env: markedEnvironment(order, nonce),
    detached: true,
    stdio: [ends.stdin, ends.stdout.writeEnd, ends.stderr.writeEnd],
  });
  for (const end of [ends.stdin, ends.stdout.writeEnd, ends.stderr.writeEnd]) closeSync(end);
  return child;
}

/** What the order says, and the two names by which a process of the attempt is known. */
function markedEnvironment(order: LaunchOrder, nonce: string): { [name: string]: string } {
  return { ...order.env, CAPSTAN_ATTEMPT_ID: order.attemptId, [markVariable]: nonce };
}

function started(
  place: StartPlace,
  order: LaunchOrder,
  planned: AttemptFile,
  child: ChildProcess,
  ends: Ends,
): StartedProgram {
  const exit = new Promise<MainExit>((resolve) => {
    child.once("exit", (exitCode, signal) => resolve({ exitCode, signal }));
  });
  child.on("error", () => undefined); // It runs: what is left are signals that did not arrive.
  const pid = child.pid as number;
  const startTicks = sightProcess(pid)?.startTicks ?? 0;
  const file = { ...planned, pid, startTicks, startedAtMs: Date.now() };
  const output = new AttemptOutput(
    { stdout: ends.stdout.readEnd, stderr: ends.stderr.readEnd },
    order,
  );
  try {
    place.files.update(file);
  } catch {
    // The plan is on the disk: by its groups and its mark the attempt can be found again.
  }
  return { type: "started", file, groups: new AttemptGroups(planned.groups), output, exit };
}

/** Node tells of some failures by an event. */
function failedLater(
  child: ChildProcess,
  order: LaunchOrder,
  groups: readonly AttemptGroup[],
  ends: Ends,
): Promise<FailedStart> {
  for (const { readEnd } of [ends.stdout, ends.stderr]) closeSync(readEnd);
  removeGroups(groups);
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(failedBy(order, error)));
  });
}

function failedBy(order: LaunchOrder, error: Error): FailedStart {
  return { type: "failed", message: explain(order, error), isShortage: isShortage(error) };
}

const advice: { readonly [code: string]: string } = {
  ENOENT: "its interpreter does not exist on this worker; look at its first line",
  EACCES: "it may not be executed; look at its rights and those of its interpreter",
  E2BIG: "argv and env together are too large for this system; use stdin or a file",
  EAGAIN: "this worker cannot have more processes now",
  EMFILE: "the launcher has no descriptors left: too many attempts run on this worker",
  ENOSPC: "the disk of the worker's state directory is full",
};

function explain({ argv }: LaunchOrder, error: NodeJS.ErrnoException): string {
  const why = advice[error.code ?? ""] ?? "the operating system refused";
  return `argv[0]: ${JSON.stringify(argv[0])} could not be started: ${why} (${error.message})`;
}
