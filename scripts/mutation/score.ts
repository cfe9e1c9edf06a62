/**
 * The score of a run of mutants: how many of those that a test could have noticed were noticed.
 *
 * @module
 */

import type { MutantResult, Position } from "@stryker-mutator/api/core";
import { isOfSignature } from "./kernel-tests.ts";
import { isSampled, type MutantPlace, type MutantSample } from "./sample.ts";

/** Counts of mutants of one folder, or of one file. */
export interface MutationScore {
  /** Relative to the root. */
  readonly path: string;
  /** A test failed. */
  killed: number;
  /** Of these: the signature alone noticed that something changed. */
  bySignature: number;
  /** The mutant ran on without an end. */
  timeout: number;
  /** Every test that reached it passed. */
  survived: number;
  /** No test reaches it. */
  noCoverage: number;
  /** Could not be run. */
  invalid: number;
  /** Left alone by rule. */
  ignored: number;
}

/** A mutant that no test noticed. */
export interface Survivor {
  /** Relative to the root. */
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  readonly column: number;
  readonly mutator: string;
  readonly replacement: string;
  /** Whether any test reaches it. */
  readonly covered: boolean;
}

export interface MutationReport {
  readonly folders: readonly MutationScore[];
  readonly files: readonly MutationScore[];
  readonly survivors: readonly Survivor[];
}

const columnOf = {
  Killed: "killed",
  Timeout: "timeout",
  Survived: "survived",
  NoCoverage: "noCoverage",
  CompileError: "invalid",
  RuntimeError: "invalid",
  Pending: "invalid",
  Ignored: "ignored",
} as const satisfies Record<MutantResult["status"], keyof MutationScore>;

/** Counts the mutants of the sample, by folder and by file of `root`. */
export function reportOf(
  results: readonly MutantResult[],
  { root, sample }: { readonly root: string; readonly sample: MutantSample },
): MutationReport {
  const folders = new Map<string, MutationScore>();
  const files = new Map<string, MutationScore>();
  const survivors: Survivor[] = [];
  for (const result of results) {
    if (!isSampled(asRun(result), sample)) continue;
    const file = result.fileName.replace(`${root}/`, "");
    const folder = file.slice(0, file.lastIndexOf("/"));
    for (const score of [scoreIn(folders, folder), scoreIn(files, file)]) {
      score[columnOf[result.status]]++;
      if (isBySignature(result)) score.bySignature++;
    }
    if (result.status !== "Survived" && result.status !== "NoCoverage") continue;
    survivors.push(survivorOf(result, file));
  }
  survivors.sort((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1));
  return { folders: inOrder(folders), files: inOrder(files), survivors };
}

/** The runner asks the signature last, and names the first test that failed. */
function isBySignature({ status, killedBy = [] }: MutantResult): boolean {
  return status === "Killed" && killedBy.length > 0 && killedBy.every(isOfSignature);
}

/** A result counts lines and columns from 1, and the mutant that was run from 0. */
function asRun(result: MutantResult): MutantPlace {
  const { start, end } = result.location;
  const before = ({ line, column }: Position) => ({ line: line - 1, column: column - 1 });
  return { ...result, location: { start: before(start), end: before(end) } };
}

function survivorOf({ location, mutatorName, replacement, status }: MutantResult, file: string) {
  const { line, column } = location.start;
  const covered = status === "Survived";
  return { file, line, column, mutator: mutatorName, replacement: replacement ?? "", covered };
}

function scoreIn(scores: Map<string, MutationScore>, path: string): MutationScore {
  const counts = {
    killed: 0,
    bySignature: 0,
    timeout: 0,
    survived: 0,
    noCoverage: 0,
    invalid: 0,
    ignored: 0,
  };
  const score = scores.get(path) ?? { path, ...counts };
  scores.set(path, score);
  return score;
}

function inOrder(scores: ReadonlyMap<string, MutationScore>): readonly MutationScore[] {
  return [...scores.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Mutants that were noticed, and those that could have been. */
export function detectedOf(score: MutationScore): {
  readonly detected: number;
  readonly of: number;
} {
  const detected = score.killed + score.timeout;
  return { detected, of: detected + score.survived + score.noCoverage };
}

/** Wilson's interval of 95 % for a share of which only a sample was counted, both 0 to 1. */
export function interval95(detected: number, of: number): readonly [number, number] {
  const z = 1.96;
  const share = detected / of;
  const centre = share + (z * z) / (2 * of);
  const spread = z * Math.sqrt((share * (1 - share)) / of + (z * z) / (4 * of * of));
  const scale = 1 + (z * z) / of;
  return [(centre - spread) / scale, (centre + spread) / scale];
}

/** The table and the list that a person reads. */
export function textOf({ folders, survivors }: MutationReport, sample: MutantSample): string {
  const lines = survivors.map(({ file, line, column, mutator, replacement, covered }) => {
    const reached = covered ? "" : " (no test reaches it)";
    return `${file}:${line}:${column}  ${mutator}${reached}  ${oneLine(replacement)}`;
  });
  return [...lines, "", ...folders.map((score) => lineOf(score, sample))].join("\n");
}

function oneLine(text: string): string {
  const line = text.replace(/\s+/g, " ");
  return line.length <= 80 ? line : `${line.slice(0, 79)}…`;
}

function lineOf(score: MutationScore, { share }: MutantSample): string {
  const { detected, of } = detectedOf(score);
  const percent = (part: number): string => `${(part * 100).toFixed(1)} %`;
  const [low, high] = interval95(detected, of);
  const sampled = share < 1 ? ` (95 %: ${percent(low)} to ${percent(high)})` : "";
  const { bySignature, survived, noCoverage, timeout, invalid, ignored } = score;
  return (
    `${score.path}: ${of === 0 ? "no mutants" : percent(detected / of)}${sampled}: ` +
    `${detected} of ${of} noticed, ${timeout} by time, ${bySignature} by the signature alone; ` +
    `${survived} survived, ` +
    `${noCoverage} not reached; ${invalid} invalid, ${ignored} ignored`
  );
}
