/**
 * The bug bank: wrong variants of the kernels, and what finds each of them.
 *
 *     npm run bugbank                       every bug: the scenarios, then seeds 1 to 1000
 *     npm run bugbank -- NAME… --seeds 200  these bugs only, fewer seeds
 *     npm run bugbank -- --json             the same as JSON; the table goes to standard error
 *     npm run bugbank -- --page FILE        the table as Markdown too: docs/bug-bank.md
 *
 * A bug is caught by the first scenario or, without one, by the first seed that fails. How many
 * seeds it takes is measured for every bug: that is the power of the simulator itself. A seed that
 * fails without any bug catches nothing, and is named at the end; so is such a scenario.
 *
 * Exits with 1 unless every bug is caught, and nothing fails without one.
 *
 * @module
 */

import { writeFileSync } from "node:fs";
import { type Catch, type Hunt, playScenarios, runSeeds } from "../test/bugbank/hunter.ts";
import { type Bug, checkBug, readBugs } from "../test/bugbank/patches.ts";
import { countOption, readOptions, refuse } from "./options.ts";

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
  const ran = await runSoundSeeds(bug.name, countUp(seedCount));
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

/** Seeds that fail without any bug, and how: they catch nothing. */
const unsound = new Map<number, Catch | null>();

/** Until one catches the bug that passes without it. */
async function runSoundSeeds(bug: string, seeds: readonly number[]): Promise<Hunt> {
  const ran = await runSeeds(bug, seeds);
  if (ran.caught === null) return ran;
  const seed = seedOf(ran.caught);
  if (!unsound.has(seed)) unsound.set(seed, (await runSeeds("-", [seed])).caught);
  const left = seeds.slice(seeds.indexOf(seed) + 1);
  if (unsound.get(seed) === null) return ran;
  if (left.length === 0) return { ...ran, caught: null };
  const more = await runSoundSeeds(bug, left);
  return { ...more, seconds: ran.seconds + more.seconds };
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

/** What fails although there is no bug. */
async function control(): Promise<Catch | null> {
  const played = await playScenarios("-");
  return played.caught ?? [...unsound.values()].find((one) => one !== null) ?? null;
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

/** Names of scenarios are sentences: no more of them than this is shown. */
const catcherWidth = 60;

/** Where people read: standard output, unless JSON is written there. */
type Print = (line: string) => void;

class Table {
  readonly #nameWidth: number;
  readonly #printLine: Print;

  constructor(bugs: readonly Bug[], printLine: Print) {
    this.#printLine = printLine;
    this.#nameWidth = Math.max(...bugs.map(({ name }) => name.length));
    this.#print("bug", "seeds", "s", "caught by", "rule");
  }

  add({ bug, caught, seeds, seconds }: Row): void {
    const [by, rule] = caught === null ? ["NOT CAUGHT", ""] : [caught.by, caught.rule];
    this.#print(bug.name, seeds === null ? "-" : String(seeds), seconds.toFixed(1), by, rule);
  }

  #print(name: string, seeds: string, seconds: string, by: string, rule: string): void {
    const numbers = `${seeds.padStart(5)} ${seconds.padStart(6)}`;
    const words = `${by.slice(0, catcherWidth).padEnd(catcherWidth)}  ${rule}`;
    this.#printLine(`${name.padEnd(this.#nameWidth)} ${numbers}  ${words}`.trimEnd());
  }
}

function printTotals(totals: Totals, failing: Catch | null, printLine: Print): void {
  const { caught, of, caughtBySeeds, medianSeeds, maxSeeds } = totals;
  const median = Number.isFinite(medianSeeds) ? String(medianSeeds) : "more than there were";
  const howMany = caughtBySeeds === 0 ? "" : `: median ${median}, at most ${maxSeeds}`;
  printLine(`${caught} of ${of} caught; ${caughtBySeeds} of ${of} by seeds alone${howMany}`);
  if (failing !== null) printLine(`without any bug, ${failing.by} fails too: ${failing.rule}`);
}

function printJson(rows: readonly Row[], totals: Totals, failing: Catch | null): void {
  const bugs = rows.map(({ bug: { name, title, from }, caught, seeds, seconds }) => {
    return { name, title, from, caughtBy: caught?.by, rule: caught?.rule, seeds, seconds };
  });
  console.log(JSON.stringify({ bugs, ...totals, failsWithoutBug: failing }, null, 2));
}

/** The table for people who read it in the repository. */
function pageOf(rows: readonly Row[]): string {
  const lines = rows.map(({ bug, caught, seeds }) => {
    const cells = [bug.title, bug.from, `\`${caught?.by ?? "nothing"}\``, seeds ?? "-"];
    return `| ${cells.join(" | ")} |`;
  });
  return `${pageHead}\n${lines.join("\n")}\n`;
}

const pageHead = `# The bug bank

Wrong variants of the kernels, where each comes from, the first scenario or seed that catches it,
and how many seeds it takes without the scenarios (- for more than were tried). Each is a patch of a
few lines in \`test/bugbank/bugs/\`. \`npm run bugbank -- --page docs/bug-bank.md\` makes this page.

| what is wrong | from | caught by | seeds |
| --- | --- | --- | ---: |`;

function chosenBugs(names: readonly string[]): readonly Bug[] {
  const all = readBugs();
  const unknown = names.find((name) => !all.some((bug) => bug.name === name));
  if (unknown !== undefined) refuse(`no bug ${JSON.stringify(unknown)}; see test/bugbank/bugs`);
  return names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
}

async function main(): Promise<void> {
  const { values, positionals } = readOptions(import.meta.url, {
    allowPositionals: true,
    options: {
      seeds: { type: "string" },
      json: { type: "boolean", default: false },
      page: { type: "string", default: "" },
    },
  });
  const seedCount = countOption("seeds", values.seeds, { least: 1, otherwise: 1_000 });
  const bugs = chosenBugs(positionals);
  const root = new URL("..", import.meta.url).pathname;
  for (const bug of bugs) checkBug(root, bug);
  const printLine = values.json ? console.error : console.log;
  const table = new Table(bugs, printLine);
  const rows = await huntAll(bugs, seedCount, (row) => table.add(row));
  const failing = await control();
  const totals = totalsOf(rows);
  printTotals(totals, failing, printLine);
  if (values.json) printJson(rows, totals, failing);
  if (values.page !== "") writeFileSync(values.page, pageOf(rows));
  if (totals.caught < totals.of || failing !== null) process.exitCode = 1;
}

if (import.meta.main) await main();
