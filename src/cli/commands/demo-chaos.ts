/**
 * `capstan demo chaos`: a mixed load while workers, hosts and the controller are killed at random.
 * Exit code 1 if anything is lost, done twice, or left over.
 *
 * @module
 */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { buildCommand } from "@stricli/core";
import { Prng } from "../../base/prng.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { auditCluster, auditEffects, auditEnds } from "../demo/chaos-audit.ts";
import { ChaosFaults } from "../demo/chaos-faults.ts";
import { ChaosLoad, chaosUsers } from "../demo/chaos-load.ts";
import { DemoCluster } from "../demo/demo-cluster.ts";
import { chaosProgressMs, chaosSettleMsMax } from "../demo/limits.ts";
import { Narrator } from "../demo/narrator.ts";
import { type GlobalFlags, globalFlags } from "../global-flags.ts";
import { parseCount, parseWhole } from "../parse-flags.ts";
import { printJson } from "../print.ts";

interface DemoFlags extends GlobalFlags {
  readonly seconds: number;
  readonly seed?: number;
}

const workerCount = 4;
const seedMax = 1_000_000;

/** What the end says, and `--json` prints. */
interface Totals {
  readonly tasks: number;
  readonly tasksPerSecond: number;
  readonly kills: { readonly agent: number; readonly host: number; readonly controller: number };
  readonly slowestRecoveryMs: Totals["kills"];
}

async function runDemo(terminal: Terminal, flags: DemoFlags): Promise<number> {
  const { seconds, json, seed = Date.now() % seedMax } = flags;
  const narrator = new Narrator(terminal, json);
  narrator.say(
    narrator.paint.bold("Chaos: a mixed load, while what runs it is killed"),
    `${workerCount} workers, ${chaosUsers.length} users, ${seconds} s; --seed ${seed} kills alike`,
  );
  let totals: Totals | null = null;
  const workerOptions = (place: number) => ({
    cpu: 4,
    threads: 2,
    commandSlots: 16,
    attributes: { rack: place < workerCount / 2 ? "rack-a" : "rack-b" },
  });
  const exitCode = await DemoCluster.run(
    { workers: workerCount, workerOptions },
    async (cluster) => {
      totals = await live(cluster, narrator, { seconds, seed });
      return narrator.hasFailed ? exitCodes.found : exitCodes.ok;
    },
  );
  if (json)
    printJson(terminal, { ok: exitCode === exitCodes.ok, seed, totals, steps: narrator.steps });
  return exitCode;
}

interface Plan {
  readonly seconds: number;
  readonly seed: number;
}

async function live(
  cluster: DemoCluster,
  narrator: Narrator,
  { seconds, seed }: Plan,
): Promise<Totals> {
  const effects = join(cluster.directory, "effects");
  mkdirSync(effects);
  const random = new Prng(seed);
  const load = new ChaosLoad(new Prng(random.u32()), effects);
  const faults = new ChaosFaults(cluster, new Prng(random.u32()));
  await load.open(cluster.processes.url);
  narrator.say(`ready after ${cluster.startSeconds.toFixed(1)} s at ${cluster.processes.url}`);
  narrator.step(`Load and kills for ${seconds} s`);
  const startedAt = performance.now();
  await storm(narrator, load, faults, seconds);
  await Promise.race([load.settled(), pause(chaosSettleMsMax, undefined, { ref: false })]);
  const elapsed = (performance.now() - startedAt) / 1_000;
  narrator.check(
    load.endedTasks === load.submittedTasks,
    `all ${load.submittedTasks} tasks are over after ${elapsed.toFixed(1)} s`,
    `${load.endedTasks} of ${load.submittedTasks}`,
  );
  const totals = totalsOf(load, faults, elapsed);
  checkRecoveries(narrator, totals);
  await audit(narrator, cluster, load, effects);
  await load.close();
  sayTotals(narrator, totals);
  return totals;
}

async function storm(
  narrator: Narrator,
  load: ChaosLoad,
  faults: ChaosFaults,
  seconds: number,
): Promise<void> {
  const stopProgress = showProgress(narrator, load, faults);
  const running = [load.run(), faults.run()];
  await Promise.race([pause(seconds * 1_000, undefined, { ref: false }), ...running]);
  load.stop();
  faults.stop();
  await Promise.all(running);
  stopProgress();
}

/** A line that follows what happens. */
function showProgress(narrator: Narrator, load: ChaosLoad, faults: ChaosFaults): () => void {
  const show = () => {
    const tasks = `${load.endedTasks} of ${load.submittedTasks} tasks are over`;
    narrator.progress(`${narrator.seconds.toFixed(1)} s: ${tasks}, ${killsOf(faults)}`);
  };
  const timer = setInterval(show, narrator.isLive ? 200 : chaosProgressMs);
  return () => {
    clearInterval(timer);
    show();
    narrator.endProgress();
  };
}

function killsOf(faults: ChaosFaults): string {
  const { agent, host, controller } = countsOf(faults);
  return `killed ${agent} agents, ${host} hosts, ${controller} controllers`;
}

function countsOf(faults: ChaosFaults): Totals["kills"] {
  const countOf = faults.countOf.bind(faults);
  return { agent: countOf("agent"), host: countOf("host"), controller: countOf("controller") };
}

function totalsOf(load: ChaosLoad, faults: ChaosFaults, seconds: number): Totals {
  const slowestOf = (victim: "agent" | "host" | "controller") =>
    Math.round(faults.slowestOf(victim));
  return {
    tasks: load.endedTasks,
    tasksPerSecond: load.endedTasks / seconds,
    kills: countsOf(faults),
    slowestRecoveryMs: {
      agent: slowestOf("agent"),
      host: slowestOf("host"),
      controller: slowestOf("controller"),
    },
  };
}

function checkRecoveries(narrator: Narrator, { kills, slowestRecoveryMs }: Totals): void {
  for (const victim of ["agent", "host", "controller"] as const) {
    if (kills[victim] === 0) continue;
    const slowest = slowestRecoveryMs[victim];
    const claim = `${kills[victim]} killed ${victim}s came back, the slowest after ${slowest} ms`;
    narrator.check(Number.isFinite(slowest), claim);
  }
}

async function audit(
  narrator: Narrator,
  cluster: DemoCluster,
  load: ChaosLoad,
  effects: string,
): Promise<void> {
  narrator.step("What is left");
  await auditEnds(narrator, cluster, load);
  await auditEffects(narrator, cluster, load, effects);
  await auditCluster(narrator, cluster);
}

function sayTotals(narrator: Narrator, { tasks, tasksPerSecond, kills }: Totals): void {
  const count = kills.agent + kills.host + kills.controller;
  const rate = `${tasks} tasks, ${Math.round(tasksPerSecond)} tasks/s, ${count} kills`;
  const verdict = narrator.hasFailed
    ? narrator.paint.red("something is wrong")
    : narrator.paint.green("0 lost, 0 done twice, 0 left over");
  narrator.say("", `${rate}: ${verdict}`);
}

export const demoChaosCommand = buildCommand<DemoFlags, [], CliContext>({
  func: command(runDemo),
  parameters: {
    flags: {
      ...globalFlags,
      seconds: { kind: "parsed", parse: parseCount, default: "20", brief: "How long to kill" },
      seed: { kind: "parsed", parse: parseWhole, optional: true, brief: "Of the dice [the time]" },
    },
  },
  docs: {
    brief: "Run a mixed load while workers, hosts and the controller are killed at random",
    fullDescription:
      "Starts a cluster of its own and kills its processes (-9) while two users submit jobs, " +
      "gangs and graphs. At the end everything must be over as it must be, nothing may have been " +
      "done twice, and nothing may be left. Exit code 1 otherwise.",
  },
});
