/**
 * `capstan demo gang`: training jobs that run whole or not at all, on a cluster of its own whose
 * processes it kills. Exit code 1 if anything that it claims does not hold.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { CapstanError } from "../../model/errors.ts";
import { formatMemory } from "../../model/format-quantities.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { DemoCluster } from "../demo/demo-cluster.ts";
import { hostCpu, hostMemoryBytes, hostOptions } from "../demo/gang-cluster.ts";
import { GangDemo } from "../demo/gang-demo.ts";
import {
  endAll,
  killAgent,
  killController,
  killControllerMidway,
  killHost,
} from "../demo/gang-faults.ts";
import { explainThird, failOne, startTwo } from "../demo/gang-steps.ts";
import { Narrator } from "../demo/narrator.ts";
import { type GlobalFlags, globalFlags } from "../global-flags.ts";
import { parseCount } from "../parse-flags.ts";
import { printJson } from "../print.ts";

interface DemoFlags extends GlobalFlags {
  readonly hosts: number;
}

const steps: readonly ((demo: GangDemo) => Promise<void>)[] = [
  startTwo,
  explainThird,
  failOne,
  killHost,
  killAgent,
  killController,
  killControllerMidway,
  endAll,
];

async function runDemo(terminal: Terminal, { hosts, json }: DemoFlags): Promise<number> {
  if (hosts < 2) throw new CapstanError("INVALID_ARGUMENT", "--hosts: expected 2 or more");
  const narrator = new Narrator(terminal, json);
  const workers = 2 * hosts;
  const each = `${hostCpu} CPUs and ${formatMemory(hostMemoryBytes)} each (declared, not real)`;
  narrator.say(
    narrator.paint.bold("Gangs: all of a training job at once, or nothing of it"),
    `starting ${workers} workers: two slices of ${hosts} hosts, ${each} …`,
  );
  const workerOptions = (place: number) => hostOptions(place, hosts);
  const exitCode = await DemoCluster.run({ workers, workerOptions }, (cluster) =>
    tell(new GangDemo(cluster, narrator, hosts)),
  );
  if (json) {
    const { seconds, steps } = narrator;
    printJson(terminal, { ok: exitCode === exitCodes.ok, seconds, steps });
  }
  return exitCode;
}

/** Step by step, to the first claim that does not hold. */
async function tell(demo: GangDemo): Promise<number> {
  const { narrator, cluster } = demo;
  narrator.say(`ready after ${cluster.startSeconds.toFixed(1)} s at ${cluster.processes.url}`);
  for (const step of steps) {
    await step(demo);
    if (narrator.hasFailed) break;
  }
  const verdict = narrator.hasFailed
    ? narrator.paint.red("a claim does not hold")
    : narrator.paint.green(`all ${narrator.claimCount} claims hold`);
  narrator.say("", `${verdict}, ${narrator.seconds.toFixed(1)} s`);
  return narrator.hasFailed ? exitCodes.found : exitCodes.ok;
}

export const demoGangCommand = buildCommand<DemoFlags, [], CliContext>({
  func: command(runDemo),
  parameters: {
    flags: {
      ...globalFlags,
      hosts: { kind: "parsed", parse: parseCount, default: "8", brief: "Hosts of each slice" },
    },
  },
  docs: {
    brief: "Run gangs on two slices of hosts, and kill members, hosts, agents and the controller",
    fullDescription:
      "Starts a cluster of its own: two slices of simulated hosts. Gangs run whole or wait, and " +
      "say why; one that fails ends whole and gives back what it had, once; what runs outlives " +
      "agents and controllers. Every claim is checked. Exit code 1 if one does not hold.",
  },
});
