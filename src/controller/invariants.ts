/**
 * What must be true of the controller's state after every event, as functions named as sentences,
 * each about one record of its subject: a task, an attempt, a worker, a queue, a job, a user, a
 * client, or what belongs to no record. What `apply` keeps as a counter is compared with a recount.
 *
 * The rules' numbers are those of `docs/invariants.md`. A look at a whole state is linear in it;
 * `invariant-checker.ts` looks where something changed.
 *
 * @module
 */

import { InvariantError } from "../base/assert.ts";
import { accessInvariants } from "./access-invariants.ts";
import { actorRules, actorTaskRules } from "./invariants/actor-rules.ts";
import { attemptRules } from "./invariants/attempt-rules.ts";
import { copyRules } from "./invariants/copy-rules.ts";
import { dataWaitRules } from "./invariants/data-wait-rules.ts";
import {
  Inspection,
  type RecordRule,
  type Violation,
  type WholeRule,
} from "./invariants/inspection.ts";
import { jobRules } from "./invariants/job-rules.ts";
import { memoryRules } from "./invariants/memory-rules.ts";
import { queueRules } from "./invariants/queue-rules.ts";
import type { RowSet } from "./invariants/row-set.ts";
import { sharedRules } from "./invariants/shared-rules.ts";
import { Subjects } from "./invariants/subjects.ts";
import { taskRules } from "./invariants/task-rules.ts";
import { clientRules, userRules, wholeRules } from "./invariants/whole-rules.ts";
import { workerRules } from "./invariants/worker-rules.ts";
import { type ControllerState, taskIdOf } from "./state.ts";

/** Every rule by its subject. */
export const invariants = {
  tasks: [...taskRules, ...actorTaskRules],
  attempts: attemptRules,
  workers: workerRules,
  queues: queueRules,
  jobs: jobRules,
  users: userRules,
  clients: clientRules,
  whole: [
    ...wholeRules,
    ...memoryRules,
    ...sharedRules,
    ...copyRules,
    ...dataWaitRules,
    ...accessInvariants,
    ...actorRules,
  ],
} as const;

/** A rule and what it is called: to ask a function for its name costs more than most rules. */
interface Named {
  readonly name: string;
  readonly rule: RecordRule;
}

function namedRules(rules: readonly RecordRule[]): readonly Named[] {
  return rules.map((rule) => ({ name: rule.name, rule }));
}

const named = {
  tasks: namedRules(invariants.tasks),
  attempts: namedRules(attemptRules),
  workers: namedRules(workerRules),
  queues: namedRules(queueRules),
  jobs: namedRules(jobRules),
  users: namedRules(userRules),
  clients: namedRules(clientRules),
} as const;

export const invariantCount = Object.values(invariants).flat().length;

/** Checks the rules of each subject on the records of it; the tally must be that of the state. */
export function inspect(look: Inspection, subjects: Subjects): void {
  checkRecords(look, named.tasks, subjects.tasks);
  checkRecords(look, named.attempts, subjects.attempts);
  checkRecords(look, named.workers, subjects.workers);
  checkRecords(look, named.queues, subjects.shapes);
  checkRecords(look, named.jobs, subjects.jobs);
  checkRecords(look, named.users, subjects.users);
  checkRecords(look, named.clients, subjects.clients);
}

function checkRecords(look: Inspection, rules: readonly Named[], records: RowSet): void {
  for (const { name, rule } of rules) {
    look.rule = name;
    for (let i = 0; i < records.length; i++) rule(look, records.at(i));
  }
}

/** Checks every rule on every record. */
export function inspectAll(look: Inspection, subjects: Subjects): void {
  subjects.clear();
  subjects.addAll(look.state);
  look.tally.recount(look.state);
  inspect(look, subjects);
  for (const rule of invariants.whole as readonly WholeRule[]) {
    look.rule = rule.name;
    rule(look);
  }
}

/** Every violated rule; empty when all hold. */
export function findViolations(state: ControllerState): Violation[] {
  const look = new Inspection(state);
  inspectAll(look, new Subjects());
  return look.violations;
}

/** Throws InvariantError with every violated rule. */
export function checkInvariants(state: ControllerState): void {
  assertNone(state, findViolations(state));
}

/** Throws InvariantError unless nothing was found: each rule, and what happened to its tasks. */
export function assertNone(state: ControllerState, violations: readonly Violation[]): void {
  if (violations.length === 0) return;
  const shown = violations.slice(0, 20);
  const named = new Set(shown.flatMap(({ ids }) => ids));
  const plural = violations.length === 1 ? "invariant is" : "invariants are";
  throw new InvariantError(`${violations.length} ${plural} broken`, [
    ...shown.map(({ rule, ids, message }) => `${rule}: ${ids.join(", ")} ${message}`),
    ...storiesOf(state, named),
  ]);
}

/** The last entries about each task that is named. */
function storiesOf(state: ControllerState, named: ReadonlySet<string>): string[] {
  const { tasks, workers, story } = state;
  const lines: string[] = [];
  for (let task = 0; task < tasks.length; task++) {
    if (!tasks.isLive(task) || !named.has(taskIdOf(state, task))) continue;
    const told = story.ofTask(tasks.ref(task)).slice(-8);
    const steps = told.map(({ at, kind, worker }) => {
      const place = workers[worker]?.workerId ?? "";
      return `${kind}${place === "" ? "" : ` on ${place}`} at ${at}`;
    });
    lines.push(`${taskIdOf(state, task)}: ${steps.join(", ")}`);
  }
  return lines;
}
