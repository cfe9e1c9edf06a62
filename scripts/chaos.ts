/**
 * Faults against real processes, many rounds of each:
 *
 *     npm run chaos                             every fault, as often as it says
 *     npm run chaos -- R1 R4                    these
 *     npm run chaos -- R1 --rounds 500          so often
 *     npm run chaos -- R1 --seed 17 --json      from this seed; one line of JSON for each fault
 *
 * Prints one line for each: rounds, faults injected, seconds, verdict. Exits with 1 if one failed,
 * 2 for wrong arguments. What cannot be done here is skipped, with the reason.
 *
 * @module
 */

import { allFaults } from "../test/chaos/faults/all.ts";
import { type Fault, type Figure, Trial } from "../test/chaos/support/fault.ts";
import { countOption, readOptions, refuse } from "./options.ts";

interface Flags {
  readonly faults: readonly Fault[];
  /** Null: as many as each fault says. */
  readonly rounds: number;
  readonly seed: number;
  readonly json: boolean;
}

/** What one fault came to. */
interface Verdict {
  readonly id: string;
  readonly title: string;
  readonly seed: number;
  readonly rounds: number;
  readonly faults: number;
  readonly seconds: number;
  readonly verdict: "passed" | "failed" | "skipped";
  /** Why it failed or was skipped; "" if it passed. */
  readonly reason: string;
  readonly figures: readonly Figure[];
}

function findFault(id: string): Fault {
  const known = allFaults.map((fault) => fault.id).join(", ");
  const found = allFaults.find((fault) => fault.id === id.toUpperCase());
  return found ?? refuse(`${id}: no such fault; there are ${known}`);
}

function parseFlags(): Flags {
  const { values, positionals } = readOptions(import.meta.url, {
    allowPositionals: true,
    options: {
      rounds: { type: "string" },
      seed: { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  return {
    faults: positionals.length === 0 ? allFaults : positionals.map(findFault),
    rounds: countOption("rounds", values.rounds, { least: 1, otherwise: 0 }),
    seed: countOption("seed", values.seed, {
      ...{ least: 1, otherwise: (Date.now() % 1_000_000) + 1 },
    }),
    json: values.json,
  };
}

async function prove(fault: Fault, { rounds, seed }: Flags): Promise<Verdict> {
  const trial = new Trial({
    rounds: rounds === 0 ? fault.rounds.soak : rounds,
    seed,
    isSoak: true,
  });
  const obstacle = fault.obstacle();
  const startedAtMs = performance.now();
  const end = (verdict: Verdict["verdict"], reason: string): Verdict => ({
    id: fault.id,
    title: fault.title,
    seed,
    rounds: verdict === "skipped" ? 0 : trial.rounds,
    faults: trial.faults,
    seconds: Math.round((performance.now() - startedAtMs) / 100) / 10,
    verdict,
    reason,
    figures: trial.figures(),
  });
  if (obstacle !== "") return end("skipped", obstacle);
  try {
    await fault.run(trial);
    return end("passed", "");
  } catch (error) {
    return end("failed", error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
}

function printRow(...columns: readonly (string | number)[]): void {
  const widths = [4, 7, 7, 8, 8, 0];
  const cells = columns.map((column, at) =>
    typeof column === "number" ? String(column).padStart(widths[at]) : column.padEnd(widths[at]),
  );
  console.log(cells.join(" ").trimEnd());
}

function printVerdict(verdict: Verdict): void {
  const { id, rounds, faults, seconds, title, figures, reason } = verdict;
  printRow(id, rounds, faults, seconds, verdict.verdict, reason === "" ? title : reason);
  for (const { name, count, median, max } of figures) {
    console.log(`       ${name}: median ${median}, largest ${max} of ${count}`);
  }
}

const flags = parseFlags();
const verdicts: Verdict[] = [];
if (!flags.json) {
  console.log(`seed ${flags.seed}`);
  printRow("", " rounds", " faults", " seconds", "verdict", "");
}
for (const fault of flags.faults) {
  const verdict = await prove(fault, flags);
  verdicts.push(verdict);
  if (flags.json) console.log(JSON.stringify(verdict));
  else printVerdict(verdict);
}
process.exit(verdicts.some(({ verdict }) => verdict === "failed") ? 1 : 0);
