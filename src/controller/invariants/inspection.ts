/**
 * One look at a state: what was recounted, which rule is being checked, what was found.
 *
 * A rule speaks of one record of its subject, or of the whole; it reads the state and the tally,
 * and reports what does not hold. It never writes.
 *
 * @module
 */

import { type ControllerState, taskIdOf } from "../state.ts";
import { Tally } from "./tally.ts";

/** A promise that does not hold. */
export interface Violation {
  readonly rule: string;
  readonly ids: readonly string[];
  readonly message: string;
}

/** A rule about the record at an index. */
export type RecordRule = (look: Inspection, index: number) => void;
/** A rule about what has no records of its own. */
export type WholeRule = (look: Inspection) => void;

export class Inspection {
  state: ControllerState;
  readonly tally: Tally;
  /** The name of the rule that is being checked. */
  rule = "";
  readonly violations: Violation[] = [];

  constructor(state: ControllerState, tally = new Tally()) {
    this.state = state;
    this.tally = tally;
  }

  report(ids: readonly string[], message: string): void {
    this.violations.push({ rule: sentenceOf(this.rule), ids, message });
  }

  ofTask(task: number, message: string): void {
    this.report([taskIdOf(this.state, task)], message);
  }

  ofWorker(worker: number, message: string): void {
    this.report([this.state.workers[worker].workerId], message);
  }

  ofJob(job: number, message: string): void {
    this.report([this.state.jobs[job].id], message);
  }
}

/** `usageIsTheSumOfGrants` → `usage is the sum of grants`. */
function sentenceOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
