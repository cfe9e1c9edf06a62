/**
 * What is said of single attempts as a peer sent it: gangs, failures, usage, and how a worker is.
 *
 * @module
 */

import type { AttemptUsage } from "../model/failure.ts";
import { portCountMax, replicasMax } from "../model/limits.ts";
import type { AttemptCause } from "../model/states.ts";
import { Fields, requireCount } from "./fields.ts";
import { idCharsMax, troubleCharsMax } from "./limits.ts";
import type {
  AttemptFailed,
  AttemptMeasured,
  AttemptPrepared,
  GangMember,
  StartGang,
  WorkerHealth,
} from "./messages.ts";
import type { DropSpec } from "./order-messages.ts";
import { requirePortName } from "./parse-command.ts";
import { parseAttemptFailure } from "./parse-specs.ts";

const failureCauses = [
  "failed",
  "timeout",
  "oom",
  "exited",
  "module-unloadable",
  "build-failed",
  "killed",
  "setup-failed",
  "rescheduled",
  "actor-lost",
] as const satisfies readonly AttemptCause[];

/** Throws PROTOCOL_ERROR naming the field, as every parser here. */
export function parseAttemptFailed(fields: Fields): AttemptFailed {
  return {
    type: "attempt-failed",
    ...parseAttempt(fields),
    successor: fields.count("successor"),
    cause: fields.oneOf("cause", failureCauses),
    failure: parseAttemptFailure(fields.child("failure")),
  };
}

export function parseAttemptPrepared(fields: Fields): AttemptPrepared {
  const member = parseGangMember(fields.child("member"));
  return { type: "attempt-prepared", ...parseAttempt(fields), member };
}

export function parseStartGang(fields: Fields): StartGang {
  const read = (item: unknown, path: string) => parseGangMember(new Fields(item, path));
  const members = fields.list("members", read, replicasMax);
  return { type: "start-gang", ...parseAttempt(fields), members };
}

export function parseAttemptMeasured(fields: Fields): AttemptMeasured {
  const usage = parseUsage(fields.child("usage"));
  return { type: "attempt-measured", ...parseAttempt(fields), usage };
}

export function parseWorkerHealth(fields: Fields): WorkerHealth {
  return { type: "health", trouble: fields.boundedText("trouble", troubleCharsMax, true) };
}

export function parseDropSpec(fields: Fields): DropSpec {
  return { type: "drop-spec", spec: fields.count("spec", 0xffffffff) };
}

function parseAttempt(fields: Fields): { attempt: number; task: number } {
  return { attempt: fields.count("attempt"), task: fields.count("task") };
}

/** Where a member of a gang can be reached; a port is from 1 to 65535. */
export function parseGangMember(fields: Fields): GangMember {
  const host = fields.boundedText("host", idCharsMax);
  const ports = fields.dictionary("ports", requirePort, portCountMax);
  for (const name of Object.keys(ports)) requirePortName(name, `a name in ${fields.path}.ports`);
  return { host, ports };
}

const portMax = 65_535;

function requirePort(value: unknown, path: string): number {
  return requireCount(value, path, portMax, 1);
}

function parseUsage(fields: Fields): AttemptUsage {
  return {
    exitCode: fields.integerOrNull("exitCode"),
    signal: fields.textOrNull("signal"),
    oom: fields.flag("oom"),
    peakRssBytes: fields.count("peakRssBytes"),
    cpuMs: fields.count("cpuMs"),
    droppedLogBytes: fields.count("droppedLogBytes"),
    stderrTail: fields.text("stderrTail"),
  };
}
