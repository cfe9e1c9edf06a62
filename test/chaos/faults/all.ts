/**
 * Every kind of fault, in the order of their numbers.
 *
 * @module
 */

import type { Fault } from "../support/fault.ts";
import { controllerKilled } from "./r01-controller-killed.ts";
import { agentKilled } from "./r02-agent-killed.ts";
import { processTrees } from "./r03-process-trees.ts";
import { stoppedProcesses } from "./r04-stopped.ts";
import { diskFull } from "./r07-disk-full.ts";
import { twoControllers } from "./r16-two-controllers.ts";
import { outputFlood } from "./r17-output-flood.ts";

export const allFaults: readonly Fault[] = [
  controllerKilled,
  agentKilled,
  processTrees,
  stoppedProcesses,
  diskFull,
  twoControllers,
  outputFlood,
];
