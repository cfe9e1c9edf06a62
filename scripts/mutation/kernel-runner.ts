/**
 * StrykerJS's test runner for the kernels. It loads all tests once and runs, for each mutant, those
 * that reach it, the quickest first, in the same process: a mutant costs milliseconds where a
 * process for each file of tests would cost seconds. That is sound because the kernels and their
 * tests keep nothing between two calls, and it is checked: a test that has failed under a mutant
 * must pass without it, or the mutant is tried again in a new process.
 *
 * @module
 */

import { performance } from "node:perf_hooks";
import type { InstrumenterContext, StrykerOptions } from "@stryker-mutator/api/core";
import {
  type DryRunOptions,
  type DryRunResult,
  DryRunStatus,
  type MutantRunOptions,
  type MutantRunResult,
  MutantRunStatus,
  type TestResult,
  type TestRunner,
  TestStatus,
} from "@stryker-mutator/api/test-runner";
import fastCheck from "fast-check";
import { Checkpoint } from "./checkpoint.ts";
import { isOfSignature, loadKernelTests } from "./kernel-tests.ts";
import { isSampled, type MutantSample } from "./sample.ts";
import type { CollectedTest } from "./test-collector.ts";
import { Watchdog } from "./watchdog.ts";

/** What `mutation.ts` hands to the runner, inside StrykerJS's options. */
export interface KernelTestOptions {
  /** Where verdicts and times are kept; a run that was interrupted goes on from there. */
  readonly checkpointFolder: string;
  /** A test that takes more CPU time than this without a mutant judges none. */
  readonly slowTestMs: number;
  /** CPU time that a mutant may take beyond three times what its tests take without it. */
  readonly patienceMs: number;
  readonly sample: MutantSample;
}

/** The switch that instrumented code reads. */
const mutants: InstrumenterContext = {};
Object.assign(globalThis, { __stryker__: mutants });

/** Properties draw the same cases each time, and the first that fails is enough. */
fastCheck.configureGlobal({ seed: 1, endOnFailure: true });

export class KernelRunner implements TestRunner {
  static inject: ["options"] = ["options"];
  readonly #options: KernelTestOptions;
  readonly #checkpoint: Checkpoint;
  readonly #watchdog = new Watchdog();
  #tests: readonly CollectedTest[] | null = null;

  constructor(options: StrykerOptions) {
    this.#options = options.kernelTests as KernelTestOptions;
    this.#checkpoint = new Checkpoint(this.#options.checkpointFolder);
  }

  capabilities(): { reloadEnvironment: boolean } {
    return { reloadEnvironment: false };
  }

  /** Runs each test once, and learns what it takes and which mutants it reaches. */
  async dryRun({ coverageAnalysis }: DryRunOptions): Promise<DryRunResult> {
    const mutantCoverage = { static: {}, perTest: {} as Record<string, Record<string, number>> };
    mutants.mutantCoverage = mutantCoverage;
    const results: TestResult[] = [];
    for (const test of await this.#load()) {
      if (coverageAnalysis === "perTest") mutants.currentTestId = test.id;
      const before = process.cpuUsage();
      const result = await timed(test);
      const { user } = process.cpuUsage(before);
      delete mutants.currentTestId;
      if (user / 1000 <= this.#options.slowTestMs) results.push(result);
      else delete mutantCoverage.perTest[test.id];
    }
    this.#checkpoint.keepTimes(new Map(results.map(({ id, timeSpentMs }) => [id, timeSpentMs])));
    return { status: DryRunStatus.Complete, tests: results, mutantCoverage };
  }

  async mutantRun(options: MutantRunOptions): Promise<MutantRunResult> {
    const { activeMutant } = options;
    if (!isSampled(activeMutant, this.#options.sample)) {
      return { status: MutantRunStatus.Error, errorMessage: "not in the sample" };
    }
    const known = this.#checkpoint.verdictOf(activeMutant);
    if (known !== undefined) return known;
    this.#watch(options);
    try {
      const verdict = await this.#judge(options);
      this.#checkpoint.keepVerdict(activeMutant, verdict);
      return verdict;
    } finally {
      this.#watchdog.rest();
    }
  }

  #watch({ activeMutant, testFilter }: MutantRunOptions): void {
    const times = this.#checkpoint.times();
    const wanted = testFilter ?? [...times.keys()];
    const testsMs = wanted.reduce((sum, id) => sum + (times.get(id) ?? 0), 0);
    const verdict = { status: MutantRunStatus.Timeout, reason: "no end, or no bound" } as const;
    this.#watchdog.watch({
      path: this.#checkpoint.verdictsPath,
      line: this.#checkpoint.lineOf(activeMutant, verdict),
      cpuMsMax: this.#options.patienceMs + 3 * testsMs,
    });
  }

  async #judge(options: MutantRunOptions): Promise<MutantRunResult> {
    const { activeMutant, testFilter, hitLimit } = options;
    const isStatic = options.mutantActivation === "static";
    mutants.hitCount = 0;
    mutants.hitLimit = hitLimit ?? Number.POSITIVE_INFINITY;
    if (isStatic) mutants.activeMutant = activeMutant.id;
    try {
      const tests = this.#quickestFirst(await this.#load(), testFilter);
      return await runUntilKilled(tests, activeMutant.id, !isStatic);
    } catch (error) {
      if (!isStatic || error instanceof UncleanProcess) throw error;
      return killed("(loading)", String(error), 0); // A constant without which nothing loads.
    } finally {
      delete mutants.activeMutant;
    }
  }

  async #load(): Promise<readonly CollectedTest[]> {
    this.#tests ??= await loadKernelTests(process.cwd());
    return this.#tests;
  }

  /** Without a filter, all tests but the slow ones; the signature after all others. */
  #quickestFirst(
    tests: readonly CollectedTest[],
    filter: readonly string[] | undefined,
  ): readonly CollectedTest[] {
    const times = this.#checkpoint.times();
    const wanted = new Set(filter ?? times.keys());
    const timeOf = ({ id }: CollectedTest): number => times.get(id) ?? Number.POSITIVE_INFINITY;
    const lateOf = ({ id }: CollectedTest): number => Number(isOfSignature(id));
    return tests
      .filter(({ id }) => wanted.has(id))
      .sort((a, b) => lateOf(a) - lateOf(b) || timeOf(a) - timeOf(b));
  }
}

/** What one mutant did outlives it; StrykerJS answers this error with a new process. */
class UncleanProcess extends Error {}

async function runUntilKilled(
  tests: readonly CollectedTest[],
  mutantId: string,
  checkClean: boolean,
): Promise<MutantRunResult> {
  for (const [index, test] of tests.entries()) {
    mutants.activeMutant = mutantId;
    const failure = await failureOf(test);
    if ((mutants.hitCount ?? 0) > (mutants.hitLimit ?? 0)) {
      return { status: MutantRunStatus.Timeout, reason: "the mutant was reached too often" };
    }
    if (failure === null) continue;
    delete mutants.activeMutant;
    if (checkClean && (await failureOf(test)) !== null) throw new UncleanProcess(test.id);
    return killed(test.id, failure, index + 1);
  }
  return { status: MutantRunStatus.Survived, nrOfTests: tests.length };
}

function killed(testId: string, failureMessage: string, nrOfTests: number): MutantRunResult {
  return { status: MutantRunStatus.Killed, killedBy: [testId], failureMessage, nrOfTests };
}

async function timed(test: CollectedTest): Promise<TestResult> {
  const begun = performance.now();
  const failureMessage = await failureOf(test);
  const timeSpentMs = Math.ceil(performance.now() - begun);
  const base = { id: test.id, name: test.id, fileName: test.file, timeSpentMs };
  if (failureMessage === null) return { ...base, status: TestStatus.Success };
  return { ...base, status: TestStatus.Failed, failureMessage };
}

async function failureOf(test: CollectedTest): Promise<string | null> {
  try {
    await test.run();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
