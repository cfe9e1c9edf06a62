/**
 * How long what was told to stop takes.
 *
 * @module
 */

import type { AttemptId } from "../model/ids.ts";
import type { Behaviour } from "./behaviour.ts";
import type { Draws } from "./draws.ts";
import type { Faults } from "./faults.ts";
import type { Observer } from "./observer.ts";

export interface StopSurroundings {
  readonly draws: Draws;
  readonly faults: Faults;
  readonly behaviour: Behaviour;
  readonly observer: Required<Observer>;
}

/** Microseconds: what the script says, the whole grace for what ignores it, or a moment. */
export function drawStopUs(
  { draws, faults, behaviour, observer }: StopSurroundings,
  stopped: {
    readonly workerId: string;
    readonly attempt: AttemptId;
    readonly graceMs: number;
    readonly promptUsMax: number;
  },
): number {
  const { workerId, attempt, graceMs, promptUsMax } = stopped;
  const scripted = behaviour.stopUs?.(attempt);
  if (scripted !== undefined) return scripted;
  if (!draws.chance(faults.ignoreTerm)) return draws.below(promptUsMax);
  observer.onFault("stop ignored", workerId);
  return graceMs * 1_000;
}
