/**
 * What a launcher keeps on the disk so that the next one can take over: in its state directory a
 * log of the attempts that are not acknowledged, and in the attempt's log directory how it ended.
 * Not forced to the disk, because no attempt outlives the machine. How an attempt ended is written
 * by rename, because others read it.
 *
 * @module
 */

import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  parseArray,
  parseBoolean,
  parseInteger,
  parseOneOf,
  parsePlainObject,
} from "../../model/parse-fields.ts";
import type { AttemptGroup } from "./attempt-groups.ts";
import { AttemptLog } from "./attempt-log.ts";
import type { Controller } from "./control-groups.ts";
import { type ExitRecord, parseExitRecord, parseString } from "./exit-record.ts";
import { type KeptOrder, parseKeptOrder } from "./launch-order.ts";
import { logLine } from "./launcher-log.ts";
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

/** The attempts of one state directory. */
export class AttemptFiles {
  readonly #log: AttemptLog;

  /** Creates `<stateDirectory>/attempts`. */
  constructor(stateDirectory: string) {
    const directory = join(stateDirectory, "attempts");
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#log = new AttemptLog(join(directory, "log"));
  }

  /**
   * The first word about an attempt, before it is started, or a later one. Throws what the disk
   * throws.
   */
  write(file: AttemptFile): void {
    this.#log.set(file.order.attemptId, file);
  }

  remove(attemptId: string): void {
    try {
      this.#log.remove(attemptId);
    } catch (error) {
      logLine(`that attempt ${attemptId} is over could not be noted: ${String(error)}`);
    }
  }

  /** Called once, first: all that can be read; `onUnreadable` hears of the rest. */
  readAll(onUnreadable: (what: string, error: unknown) => void): readonly AttemptFile[] {
    const values = this.#log.restore((line) => onUnreadable(line.slice(0, 200), "no line of ours"));
    return values.flatMap((value) => {
      try {
        return [parseAttemptFile(value)];
      } catch (error) {
        onUnreadable(JSON.stringify(value).slice(0, 200), error);
        return [];
      }
    });
  }

  close(): void {
    this.#log.close();
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
