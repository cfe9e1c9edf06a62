/**
 * Everything that tries to break Capstan, one after the other, in one report:
 *
 *     npm run nightly                           100 minutes of simulated seeds, then the rest
 *     npm run nightly -- --minutes 5            a twelfth of that
 *     npm run nightly -- --only sim,explore     only these: sim, gangs, watchdog, reasons,
 *                                               signature, explore, bugbank, chaos, mutation
 *     npm run nightly -- --seed 1000000         the first seed; default: one for each day
 *
 * Each runs as a process of its own. What they say goes into `nightly/report.md` and, for programs,
 * into `nightly/report.json`, after each of them. Exits with 1 if one of them failed.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { createWriteStream, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { countOption, readOptions, refuse } from "./options.ts";
import { type Outcome, reportText, valuesIn } from "./simulation/nightly-report.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, "nightly");

/** Seeds that a night may use: the next one begins behind them. */
const seedsPerDay = 10_000_000;
const msPerDay = 86_400_000;
const defaultMinutes = 60;

interface Program {
  readonly name: string;
  readonly what: string;
  readonly script: string;
  readonly args: readonly string[];
  /** A file that it writes its JSON to; "" for its standard output. */
  readonly file: string;
}

function programsFor(minutes: number, firstSeed: number): readonly Program[] {
  const mutation = join(folder, "mutation.json");
  const program = (name: string, what: string, args: readonly string[], file = ""): Program => ({
    ...{ name, what, args, file },
    script: join(root, "scripts", `${name}.ts`),
  });
  const simulated = (name: string, what: string, share: number, ...more: string[]): Program => {
    const time = ["--minutes", String(Math.ceil(minutes * share))];
    const args = [...time, "--seed", String(firstSeed), "--json", ...more];
    return { ...program("simulate", what, args), name };
  };
  return [
    simulated("sim", "Simulated clusters", 1),
    simulated("gangs", "Simulated clusters with many gangs", 1 / 4, "--profile", "gangs"),
    simulated("watchdog", "Nothing is left for a watchdog", 1 / 6, "--judge", "watchdog"),
    simulated("reasons", "Reasons to wait are true", 1 / 6, "--judge", "reasons"),
    program("signature", "What the kernels decide is what it was", []),
    program("explore", "Every state of small clusters", ["--json"]),
    program("bugbank", "Bugs that must be caught", ["--json"]),
    program("chaos", "Faults against real processes", ["--json"]),
    program("mutation", "Mutants of the kernels", ["--json", mutation], mutation),
  ];
}

/** Runs one program to its end; its output goes to a log beside the report. */
async function runProgram({ name, what, script, args, file }: Program): Promise<Outcome> {
  const skipped = { name, what, exitCode: null, seconds: 0, values: [] };
  if (!existsSync(script)) return { ...skipped, note: `there is no ${relative(root, script)}` };
  const startedAt = performance.now();
  const log = createWriteStream(join(folder, `${name}.log`));
  const nodeArgs = ["--disable-warning=ExperimentalWarning", script, ...args];
  const child = spawn(process.execPath, nodeArgs, { cwd: root });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const exitCode = await new Promise<number>((resolve) => {
    child.on("error", () => resolve(-1));
    child.on("close", (code) => resolve(code ?? -1));
  });
  log.end();
  const seconds = (performance.now() - startedAt) / 1_000;
  const text = file !== "" && existsSync(file) ? readFileSync(file, "utf8") : output;
  return { name, what, exitCode, seconds, values: valuesIn(text), note: "" };
}

function choosePrograms(): readonly Program[] {
  const text = { type: "string" } as const;
  const { values } = readOptions(import.meta.url, {
    options: { minutes: text, only: text, seed: text },
  });
  const today = Math.floor(Date.now() / msPerDay) * seedsPerDay;
  const minutes = countOption("minutes", values.minutes, { least: 1, otherwise: defaultMinutes });
  const programs = programsFor(
    minutes,
    countOption("seed", values.seed, { least: 1, otherwise: today }),
  );
  const only = values.only?.split(",") ?? programs.map(({ name }) => name);
  const unknown = only.filter((name) => programs.every((program) => program.name !== name));
  if (unknown.length === 0) return programs.filter(({ name }) => only.includes(name));
  const known = programs.map(({ name }) => name).join(", ");
  return refuse(`--only: there is no ${unknown.join(", ")}; there are ${known}`);
}

async function main(): Promise<void> {
  const programs = choosePrograms();
  mkdirSync(folder, { recursive: true });
  const outcomes: Outcome[] = [];
  const startedAt = new Date().toISOString();
  for (const program of programs) {
    console.log(`${program.name}: ${program.what}`);
    const outcome = await runProgram(program);
    outcomes.push(outcome);
    console.log(
      `  ${outcome.note || `exit code ${outcome.exitCode}`}, ${outcome.seconds.toFixed()} s`,
    );
    const report = { startedAt, node: process.version, outcomes };
    writeFileSync(join(folder, "report.json"), JSON.stringify(report, null, 2));
    writeFileSync(join(folder, "report.md"), reportText(report));
  }
  console.log(`report: ${join("nightly", "report.md")}`);
  if (outcomes.some(({ exitCode }) => exitCode !== 0 && exitCode !== null)) process.exitCode = 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main();
