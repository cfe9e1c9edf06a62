/**
 * A stopping attempt that took over what an earlier one of its task held, and of which its worker
 * never heard: the earlier one is what stops there, and holds it.
 *
 * @module
 */

import { digestWith, digestWithout } from "../base/digest.ts";
import { attemptCauses } from "../model/states.ts";
import { dropEndpointsOfAttempt } from "./apply-access.ts";
import { tellAttempt } from "./apply-attempts.ts";
import type { FactOf } from "./facts.ts";
import type { ControllerState } from "./state.ts";
import { storyKind } from "./story.ts";

export function applyAttemptReinstated(
  state: ControllerState,
  { attempt: row, id }: FactOf<"attempt-reinstated">,
): void {
  const { attempts, strays, access } = state;
  const worker = state.workers[attempts.worker[row]];
  const lost = attempts.id[row];
  tellAttempt(state, storyKind.ended, row, attemptCauses.indexOf("never-had-it"));
  dropEndpointsOfAttempt(access, lost);
  worker.attemptsDigest = digestWith(digestWithout(worker.attemptsDigest, lost), id);
  strays.delete(lost);
  strays.set(id, row);
  attempts.id[row] = id;
  tellAttempt(state, storyKind["stop-ordered"], row, attempts.stopReason[row]);
}
