/**
 * What the controller remembers of what is asked of devices.
 *
 * @module
 */

import { type Demand, noDemand } from "../scheduler/fragmentation.ts";
import { demandCountMin } from "../scheduler/limits.ts";

/** The demand, and when it is due again. */
export interface DemandState {
  demand: Demand;
  /** Rises when `demand` changes: scores of before hold no more. */
  version: number;
  /** Tasks that asked for devices, so far. */
  count: number;
  /** The count at which the demand is computed anew. */
  dueAt: number;
}

export function newDemandState(): DemandState {
  return { demand: noDemand, version: 0, count: 0, dueAt: demandCountMin };
}
