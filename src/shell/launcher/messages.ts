/**
 * What worker and launcher say to each other, and its validation. The launcher speaks first on a
 * connection: its inventory, then every end that was not acknowledged.
 *
 * @module
 */

import { assertNever } from "../../base/assert.ts";
import { CapstanError } from "../../model/errors.ts";
import {
  parseArray,
  parseBoolean,
  parseInteger,
  parseOneOf,
  parsePlainObject,
} from "../../model/parse-fields.ts";
import { type ExitRecord, parseExitRecord } from "./exit-record.ts";
import { type LaunchOrder, parseAttemptId, parseLaunchOrder } from "./launch-order.ts";
import { launcherAttemptsMax } from "./limits.ts";

/** Raised when a message changes its meaning: a launcher may be older than its worker. */
export const launcherProtocol = 2;

/** An attempt that runs. */
export interface Survivor {
  readonly attemptId: string;
  readonly pid: number;
  /** Unix milliseconds. */
  readonly startedAtMs: number;
  readonly tag: unknown;
}

/** What the machine lets the launcher do. */
export interface LauncherCapabilities {
  /** How an attempt's processes are found: in its control group, or by looking at all. */
  readonly tracking: "cgroup" | "scan";
  /** Memory is limited by the kernel, or watched and the attempt killed after the fact. */
  readonly memory: "cgroup" | "watch";
  /** `cpuMilli` has an effect. */
  readonly cpu: boolean;
  /** `pidsMax` has an effect. */
  readonly pids: boolean;
}

export type ToLauncher =
  | { readonly type: "launch"; readonly order: LaunchOrder }
  | { readonly type: "stop"; readonly attemptId: string; readonly graceMs: number }
  | { readonly type: "acknowledge"; readonly attemptId: string }
  | { readonly type: "renew-leases" }
  | { readonly type: "shutdown" };

export type FromLauncher =
  | {
      readonly type: "inventory";
      readonly protocol: number;
      readonly pid: number;
      readonly running: readonly Survivor[];
      readonly capabilities: LauncherCapabilities;
    }
  | { readonly type: "started"; readonly attemptId: string; readonly pid: number }
  | { readonly type: "ended"; readonly record: ExitRecord };

const toLauncherTypes = ["launch", "stop", "acknowledge", "renew-leases", "shutdown"] as const;
const fromLauncherTypes = ["inventory", "started", "ended"] as const;
const integerMax = Number.MAX_SAFE_INTEGER;

/** Throws INVALID_ARGUMENT naming the field. */
export function parseToLauncher(value: unknown): ToLauncher {
  const fields = parsePlainObject("message", value);
  const type = parseOneOf("type", fields.type, toLauncherTypes);
  switch (type) {
    case "launch":
      return { type, order: parseLaunchOrder(fields.order) };
    case "stop": {
      const graceMs = parseInteger("graceMs", fields.graceMs, 0, integerMax);
      return { type, attemptId: parseAttemptId(fields.attemptId), graceMs };
    }
    case "acknowledge":
      return { type, attemptId: parseAttemptId(fields.attemptId) };
    case "renew-leases":
    case "shutdown":
      return { type };
    default:
      return assertNever(type);
  }
}

/** Throws INVALID_ARGUMENT naming the field, VERSION_MISMATCH for a launcher of another kind. */
export function parseFromLauncher(value: unknown): FromLauncher {
  const fields = parsePlainObject("message", value);
  const type = parseOneOf("type", fields.type, fromLauncherTypes);
  switch (type) {
    case "inventory":
      return parseInventory(fields);
    case "started": {
      const pid = parseInteger("pid", fields.pid, 1, integerMax);
      return { type, attemptId: parseAttemptId(fields.attemptId), pid };
    }
    case "ended":
      return { type, record: parseExitRecord(fields.record) };
    default:
      return assertNever(type);
  }
}

function parseInventory(fields: { readonly [name: string]: unknown }): FromLauncher {
  const protocol = parseInteger("protocol", fields.protocol, 1, integerMax);
  const pid = parseInteger("pid", fields.pid, 1, integerMax);
  if (protocol !== launcherProtocol) throw wrongProtocol(protocol, pid);
  return {
    type: "inventory",
    protocol,
    pid,
    running: parseArray("running", fields.running, launcherAttemptsMax).map(parseSurvivor),
    capabilities: parseCapabilities(fields.capabilities),
  };
}

function parseSurvivor(value: unknown): Survivor {
  const fields = parsePlainObject("running", value);
  return {
    attemptId: parseAttemptId(fields.attemptId),
    pid: parseInteger("pid", fields.pid, 0, integerMax),
    startedAtMs: parseInteger("startedAtMs", fields.startedAtMs, 0, integerMax),
    tag: fields.tag ?? null,
  };
}

function parseCapabilities(value: unknown): LauncherCapabilities {
  const fields = parsePlainObject("capabilities", value);
  return {
    tracking: parseOneOf("tracking", fields.tracking, ["cgroup", "scan"]),
    memory: parseOneOf("memory", fields.memory, ["cgroup", "watch"]),
    cpu: parseBoolean("cpu", fields.cpu),
    pids: parseBoolean("pids", fields.pids),
  };
}

function wrongProtocol(protocol: number, pid: number): CapstanError {
  const message =
    `the launcher with pid ${pid} speaks protocol ${protocol}, this worker ${launcherProtocol}: ` +
    "let its attempts end, or end it with SIGTERM, then start the worker again";
  return new CapstanError("VERSION_MISMATCH", message, { details: { protocol, pid } });
}
