/**
 * `npm run bench [CASE…] [-- --json FILE] [--runs N]`: measures, prints a table, writes JSON.
 *
 * @module
 */

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { BenchCase, CaseResult } from "./cases.ts";
import { endToEndCases } from "./end-to-end.ts";
import { kernelCase } from "./kernel.ts";
import { describeMachine, measureFdatasyncMs, median, usageOf } from "./measure.ts";
import { memoryCase } from "./memory.ts";
import { placementCase } from "./placement.ts";
import { caseLines, tableLines } from "./report.ts";
import { restartCase, sustainedCase } from "./restart.ts";
import { spawnCase } from "./spawn.ts";

const allCases: readonly BenchCase[] = [
  kernelCase,
  memoryCase,
  placementCase,
  ...endToEndCases,
  spawnCase,
  restartCase,
  sustainedCase,
];
const runsMin = 5;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: "string" },
      runs: { type: "string", default: `${runsMin}` },
      help: { type: "boolean", default: false },
    },
  });
  const unknown = positionals.filter((name) => !allCases.some((known) => known.name === name));
  if (values.help || unknown.length > 0) {
    for (const name of unknown) process.stderr.write(`bench: no case is called "${name}"\n`);
    process.stdout.write(`${caseLines(allCases).join("\n")}\n`);
    return unknown.length > 0 ? 2 : 0;
  }
  const chosen = allCases.filter(
    ({ name }) => positionals.length === 0 || positionals.includes(name),
  );
  await measureAll(chosen, Math.max(1, Number(values.runs)), values.json);
  return 0;
}

async function measureAll(
  chosen: readonly BenchCase[],
  runCount: number,
  file: string | undefined,
): Promise<void> {
  const machine = describeMachine();
  const fdatasyncMs = measureFdatasyncMs();
  const fdatasync = `fdatasync ${fdatasyncMs.toFixed(3)} ms`;
  process.stdout.write(`${JSON.stringify(machine)}\n${fdatasync}\n\n`);
  process.stdout.write(`${caseLines(chosen).join("\n")}\n\n`);
  const results: CaseResult[] = [];
  for (const benchCase of chosen) {
    process.stderr.write(`${benchCase.name} …\n`);
    results.push(await measureCase(benchCase, runCount));
  }
  process.stdout.write(`${tableLines(results).join("\n")}\n`);
  const report = {
    machine,
    fdatasyncMs,
    cases: results.map((result) => ({ ...result, peers: {} })),
  };
  if (file !== undefined) writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
}

/** One run to warm up, then `runCount` that count. */
async function measureCase(
  { name, unit, prepare }: BenchCase,
  runCount: number,
): Promise<CaseResult> {
  const prepared = await prepare();
  try {
    await prepared.run();
    const before = usageOf(prepared.pids);
    const runs: number[] = [];
    for (let i = 0; i < runCount; i++) {
      globalThis.gc?.();
      runs.push(await prepared.run());
    }
    const after = usageOf(prepared.pids);
    return {
      name,
      unit,
      ...{ median: median(runs), min: Math.min(...runs), max: Math.max(...runs), runs },
      cpuSeconds: (after.cpuSeconds - before.cpuSeconds) / runCount,
      peakRssBytes: after.peakRssBytes,
      details: prepared.details?.() ?? {},
    };
  } finally {
    await prepared.close();
  }
}

process.exitCode = await main();
