/**
 * `capstan controller`: one controller, in this process tree, until it is asked to end.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { CapstanError } from "../../model/errors.ts";
import { type QueuePolicy, queuePolicies } from "../../scheduler/queue-policy.ts";
import { type CliContext, command, type Terminal } from "../context.ts";
import { type GlobalFlags, globalFlags, parseText } from "../global-flags.ts";
import { runEntry } from "../run-entry.ts";
import { parseAdvertise, parseListen } from "./worker.ts";

interface ControllerFlags extends GlobalFlags {
  readonly listen: string;
  readonly advertise?: string;
  readonly store?: string;
  readonly policy: QueuePolicy;
}

async function runControllerHere(terminal: Terminal, flags: ControllerFlags): Promise<number> {
  if (flags.store?.startsWith("postgres:") === true) {
    const what = "--store takes a directory in this version, not a PostgreSQL address";
    throw new CapstanError("INVALID_SPEC", what);
  }
  const settings = {
    listen: flags.listen,
    policy: flags.policy,
    ...(flags.advertise === undefined ? {} : { advertise: flags.advertise }),
    ...(flags.store === undefined ? {} : { dataDir: flags.store }),
  };
  return runEntry("controller-entry", settings, flags.token ?? terminal.env.CAPSTAN_TOKEN);
}

export const controllerCommand = buildCommand<ControllerFlags, [], CliContext>({
  func: command(runControllerHere),
  parameters: {
    flags: {
      ...globalFlags,
      listen: {
        kind: "parsed",
        parse: parseListen,
        default: "127.0.0.1:7070",
        placeholder: "HOST:PORT",
        brief: "Where to serve; anything but loopback needs a token",
      },
      advertise: {
        kind: "parsed",
        parse: parseAdvertise,
        optional: true,
        placeholder: "HOST:PORT",
        brief: "The address or name that others call [as it listens]",
      },
      policy: {
        kind: "enum",
        values: queuePolicies,
        default: "fair",
        brief: "How queues are ordered: fair, fifo or slowdown",
      },
      store: {
        kind: "parsed",
        parse: parseText,
        optional: true,
        placeholder: "DIR",
        brief: "Directory of the journal [nothing survives the controller]",
      },
    },
  },
  docs: { brief: "Run one controller in this process" },
});
