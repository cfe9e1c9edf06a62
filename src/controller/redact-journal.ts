/**
 * A journal without what must not leave its cluster: tokens, the environment and input of programs,
 * the arguments of tasks, what functions of jobs returned, and what looks like a secret in what was
 * written. What is left folds to the same state but for that: ids, times, amounts and causes stay
 * as they were.
 *
 * @module
 */

import type { Blobs } from "../base/blobs.ts";
import type { AttemptFailure, AttemptUsage, TaskFailure } from "../model/failure.ts";
import type { JobSpec } from "../model/job.ts";
import { redactText } from "../model/redact-text.ts";
import type { TaskSpec } from "../model/spec.ts";
import type { EndpointRecord, TokenRecord } from "./access-state.ts";
import type { DurableFact, FactOf } from "./facts.ts";
import { redactArgv, redactEnv } from "./redact.ts";
import type { SharedImage } from "./shared-image.ts";
import type { JobImage, Snapshot } from "./snapshot.ts";
import type { AttemptRecord, Submission } from "./state.ts";

type Redactors = {
  readonly [T in DurableFact["type"]]?: (fact: FactOf<T>) => FactOf<T>;
};

const redactors: Redactors = {
  "spec-defined": (fact) => ({ ...fact, definition: redactSpec(fact.definition) }),
  "tasks-submitted": (fact) => ({
    ...fact,
    submit: { ...fact.submit, args: withoutBytes(fact.submit.args) },
  }),
  "results-returned": (fact) => ({ ...fact, values: withoutBytes(fact.values) }),
  "attempt-measured": (fact) => ({ ...fact, usage: redactUsage(fact.usage) }),
  "tasks-failed": (fact) => ({ ...fact, failures: fact.failures.map(redactFailure) }),
  "job-launched": (fact) => ({
    ...fact,
    ...{ spec: redactJob(fact.spec), token: "" },
    tokenHash: standIn(fact.spec.jobId, fact.at),
  }),
  "job-ended": (fact) => ({
    ...fact,
    error: fact.error === null ? null : redactFailure(fact.error),
  }),
  "token-created": (fact) => ({ ...fact, hash: standIn(fact.tokenId, 0) }),
  "endpoint-registered": (fact) => ({ ...fact, endpoint: redactEndpoint(fact.endpoint) }),
};

/** The fact as it may be shown to whoever looks for a bug. */
export function redactFact(fact: DurableFact): DurableFact {
  const redact = redactors[fact.type] as ((fact: DurableFact) => DurableFact) | undefined;
  return redact === undefined ? fact : redact(fact);
}

/** The same of a snapshot. */
export function redactSnapshot(image: Snapshot): Snapshot {
  return {
    ...image,
    jobs: image.jobs.map(redactJobImage),
    access: {
      ...image.access,
      tokens: image.access.tokens.map(redactToken),
      endpoints: image.access.endpoints.map(redactEndpoint),
    },
    ...(image.shared === undefined ? {} : { shared: redactShared(image.shared) }),
    histories: image.histories.map(([row, records]) => [row, records.map(redactRecord)] as const),
    usages: image.usages.map(([row, usage]) => [row, redactUsage(usage)] as const),
    specs: image.specs.map((spec) =>
      spec === null ? null : { ...spec, definition: redactSpec(spec.definition) },
    ),
    submissions: image.submissions.map(redactSubmission),
    failures: image.failures.map(([row, failure]) => [row, redactFailure(failure)] as const),
  };
}

/** As the facts have them: a result that was kept reads as one that is too large. */
function redactShared(shared: SharedImage): SharedImage {
  const results = (shared.results ?? []).map(
    ([row, { sizeBytes }]) => [row, { sizeBytes, bytes: null }] as const,
  );
  return { ...shared, results };
}

/** Hashes of tokens are indexes too: no two may be the same. */
function standIn(id: string, at: number): string {
  return `left out ${id} ${at}`;
}

function redactSpec(spec: TaskSpec): TaskSpec {
  const { run } = spec;
  if (run.kind !== "command") return spec;
  const { argv, env } = run;
  return { ...spec, run: { ...run, argv: redactArgv(argv), env: redactEnv(env), stdin: "" } };
}

function redactJob(spec: JobSpec): JobSpec {
  return { ...spec, task: redactSpec(spec.task), args: new Uint8Array(0) };
}

function redactJobImage(job: JobImage): JobImage {
  const { launch } = job;
  if (launch === null) return job;
  const error = launch.error === null ? null : redactFailure(launch.error);
  const tokenHash = standIn(job.id, job.submittedAt);
  const spec = redactJob(launch.spec);
  return { ...job, launch: { ...launch, spec, error, token: "", tokenHash } };
}

function redactToken(token: TokenRecord): TokenRecord {
  return { ...token, hash: standIn(token.tokenId, 0) };
}

function redactEndpoint(endpoint: EndpointRecord): EndpointRecord {
  return { ...endpoint, metadata: redactEnv(endpoint.metadata) };
}

function redactSubmission(submission: Submission | null): Submission | null {
  return submission === null ? null : { ...submission, args: withoutBytes(submission.args) };
}

/** As many byte strings, all empty. */
function withoutBytes({ offsets }: Blobs): Blobs {
  return { offsets: new Uint32Array(offsets.length), data: new Uint8Array(0) };
}

function redactRecord(record: AttemptRecord): AttemptRecord {
  return { ...record, usage: record.usage === null ? null : redactUsage(record.usage) };
}

function redactUsage(usage: AttemptUsage): AttemptUsage {
  return { ...usage, stderrTail: redactText(usage.stderrTail) };
}

function redactFailure(told: TaskFailure): TaskFailure {
  const failure = told.failure === null ? null : redactAttemptFailure(told.failure);
  return { ...told, message: redactText(told.message), failure };
}

function redactAttemptFailure(told: AttemptFailure): AttemptFailure {
  const { name, message, stack, causes } = told.error;
  const error = {
    name,
    message: redactText(message),
    stack: redactText(stack),
    causes: causes.map((cause) => ({ ...cause, message: redactText(cause.message) })),
  };
  return { ...told, error, stderrTail: redactText(told.stderrTail) };
}
