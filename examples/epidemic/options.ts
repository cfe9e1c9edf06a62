/**
 * What the demo is asked for.
 *
 * @module
 */

import { parseArgs } from "node:util";

/** The options of one calibration. */
export interface DemoOptions {
  /** Parameter sets. Default 20. */
  readonly sets: number;
  /** Simulations of each set. Default 200. */
  readonly replicates: number;
  /** Worker processes. Default 2. */
  readonly workers: number;
  /** Kill one worker when 47.5 % of the simulations are done. Default false. */
  readonly killWorker: boolean;
  /** Print one JSON object instead of tables and plots. Default false. */
  readonly json: boolean;
  /** Where the journal lives. Default: a temporary directory that is removed. */
  readonly dataDir?: string;
  /** Where the figure goes. Default `.capstan/epidemic-fit.svg`. */
  readonly output?: string;
}

/** The options of a command line. Throws for what is unknown or not a whole number above 0. */
export function parseOptions(argv: readonly string[]): DemoOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      sets: { type: "string", default: "20" },
      replicates: { type: "string", default: "200" },
      workers: { type: "string", default: "2" },
      "kill-worker": { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      data: { type: "string" },
      output: { type: "string" },
    },
  });
  return {
    sets: count("sets", values.sets),
    replicates: count("replicates", values.replicates),
    workers: count("workers", values.workers),
    killWorker: values["kill-worker"],
    json: values.json,
    ...(values.data === undefined ? {} : { dataDir: values.data }),
    ...(values.output === undefined ? {} : { output: values.output }),
  };
}

function count(name: string, text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new RangeError(`--${name} must be a whole number above 0, not "${text}"`);
}
