/**
 * What a study has found out, on the disk: each finished replicate once, under the model that
 * computed it, the parameters and the seed; failures; aggregates; and which runs wanted what.
 *
 * It only grows. Whoever edits the model gets a new series beside the old one, and finds the old
 * one again when the edit is taken back.
 *
 * @module
 */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { CapstanError } from "../../model/errors.ts";
import {
  type DataDirectoryLock,
  lockDataDirectory,
} from "../../shell/journal/data-directory-lock.ts";
import { decodeValue, encodeValue } from "../../shell/values/value-codec.ts";
import { recordedValueBytesMax, unsyncedRecordsMax } from "./limits.ts";
import { RecordFile, type RecordPlace } from "./record-file.ts";

/** One opening of the study for work. */
export interface RunHead {
  readonly type: "run";
  /** RFC 3339. */
  readonly at: string;
  readonly name: string;
  /** The module that `capstan study run` was given, absolute; "" for a program of the SDK. */
  readonly file: string;
  readonly series: number;
  readonly model: string;
  readonly seed: number;
  readonly replicates: number;
  readonly quorum: number;
  /** Names of the aggregations; one that has no name is "value". */
  readonly targets: readonly string[];
  /** What each target's aggregates are kept under. */
  readonly aggregateKeys: readonly string[];
}

/** Why a replicate or an aggregation has no value. */
export interface RecordedFailure {
  readonly code: string;
  readonly message: string;
  readonly taskId: string;
  readonly worker: string;
  readonly attempts: number;
  readonly stderrTail: string;
}

/** What came of one aggregation of one set. */
export interface RecordedAggregate {
  readonly value: unknown;
  /** Replicates that went into it. */
  readonly count: number;
}

type Head =
  | RunHead
  | { readonly type: "series"; readonly series: number; readonly key: string }
  | { readonly type: "set"; readonly set: number; readonly id: string }
  | { readonly type: "use"; readonly set: number }
  | {
      readonly type: "value";
      readonly series: number;
      readonly set: number;
      readonly replicate: number;
    }
  | ({
      readonly type: "failure";
      readonly series: number;
      readonly set: number;
      readonly replicate: number;
    } & RecordedFailure)
  | {
      readonly type: "aggregate";
      readonly set: number;
      readonly key: string;
      readonly count: number;
    }
  | ({
      readonly type: "aggregate-failure";
      readonly set: number;
      readonly key: string;
    } & RecordedFailure)
  | { readonly type: "end"; readonly at: string };

/** A parameter set that the record knows. */
export interface RecordedSet {
  readonly number: number;
  readonly id: string;
  readonly parameters: unknown;
}

/** Value places and failures of one set in one series, by replicate. */
interface SeriesOfSet {
  readonly places: (RecordPlace | undefined)[];
  readonly failures: Map<number, RecordedFailure>;
}

const fileName = "record.log";

export class StudyRecord {
  readonly directory: string;
  readonly sets: RecordedSet[] = [];
  readonly runs: RunHead[] = [];
  /** Numbers of the sets of the last run, in order. */
  used: number[] = [];
  /** When the last run ended in an orderly way; "" if it did not, or is under way. */
  endedAt = "";
  readonly #file: RecordFile;
  #lock: DataDirectoryLock | null;
  readonly #seriesByKey = new Map<string, number>();
  readonly #setsById = new Map<string, number>();
  readonly #found = new Map<number, (SeriesOfSet | undefined)[]>();
  readonly #aggregates = new Map<string, RecordedAggregate>();
  readonly #aggregateFailures = new Map<string, RecordedFailure>();
  #unsynced = 0;

  /**
   * Opens the record in `directory`. For `"write"` it is created and held for this process alone.
   *
   * Throws DATA_DIRECTORY_IN_USE while another writer has it, NOT_FOUND (for `"read"`), or
   * DISK_FAILED.
   */
  constructor(directory: string, mode: "read" | "write") {
    this.directory = directory;
    this.#lock = mode === "write" ? lockStudy(directory) : null;
    try {
      this.#file = RecordFile.open(join(directory, fileName), mode, (payload, place) => {
        this.#apply(...split(payload, place));
      });
    } catch (error) {
      this.#lock?.release();
      throw error;
    }
  }

  /** The number of a series of replicates: of one model and study seed. */
  seriesOf(key: string): number {
    const known = this.#seriesByKey.get(key);
    if (known !== undefined) return known;
    this.#append({ type: "series", series: this.#seriesByKey.size, key });
    return this.#seriesByKey.size - 1;
  }

  /** Begins a run: what follows is of its sets. */
  begin(run: Omit<RunHead, "type">): void {
    this.#append({ type: "run", ...run });
  }

  /** The run wants this set. */
  use(id: string, parameters: unknown): RecordedSet {
    let number = this.#setsById.get(id);
    if (number === undefined) {
      number = this.sets.length;
      this.#append({ type: "set", set: number, id }, parameters);
    }
    this.#append({ type: "use", set: number });
    return this.sets[number];
  }

  /** Throws INVALID_ARGUMENT for a value above 48 MiB, UNSERIALISABLE, DISK_FAILED. */
  addValue(series: number, set: number, replicate: number, value: unknown): void {
    this.#append({ type: "value", series, set, replicate }, value);
  }

  addFailure(series: number, set: number, replicate: number, failure: RecordedFailure): void {
    this.#append({ type: "failure", series, set, replicate, ...failure });
  }

  addAggregate(set: number, key: string, { value, count }: RecordedAggregate): void {
    this.#append({ type: "aggregate", set, key, count }, value);
  }

  addAggregateFailure(set: number, key: string, failure: RecordedFailure): void {
    this.#append({ type: "aggregate-failure", set, key, ...failure });
  }

  /** Where the value of each replicate is, by number; with holes. */
  placesOf(series: number, set: number): readonly (RecordPlace | undefined)[] {
    return this.#found.get(series)?.[set]?.places ?? [];
  }

  failuresOf(series: number, set: number): ReadonlyMap<number, RecordedFailure> {
    return this.#found.get(series)?.[set]?.failures ?? new Map();
  }

  aggregateOf(set: number, key: string): RecordedAggregate | undefined {
    return this.#aggregates.get(`${set} ${key}`);
  }

  aggregateFailureOf(set: number, key: string): RecordedFailure | undefined {
    return this.#aggregateFailures.get(`${set} ${key}`);
  }

  /** A value, read from the disk. Throws DISK_FAILED. */
  read(place: RecordPlace): unknown {
    return split(this.#file.read(place), place)[1]();
  }

  sync(): void {
    this.#unsynced = 0;
    this.#file.sync();
  }

  /** The run is over. */
  end(at: string): void {
    this.#append({ type: "end", at });
    this.sync();
  }

  /** Lets go of the file and the lock; again is nothing. */
  close(): void {
    this.#file.close();
    this.#lock?.release();
    this.#lock = null;
  }

  #append(head: Head, value?: unknown): void {
    const payload = payloadOf(head, value);
    const place = this.#file.append(payload);
    this.#apply(head, () => value, place);
    if (++this.#unsynced >= unsyncedRecordsMax) this.sync();
  }

  #apply(head: Head, value: () => unknown, place: RecordPlace): void {
    switch (head.type) {
      case "run":
        this.runs.push(head);
        this.used = [];
        this.endedAt = "";
        break;
      case "series":
        this.#seriesByKey.set(head.key, head.series);
        break;
      case "set":
        this.sets.push({ number: head.set, id: head.id, parameters: value() });
        this.#setsById.set(head.id, head.set);
        break;
      case "use":
        this.used.push(head.set);
        this.endedAt = "";
        break;
      case "value":
        this.#at(head).places[head.replicate] = place;
        this.#at(head).failures.delete(head.replicate);
        break;
      case "failure":
        this.#at(head).failures.set(head.replicate, failureOf(head));
        break;
      case "aggregate":
        this.#aggregates.set(`${head.set} ${head.key}`, { value: value(), count: head.count });
        this.#aggregateFailures.delete(`${head.set} ${head.key}`);
        break;
      case "aggregate-failure":
        this.#aggregateFailures.set(`${head.set} ${head.key}`, failureOf(head));
        break;
      case "end":
        this.endedAt = head.at;
        break;
      default: // Written by a later version: it changes nothing that this one knows.
    }
  }

  #at({ series, set }: { readonly series: number; readonly set: number }): SeriesOfSet {
    const sets = this.#found.get(series) ?? [];
    this.#found.set(series, sets);
    sets[set] ??= { places: [], failures: new Map() };
    return sets[set];
  }
}

function failureOf(head: RecordedFailure): RecordedFailure {
  const { code, message, taskId, worker, attempts, stderrTail } = head;
  return { code, message, taskId, worker, attempts, stderrTail };
}

function lockStudy(directory: string): DataDirectoryLock {
  mkdirSync(directory, { recursive: true });
  try {
    return lockDataDirectory(directory);
  } catch (error) {
    if (!(error instanceof CapstanError) || error.code !== "DATA_DIRECTORY_IN_USE") throw error;
    const { pid } = error.details;
    const who = typeof pid === "number" ? `process ${pid}` : "another process";
    throw new CapstanError(
      "DATA_DIRECTORY_IN_USE",
      `the study in ${directory} is being worked on by ${who}: it has one writer at a time`,
      { details: error.details },
    );
  }
}

/** The head, then the value, which is not decoded before it is needed. */
function payloadOf(head: Head, value: unknown): Uint8Array {
  const headBytes = encodeValue(head, { root: "record" });
  const valueBytes = encodeValue(value, { root: "value" });
  if (valueBytes.length > recordedValueBytesMax) {
    throw new CapstanError(
      "INVALID_ARGUMENT",
      `the value has ${valueBytes.length} bytes, and a study keeps at most ` +
        `${recordedValueBytesMax}: reduce it in the model, or return where it is`,
    );
  }
  const payload = Buffer.allocUnsafe(4 + headBytes.length + valueBytes.length);
  payload.writeUInt32LE(headBytes.length, 0);
  payload.set(headBytes, 4);
  payload.set(valueBytes, 4 + headBytes.length);
  return payload;
}

function split(payload: Buffer, place: RecordPlace): [Head, () => unknown, RecordPlace] {
  const headEnd = 4 + payload.readUInt32LE(0);
  const head = decodeValue(payload.subarray(4, headEnd)) as Head;
  // Of its own memory: large data in a decoded value is a view of the bytes.
  const value = () => decodeValue(Uint8Array.from(payload.subarray(headEnd)));
  return [head, value, place];
}
