/**
 * A look at every rule of a live state in steps, between which the state goes on: a state of a
 * million tasks is audited without a pause of the loop that anybody notices.
 *
 * What a rule says of one record alone holds between any two events, so records are looked at one
 * after the other. What is compared with a sum over all rows is looked at in one step, the last.
 *
 * @module
 */

import {
  Inspection,
  type RecordRule,
  type Violation,
  type WholeRule,
} from "./invariants/inspection.ts";
import { jobSumRules } from "./invariants/job-rules.ts";
import { queueSumRules } from "./invariants/queue-rules.ts";
import { Tally } from "./invariants/tally.ts";
import { wholeSumRules } from "./invariants/whole-rules.ts";
import { invariants } from "./invariants.ts";
import type { Scan } from "./scan.ts";
import type { ControllerState } from "./state.ts";
import { noSlot } from "./tables/task-table.ts";

/** The records of a subject: looked up anew at each step, for they come and go. */
interface Records {
  readonly count: () => number;
  readonly has: (index: number) => boolean;
  /** Of one step: some fraction of a millisecond. */
  readonly perStep: number;
}

const perRow = 2_048;
const perItem = 128;

/** Every violated rule; empty when all hold. */
export function* auditInSteps(state: ControllerState): Scan<Violation[]> {
  const look = new Inspection(state, new Tally({ remembers: false }));
  const { tasks, attempts, jobs, shapes, clients } = state;
  yield* inSteps(look, invariants.tasks, {
    count: () => tasks.length,
    has: (task) => tasks.job[task] !== noSlot,
    perStep: perRow,
  });
  yield* inSteps(look, invariants.attempts, {
    count: () => attempts.length,
    has: (row) => attempts.id[row] !== 0,
    perStep: perRow,
  });
  const always = () => true;
  yield* inSteps(look, without(invariants.queues, queueSumRules), {
    ...{ count: () => shapes.length, has: always, perStep: perItem },
  });
  const isThere = (job: number) => !jobs[job].pruned;
  yield* inSteps(look, without(invariants.jobs, jobSumRules), {
    ...{ count: () => jobs.length, has: isThere, perStep: perItem },
  });
  yield* inSteps(look, invariants.clients, {
    ...{ count: () => clients.length, has: always, perStep: 1 },
  });
  for (const rule of invariants.whole as readonly WholeRule[]) {
    if (wholeSumRules.includes(rule)) continue;
    look.rule = rule.name;
    rule(look);
    yield;
  }
  yield* look.tally.prepare(state);
  compareSums(look);
  return look.violations;
}

/** In one step: nothing may change between a sum and what is compared with it. */
function compareSums(look: Inspection): void {
  const { state } = look;
  look.tally.recount(state);
  inspectAll(look, invariants.workers, state.workers.length);
  inspectAll(look, queueSumRules, state.shapes.length);
  inspectAll(look, invariants.users, state.users.length);
  for (const rule of jobSumRules) {
    look.rule = rule.name;
    for (const { index, pruned } of state.jobs) if (!pruned) rule(look, index);
  }
  for (const rule of wholeSumRules) {
    look.rule = rule.name;
    rule(look);
  }
}

function inspectAll(look: Inspection, rules: readonly RecordRule[], count: number): void {
  for (const rule of rules) {
    look.rule = rule.name;
    for (let index = 0; index < count; index++) rule(look, index);
  }
}

function without(rules: readonly RecordRule[], others: readonly RecordRule[]): RecordRule[] {
  return rules.filter((rule) => !others.includes(rule));
}

function* inSteps(
  look: Inspection,
  rules: readonly RecordRule[],
  { count, has, perStep }: Records,
): Scan<void> {
  for (let from = 0; from < count(); from += perStep) {
    const to = Math.min(count(), from + perStep);
    for (const rule of rules) {
      look.rule = rule.name;
      for (let index = from; index < to; index++) if (has(index)) rule(look, index);
    }
    yield;
  }
}
