/**
 * What a launcher keeps on the disk so that the next one can take over: in its state directory one
 * file per attempt that is not acknowledged, and in the attempt's log directory how it ended.
 * Not forced to the disk, because no attempt outlives the machine. How an attempt ended is written
 * by rename, because others read it; our own file is overwritten in place, because making one
 * costs up to 1 ms.
 *
 * @module
 */

import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import {
  parseArray,
  parseBoolean,
  parseInteger,
  parseOneOf,
  parsePlainObject,
} from "../../model/parse-fields.ts";
import type { AttemptGroup } from "./attempt-groups.ts";
import type { Controller } from "./control-groups.ts";
import { type ExitRecord, parseExitRecord, parseString } from "./exit-record.ts";
import { type KeptOrder, parseKeptOrder } from "./launch-order.ts";
import { exitFileName } from "./log-format.ts";

/** An attempt that was started or is about to be. */
export interface AttemptFile {
  readonly order: KeptOrder;
  /** The value of the mark in the environment of its processes. */
  readonly nonce: string;
  readonly groups: readonly AttemptGroup[];
  /** Of the main process. 0: the launcher was about to start it, or it was soon over. */
  readonly pid: number;
  readonly startTicks: number;
  /** Of the session and group that it is in: a starter, or the main process itself. */
  readonly leaderPid: number;
  readonly leaderStartTicks: number;
  /** Unix milliseconds. */
  readonly startedAtMs: number;
  /** Pids and ticks are of this boot of the machine. */
  readonly bootId: string;
}

const controllers: readonly Controller[] = ["memory", "cpu", "cpuacct", "pids"];
const groupsMax = 16;
const changingCharactersMax = 80;

/** The files of one state directory. */
export class AttemptFiles {
  readonly #directory: string;

  /** Creates `<stateDirectory>/attempts`. */
  constructor(stateDirectory: string) {
    this.#directory = join(stateDirectory, "attempts");
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
  }

  /** The first word about an attempt, before it is started. Throws what the disk throws. */
  create(file: AttemptFile): void {
    writeFileSync(this.#pathOf(file.order.attemptId), encodeFile(file), { mode: 0o600 });
  }

  /** Overwrites it with one call, which a kill cannot cut in two. Throws what the disk throws. */
  update(file: AttemptFile): void {
    const end = openSync(this.#pathOf(file.order.attemptId), "r+");
    try {
      writeSync(end, encodeFile(file), 0);
    } finally {
      closeSync(end);
    }
  }

  remove(attemptId: string): void {
    rmSync(this.#pathOf(attemptId), { force: true });
  }

  /** All that can be read; `onUnreadable` hears of the others, which stay for people to look at. */
  readAll(onUnreadable: (name: string, error: unknown) => void): readonly AttemptFile[] {
    return readdirSync(this.#directory).flatMap((name) => {
      try {
        return [parseAttemptFile(readJson(join(this.#directory, name)))];
      } catch (error) {
        onUnreadable(name, error);
        return [];
      }
    });
  }

  #pathOf(attemptId: string): string {
    return join(this.#directory, `${attemptId}.json`);
  }
}

/** False if the disk does not take it. */
export function writeExitRecord(logDirectory: string, record: ExitRecord): boolean {
  try {
    writeByRename(join(logDirectory, exitFileName), record);
    return true;
  } catch {
    return false;
  }
}

/** Null if there is none of this attempt that can be read. */
export function readExitRecord(logDirectory: string, attemptId: string): ExitRecord | null {
  try {
    const record = parseExitRecord(readJson(join(logDirectory, exitFileName)));
    return record.attemptId === attemptId ? record : null;
  } catch {
    return null;
  }
}

/** Spaces cover the rest of what was there before: only numbers of bounded length change. */
function encodeFile(file: AttemptFile): string {
  return `${JSON.stringify(file)}${" ".repeat(changingCharactersMax)}`;
}

function writeByRename(path: string, value: object): void {
  const next = `${path}.next`;
  writeFileSync(next, JSON.stringify(value), { mode: 0o600 });
  renameSync(next, path);
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}

function parseAttemptFile(value: unknown): AttemptFile {
  const fields = parsePlainObject("attempt", value);
  const integer = (name: string) => parseInteger(name, fields[name], 0, Number.MAX_SAFE_INTEGER);
  return {
    order: parseKeptOrder(fields.order),
    nonce: parseString("nonce", fields.nonce),
    groups: parseArray("groups", fields.groups, groupsMax).map(parseGroup),
    pid: integer("pid"),
    startTicks: integer("startTicks"),
    leaderPid: integer(fields.leaderPid === undefined ? "pid" : "leaderPid"),
    leaderStartTicks: integer(fields.leaderPid === undefined ? "startTicks" : "leaderStartTicks"),
    startedAtMs: integer("startedAtMs"),
    bootId: parseString("bootId", fields.bootId),
  };
}

function parseGroup(value: unknown): AttemptGroup {
  const fields = parsePlainObject("group", value);
  const names = parseArray("controllers", fields.controllers, controllers.length);
  return {
    version: fields.version === 2 ? 2 : 1,
    directory: parseString("directory", fields.directory),
    controllers: names.map((name) => parseOneOf("controllers", name, controllers)),
    isTracker: parseBoolean("isTracker", fields.isTracker),
  };
}
