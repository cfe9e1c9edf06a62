/**
 * What an earlier agent left: commands that still run, ended while nobody listened, or never began.
 *
 * A directory with a `work` in it is an attempt that was not brought to its end. The launcher says
 * which of those run; of one that ended, the exit record lies with its logs.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { CapstanError } from "../../model/errors.ts";
import { type ExitRecord, parseExitRecord } from "../launcher/exit-record.ts";
import type { Launcher } from "../launcher/launcher-client.ts";
import type { AttemptDirectories } from "./command-directories.ts";
import { type CommandTag, parseTag } from "./command-tag.ts";

/** A command of an earlier agent that this one takes over. */
export interface RecoveredCommand {
  readonly attemptId: string;
  readonly tag: CommandTag;
  /** Unix milliseconds. */
  readonly startedAtMs: number;
  /** How it ended, or null while it runs. */
  readonly record: ExitRecord | null;
}

export interface Leftovers {
  /** All of one cluster, and of this worker. */
  readonly recovered: readonly RecoveredCommand[];
  /** The cluster of those; "" when there are none. */
  readonly clusterId: string;
  /** Of another cluster or worker, or nobody can say of whom: what runs is to be stopped. */
  readonly strangers: readonly { readonly attemptId: string; readonly isRunning: boolean }[];
  /** Nothing of them runs or ended: their directories may go. */
  readonly stillborn: readonly string[];
}

export interface LeftoverOptions {
  readonly workerId: string;
  readonly directories: AttemptDirectories;
  readonly survivors: Launcher["survivors"];
}

export async function findLeftovers(options: LeftoverOptions): Promise<Leftovers> {
  const { directories, survivors, workerId } = options;
  const found: Found[] = survivors.map(foundOf);
  const running = new Set(survivors.map(({ attemptId }) => attemptId));
  const stillborn: string[] = [];
  for (const attemptId of await directories.takeStock()) {
    if (running.has(attemptId)) continue;
    const record = await readExitRecord(directories.pathsOf(attemptId).logs);
    if (record === null) stillborn.push(attemptId);
    else found.push({ ...foundOf(record), attemptId, record });
  }
  const clusterId = newestCluster(found);
  const isOurs = ({ tag }: Found) => tag?.clusterId === clusterId && tag.workerId === workerId;
  return {
    recovered: found.filter(isOurs).filter(hasTag),
    clusterId,
    strangers: found
      .filter((each) => !isOurs(each))
      .map(({ attemptId, record }) => ({ attemptId, isRunning: record === null })),
    stillborn,
  };
}

type Found = Omit<RecoveredCommand, "tag"> & { readonly tag: CommandTag | null };

function hasTag(found: Found): found is RecoveredCommand {
  return found.tag !== null;
}

function foundOf({
  attemptId,
  startedAtMs,
  tag,
}: Pick<ExitRecord, "attemptId" | "startedAtMs" | "tag">): Found {
  return { attemptId, startedAtMs, tag: parseTag(tag), record: null };
}

/** The worker served one cluster after the other: what belongs to an earlier one is over. */
function newestCluster(found: readonly Found[]): string {
  let newest: Found | null = null;
  for (const each of found) {
    if (each.tag === null) continue;
    if (newest === null || each.startedAtMs > newest.startedAtMs) newest = each;
  }
  return newest?.tag?.clusterId ?? "";
}

async function readExitRecord(logs: string): Promise<ExitRecord | null> {
  let text: string;
  try {
    text = await readFile(join(logs, "exit.json"), "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
  try {
    return parseExitRecord(JSON.parse(text));
  } catch (error) {
    if (error instanceof CapstanError || error instanceof SyntaxError) return null;
    throw error;
  }
}
