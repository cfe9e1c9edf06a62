/**
 * `npm run examples [NAME…]`: runs the programs of `examples/` as a user would, each as a process
 * of its own, and checks how they end and what they print. They check themselves what they compute.
 *
 * @module
 */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { startLocalCluster } from "capstan";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** One program of `examples/` may take this long; then it has failed. */
const programMsMax = 120_000;

/** A program that is run. */
export interface ExampleProgram {
  /** Below `examples/`. */
  readonly path: string;
  readonly args?: readonly string[];
  /** What it prints, anywhere in its output. */
  readonly prints: readonly RegExp[];
  /** A program of the system without which it is skipped. */
  readonly needs?: string;
  /** Runs it in surroundings that it does not make itself; default: alone. */
  readonly run?: (program: ExampleProgram) => Promise<Finished>;
}

interface Finished {
  readonly exitCode: number | null;
  readonly output: string;
}

/** Every program that can be run. What runs inside of jobs is listed in `exampleParts`. */
export const examplePrograms: readonly ExampleProgram[] = [
  { path: "first-graph/run.ts", prints: [/^664579 primes below 10000000$/m] },
  {
    path: "first-graph/too-big.ts",
    prints: [/^submitted: capstan why /m, /^168 primes below 1000$/m],
    run: runWithHelpLater,
  },
  { path: "actors/run.ts", prints: [/^after 200: 3\.14\d+ ± 0\.000\d+$/m] },
  {
    path: "simulated-cluster/study.test.ts",
    prints: [/^✔ the study finds the same whatever goes wrong/m, /^ℹ pass 4$/m, /^ℹ fail 0$/m],
  },
  {
    path: "large-reduction/run.ts",
    args: ["--gigabytes", "0.3", "--block-mib", "8", "--target-mib", "48"],
    prints: [/^ {2}local-0 holds .* MB of it on disk;/m, /^every number is 666, as it should be$/m],
  },
  {
    path: "epidemic/run.ts",
    args: ["--sets", "3", "--replicates", "20", "--workers", "2", "--output", "/dev/null"],
    prints: [/^60\/60 simulations, 3\/3 aggregations, 0 failed,/m],
  },
  {
    path: "calibration/run.ts",
    prints: [
      /^killed a worker$/m,
      /^killed the controller, and started it again$/m,
      /^with faults: (beta .* boys off; 40\/40 sets), .*[\s\S]*^again: \1, /m,
      / failed \(TASK_TIMED_OUT\)$/m,
    ],
  },
  {
    path: "calibration/python.ts",
    prints: [/^beta 1\.67 gamma 0\.44: SUCCEEDED, 6 replicates, \d/m],
    needs: "python3",
  },
  { path: "jobs/two-at-a-time.ts", prints: [/^at most 2 of 4 ran at a time/m] },
  { path: "jobs/scheduling-timeout.ts", prints: [/^UNSCHEDULABLE after [23]\.\d s: /m] },
  { path: "jobs/no-blocking.ts", prints: [/small SUCCEEDED; .*big is PENDING/] },
  {
    path: "jobs/python-result.ts",
    prints: [/^squares below 10: \{"count":4,"sum":14\}; 46 counted in all$/m],
    needs: "python3",
  },
  { path: "jobs/gang.ts", prints: [/^3\/4 127\.0\.0\.1(,127\.0\.0\.1){3}$/m] },
  {
    path: "gang-training/run.ts",
    prints: [/^y = 3\.0\d a \+ -2\.0\d b \+ 1\.0\d, of 6000 samples on 3 workers$/m],
  },
  { path: "job-tree/run.ts", prints: [/sweep\/0: best of 3: 16$/m] },
  { path: "endpoints/run.ts", prints: [/^the score of 6 is 36$/m] },
];

/** What the programs above run inside of jobs. */
export const exampleParts: readonly string[] = [
  "job-tree/parent.ts",
  "endpoints/server.ts",
  "endpoints/asker.ts",
];

/** How a program fared. */
export interface Outcome {
  readonly verdict: "passed" | "failed" | "skipped";
  /** Why it was skipped, or what was wrong; "" if it passed. */
  readonly reason: string;
}

/** Runs one program and checks it. */
export async function runExample(program: ExampleProgram): Promise<Outcome> {
  const { needs, prints } = program;
  if (needs !== undefined && spawnSync(needs, ["--version"]).status !== 0) {
    return { verdict: "skipped", reason: `it needs ${needs}, which is not installed` };
  }
  const { exitCode, output } = await (program.run ?? runAlone)(program);
  const missing = prints.filter((expected) => !expected.test(output));
  if (exitCode === 0 && missing.length === 0) return { verdict: "passed", reason: "" };
  const absent = missing.map((expected) => `\nit did not print ${expected}`).join("");
  return { verdict: "failed", reason: `exit code ${exitCode}${absent}\n${output}` };
}

function start({ path, args = [] }: ExampleProgram, env: NodeJS.ProcessEnv = {}): ChildProcess {
  const file = join(root, "examples", path);
  return spawn(process.execPath, ["--disable-warning=ExperimentalWarning", file, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    // Under a test runner, a program that is a test itself reports as if it were alone.
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, NO_COLOR: "1", ...env },
    timeout: programMsMax,
  });
}

/** Collects what it prints until it has ended; `onText` sees all of it each time there is more. */
function finish(child: ChildProcess, onText: (text: string) => void = () => undefined) {
  return new Promise<Finished>((resolve, reject) => {
    let output = "";
    const add = (chunk: Buffer) => {
      output += chunk;
      onText(output);
    };
    child.stdout?.on("data", add);
    child.stderr?.on("data", add);
    child.on("error", reject);
    child.on("close", (exitCode) => resolve({ exitCode, output }));
  });
}

function runAlone(program: ExampleProgram): Promise<Finished> {
  return finish(start(program));
}

/** On a cluster that cannot run it, until a worker joins that can. */
async function runWithHelpLater(program: ExampleProgram): Promise<Finished> {
  const offers = [{ cpu: 2 }, { cpu: 64, memory: 2 ** 36, threads: 1 }];
  await using cluster = await startLocalCluster({
    workers: 1,
    workerOptions: (index) => offers[index],
  });
  let joined: Promise<unknown> | null = null;
  const child = start(program, { CAPSTAN_URL: cluster.url });
  const finished = await finish(child, (text) => {
    if (text.includes("submitted")) joined ??= cluster.addWorker();
  });
  await joined;
  return finished;
}

async function main(names: readonly string[]): Promise<number> {
  const chosen = examplePrograms.filter(
    ({ path }) => names.length === 0 || names.some((name) => path.includes(name)),
  );
  const totals = { passed: 0, failed: 0, skipped: 0 };
  for (const program of chosen) {
    const startedAt = performance.now();
    const { verdict, reason } = await runExample(program);
    totals[verdict]++;
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
    const detail = reason === "" ? "" : `: ${reason}`;
    console.log(`${verdict} examples/${program.path} (${seconds} s)${detail}`);
  }
  const { passed, failed, skipped } = totals;
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed === 0 && chosen.length > 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
