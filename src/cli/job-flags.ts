/**
 * The flags of `capstan run`, as stricli wants them described.
 *
 * @module
 */

import { bands } from "../model/states.ts";
import {
  type FlagsOf,
  type GlobalFlags,
  globalFlags,
  parseName,
  parseText,
} from "./global-flags.ts";
import { parseCount, parseExitCode, parseInteger, parseNumber, parseWhole } from "./parse-flags.ts";
import type { JobFlags } from "./parse-job-flags.ts";

/** Everything that `run` can be told before `--`. */
export interface RunFlags extends GlobalFlags, JobFlags {
  readonly band?: (typeof bands)[number];
  readonly onExisting?: "error" | "keep" | "recreate";
  readonly children?: "auto" | "terminate" | "preserve";
  readonly name?: string;
  readonly workspace?: string;
  readonly detach: boolean;
}

const text = { kind: "parsed", parse: parseText, optional: true } as const;
const texts = { ...text, variadic: true } as const;
const count = { kind: "parsed", parse: parseCount, optional: true } as const;
const whole = { kind: "parsed", parse: parseWhole, optional: true } as const;
const duration = { ...text, placeholder: "DURATION" } as const;
const exitCodes = {
  kind: "parsed",
  parse: parseExitCode,
  optional: true,
  variadic: true,
  placeholder: "CODE",
} as const;

const needs = {
  cpu: { kind: "parsed", parse: parseNumber, optional: true, brief: "CPUs of each task [1]" },
  memory: { ...text, brief: 'Memory of each task, such as "8g" [not enforced]' },
  disk: { ...text, brief: 'Disk of each task, such as "50g" [not enforced]' },
  device: { ...texts, placeholder: "KIND:VARIANT:COUNT", brief: "gpu:1 or gpu:h100:2; repeatable" },
  resource: { ...texts, placeholder: "NAME=N", brief: "A counter; repeatable" },
  replicas: { ...count, brief: "Tasks of the job [1]" },
  groupBy: {
    ...text,
    placeholder: "ATTRIBUTE",
    brief: "A gang: all tasks at once, one per worker, on workers that share this attribute",
  },
  constraint: {
    ...texts,
    placeholder: "CONDITION",
    brief: "'region in eu,us', k=v, k!=v, 'k>3', 'has k', '!k', prefer:…; repeatable",
  },
} as const;

const order = {
  band: { kind: "enum", values: bands, optional: true, brief: "[interactive]" },
  priority: { kind: "parsed", parse: parseInteger, optional: true, brief: "Within its band [0]" },
  timeout: { ...duration, brief: 'Run time of each attempt, such as "12h" [none]' },
  schedulingTimeout: { ...duration, brief: "Wait for the first start [for ever]" },
  grace: { ...duration, brief: "Between the request to end and the force [10s]" },
} as const;

const failures = {
  retries: { ...whole, brief: "How often a task may fail and be tried again [0]" },
  preemptionRetries: { ...whole, brief: "How often it may be taken away [100]" },
  maxTaskFailures: { ...whole, brief: "How many tasks may fail before the job does [0]" },
  retryBackoff: { ...text, placeholder: "INITIAL:MAX", brief: "Delay of a retry, as 1s:60s" },
  retryExitCode: { ...exitCodes, brief: "Only these are worth a retry; repeatable" },
  noRetryExitCode: { ...exitCodes, brief: "These are never worth a retry; repeatable" },
} as const;

const program = {
  env: { ...texts, placeholder: "K=V", brief: "A variable; K alone copies yours; repeatable" },
  port: { ...texts, placeholder: "NAME", brief: "A free port, in CAPSTAN_PORT_<NAME>; repeatable" },
  workspace: { ...text, placeholder: "DIR", brief: "Directory that each task gets a copy of" },
  cwd: { ...text, placeholder: "DIR", brief: "Where it starts [its work directory]" },
} as const;

const job = {
  name: { ...text, brief: "Name, or /user/name [the program's and a suffix]" },
  user: { ...text, parse: parseName, brief: "Launch for this user; for admins" },
  onExisting: {
    kind: "enum",
    values: ["error", "keep", "recreate"],
    optional: true,
    brief: "If an open job has the name [error]",
  },
  children: {
    kind: "enum",
    values: ["auto", "terminate", "preserve"],
    optional: true,
    brief: "What becomes of its child jobs when it fails [auto]",
  },
  detach: { kind: "boolean", default: false, brief: "Print the job's id and do not wait" },
} as const;

/** All flags of `run`. */
export const runFlags: FlagsOf<RunFlags> = {
  ...globalFlags,
  ...needs,
  ...order,
  ...failures,
  ...program,
  ...job,
};
