/**
 * `capstan user set USER`: what a user may use. Flags that are not given keep their value.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { canonicalResources } from "../../model/canonical-resources.ts";
import { CapstanError } from "../../model/errors.ts";
import { parseCpuMilli } from "../../model/parse-quantities.ts";
import { type DeviceAmount, noResources } from "../../model/resources.ts";
import { bands } from "../../model/states.ts";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { type GlobalFlags, globalFlags, parseText, targetOf } from "../global-flags.ts";
import { idOf } from "../id-argument.ts";
import { parseCount, parseMemoryText, parseNumber } from "../parse-flags.ts";
import { parseWantedDevice } from "../parse-job-flags.ts";
import { printJson, printLines } from "../print.ts";

interface SetFlags extends GlobalFlags {
  readonly weight?: number;
  readonly budget?: number;
  readonly bandMax?: (typeof bands)[number];
  readonly capCpu?: number;
  readonly capMemory?: string;
  readonly capDevice?: readonly string[];
  readonly noCap: boolean;
  readonly activeTasksMax?: number;
}

async function setBudget(terminal: Terminal, flags: SetFlags, user: string): Promise<number> {
  const { weight, budget, bandMax, activeTasksMax } = flags;
  const changes = {
    ...(weight === undefined ? {} : { weight }),
    ...(budget === undefined ? {} : { budget }),
    ...(bandMax === undefined ? {} : { bandMax: bandMax.toUpperCase() }),
    ...capOf(flags),
    ...(activeTasksMax === undefined ? {} : { activeTasksMax }),
  };
  if (Object.keys(changes).length === 0) {
    const what = "nothing to set: --weight, --budget, --band-max, --cap-… or --active-tasks-max";
    throw new CapstanError("INVALID_ARGUMENT", what);
  }
  const request = { user, ...changes };
  const response = await callApi(targetOf(flags, terminal), "SetUserBudget", request);
  if (flags.json) printJson(terminal, response);
  else printLines(terminal, [`${user}: set ${Object.keys(changes).join(", ")}`]);
  return exitCodes.ok;
}

/** The cap is one thing: what is not named in it is not capped. */
function capOf({ capCpu, capMemory, capDevice, noCap }: SetFlags): {
  readonly cap?: object | null;
} {
  const isGiven = capCpu !== undefined || capMemory !== undefined || capDevice !== undefined;
  if (noCap && isGiven) {
    throw new CapstanError("INVALID_ARGUMENT", "--no-cap and --cap-… exclude each other");
  }
  if (noCap) return { cap: null };
  if (!isGiven) return {};
  const cap = canonicalResources({
    ...noResources,
    cpuMilli: capOn("--cap-cpu", capCpu, (count) => parseCpuMilli("--cap-cpu", count)),
    memoryBytes: capOn("--cap-memory", capMemory, (text) => parseMemoryText("--cap-memory", text)),
    devices: (capDevice ?? []).map(capOnDevice),
  });
  return { cap };
}

/** 0 where it is not given, which caps nothing: so nobody may say it. */
function capOn<V>(flag: string, value: V | undefined, parse: (value: V) => number): number {
  if (value === undefined) return 0;
  const amount = parse(value);
  if (amount > 0) return amount;
  throw new CapstanError(
    "INVALID_ARGUMENT",
    `${flag} must be above 0; --no-cap takes the cap away`,
  );
}

function capOnDevice(text: string): DeviceAmount {
  const device = parseWantedDevice(text, "--cap-device");
  capOn("--cap-device", device.countMilli, (countMilli) => countMilli);
  return device;
}

const number = { kind: "parsed", parse: parseNumber, optional: true } as const;
const text = { kind: "parsed", parse: parseText, optional: true } as const;

export const userSetCommand = buildCommand<SetFlags, [string], CliContext>({
  func: command(setBudget),
  parameters: {
    flags: {
      ...globalFlags,
      weight: { ...number, brief: "Share of the cluster relative to other users [1]" },
      budget: { ...number, brief: "Value of running work before more is batch; 0 is unlimited" },
      bandMax: { kind: "enum", values: bands, optional: true, brief: "The best band to ask for" },
      capCpu: { ...number, brief: "CPUs that all running work may hold" },
      capMemory: { ...text, brief: "Memory that it may hold" },
      capDevice: { ...text, variadic: true, brief: "Devices that it may hold; repeatable" },
      noCap: { kind: "boolean", default: false, brief: "Take the cap away" },
      activeTasksMax: {
        kind: "parsed",
        parse: parseCount,
        optional: true,
        brief: "Tasks that have not ended, in all",
      },
    },
    positional: idOf("Name of the user"),
  },
  docs: { brief: "Set what a user may use; what is not given keeps its value" },
});
