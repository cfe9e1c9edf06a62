/**
 * A task that cannot do its work where it is, or not yet, goes back to the queue.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import { runningTask } from "../shell/executor/context.ts";
import { Rescheduled } from "../shell/executor/reschedule.ts";

/**
 * Ends this attempt of the running task and queues the task again: for an asynchronous resource
 * that is not there yet, or a worker that turns out not to fit. It throws, so nothing behind it
 * runs; whoever catches everything must pass it on. Another worker takes the task if one can. It
 * costs no retry; how long the task sits out first follows its `retryBackoff` (default: not at
 * all). A task may do so 10 times; then it fails with RESCHEDULE_LIMIT, and with `reason`.
 *
 * @throws CapstanError INVALID_ARGUMENT outside a task.
 */
export function reschedule(reason = ""): never {
  if (runningTask() === null) {
    const message = "reschedule() was called outside a running task";
    throw new CapstanError("INVALID_ARGUMENT", message);
  }
  throw new Rescheduled(reason);
}
