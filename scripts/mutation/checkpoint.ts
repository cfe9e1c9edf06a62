/**
 * What a run has learnt so far, on the disk, so that an interrupted run goes on where it was.
 * The folder belongs to one state of the sources: its name has their fingerprint.
 *
 * @module
 */

import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { MutantRunResult } from "@stryker-mutator/api/test-runner";
import { keyOfMutant, type MutantPlace } from "./sample.ts";

export class Checkpoint {
  readonly verdictsPath: string;
  readonly #timesPath: string;
  readonly #verdicts = new Map<string, MutantRunResult>();
  #times: ReadonlyMap<string, number> | null = null;

  constructor(folder: string) {
    this.verdictsPath = join(folder, "verdicts.jsonl");
    this.#timesPath = join(folder, "times.json");
    if (!existsSync(this.verdictsPath)) return;
    for (const line of readFileSync(this.verdictsPath, "utf8").split("\n")) {
      if (!line.endsWith("}")) continue; // The last one, cut off by what ended that run.
      const { key, verdict } = JSON.parse(line) as { key: string; verdict: MutantRunResult };
      this.#verdicts.set(key, verdict);
    }
  }

  verdictOf(mutant: MutantPlace): MutantRunResult | undefined {
    return this.#verdicts.get(keyOfMutant(mutant));
  }

  keepVerdict(mutant: MutantPlace, verdict: MutantRunResult): void {
    this.#verdicts.set(keyOfMutant(mutant), verdict);
    appendFileSync(this.verdictsPath, this.lineOf(mutant, verdict));
  }

  /** How a verdict stands in the file. */
  lineOf(mutant: MutantPlace, verdict: MutantRunResult): string {
    return `${JSON.stringify({ key: keyOfMutant(mutant), verdict })}\n`;
  }

  /** Milliseconds by test, of tests that judge. A process that starts anew reads them here. */
  times(): ReadonlyMap<string, number> {
    this.#times ??= new Map(JSON.parse(readFileSync(this.#timesPath, "utf8")));
    return this.#times;
  }

  keepTimes(times: ReadonlyMap<string, number>): void {
    this.#times = times;
    writeFileSync(this.#timesPath, JSON.stringify([...times]));
  }
}
