/**
 * `capstan demo epidemic`: calibrates an epidemic model on a cluster that it starts for itself.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { buildCommand } from "@stricli/core";
import { CapstanError } from "../../model/errors.ts";
import { type CliContext, command, type Terminal } from "../context.ts";
import { type GlobalFlags, globalFlags, parseText } from "../global-flags.ts";
import { parseCount } from "../parse-flags.ts";

/** What `examples/epidemic/run` takes. */
interface DemoOptions {
  readonly sets: number;
  readonly replicates: number;
  readonly workers: number;
  readonly killWorker: boolean;
  readonly json: boolean;
  readonly dataDir?: string;
  readonly output?: string;
}

interface DemoModule {
  runEpidemicDemo(options: DemoOptions, terminal: Terminal): Promise<number>;
}

interface DemoFlags extends GlobalFlags {
  readonly sets: number;
  readonly replicates: number;
  readonly workers: number;
  readonly killWorker: boolean;
  readonly data?: string;
  readonly output?: string;
}

async function runDemo(terminal: Terminal, flags: DemoFlags): Promise<number> {
  const { sets, replicates, workers, killWorker, json, data, output } = flags;
  const demo = await loadDemo();
  const options = {
    ...{ sets, replicates, workers, killWorker, json },
    ...(data === undefined ? {} : { dataDir: data }),
    ...(output === undefined ? {} : { output }),
  };
  return demo.runEpidemicDemo(options, terminal);
}

/** The example is a program of a user of ours: its source in a clone, else what was built of it. */
async function loadDemo(): Promise<DemoModule> {
  const places = ["../../../examples/epidemic/run.ts", "../../examples/epidemic/run.js"];
  const place = places.map((path) => new URL(path, import.meta.url)).find((url) => existsSync(url));
  if (place === undefined) {
    throw new CapstanError("NOT_FOUND", "the epidemic example is not part of this installation");
  }
  return await import(place.href);
}

const count = { kind: "parsed", parse: parseCount } as const;
const path = { kind: "parsed", parse: parseText, optional: true } as const;

export const demoEpidemicCommand = buildCommand<DemoFlags, [], CliContext>({
  func: command(runDemo),
  parameters: {
    flags: {
      ...globalFlags,
      sets: { ...count, default: "20", brief: "Parameter sets" },
      replicates: { ...count, default: "200", brief: "Simulations of each set" },
      workers: { ...count, default: "2", brief: "Worker processes" },
      killWorker: { kind: "boolean", default: false, brief: "Kill one worker half way" },
      data: { ...path, placeholder: "DIR", brief: "Directory of the journal [a temporary one]" },
      output: { ...path, placeholder: "FILE", brief: "Where the figure goes [epidemic-fit.svg]" },
    },
  },
  docs: {
    brief: "Fit a stochastic epidemic model to the 1978 boarding-school influenza counts",
    fullDescription:
      "Simulates each parameter set many times on a cluster of its own, aggregates each set in " +
      "one task that takes its simulations as arguments, ranks the sets and draws the best one.",
  },
});
