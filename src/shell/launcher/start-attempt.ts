/**
 * Starts the program of one order: in its control groups, in a session of its own, with pipes, and
 * with a file on the disk before it runs, so that no launcher's death can make it a stranger.
 *
 * A starter does it where it can. The launcher itself starts what needs control groups of its own
 * and what a shell could not give its program exactly as it was ordered.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, constants, openSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { InvariantError } from "../../base/assert.ts";
import type { AttemptFile, AttemptFiles } from "./attempt-files.ts";
import {
  type AttemptGroup,
  AttemptGroups,
  fitsStarter,
  makeGroups,
  removeGroups,
  startInside,
} from "./attempt-groups.ts";
import { AttemptOutput } from "./attempt-output.ts";
import type { Hierarchy } from "./control-groups.ts";
import { keptOrder, type LaunchOrder } from "./launch-order.ts";
import { logLine } from "./launcher-log.ts";
import type { Pipe, PipeMaker } from "./pipes.ts";
import { newIdentity, sightProcess } from "./process-table.ts";
import { resolveProgram } from "./resolve-program.ts";
import { isShortage } from "./shortage.ts";
import type { MainExit, ProgramRun, Starter } from "./starter.ts";
import type { StarterPool } from "./starter-pool.ts";
import { canBeScripted, startOf } from "./starter-script.ts";
import { markVariable } from "./tree-scanner.ts";
import { type WrappedProgram, wrapProgram } from "./wrap-program.ts";

/** A program that runs, or is about to. */
export interface StartedProgram extends ProgramRun {
  readonly type: "started";
  readonly file: AttemptFile;
  readonly groups: AttemptGroups;
  readonly output: AttemptOutput;
  /** Who is free again when the attempt has ended. */
  readonly starter: Starter | null;
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
  readonly starters: StarterPool;
  readonly files: AttemptFiles;
  readonly bootId: string;
  readonly nonces: Nonces;
}

/** Marks of attempts: as random as one identity of the machine, and another with every call. */
export class Nonces {
  readonly #stem = newIdentity().slice(0, -nonceDigits);
  #count = 0;

  next(): string {
    return `${this.#stem}${(this.#count++).toString(16).padStart(nonceDigits, "0")}`;
  }
}

const nonceDigits = 12;

/** The start of an attempt's file: known before anything runs. */
export function newAttemptFile(place: StartPlace, order: LaunchOrder): AttemptFile {
  return {
    order: keptOrder(order),
    nonce: place.nonces.next(),
    groups: [],
    pid: 0,
    startTicks: 0,
    leaderPid: 0,
    leaderStartTicks: 0,
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
  try {
    const starter = takeStarter(place, order);
    if (starter !== null) return startBy(starter, place, order, file);
  } catch (error) {
    if (error instanceof InvariantError) throw error;
    return failedBy(order, error as Error);
  }
  return startHere(place, order, file, resolved.file);
}

/** Null if the launcher has to start it. */
function takeStarter({ starters }: StartPlace, order: LaunchOrder): Starter | null {
  return fitsStarter(order) && canBeScripted(order) ? starters.take() : null;
}

function startBy(
  starter: Starter,
  place: StartPlace,
  order: LaunchOrder,
  file: AttemptFile,
): StartedProgram | FailedStart {
  const { groups, identity, paths, readEnds } = starter.parts;
  const leader = { leaderPid: identity.pid, leaderStartTicks: identity.startTicks };
  const planned = { ...file, ...leader, groups: groups.groups };
  try {
    place.files.write(planned);
    const stdinFile = order.stdin === "" ? "/dev/null" : writeStdin(place, order);
    groups.beginAttempt(order.cpuMilli);
    const sources = {
      stdout: { readEnd: readEnds.stdout, path: paths.stdout },
      stderr: { readEnd: readEnds.stderr, path: paths.stderr },
    };
    const output = new AttemptOutput(sources, order);
    const run = starter.run(startOf(order, { nonce: file.nonce, file: stdinFile, paths }));
    run.begun.then((pid) => {
      if (starter.isRunning) noteMain(place, planned, pid);
    });
    if (order.stdin !== "") run.exit.then(() => rmSync(stdinFile, { force: true }));
    return { type: "started", file: planned, groups, output, starter, ...run };
  } catch (error) {
    place.starters.giveBack(starter, true);
    return failedBy(order, error as Error);
  }
}

/** By its groups and its mark the attempt can be found also without. */
function noteMain({ files }: StartPlace, file: AttemptFile, pid: number): void {
  try {
    files.write({ ...file, pid, startTicks: sightProcess(pid)?.startTicks ?? 0 });
  } catch (error) {
    logLine(`a pid could not be noted: ${String(error)}`);
  }
}

/** The program's first descriptor is a file: it may read it when it likes, and nobody waits. */
function writeStdin({ stateDirectory }: StartPlace, { attemptId, stdin }: LaunchOrder): string {
  const path = join(stateDirectory, `stdin-${attemptId}`);
  writeFileSync(path, stdin, { mode: 0o600 });
  return path;
}

function startHere(
  place: StartPlace,
  order: LaunchOrder,
  file: AttemptFile,
  found: string,
): StartedProgram | FailedStart | Promise<FailedStart> {
  const groups = makeGroups(place.hierarchies, `attempt-${order.attemptId}`, order);
  const owned = new AttemptGroups(groups);
  const program = wrapProgram(found, order, owned.apart);
  const opened: number[] = [];
  try {
    const planned = { ...file, groups };
    place.files.write(planned);
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

/** Without a name as soon as it is open. */
function openStdin(place: StartPlace, order: LaunchOrder): number {
  if (order.stdin === "") return openSync("/dev/null", constants.O_RDONLY);
  const path = writeStdin(place, order);
  try {
    return openSync(path, constants.O_RDONLY);
  } finally {
    unlinkSync(path);
  }
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
    child.once("exit", (exitCode, signal) => resolve({ exitCode, signal, neverRan: false }));
  });
  child.on("error", () => undefined); // It runs: what is left are signals that did not arrive.
  const pid = child.pid as number;
  const startTicks = sightProcess(pid)?.startTicks ?? 0;
  const leader = { leaderPid: pid, leaderStartTicks: startTicks };
  const file = { ...planned, pid, startTicks, ...leader, startedAtMs: Date.now() };
  const { stdout, stderr } = ends;
  const sources = {
    stdout: { readEnd: stdout.readEnd, path: null },
    stderr: { readEnd: stderr.readEnd, path: null },
  };
  const output = new AttemptOutput(sources, order);
  const groups = new AttemptGroups(planned.groups);
  try {
    place.files.write(file);
  } catch {
    // The plan is on the disk: by its groups and its mark the attempt can be found again.
  }
  const begun = Promise.resolve(pid);
  return { type: "started", file, groups, output, starter: null, begun, exit };
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
