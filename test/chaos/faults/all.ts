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
import { partition } from "./r05-partition.ts";
import { badNetwork } from "./r06-bad-network.ts";
import { diskFull } from "./r07-disk-full.ts";
import { slowOrFailingSync } from "./r08-slow-or-failing-sync.ts";
import { unsyncedLoss } from "./r09-unsynced-loss.ts";
import { descriptorsExhausted } from "./r12-descriptors-exhausted.ts";
import { twoControllers } from "./r16-two-controllers.ts";
import { outputFlood } from "./r17-output-flood.ts";

export const allFaults: readonly Fault[] = [
  controllerKilled,
  agentKilled,
  processTrees,
  stoppedProcesses,
  partition,
  badNetwork,
  diskFull,
  slowOrFailingSync,
  unsyncedLoss,
  descriptorsExhausted,
  twoControllers,
  outputFlood,
];
