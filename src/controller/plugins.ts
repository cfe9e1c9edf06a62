/**
 * Plugins that could not be set up on a worker: it does not get what needs them until it is started
 * again. The reason is an attribute of the worker, and what needs the set asks that it is absent:
 * placement and `why` know of it as they know of any constraint.
 *
 * @module
 */

import { setupFailedAttribute, setupFailedPrefix } from "../model/spec.ts";
import type { AttemptFailed } from "../protocol/messages.ts";
import { touchCopiesOf } from "./copies-state.ts";
import type { FactOf } from "./facts.ts";
import { setupFailuresMax, setupReasonCharactersMax } from "./limits.ts";
import type { Outbox } from "./outbox.ts";
import { type ControllerState, type Shape, specOf, touchWorker, type Worker } from "./state.ts";
import { tellEvent } from "./tell-event.ts";

/** Before its task is judged: it must not be placed there again. */
export function noteSetupFailure(
  state: ControllerState,
  out: Outbox,
  failed: { readonly worker: number; readonly task: number; readonly message: AttemptFailed },
): void {
  const { worker, task, message } = failed;
  const { run } = specOf(state, task);
  if (message.cause !== "setup-failed" || run.kind !== "function" || run.plugins === undefined)
    return;
  const { key } = run.plugins;
  if (Object.hasOwn(state.workers[worker].attributes, setupFailedAttribute(key))) return;
  const { error } = message.failure;
  const reason = `${error.name}: ${error.message}`.slice(0, setupReasonCharactersMax);
  out.record(state, { type: "worker-setup-failed", at: state.at, worker, key, reason });
}

export function applySetupFailed(
  state: ControllerState,
  { worker: index, key, reason }: FactOf<"worker-setup-failed">,
): void {
  const worker = state.workers[index];
  const known = Object.entries(worker.attributes);
  const failures = known.filter(([name]) => name.startsWith(setupFailedPrefix));
  const rest = known.filter(([name]) => !name.startsWith(setupFailedPrefix));
  // The oldest is tried again.
  const kept = failures.slice(Math.max(0, failures.length + 1 - setupFailuresMax));
  const attributes = Object.fromEntries([...rest, ...kept]);
  worker.attributes = { ...attributes, [setupFailedAttribute(key)]: reason };
  touchWorker(state, index);
  touchCopiesOf(state, worker);
  tellEvent(state, { type: "plugin-failed", id: worker.workerId, message: reason });
}

/** Why the plugins of a queue failed on a worker; "" if they did not. */
export function setupFailureOn({ attributes }: Worker, { constraints }: Shape): string {
  const failed = constraints.find(
    ({ key }) => key.startsWith(setupFailedPrefix) && Object.hasOwn(attributes, key),
  );
  return failed === undefined ? "" : attributes[failed.key];
}
