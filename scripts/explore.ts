/**
 * Every state that a small cluster can reach, over the real kernels:
 *
 *     npm run explore                       all configurations, on 2 processes
 *     npm run explore -- X1 X4              these
 *     npm run explore -- X1 --small         within the bounds of `npm test`
 *     npm run explore -- X2 --states 100000 gives up after so many states
 *     npm run explore -- X2 --full          without partial-order reduction
 *     npm run explore -- --json             a line of JSON for each
 *     npm run explore -- --processes 4      so many at once
 *     npm run explore -- --replay FILE      plays a counterexample back
 *
 * Prints a line for each configuration, and a counterexample as a scenario if a rule broke. Exits
 * with 1 if one broke or did not close, with 2 if a counterexample cannot be played.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Configuration } from "../src/simulator/explorer/configuration.ts";
import { boundsOf } from "../src/simulator/explorer/configuration.ts";
import { configurations, smallConfigurations } from "../src/simulator/explorer/configurations.ts";
import {
  configurationNamedIn,
  type Replay,
  replay,
  scenarioText,
} from "../src/simulator/explorer/scenario.ts";
import { explore, type SearchReport } from "../src/simulator/explorer/search.ts";
import { countOption, readOptions, refuse } from "./options.ts";

/** One exploration with what it cost. */
interface Measured extends SearchReport {
  readonly bounds: string;
  /** Processor time of its process. */
  readonly cpuSeconds: number;
  readonly seconds: number;
}

/** Room for the states of nodes that are kept as objects, MiB. */
const heapMib = 6_000;

const { values: flags, positionals: names } = readOptions(import.meta.url, {
  allowPositionals: true,
  options: {
    states: { type: "string" },
    small: { type: "boolean", default: false },
    full: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    processes: { type: "string" },
    replay: { type: "string" },
    alone: { type: "boolean", default: false },
  },
});

const statesOption = countOption("states", flags.states, { least: 1, otherwise: 0 });
const processCount = countOption("processes", flags.processes, { least: 1, otherwise: 2 });

function configurationOf(name: string): Configuration {
  const all = flags.small ? smallConfigurations : configurations;
  const found = all.find((one) => one.name === name);
  if (found !== undefined) return found;
  return refuse(`${name} is none of ${all.map((one) => one.name).join(", ")}`);
}

function measure(configuration: Configuration): Measured {
  const startedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  const statesMax = flags.states === undefined ? {} : { statesMax: statesOption };
  const report = explore(configuration, { ...statesMax, isReduced: !flags.full });
  const { user, system } = process.cpuUsage(cpuBefore);
  return {
    ...report,
    bounds: boundsOf(configuration),
    cpuSeconds: (user + system) / 1_000_000,
    seconds: (performance.now() - startedAt) / 1_000,
  };
}

/** The same in a process of its own. */
function measureApart(name: string): Promise<Measured> {
  const script = fileURLToPath(import.meta.url);
  const options = [`--max-old-space-size=${heapMib}`, "--disable-warning=ExperimentalWarning"];
  const passed = process.argv.slice(2).filter((argument) => argument.startsWith("--"));
  const states = flags.states === undefined ? [] : [`--states=${flags.states}`];
  const kept = passed.filter((one) => one === "--small" || one === "--full");
  const child = spawn(process.execPath, [...options, script, name, "--alone", ...kept, ...states], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8");
  child.stdout.on("data", (text: string) => {
    output += text;
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      if (output === "") reject(new Error(`exploring ${name} ended with ${code} and said nothing`));
      else resolve(JSON.parse(output) as Measured);
    });
  });
}

function lineOf(row: Measured): string {
  const verdict = row.counterexample !== null ? "BROKEN" : row.isClosed ? "closed" : "not closed";
  const counts = [row.states, row.edges, row.depth, row.nodeStates, row.kernelSteps];
  const widths = [11, 12, 6, 9, 10];
  const numbers = counts.map((count, place) => String(count).padStart(widths[place]));
  const cost = `${row.cpuSeconds.toFixed(1).padStart(8)} ${row.seconds.toFixed(1).padStart(8)}`;
  return `${row.name.padEnd(4)}${numbers.join(" ")} ${cost}  ${verdict}  ${row.bounds}`;
}

function print(row: Measured): void {
  console.log(flags.json ? JSON.stringify(row) : lineOf(row));
  if (row.counterexample === null || flags.json) return;
  console.log(`\n${scenarioText(row.name, row.counterexample)}`);
}

async function exploreAll(wanted: readonly string[]): Promise<void> {
  if (!flags.json) {
    console.log("          states        edges  depth     nodes      steps    cpu s   wall s");
  }
  const rows: Measured[] = [];
  const queue = [...wanted];
  const work = async (): Promise<void> => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      try {
        const row = await measureApart(name);
        rows.push(row);
        print(row);
      } catch (error) {
        console.error(error instanceof Error ? error.message : String(error));
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(processCount, wanted.length) }, work));
  const states = rows.reduce((sum, row) => sum + row.states, 0);
  const closed = rows.filter((row) => row.isClosed).length;
  if (!flags.json) console.log(`${states} states, ${closed} of ${wanted.length} closed`);
  if (closed < wanted.length) process.exitCode = 1;
}

function playBack(path: string): void {
  if (!existsSync(path)) refuse(`--replay: there is no file ${path}`);
  const text = readFileSync(path, "utf8");
  let played: Replay;
  try {
    played = replay(configurationOf(configurationNamedIn(text)), text);
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof SyntaxError)) throw error;
    console.error(error.message);
    process.exitCode = 2;
    return;
  }
  const { told, broken } = played;
  for (const line of told) console.log(line);
  console.log(broken === null ? "nothing breaks: it comes to rest" : `breaks: ${broken}`);
  if (broken !== null) process.exitCode = 1;
}

if (flags.replay !== undefined) playBack(flags.replay);
else if (flags.alone) console.log(JSON.stringify(measure(configurationOf(names[0]))));
else
  await exploreAll(
    names.length > 0
      ? names.map((one) => configurationOf(one).name)
      : configurations.map((one) => one.name),
  );
