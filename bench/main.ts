/**
 * Measures, prints a table, writes JSON:
 *
 *     npm run bench                              every case
 *     npm run bench kernel throughput            some
 *     npm run bench -- --json FILE --runs 9      9 runs of each instead of 5, and the JSON
 *     npm run bench -- --peers                   what other systems can run too, and those systems,
 *                                                in turn: two rounds, 3 runs of each
 *     npm run bench quality                      see `quality/main.ts`
 *
 * @module
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import type { BenchCase } from "./cases.ts";
import { dashboardCase } from "./dashboard.ts";
import { endToEndCases } from "./end-to-end.ts";
import { failoverCase } from "./failover.ts";
import { kernelCase } from "./kernel.ts";
import { describeMachine, measureFdatasyncMs } from "./measure.ts";
import { measureCase } from "./measure-case.ts";
import { memoryCase } from "./memory.ts";
import { type ComparedResult, isShared, measureInTurn } from "./peers.ts";
import { placementCase } from "./placement.ts";
import { processCase } from "./process.ts";
import { measureQuality } from "./quality/main.ts";
import { caseLines, peerLines, tableLines } from "./report.ts";
import { restartCase, sustainedCase } from "./restart.ts";
import { spawnCase } from "./spawn.ts";
import { transferCase } from "./transfer.ts";

const allCases: readonly BenchCase[] = [
  kernelCase,
  memoryCase,
  placementCase,
  ...endToEndCases,
  transferCase,
  failoverCase,
  spawnCase,
  processCase,
  restartCase,
  sustainedCase,
];
/** Takes minutes for one run: only by its name. */
const longCases: readonly BenchCase[] = [dashboardCase];
const everyCase = [...allCases, ...longCases];
const runsOfCase = 5;
const runsOfRound = 3;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: "string" },
      runs: { type: "string" },
      peers: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
      short: { type: "boolean", default: false },
      update: { type: "boolean", default: false },
    },
  });
  if (positionals.includes("quality")) {
    return measureQuality({ isShort: values.short, isUpdate: values.update });
  }
  const unknown = positionals.filter((name) => !everyCase.some((known) => known.name === name));
  if (values.help || unknown.length > 0) {
    for (const name of unknown) process.stderr.write(`bench: no case is called "${name}"\n`);
    process.stdout.write(`${caseLines(everyCase).join("\n")}\n`);
    return unknown.length > 0 ? 2 : 0;
  }
  const named = everyCase.filter(({ name }) => positionals.includes(name));
  const chosen = (positionals.length === 0 ? allCases : named).filter(
    (known) => !values.peers || isShared(known),
  );
  const report = startReport(chosen, values.json);
  const runCount = Math.max(1, Number(values.runs ?? (values.peers ? runsOfRound : runsOfCase)));
  if (values.peers) await measureInTurn(chosen, runCount, report);
  else report(await measureAll(chosen, runCount));
  return 0;
}

async function measureAll(
  chosen: readonly BenchCase[],
  runCount: number,
): Promise<readonly ComparedResult[]> {
  const results: ComparedResult[] = [];
  for (const benchCase of chosen) {
    process.stderr.write(`${benchCase.name} …\n`);
    results.push({ ...(await measureCase(benchCase, runCount)), peers: {} });
  }
  return results;
}

/** Says what will run and where; gives what prints results and writes them to `file`. */
function startReport(
  chosen: readonly BenchCase[],
  file: string | undefined,
): (results: readonly ComparedResult[]) => void {
  const machine = describeMachine();
  const fdatasyncMs = measureFdatasyncMs();
  const fdatasync = `fdatasync ${fdatasyncMs.toFixed(3)} ms`;
  process.stdout.write(`${JSON.stringify(machine)}\n${fdatasync}\n\n`);
  process.stdout.write(`${caseLines(chosen).join("\n")}\n\n`);
  return (results) => {
    process.stdout.write(`${[...tableLines(results), ...peerLines(results)].join("\n")}\n`);
    const report = { machine, fdatasyncMs, cases: results };
    if (file === undefined) return;
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  };
}

process.exitCode = await main();
