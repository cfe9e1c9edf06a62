/**
 * Calibrates a stochastic epidemic model to the 1978 boarding-school counts on a cluster of its
 * own, and shows the result. A program like a user's: it knows nothing but the SDK.
 *
 *     node examples/epidemic/run.ts --sets 20 --replicates 200 --workers 2 [--kill-worker]
 *
 * @module
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { type Client, connect, type LocalCluster, startLocalCluster } from "capstan";
import { type Aftermath, countRecomputed, examine } from "./aftermath.ts";
import { type Calibration, calibrate, type Tally } from "./calibration.ts";
import { type DemoOptions, parseOptions } from "./options.ts";
import { ProgressBar } from "./progress.ts";
import { type Ranked, rank, rankingLines } from "./ranking.ts";
import { type Screen, styleFor } from "./screen.ts";
import { drawSvg } from "./svg-plot.ts";
import { drawFit } from "./terminal-plot.ts";

/** Where the demo prints. */
export interface DemoTerminal {
  readonly stdout: Screen;
  readonly stderr: Screen;
}

/** Runs the demo and returns its exit code: 0 if every simulation and aggregation succeeded. */
export async function runEpidemicDemo(
  options: DemoOptions,
  terminal: DemoTerminal,
): Promise<number> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "capstan-demo-"));
  // With --json only the report goes to stdout; what a person would look at goes to stderr.
  const screen = options.json ? terminal.stderr : terminal.stdout;
  const startedAt = performance.now();
  const cluster = await startLocalCluster({ workers: options.workers, dataDir });
  const stopListening = closeOnSignal(cluster);
  try {
    const client = await connect(cluster.url, tokenOf(cluster));
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
    announce(screen, options, cluster, seconds);
    const outcome = await calibrateAndReport(options, terminal, screen, { cluster, client });
    await client.close();
    return outcome;
  } finally {
    await cluster.close();
    stopListening();
    if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
  }
}

interface Connected {
  readonly cluster: LocalCluster;
  readonly client: Client;
}

async function calibrateAndReport(
  options: DemoOptions,
  terminal: DemoTerminal,
  screen: Screen,
  { cluster, client }: Connected,
): Promise<number> {
  const total = options.sets * options.replicates + options.sets;
  const bar = new ProgressBar(screen, total);
  const killer = options.killWorker ? new Killer(cluster, bar) : null;
  const onProgress = (tally: Tally) => {
    killer?.look(tally);
    bar.update(tally.simulationsDone + tally.aggregationsDone, noteOf(tally));
  };
  const { sets, replicates } = options;
  const calibration = await calibrate(client, { sets, replicates, onProgress });
  const { tally } = calibration;
  bar.finish(tally.simulationsDone + tally.aggregationsDone, noteOf(tally));
  const aftermath = killer === null ? null : await lookBack(client, killer);
  calibration.release();
  const ranked = rank(calibration.results);
  const figure = writeFigure(options, ranked);
  if (options.json) {
    const report = reportOf(calibration, ranked, figure, aftermath);
    terminal.stdout.write(`${JSON.stringify(report)}\n`);
  } else show(screen, calibration, ranked, figure, aftermath);
  return isComplete(tally) && (aftermath?.doctorOk ?? true) ? 0 : 1;
}

/** Kills one worker process without warning when 47.5 % of the simulations are done. */
class Killer {
  readonly #cluster: LocalCluster;
  readonly #bar: ProgressBar;
  pid = 0;
  gone: Promise<void> = Promise.resolve();

  constructor(cluster: LocalCluster, bar: ProgressBar) {
    this.#cluster = cluster;
    this.#bar = bar;
  }

  look(tally: Tally): void {
    const isTime = tally.simulationsDone >= Math.floor(tally.simulationsTotal * 0.475);
    if (this.pid !== 0 || !isTime) return;
    const { workerId, pid } = this.#cluster.workers[0];
    this.pid = pid;
    this.gone = this.#cluster.killWorker(0, "SIGKILL");
    const when = `${tally.simulationsDone} simulations`;
    this.#bar.log(`killed worker ${workerId} (pid ${pid}) with SIGKILL after ${when}`);
  }
}

async function lookBack(client: Client, killer: Killer): Promise<Aftermath> {
  await killer.gone;
  const recomputed = await countRecomputed(client);
  return { killedPid: killer.pid, recomputed, ...(await examine(client)) };
}

function tokenOf({ token }: LocalCluster): { readonly token?: string } {
  return token === undefined ? {} : { token };
}

/** Ctrl-C stops the cluster before it stops us. */
function closeOnSignal(cluster: LocalCluster): () => void {
  const onSignal = (signal: NodeJS.Signals) => {
    void cluster.close().then(() => process.exit(signal === "SIGINT" ? 130 : 143));
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, onSignal);
  return () => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, onSignal);
  };
}

function announce(
  screen: Screen,
  options: DemoOptions,
  cluster: LocalCluster,
  seconds: string,
): void {
  const { bold } = styleFor(screen);
  const { sets, replicates } = options;
  const processes = `1 controller and ${cluster.workers.length} workers`;
  screen.write(
    `${bold("Fitting an epidemic to the 1978 boarding-school counts")}\n` +
      `${sets} parameter sets x ${replicates} simulations, one aggregation each: ` +
      `${sets * replicates + sets} tasks\n` +
      `cluster: ${processes}, ready in ${seconds} s; dashboard: ${bold(cluster.url)}\n`,
  );
}

function noteOf(tally: Tally): string {
  const failed = tally.failed === 0 ? "" : `, ${tally.failed} failed`;
  return `${tally.aggregationsDone}/${tally.aggregationsTotal} sets aggregated${failed}`;
}

function isComplete(tally: Tally): boolean {
  return (
    tally.failed === 0 &&
    tally.simulationsDone === tally.simulationsTotal &&
    tally.aggregationsDone === tally.aggregationsTotal
  );
}

function writeFigure(options: DemoOptions, ranked: readonly Ranked[]): string | null {
  if (ranked.length === 0) return null;
  const file = resolve(options.output ?? join(".capstan", "epidemic-fit.svg"));
  mkdirSync(dirname(file), { recursive: true });
  const [best, ...others] = ranked;
  const drawn = drawSvg(
    best.set,
    best.verdict,
    others.map(({ verdict }) => verdict),
  );
  writeFileSync(file, drawn);
  return file;
}

function show(
  screen: Screen,
  calibration: Calibration,
  ranked: readonly Ranked[],
  figure: string | null,
  aftermath: Aftermath | null,
): void {
  const { tally } = calibration;
  const lines = [""];
  if (ranked.length > 0) {
    const { parameters, number } = ranked[0].set;
    const { beta, gamma } = parameters;
    lines.push(...rankingLines(screen, ranked), "");
    lines.push(`best fit: set #${number}, beta ${beta}, gamma ${gamma} per day`, "");
    lines.push(...drawFit(screen, ranked[0].verdict), "", `figure: ${figure}`);
  }
  if (tally.firstError !== "") lines.push(`first failure: ${tally.firstError}`);
  if (aftermath !== null) lines.push(`doctor: ${aftermath.doctor}`);
  lines.push(closingLine(calibration, aftermath));
  screen.write(`${lines.join("\n")}\n`);
}

/** `4000/4000 simulations, 20/20 aggregations, 0 failed, 2.1 s, 1914 tasks/s` */
function closingLine({ tally, seconds }: Calibration, aftermath: Aftermath | null): string {
  const done = tally.simulationsDone + tally.aggregationsDone;
  return [
    `${tally.simulationsDone}/${tally.simulationsTotal} simulations`,
    `${tally.aggregationsDone}/${tally.aggregationsTotal} aggregations`,
    `${tally.failed} failed`,
    `${seconds.toFixed(2)} s`,
    `${Math.round(done / seconds)} tasks/s`,
    ...(aftermath === null ? [] : [`${aftermath.recomputed} recomputed`]),
  ].join(", ");
}

function reportOf(
  { tally, seconds }: Calibration,
  ranked: readonly Ranked[],
  figure: string | null,
  aftermath: Aftermath | null,
): object {
  const done = tally.simulationsDone + tally.aggregationsDone;
  return {
    simulations: { done: tally.simulationsDone, total: tally.simulationsTotal },
    aggregations: { done: tally.aggregationsDone, total: tally.aggregationsTotal },
    failed: tally.failed,
    firstError: tally.firstError,
    seconds,
    tasksPerSecond: done / seconds,
    ...(aftermath ?? { killedPid: null, recomputed: 0, doctorOk: null, doctor: null }),
    figure,
    ranking: ranked.map(({ set, verdict }) => ({ set: set.number, ...set.parameters, ...verdict })),
  };
}

if (import.meta.main) {
  process.exitCode = await runEpidemicDemo(parseOptions(process.argv.slice(2)), process);
}
