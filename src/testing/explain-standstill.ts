/**
 * Why a simulated cluster stands still: what `why` says of each thing that has not ended.
 *
 * @module
 */

import { explain } from "../controller/explain.ts";
import { taskIdOf } from "../controller/state.ts";
import { isTerminalCode } from "../model/states.ts";
import type { SimulatedController } from "../simulator/simulated-controller.ts";
import { explainedMax } from "./limits.ts";

/** A line for each of the first tasks that have not ended. */
export function explainStandstill({ isUp, state }: SimulatedController): readonly string[] {
  if (!isUp) return ["The controller is down, and nothing will start it."];
  const open = Array.from({ length: state.tasks.length }, (_, task) => task).filter(
    (task) => state.tasks.isLive(task) && !isTerminalCode(state.tasks.state[task]),
  );
  if (open.length === 0) return ["Every task has ended, and no fault or time limit is due."];
  const lines = open.slice(0, explainedMax).map((task) => {
    const id = taskIdOf(state, task);
    const { summary } = explain(state, id) as { readonly summary: string };
    return `${id}: ${summary}`;
  });
  const rest = open.length - lines.length;
  return rest === 0 ? lines : [...lines, `… and ${rest} more tasks that have not ended`];
}
