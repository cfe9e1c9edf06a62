/**
 * The environment of a command: a few variables of the machine, what Capstan tells it, and what its
 * spec adds. Nothing else of the worker's own environment reaches it, and nothing of the
 * submitter's.
 *
 * @module
 */

import { tmpdir } from "node:os";
import { type AttemptId, formatAttemptId } from "../../model/ids.ts";
import type { DeviceAmount } from "../../model/resources.ts";
import type { AttemptContext, GangMember } from "../../protocol/messages.ts";
import type { AttemptPaths } from "./command-directories.ts";

/** Environment variables by name. */
export type Environment = { readonly [name: string]: string };

export interface EnvironmentOptions {
  /** The spec's own variables: they come last, but never instead of a `CAPSTAN_…` of ours. */
  readonly own: Environment;
  readonly context: AttemptContext;
  readonly attempt: AttemptId;
  readonly controllerUrl: string;
  readonly workerId: string;
  readonly paths: AttemptPaths;
  /** The ports that were chosen for it, by name. */
  readonly ports: { readonly [name: string]: number };
  /** All members of its gang, in rank order; none for a command that is alone. */
  readonly members: readonly GangMember[];
}

/** The complete environment: the process inherits nothing besides. */
export function composeEnvironment(options: EnvironmentOptions): Environment {
  const environment: { [name: string]: string } = {
    ...machineVariables(),
    ...identityVariables(options),
    ...portVariables(options.ports),
    ...deviceVariables(options.context.devices),
    ...gangVariables(options.members),
  };
  for (const [name, value] of Object.entries(options.own)) {
    if (name.startsWith("CAPSTAN_") && name in environment) continue;
    environment[name] = value;
  }
  return environment;
}

/** `"metrics-http"` as part of a variable's name: `"METRICS_HTTP"`. */
export function variableName(text: string): string {
  return text.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_");
}

const standardPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Asked once: to ask costs a dozen system calls. */
const temporaryDirectory = tmpdir();

function machineVariables(): Environment {
  const { PATH, HOME, LANG } = process.env;
  return {
    PATH: PATH ?? standardPath,
    HOME: HOME ?? "/",
    LANG: LANG ?? "C.UTF-8",
    TMPDIR: temporaryDirectory,
  };
}

function identityVariables(options: EnvironmentOptions): Environment {
  const { context, attempt, paths } = options;
  return {
    CAPSTAN_TASK_ID: context.taskId,
    CAPSTAN_ATTEMPT_ID: formatAttemptId(attempt),
    CAPSTAN_JOB_ID: context.jobId,
    CAPSTAN_NUM_TASKS: String(context.replicas),
    CAPSTAN_TASK_INDEX: String(context.index),
    CAPSTAN_CONTROLLER_URL: options.controllerUrl,
    ...(context.token === "" ? {} : { CAPSTAN_TOKEN: context.token }),
    CAPSTAN_WORKER_ID: options.workerId,
    CAPSTAN_WORKDIR: paths.work,
    CAPSTAN_OUTPUT_DIR: paths.output,
    // Attempt ids rise over the life of the cluster: a later one has the larger number.
    CAPSTAN_FENCING_TOKEN: String(attempt),
  };
}

function portVariables(ports: { readonly [name: string]: number }): Environment {
  const named = Object.entries(ports).map(([name, port]) => [
    `CAPSTAN_PORT_${variableName(name)}`,
    String(port),
  ]);
  return Object.fromEntries(named);
}

/** The indices of all granted devices; those of GPUs also under the name that CUDA reads. */
function deviceVariables(devices: readonly DeviceAmount[]): Environment {
  const indicesOf = (amounts: readonly DeviceAmount[]) =>
    amounts.flatMap(({ indices }) => indices).join(",");
  const gpus = devices.filter(({ kind }) => kind === "gpu");
  return {
    CAPSTAN_DEVICE_IDS: indicesOf(devices),
    ...(gpus.length === 0 ? {} : { CUDA_VISIBLE_DEVICES: indicesOf(gpus) }),
  };
}

function gangVariables(members: readonly GangMember[]): Environment {
  if (members.length === 0) return {};
  const variables: { [name: string]: string } = {
    CAPSTAN_GANG_HOSTS: members.map(({ host }) => host).join(","),
  };
  for (const name of Object.keys(members[0].ports)) {
    const addresses = members.map(({ host, ports }) => `${bracketed(host)}:${ports[name]}`);
    variables[`CAPSTAN_GANG_PORT_${variableName(name)}`] = addresses.join(",");
  }
  return variables;
}

/** An IPv6 address needs brackets before a port. */
function bracketed(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}
