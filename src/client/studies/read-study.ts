/**
 * A study as its record tells it, for whoever only looks: no cluster, no lock, also while another
 * process writes it.
 *
 * @module
 */

import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { listedFailuresMax } from "./limits.ts";
import { replicateSeed } from "./study-ids.ts";
import {
  checkPath,
  checkStudyName,
  defaultStudiesDirectory,
  singleTarget,
} from "./study-options.ts";
import { type RecordedSet, type RunHead, StudyRecord } from "./study-record.ts";
import type { ReplicateFailure, SetResult } from "./study-results.ts";

/** A study with everything that its last run asked for. */
export interface StudyReport {
  readonly name: string;
  readonly directory: string;
  /** The module that `capstan study resume` imports; "" for none. */
  readonly file: string;
  readonly model: string;
  readonly seed: number;
  /** Of each set. */
  readonly replicates: number;
  readonly quorum: number;
  readonly targets: readonly string[];
  /** RFC 3339. */
  readonly startedAt: string;
  /** When the last run had nothing more to do; "" if it was interrupted or goes on. */
  readonly endedAt: string;
  readonly runs: number;
  readonly sets: readonly SetResult[];
}

/** A replicate's value, for exports. */
export interface ReplicateValue {
  readonly set: SetResult;
  readonly replicate: number;
  readonly seed: number;
  readonly value: unknown;
}

/** Names of the studies in `directory` (default `.capstan/studies`), sorted. */
export function listStudies(directory = defaultStudiesDirectory): readonly string[] {
  if (!existsSync(checkPath("directory", directory))) return [];
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(directory, entry.name, "record.log")))
    .map(({ name }) => name)
    .sort();
}

/**
 * Reads a study. Throws NOT_FOUND for none of that name, DISK_FAILED for a damaged record,
 * INVALID_ARGUMENT for what cannot be a name.
 */
export function readStudy(name: string, directory = defaultStudiesDirectory): StudyReport {
  const record = openRecord(name, directory);
  try {
    return reportOf(record, lastRunOf(record, name));
  } finally {
    record.close();
  }
}

/** Every value of every replicate of the last run, read one by one. Throws as `readStudy`. */
export function* readReplicates(
  name: string,
  directory = defaultStudiesDirectory,
): Generator<ReplicateValue> {
  const record = openRecord(name, directory);
  try {
    const run = lastRunOf(record, name);
    for (const set of reportOf(record, run).sets) {
      const number = record.used[set.index];
      const places = record.placesOf(run.series, number).slice(0, run.replicates);
      for (const [replicate, place] of places.entries()) {
        if (place === undefined) continue;
        const seed = replicateSeed(run.seed, set.id, replicate);
        yield { set, replicate, seed, value: record.read(place) };
      }
    }
  } finally {
    record.close();
  }
}

function openRecord(name: string, directory: string): StudyRecord {
  const base = checkPath("directory", directory);
  return new StudyRecord(resolve(base, checkStudyName(name)), "read");
}

function lastRunOf(record: StudyRecord, name: string): RunHead {
  const run = record.runs.at(-1);
  if (run !== undefined) return run;
  return {
    ...{ type: "run", at: "", name, file: "", series: 0, model: "", seed: 0 },
    ...{ replicates: 0, quorum: 0, targets: [], aggregateKeys: [] },
  };
}

function reportOf(record: StudyRecord, run: RunHead): StudyReport {
  const { name, file, model, seed, replicates, quorum, targets, at } = run;
  return {
    ...{ name, directory: record.directory, file, model, seed, replicates, quorum, targets },
    ...{ startedAt: at, endedAt: record.endedAt, runs: record.runs.length },
    sets: record.used.map((number, index) => setOf(record, run, record.sets[number], index)),
  };
}

function setOf(record: StudyRecord, run: RunHead, set: RecordedSet, index: number): SetResult {
  const { number, id, parameters } = set;
  const places = record.placesOf(run.series, number).slice(0, run.replicates);
  const succeeded = places.reduce((sum, place) => sum + (place === undefined ? 0 : 1), 0);
  const failures = failuresOf(record, run, set);
  const keys = run.aggregateKeys;
  const aggregates = keys.map((key) => record.aggregateOf(number, key));
  const error = keys
    .map((key) => record.aggregateFailureOf(number, key)?.message ?? "")
    .find((message) => message !== "");
  const isDone = keys.length > 0 && aggregates.every((one) => one?.count === succeeded);
  const base = { id, index, parameters, succeeded, failed: failures.length, reused: succeeded };
  const listed = { failures: failures.slice(0, listedFailuresMax) };
  if (isDone) {
    const values = aggregates.map((one) => one?.value);
    const state = failures.length > 0 ? ("PARTIAL" as const) : ("SUCCEEDED" as const);
    return { ...base, ...listed, state, value: valueOfTargets(run, values), error: "" };
  }
  if (error !== undefined) return { ...base, ...listed, state: "FAILED", value: null, error };
  const isBegun = succeeded + failures.length > 0;
  const state = isBegun ? ("RUNNING" as const) : ("WAITING" as const);
  return { ...base, ...listed, state, value: null, error: "" };
}

function valueOfTargets({ targets }: RunHead, values: readonly unknown[]): unknown {
  if (targets.length === 1 && targets[0] === singleTarget) return values[0];
  return Object.fromEntries(targets.map((target, i) => [target, values[i]]));
}

function failuresOf(
  record: StudyRecord,
  run: RunHead,
  { number, id }: RecordedSet,
): readonly ReplicateFailure[] {
  return [...record.failuresOf(run.series, number)]
    .filter(([replicate]) => replicate < run.replicates)
    .sort(([left], [right]) => left - right)
    .map(([replicate, failure]) => {
      return { replicate, seed: replicateSeed(run.seed, id, replicate), ...failure };
    });
}
