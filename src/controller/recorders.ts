/**
 * Facts about many tasks, recorded entry by entry: each entry is applied as it is pushed, so that
 * the next decision sees it, and `close` puts the whole column fact out.
 *
 * Only one recorder of a kind is open at a time, and nothing else is recorded while it is; starts
 * and ends may be open together because they touch different things.
 *
 * @module
 */

import { F64Column, U8Column, U32Column } from "../base/column.ts";
import type { Micros } from "../base/time.ts";
import { type AttemptCause, attemptCauseCode } from "../model/states.ts";
import { type Assignment, applyAssignment, applyEnd, applyStart } from "./apply-attempts.ts";
import { applySuccess } from "./apply-tasks.ts";
import { beginDataWait, type DataWait } from "./data-wait-state.ts";
import type { SpecialGrant } from "./facts.ts";
import type { Outbox } from "./outbox.ts";
import type { ControllerState } from "./state.ts";

export class StartRecorder {
  readonly #attempts = new U32Column();
  readonly #at: Micros;

  constructor(at: Micros) {
    this.#at = at;
  }

  push(state: ControllerState, attempt: number): void {
    applyStart(state, attempt, this.#at);
    this.#attempts.push(attempt);
  }

  close(state: ControllerState, out: Outbox): void {
    if (this.#attempts.length === 0) return;
    out.note(state, { type: "attempts-started", at: this.#at, attempts: this.#attempts.take() });
  }
}

/** The door: every end of an attempt goes through here. */
export class EndRecorder {
  readonly #attempts: U32Column;
  readonly #causes: U8Column;
  readonly #successors: U32Column;
  readonly #at: Micros;

  /** `expected`: how many there will be, as far as is known. */
  constructor(at: Micros, expected = 1) {
    this.#at = at;
    this.#attempts = new U32Column(expected);
    this.#causes = new U8Column(expected);
    this.#successors = new U32Column(expected);
  }

  /** `end.ranUs`: how long it ran, if its worker said so. Only those who look are told. */
  push(
    state: ControllerState,
    attempt: number,
    end: { readonly cause: AttemptCause; readonly successor: number; readonly ranUs?: number },
  ): void {
    const { cause, successor, ranUs = 0 } = end;
    const code = attemptCauseCode(cause);
    applyEnd(state, attempt, { successor, cause: code, ranUs });
    this.#attempts.push(attempt);
    this.#causes.push(code);
    this.#successors.push(successor);
  }

  close(state: ControllerState, out: Outbox): void {
    if (this.#attempts.length === 0) return;
    out.note(state, {
      type: "attempts-ended",
      at: this.#at,
      attempts: this.#attempts.take(),
      causes: this.#causes.take(),
      successors: this.#successors.take(),
    });
  }
}

export class SuccessRecorder {
  readonly #tasks: U32Column;
  readonly #holders: U32Column;
  readonly #sizes: F64Column;
  readonly #at: Micros;

  constructor(at: Micros, expected = 1) {
    this.#at = at;
    this.#tasks = new U32Column(expected);
    this.#holders = new U32Column(expected);
    this.#sizes = new F64Column(expected);
  }

  push(state: ControllerState, task: number, holder: number, sizeBytes: number): void {
    applySuccess(state, task, holder, sizeBytes);
    this.#tasks.push(task);
    this.#holders.push(holder);
    this.#sizes.push(sizeBytes);
  }

  close(state: ControllerState, out: Outbox): void {
    if (this.#tasks.length === 0) return;
    out.note(state, {
      type: "tasks-succeeded",
      at: this.#at,
      tasks: this.#tasks.take(),
      holders: this.#holders.take(),
      sizes: this.#sizes.take(),
    });
  }
}

export class AssignmentRecorder {
  readonly #tasks = new U32Column();
  readonly #workers = new U32Column();
  readonly #prefetched = new U8Column();
  readonly #bands = new U8Column();
  #grants: SpecialGrant[] = [];
  #waits: { readonly task: number; readonly wait: DataWait }[] = [];
  readonly #at: Micros;

  constructor(at: Micros) {
    this.#at = at;
  }

  /** The row of the new attempt; `wait` says why it stands in line, where that is its inputs. */
  push(state: ControllerState, assignment: Assignment, wait: DataWait | null): number {
    const row = applyAssignment(state, assignment, this.#at);
    if (wait !== null) {
      beginDataWait(state, assignment.task, wait);
      this.#waits.push({ task: assignment.task, wait });
    }
    if (assignment.grant !== null) {
      const { grant, devices } = assignment.grant;
      this.#grants.push({ entry: this.#tasks.length, grant, devices });
    }
    this.#tasks.push(assignment.task);
    this.#workers.push(assignment.worker);
    this.#prefetched.push(assignment.prefetched ? 1 : 0);
    this.#bands.push(assignment.band);
    return row;
  }

  close(state: ControllerState, out: Outbox): void {
    if (this.#tasks.length === 0) return;
    const grants = this.#grants;
    this.#grants = [];
    out.note(state, {
      type: "attempts-assigned",
      at: this.#at,
      tasks: this.#tasks.take(),
      workers: this.#workers.take(),
      prefetched: this.#prefetched.take(),
      bands: this.#bands.take(),
      grants,
    });
    if (this.#waits.length === 0) return;
    out.note(state, { type: "data-waits-begun", waits: this.#waits });
    this.#waits = [];
  }
}
