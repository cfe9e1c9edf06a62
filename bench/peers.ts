/**
 * The same work on other systems, in turn: Capstan, Dask, Ray, HyperQueue, and again. So all of
 * them meet the same machine, whatever else it does. `scripts/install-peers` installs the others;
 * what is not installed is skipped, with the reason.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { BenchCase, CaseResult } from "./cases.ts";
import { measureCase, type Spread, spreadOf } from "./measure-case.ts";

export const peerNames = ["dask", "ray", "hyperqueue"] as const;
export type PeerName = (typeof peerNames)[number];

/** What a peer came to in one case, in the unit of the case. */
export interface PeerFigures extends Spread {
  readonly version: string;
  /** CPU time of all its processes in one run, on average. */
  readonly cpuSeconds: number;
  readonly peakRssBytes: number;
  /** How many times better Capstan's median is: below 1 the peer is ahead. */
  readonly ratio: number;
}

export type PeerResult = PeerFigures | { readonly skipped: string };
export type PeerResults = { readonly [name in PeerName]?: PeerResult };
export type ComparedResult = CaseResult & { readonly peers: PeerResults };

/** What a driver prints. */
type DriverAnswer =
  | {
      readonly version: string;
      readonly runs: readonly number[];
      readonly cpuSeconds: number;
      readonly peakRssBytes: number;
    }
  | { readonly skipped: string };

interface SharedCase {
  readonly peers: readonly PeerName[];
  /** The sizes of our case. Only `throughput` has fewer tasks: Dask would take minutes. */
  readonly sizes: { readonly [name: string]: number };
}

const withFunctions: readonly PeerName[] = ["dask", "ray"];

/** The cases that others can run too, by name. */
const sharedCases: { readonly [name: string]: SharedCase } = {
  throughput: { peers: withFunctions, sizes: { tasks: 5_000 } },
  latency: { peers: withFunctions, sizes: { tasks: 200 } },
  seed: { peers: withFunctions, sizes: { groups: 20, tasks: 200 } },
  merge: { peers: withFunctions, sizes: { tasks: 25_000 } },
  transfer: { peers: withFunctions, sizes: { bytes: 100_000_000 } },
  spawn: { peers: peerNames, sizes: { tasks: 1_000 } },
};

const roundCount = 2;
/** A driver starts no further run once its runs have taken this long. */
const driverSecondsMax = 6;
/** What a driver may take with start and stop. Past it the peer is skipped in this case. */
const driverTimeoutMs = 120_000;
/** The second round leaves out what has not begun by then, so that all ends within 8 minutes. */
const laterRoundsUntilMs = 380_000;

const python = fileURLToPath(new URL("../.peers/bin/python", import.meta.url));

/** True if a peer can run `benchCase` too. */
export function isShared({ name }: BenchCase): boolean {
  return name in sharedCases;
}

/**
 * Measures `cases` and the same on every peer, `roundCount` times around, `runCount` runs each
 * time. `onRound` hears what is known after each round.
 */
export async function measureInTurn(
  cases: readonly BenchCase[],
  runCount: number,
  onRound: (results: readonly ComparedResult[]) => void,
): Promise<void> {
  const comparisons = cases.map((benchCase) => new Comparison(benchCase, runCount));
  const startedAt = performance.now();
  for (let round = 0; round < roundCount; round++) {
    for (const comparison of comparisons) {
      if (round > 0 && performance.now() - startedAt > laterRoundsUntilMs) break;
      await comparison.runRound();
    }
    onRound(comparisons.map((comparison) => comparison.result()));
  }
}

/** One case, on Capstan and on the peers that have it. */
class Comparison {
  readonly #benchCase: BenchCase;
  readonly #runCount: number;
  readonly #ours: CaseResult[] = [];
  readonly #theirs = new Map<PeerName, DriverAnswer[]>();

  constructor(benchCase: BenchCase, runCount: number) {
    this.#benchCase = benchCase;
    this.#runCount = runCount;
  }

  async runRound(): Promise<void> {
    const { name } = this.#benchCase;
    process.stderr.write(`${name}: capstan`);
    this.#ours.push(await measureCase(this.#benchCase, this.#runCount));
    const { peers, sizes } = sharedCases[name] ?? { peers: [], sizes: {} };
    for (const peer of peers) {
      process.stderr.write(`, ${peer}`);
      const answers = this.#theirs.get(peer) ?? [];
      this.#theirs.set(peer, answers);
      if (answers.some((answer) => "skipped" in answer)) continue;
      answers.push(await askDriver(peer, name, sizes, this.#runCount));
    }
    process.stderr.write("\n");
  }

  result(): ComparedResult {
    const ours = mergeRounds(this.#ours);
    const peers = [...this.#theirs].map(([peer, answers]) => [
      peer,
      mergeAnswers(answers, (theirs) => timesAhead(ours.unit, ours.median, theirs)),
    ]);
    return { ...ours, peers: Object.fromEntries(peers) };
  }
}

function mergeRounds(rounds: readonly CaseResult[]): CaseResult {
  return {
    ...rounds[rounds.length - 1],
    ...spreadOf(rounds.flatMap(({ runs }) => runs)),
    cpuSeconds: mean(rounds.map(({ cpuSeconds }) => cpuSeconds)),
    peakRssBytes: Math.max(...rounds.map(({ peakRssBytes }) => peakRssBytes)),
  };
}

function mergeAnswers(
  answers: readonly DriverAnswer[],
  ratioTo: (median: number) => number,
): PeerResult {
  const measured = answers.flatMap((answer) => ("skipped" in answer ? [] : [answer]));
  if (measured.length === 0) {
    return answers.find((answer) => "skipped" in answer) ?? { skipped: "not run" };
  }
  const spread = spreadOf(measured.flatMap(({ runs }) => runs));
  return {
    version: measured[0].version,
    ...spread,
    cpuSeconds: mean(measured.map(({ cpuSeconds }) => cpuSeconds)),
    peakRssBytes: Math.max(...measured.map(({ peakRssBytes }) => peakRssBytes)),
    ratio: ratioTo(spread.median),
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** How many times better `ours` is: of rates more is better, of times less. */
function timesAhead(unit: string, ours: number, theirs: number): number {
  return unit.endsWith("/s") ? ours / theirs : theirs / ours;
}

async function askDriver(
  peer: PeerName,
  name: string,
  sizes: SharedCase["sizes"],
  runCount: number,
): Promise<DriverAnswer> {
  if (!existsSync(python)) return { skipped: "not installed: run scripts/install-peers" };
  const script = fileURLToPath(new URL(`peers/${peer}-driver.py`, import.meta.url));
  const limits = ["--runs", `${runCount}`, "--seconds", `${driverSecondsMax}`];
  const child = spawn(python, [script, name, "--sizes", JSON.stringify(sizes), ...limits], {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const timer = setTimeout(() => killGroup(child.pid), driverTimeoutMs);
  const exited = new Promise<string>((resolve) => {
    child.once("exit", (code, signal) =>
      resolve(code === null ? `${signal}` : `exit code ${code}`),
    );
    child.once("error", (error) => resolve(error.message));
  });
  const [answer, said, end] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  clearTimeout(timer);
  const lastWords = said.trim().split("\n").at(-1);
  return parseAnswer(answer, () =>
    end === "SIGKILL" ? `ended after ${driverTimeoutMs / 1_000} s` : `${end}: ${lastWords}`,
  );
}

/** Ends a driver and the processes of the peer that are in its group. */
function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // Gone in the meantime.
  }
}

function parseAnswer(answer: string, describeFailure: () => string): DriverAnswer {
  const line = answer.trim().split("\n").at(-1) ?? "";
  return line.startsWith("{") ? JSON.parse(line) : { skipped: describeFailure() };
}
