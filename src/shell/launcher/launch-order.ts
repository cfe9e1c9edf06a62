/**
 * What a worker asks of its launcher: one program to run. Checked on both sides of the socket,
 * because either may be of another version than its peer.
 *
 * @module
 */

import { isAbsolute } from "node:path";
import {
  invalidArgument,
  parseArray,
  parseBoolean,
  parseInteger,
  parsePlainObject,
} from "../../model/parse-fields.ts";
import { stdinBytesMax, stdoutResultBytesMax, tagDepthMax } from "./limits.ts";

export interface LaunchOrder {
  /** Unique for ever and safe as a file name: `"3.17"`. */
  readonly attemptId: string;
  /** Run without a shell; `argv[0]` is looked up in `env.PATH`. */
  readonly argv: readonly string[];
  /** Complete: nothing is inherited. Two names are added: see `markedEnvironment`. */
  readonly env: { readonly [name: string]: string };
  /** Absolute; must exist. */
  readonly cwd: string;
  /** All that the program reads from stdin; `""` is /dev/null. */
  readonly stdin: string;
  /** Absolute; must exist and belong to this attempt alone: log segments and `exit.json`. */
  readonly logDirectory: string;
  /** Hard limit in bytes for all processes of the attempt together; 0: none. */
  readonly memoryBytes: number;
  /** Share of the CPU under contention, in thousandths of a core; no quota. 0: as any other. */
  readonly cpuMilli: number;
  /** Hard limit of processes and threads, where the machine can enforce one; 0: none. */
  readonly pidsMax: number;
  /** So much of the beginning of stdout is kept as the result; 0: nothing. */
  readonly stdoutResultBytesMax: number;
  /** Counted from the start, enforced also while no worker is connected; 0: none. */
  readonly timeoutMs: number;
  /** Between SIGTERM and SIGKILL when the launcher stops it by itself. */
  readonly graceMs: number;
  /** Stopped when no worker has renewed the leases for this long; 0: never. */
  readonly leaseMs: number;
  /** Killed as soon as no worker is connected, without a grace: it serves a worker that is gone. */
  readonly endsWithWorker: boolean;
  /** How its output is shared out among several logs; null: all of it is of `logDirectory`. */
  readonly sections: OutputSections | null;
  /** Given back untouched with the end and in the inventory. JSON, at most `tagDepthMax` deep. */
  readonly tag: unknown;
}

/**
 * The program says itself whose output follows: a NUL, the mark, a colon, an attempt's id, newline.
 * From there on that stream goes to the log of that attempt; without an id to `logDirectory` again.
 */
export interface OutputSections {
  /** Absolute; an attempt's log is in `<directory>/<attemptId>/logs`, made when there is any. */
  readonly directory: string;
  /** Known to the program alone, so that it does not come up in what others write. */
  readonly mark: string;
}

/** What of an order goes to the disk: neither the environment nor stdin, which may hold secrets. */
export type KeptOrder = Omit<LaunchOrder, "env" | "stdin">;

const safeName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const integerMax = Number.MAX_SAFE_INTEGER;

/** Throws INVALID_ARGUMENT naming the field. */
export function parseLaunchOrder(value: unknown): LaunchOrder {
  const fields = parsePlainObject("order", value);
  return {
    ...parseKeptOrder(fields),
    env: parseEnvironment(fields.env),
    stdin: parseStdin(fields.stdin),
  };
}

/** The part of an order that is read back from the disk. Throws INVALID_ARGUMENT. */
export function parseKeptOrder(value: unknown): KeptOrder {
  const fields = parsePlainObject("order", value);
  const integer = (name: string, most = integerMax) => parseInteger(name, fields[name], 0, most);
  return {
    attemptId: parseAttemptId(fields.attemptId),
    argv: parseArgv(fields.argv),
    cwd: parsePath("cwd", fields.cwd),
    logDirectory: parsePath("logDirectory", fields.logDirectory),
    memoryBytes: integer("memoryBytes"),
    cpuMilli: integer("cpuMilli"),
    pidsMax: integer("pidsMax"),
    stdoutResultBytesMax: integer("stdoutResultBytesMax", stdoutResultBytesMax),
    timeoutMs: integer("timeoutMs"),
    graceMs: integer("graceMs"),
    leaseMs: integer("leaseMs"),
    endsWithWorker: parseBoolean("endsWithWorker", fields.endsWithWorker ?? false),
    sections: parseSections(fields.sections ?? null),
    tag: parseTag(fields.tag),
  };
}

const markPattern = /^[0-9a-f]{32}$/;

function parseSections(value: unknown): OutputSections | null {
  if (value === null) return null;
  const { directory, mark } = parsePlainObject("sections", value);
  if (typeof mark === "string" && markPattern.test(mark)) {
    return { directory: parsePath("sections.directory", directory), mark };
  }
  throw invalidArgument("sections.mark", mark, "32 hexadecimal digits");
}

/** What is nested deeper could be read, but not be written again. */
function parseTag(value: unknown): unknown {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth >= tagDepthMax)
      throw invalidArgument("tag", value, `nested ${tagDepthMax} deep at most`);
    level = level.flatMap((each) => (isObject(each) ? Object.values(each) : []));
  }
  return value ?? null;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** An order without what must not reach the disk. */
export function keptOrder({ env: _env, stdin: _stdin, ...kept }: LaunchOrder): KeptOrder {
  return kept;
}

/** A name that is safe as a file name. */
export function parseAttemptId(value: unknown): string {
  if (typeof value === "string" && safeName.test(value)) return value;
  const expected = "a name of letters, digits, dots, dashes and underscores, at most 128";
  throw invalidArgument("attemptId", value, expected);
}

function parseArgv(value: unknown): readonly string[] {
  const argv = parseArray("argv", value, integerMax);
  if (argv.length === 0) throw invalidArgument("argv", value, "a program and its arguments");
  return argv.map((each, index) => parseCText(`argv[${index}]`, each));
}

function parsePath(field: string, value: unknown): string {
  const path = parseCText(field, value);
  if (!isAbsolute(path)) throw invalidArgument(field, value, "an absolute path");
  return path;
}

function parseStdin(value: unknown): string {
  const fits = typeof value === "string" && Buffer.byteLength(value) <= stdinBytesMax;
  if (fits) return value;
  throw invalidArgument("stdin", value, `text of at most ${stdinBytesMax} bytes; use a file`);
}

function parseEnvironment(value: unknown): { readonly [name: string]: string } {
  const parsed: { [name: string]: string } = {};
  for (const [name, text] of Object.entries(parsePlainObject("env", value))) {
    const named = name !== "" && !name.includes("=") && !name.includes("\0");
    if (!named) throw invalidArgument("env", name, "a name without = and NUL");
    parsed[name] = parseCText(`env.${name}`, text);
  }
  return parsed;
}

/** The operating system ends a string at its first NUL: what follows would be lost silently. */
function parseCText(field: string, value: unknown): string {
  if (typeof value === "string" && !value.includes("\0")) return value;
  throw invalidArgument(field, value, "text without NUL");
}
