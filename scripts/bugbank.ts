/**
 * The bug bank: wrong variants of the kernels, and what finds each of them.
 *
 *     npm run bugbank                       every bug: the scenarios, then seeds 1 to 1000
 *     npm run bugbank -- NAME… --seeds 200  these bugs only, fewer seeds
 *     npm run bugbank -- --json             the same as JSON
 *
 * A bug is caught by the first scenario or, without one, by the first seed that fails. How many
 * seeds it takes is measured for every bug: that is the power of the simulator itself. At the end
 * the scenarios and the seeds that caught something run once more without a bug, and must pass.
 *
 * Exits with 1 unless every bug is caught.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { type Catch, playScenarios, runSeeds } from "../test/bugbank/hunter.ts";
import { type Bug, checkBug, readBugs } from "../test/bugbank/patches.ts";

/** Bugs that are looked for at the same time. */
const huntsMax = 2;

interface Row {
  readonly bug: Bug;
  /** The first scenario that caught it, else the first seed; null if nothing did. */
  readonly caught: Catch | null;
  /** Seeds that were needed without the scenarios; null if none of them caught it. */
  readonly seeds: number | null;
  readonly seconds: number;
}

async function huntOne(bug: Bug, seedCount: number): Promise<Row> {
  const played = await playScenarios(bug.name);
  const ran = await runSeeds(bug.name, countUp(seedCount));
  const loaded = new Set([...played.patched, ...ran.patched]);
  const ignored = bug.edits.find(({ path }) => loaded.size > 0 && !loaded.has(path));
  if (ignored !== undefined) throw new Error(`${bug.name}: ${ignored.path} was never loaded`);
  return {
    bug,
    caught: played.caught ?? ran.caught,
    seeds: ran.caught === null ? null : seedOf(ran.caught),
    seconds: played.seconds + ran.seconds,
  };
}

function countUp(count: number): number[] {
  return Array.from({ length: count }, (_unused, i) => i + 1);
}

function seedOf({ by }: Catch): number {
  return Number(by.replace("seed ", ""));
}

/** Looks for all of them, some at a time; `onRow` hears of each as it is done. */
async function huntAll(
  bugs: readonly Bug[],
  seedCount: number,
  onRow: (row: Row) => void,
): Promise<Row[]> {
  const rows: Row[] = [];
  const left = [...bugs];
  const work = async () => {
    for (let bug = left.shift(); bug !== undefined; bug = left.shift()) {
      const row = await huntOne(bug, seedCount);
      rows.push(row);
      onRow(row);
    }
  };
  await Promise.all(Array.from({ length: huntsMax }, work));
  return rows.sort((a, b) => (a.bug.name < b.bug.name ? -1 : 1));
}

/** What fails although there is no bug: then it has caught nothing. */
async function control(rows: readonly Row[]): Promise<Catch | null> {
  const seeds = new Set(rows.flatMap((row) => row.seeds ?? []));
  const played = await playScenarios("-");
  if (played.caught !== null || seeds.size === 0) return played.caught;
  return (await runSeeds("-", [...seeds])).caught;
}

interface Totals {
  readonly caught: number;
  readonly of: number;
  readonly caughtBySeeds: number;
  /** Infinity if half of them or more took more seeds than there were. */
  readonly medianSeeds: number;
  readonly maxSeeds: number;
}

function totalsOf(rows: readonly Row[]): Totals {
  const seeds = rows.map((row) => row.seeds ?? Number.POSITIVE_INFINITY).sort((a, b) => a - b);
  const caughtBySeeds = seeds.filter(Number.isFinite);
  return {
    caught: rows.filter((row) => row.caught !== null).length,
    of: rows.length,
    caughtBySeeds: caughtBySeeds.length,
    medianSeeds: seeds[Math.floor(seeds.length / 2)] ?? 0,
    maxSeeds: caughtBySeeds.at(-1) ?? 0,
  };
}

class Table {
  readonly #nameWidth: number;

  constructor(bugs: readonly Bug[]) {
    this.#nameWidth = Math.max(...bugs.map(({ name }) => name.length));
    this.#print("bug", "seeds", "s", "caught by", "rule");
  }

  add({ bug, caught, seeds, seconds }: Row): void {
    const [by, rule] = caught === null ? ["NOT CAUGHT", ""] : [caught.by, caught.rule];
    this.#print(bug.name, seeds === null ? "-" : String(seeds), seconds.toFixed(1), by, rule);
  }

  #print(name: string, seeds: string, seconds: string, by: string, rule: string): void {
    const numbers = `${seeds.padStart(5)} ${seconds.padStart(6)}`;
    console.log(
      `${name.padEnd(this.#nameWidth)} ${numbers}  ${by.slice(0, 60).padEnd(60)}  ${rule}`.trimEnd(),
    );
  }
}

function printTotals(totals: Totals, failing: Catch | null): void {
  const { caught, of, caughtBySeeds, medianSeeds, maxSeeds } = totals;
  console.log(
    `${caught} of ${of} caught; ${caughtBySeeds} of ${of} by seeds alone: ` +
      `median ${medianSeeds}, at most ${maxSeeds}`,
  );
  if (failing !== null) console.log(`without any bug, ${failing.by} fails too: ${failing.rule}`);
}

function printJson(rows: readonly Row[], totals: Totals, failing: Catch | null): void {
  const bugs = rows.map(({ bug: { name, title, from }, caught, seeds, seconds }) => {
    return { name, title, from, caughtBy: caught?.by, rule: caught?.rule, seeds, seconds };
  });
  console.log(JSON.stringify({ bugs, ...totals, failsWithoutBug: failing }, null, 2));
}

function chosenBugs(names: readonly string[]): readonly Bug[] {
  const all = readBugs();
  const unknown = names.find((name) => !all.some((bug) => bug.name === name));
  if (unknown !== undefined) {
    console.error(`no bug ${JSON.stringify(unknown)}; see test/bugbank/bugs`);
    process.exit(2);
  }
  return names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
}

function countOf(text: string): number {
  const count = Number(text);
  if (text !== "" && Number.isSafeInteger(count) && count > 0) return count;
  console.error(`--seeds: expected a whole number above 0, not ${JSON.stringify(text)}`);
  process.exit(2);
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seeds: { type: "string", default: "1000" },
      json: { type: "boolean", default: false },
    },
  });
  const bugs = chosenBugs(positionals);
  const root = new URL("..", import.meta.url).pathname;
  for (const bug of bugs) checkBug(root, bug);
  const table = values.json ? null : new Table(bugs);
  const rows = await huntAll(bugs, countOf(values.seeds), (row) => table?.add(row));
  const failing = await control(rows);
  const totals = totalsOf(rows);
  if (values.json) printJson(rows, totals, failing);
  else printTotals(totals, failing);
  if (totals.caught < totals.of || failing !== null) process.exitCode = 1;
}

if (import.meta.main) await main();
