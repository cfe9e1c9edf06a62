/**
 * What must be true when the chaos is over: everything that was submitted has ended as it must, and
 * what the commands themselves wrote down agrees with what the controller says.
 *
 * @module
 */

import type { JobAttempt, JobTask } from "../../client/index.ts";
import { readEffects, type TaskEffects } from "./chaos-effects.ts";
import type { ChaosJob, ChaosLoad } from "./chaos-load.ts";
import { type DemoCluster, lookUntil, placeOf } from "./demo-cluster.ts";
import { isIdle, msOf } from "./gang-demo.ts";
import type { Narrator } from "./narrator.ts";

/** Everything that was submitted is over, as it must be, and nothing else is there. */
export async function auditEnds(
  narrator: Narrator,
  cluster: DemoCluster,
  { jobs, graphs }: ChaosLoad,
): Promise<void> {
  const wrong = jobs.filter(({ kind, end }) => !isRightEnd(kind, end?.state ?? "open"));
  const seen = wrong.map(({ name, end }) => `${name} ${end?.state ?? "open"}`);
  const lost = jobs.filter(({ end }) => end?.state === "WORKER_FAILED").length;
  const ends = `all ${jobs.length} jobs ended as they must`;
  narrator.check(wrong.length === 0, `${ends} (${lost} that may run once lost a worker)`, seen);
  const failed = graphs.filter(({ value, expected }) => value !== expected);
  narrator.check(failed.length === 0, `all ${graphs.length} graphs gave the right sum`, failed);
  const known = await countJobs(cluster);
  const same = `the controller knows ${known} jobs: none is lost, none is there twice`;
  narrator.check(known === jobs.length, same, `${jobs.length} were launched`);
}

function isRightEnd(kind: ChaosJob["kind"], state: string): boolean {
  return state === "SUCCEEDED" || (kind === "once" && state === "WORKER_FAILED");
}

/** How many jobs were launched, by the controller's count. Graphs have their own. */
async function countJobs(cluster: DemoCluster): Promise<number> {
  let count = 0;
  for (let pageToken = ""; ; ) {
    const page = await cluster.call("ListJobs", { pageSize: 500, pageToken });
    count += page.jobs.filter(({ jobId }) => !/\/graph-\d+$/.test(jobId)).length;
    pageToken = page.nextPageToken;
    if (pageToken === "") return count;
  }
}

/** One task of a job, with what it left behind. */
interface Witness {
  readonly kind: ChaosJob["kind"];
  readonly task: JobTask;
  readonly effects: TaskEffects;
}

/** What ran, counted by what it wrote. */
export async function auditEffects(
  narrator: Narrator,
  cluster: DemoCluster,
  { jobs }: ChaosLoad,
  directory: string,
): Promise<void> {
  const witnesses = await readWitnesses(jobs, directory);
  const begun = witnesses.reduce((sum, { effects }) => sum + effects.begun.length, 0);
  const expected = jobs.reduce((sum, { replicas }) => sum + replicas, 0);
  const all = `${expected} tasks of jobs are there, none more`;
  narrator.check(witnesses.length === expected, all, witnesses.length);
  for (const [claim, breaks] of rules) {
    const broken = witnesses.filter(breaks);
    narrator.check(broken.length === 0, claim(begun), await describeFirst(cluster, broken));
  }
}

/** The first task that breaks a rule: what it wrote, and its story. "" if there is none. */
async function describeFirst(cluster: DemoCluster, broken: readonly Witness[]): Promise<string> {
  if (broken.length === 0) return "";
  const [{ task, effects }] = broken;
  const { events } = await cluster.call("GetStory", { id: task.taskId });
  const story = events.map(({ at, message }) => `       ${at} ${message}`);
  const wrote = `began ${effects.begun.join(", ")}; did ${effects.done.join(", ")}`;
  const what = `${broken.length} tasks, such as ${task.taskId}, which is ${task.state}`;
  return [`${what}: ${wrote}`, ...story].join("\n");
}

async function readWitnesses(
  jobs: readonly ChaosJob[],
  directory: string,
): Promise<readonly Witness[]> {
  const witnesses: Witness[] = [];
  for (const { kind, name, job } of jobs) {
    for (const task of await job.tasks()) {
      witnesses.push({ kind, task, effects: readEffects(directory, name, task.index) });
    }
  }
  return witnesses;
}

/** A claim about every task, and when a task breaks it. */
type Rule = readonly [(begun: number) => string, (witness: Witness) => boolean];

const rules: readonly Rule[] = [
  [(begun) => `${begun} attempts began, each once`, ({ effects }) => hasTwice(effects.begun)],
  [() => "every one of them was ordered by the controller", hasGhost],
  [() => "every task that SUCCEEDED did its work, no attempt did it twice", isUnproved],
  [() => "what may run once, and was heard to run, did not run again", isRepeated],
  [() => "no two attempts of a task held capacity at the same time", hasOverlap],
];

function hasTwice(ids: readonly string[]): boolean {
  return new Set(ids).size !== ids.length;
}

function hasGhost({ task, effects }: Witness): boolean {
  const known = new Set(task.attempts.map(({ attemptId }) => attemptId));
  return effects.begun.some((attemptId) => !known.has(attemptId));
}

/** An attempt that was told to stop may have been done: then the next one takes what it gave. */
function isUnproved({ task, effects }: Witness): boolean {
  if (task.state !== "SUCCEEDED") return false;
  return effects.done.length === 0 || hasTwice(effects.done);
}

/** A host that dies at once after a start takes the news of it along: that one may run again. */
function isRepeated({ kind, task, effects }: Witness): boolean {
  const heard = task.attempts.filter(({ startedAt }) => startedAt !== null);
  const begun = heard.filter(({ attemptId }) => effects.begun.includes(attemptId));
  return kind === "once" && begun.length > 1;
}

function hasOverlap({ task }: Witness): boolean {
  return task.attempts.some((attempt, index) => {
    const next = task.attempts.at(index + 1);
    return next !== undefined && msOf(assignedAt(next)) < msOf(attempt.endedAt);
  });
}

function assignedAt(attempt: JobAttempt): string {
  return String(attempt.assignedAt);
}

/** Nothing is left: no capacity given away, no process, no finding of the audit. */
export async function auditCluster(narrator: Narrator, cluster: DemoCluster): Promise<void> {
  const workers = await lookUntil(
    () => cluster.workers(),
    (all) => all.every((worker) => worker.state === "HEALTHY" && isIdle(worker)),
  );
  const wrong = workers.filter((worker) => worker.state !== "HEALTHY" || !isIdle(worker));
  const zero = `all ${workers.length} workers are healthy and at zero`;
  narrator.check(wrong.length === 0, zero, wrong);
  const left = workers.reduce(
    (sum, { workerId }) => sum + cluster.commandsIn(placeOf(workerId)),
    0,
  );
  narrator.check(left === 0, "no process is left", `${left} processes`);
  const report = await cluster.call("GetDoctorReport", {});
  const checked = `${report.invariantsChecked} invariants checked`;
  narrator.check(report.ok, `doctor: healthy, ${checked}`, report);
}
