/**
 * What was answered, and what the controller has not acknowledged of it.
 *
 * @module
 */

import type { AttemptId, TaskRef } from "../model/ids.ts";
import { isTerminalKind } from "./report-columns.ts";
import type { WorkerState } from "./state.ts";

/** Attempts that were answered and not yet acknowledged, with their tasks, in order. */
export function* unacknowledgedAnswers(
  state: WorkerState,
): Generator<{ readonly attempt: AttemptId; readonly task: TaskRef }> {
  for (const { message } of state.keptAnswers) {
    if (message.type === "attempt-failed") yield message;
    else if (message.type === "reports") {
      for (let i = 0; i < message.kinds.length; i++) {
        if (!isTerminalKind(message.kinds[i])) continue;
        yield { attempt: message.attempts[i], task: message.tasks[i] };
      }
    }
  }
}
