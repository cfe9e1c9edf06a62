/**
 * Launching a job: what it needs is brought over first, then it is asked for, once.
 *
 * A launch whose answer was lost may have been carried out. Before it is asked for again the job is
 * looked up; one that was submitted since is ours. What the controller refuses is not tried again.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import { parseJobOptions } from "../model/job-options.ts";
import { parseJobPath } from "../model/job-path.ts";
import { type LaunchJobRequest, parseLaunchJob } from "../model/parse-job.ts";
import type { FunctionExecutor } from "../model/spec.ts";
import { encodeArguments } from "../shell/values/value-codec.ts";
import { type Bundle, checkExported } from "./bundle.ts";
import type { BundleSource } from "./bundle-uploads.ts";
import { workspaceSource } from "./command.ts";
import { Future } from "./future.ts";
import { Job } from "./job.ts";
import { callPatiently, type JobHost, PollDelays, runWithin, unanswered } from "./job-calls.ts";
import type { JobStatus, JobWarning, LaunchOptions } from "./job-types.ts";
import { jobCallPatienceMs } from "./limits.ts";
import { type AnyTask, definitionOf, type TaskDefinition } from "./task.ts";
import { checkWaitLimits, type WaitLimits } from "./waiting.ts";

/** What a launch needs of its session. */
export interface LaunchHost extends JobHost {
  readonly user: string;
  /** What jobs without a leading slash are below: the user, or the job that this is a task of. */
  readonly home: string;
  /** Where the module of a task comes from. */
  sourceOf(task: TaskDefinition): BundleSource;
  bring(bundle: Bundle, source: BundleSource, signal?: AbortSignal): Promise<void>;
}

/** What goes before a launch. */
interface Cargo {
  readonly bundle: Bundle;
  readonly source: BundleSource;
}

interface Launch {
  readonly jobId: string;
  readonly request: LaunchJobRequest;
  readonly cargo: Cargo | null;
}

/** The answer of `LaunchJob`. */
interface Launched {
  readonly created: boolean;
  readonly warnings: readonly JobWarning[];
}

/** See `Client.launchJob`. */
export async function launchJob(
  host: LaunchHost,
  options: LaunchOptions,
  limits: WaitLimits,
): Promise<Job> {
  checkWaitLimits(limits);
  const { signal, timeoutMs = jobCallPatienceMs } = limits;
  const launch = await prepare(host, options);
  const { clock } = host;
  const patience = { clock, signal, timeoutMs, onTimeout: unanswered("LaunchJob") };
  const { created, warnings } = await runWithin(patience, (ended) => carryOut(host, launch, ended));
  for (const { code, message } of warnings) host.warn(code, message);
  const job = new Job(host, launch.jobId, { state: created ? "PENDING" : null, warnings });
  if (!created) await job.status();
  return job;
}

/** Checks everything, and reads what has to be brought over. */
async function prepare(host: LaunchHost, options: LaunchOptions): Promise<Launch> {
  const draft = parseJobOptions(options);
  const name = parseJobPath("name", draft.name, draft.user || host.home);
  const { parts, cargo } = await readCargo(host, options);
  const written = { ...draft, ...parts, name };
  parseLaunchJob(written, host.user);
  // As JSON would have it: an absent member is not one that is undefined.
  const request = JSON.parse(JSON.stringify(written)) as LaunchJobRequest;
  return { jobId: name, request, cargo };
}

/** What is known of a launch only when its bundle is. */
type Parts = Pick<LaunchJobRequest, "function" | "workspace">;

async function readCargo(
  host: LaunchHost,
  options: LaunchOptions,
): Promise<{ readonly parts: Parts; readonly cargo: Cargo | null }> {
  if ("task" in options && options.task !== undefined) {
    const { task, args = [], executor } = options;
    return readFunction(host, task, { args, executor });
  }
  const { workspace } = options as { readonly workspace?: string };
  if (workspace === undefined) return { parts: {}, cargo: null };
  const source = workspaceSource(workspace);
  const bundle = await source.read();
  return { parts: { workspace: bundle.sha256 }, cargo: { bundle, source } };
}

async function readFunction(
  host: LaunchHost,
  task: AnyTask,
  call: { readonly args: readonly unknown[]; readonly executor: FunctionExecutor | undefined },
): Promise<{ readonly parts: Parts; readonly cargo: Cargo }> {
  const definition = definitionOf(task);
  const { name, moduleUrl } = definition;
  const bytes = encodeArguments(call.args, { root: "args", onReference: refuseFuture });
  const encoded = Buffer.from(bytes).toString("base64");
  const source = host.sourceOf(definition);
  const bundle = await source.read();
  const error = checkExported(bundle, moduleUrl, name);
  if (error !== null) throw error;
  const { sha256 } = bundle;
  const run = { bundle: sha256, functionName: name, args: encoded, executor: call.executor };
  return {
    parts: { function: run },
    cargo: { bundle, source },
  };
}

function refuseFuture(value: object, path: string): null {
  if (!(value instanceof Future)) return null;
  throw new CapstanError(
    "INVALID_ARGUMENT",
    `${path}: a job takes no futures; await its result and pass that, or submit the task`,
  );
}

async function carryOut(
  host: LaunchHost,
  { jobId, request, cargo }: Launch,
  signal: AbortSignal,
): Promise<Launched> {
  const before = await submittedAt(host, jobId, signal);
  for (const delays = new PollDelays(host.clock); ; ) {
    // Again each time: the controller that comes back may be another one.
    if (cargo !== null) await host.bring(cargo.bundle, cargo.source, signal);
    const answer = await launchOnce(host, request, signal);
    if (answer !== null) return answer;
    await delays.pause(signal);
    const now = await submittedAt(host, jobId, signal);
    if (now !== null && now !== before) return { created: true, warnings: [] };
  }
}

/** Null if the answer was lost: nobody knows whether the job was launched. */
async function launchOnce(
  host: LaunchHost,
  request: LaunchJobRequest,
  signal: AbortSignal,
): Promise<Launched | null> {
  try {
    return (await host.call("LaunchJob", request, signal)) as Launched;
  } catch (error) {
    const isLost =
      error instanceof CapstanError && (error.code === "UNREACHABLE" || error.code === "TIMED_OUT");
    if (isLost) return null;
    throw error;
  }
}

/** When the job of this name was submitted, or null if there is none. */
async function submittedAt(
  host: LaunchHost,
  jobId: string,
  signal: AbortSignal,
): Promise<string | null> {
  try {
    const request = { jobId };
    const { job } = await callPatiently<{ readonly job: JobStatus }>(
      host,
      "GetJobStatus",
      request,
      signal,
    );
    return job.submittedAt;
  } catch (error) {
    if (error instanceof CapstanError && error.code === "NOT_FOUND") return null;
    throw error;
  }
}
