/**
 * Named kinds of runs: which faults are drawn, and what the workload is made of.
 *
 * @module
 */

import type { Draws } from "./draws.ts";
import { drawFaults, type Faults, noFaults } from "./faults.ts";

export const profiles = ["swarm", "calm", "network", "crash", "gangs", "graphs", "storm"] as const;

export type Profile = (typeof profiles)[number];

/** No faults at all; or those of one area, and mild ones elsewhere; or, for `swarm`, any. */
export function drawProfile(profile: Profile, draws: Draws): Faults {
  const drawn = drawFaults(draws);
  switch (profile) {
    case "swarm":
      return drawn;
    case "calm":
      return { ...noFaults };
    case "network":
      return { ...drawn, ...noCrashes, connectionLoss: 0.1, partition: 0.06, clogging: 0.04 };
    case "crash":
      return { ...drawn, workerCrash: 0.08, controllerCrash: 0.06, crashAtBoundary: 0.8 };
    case "gangs":
      return { ...drawn, submit: 0.05, jobLaunch: 0.7, jobCancel: 0.05 };
    case "graphs":
      return { ...drawn, submit: 0.6, jobLaunch: 0 };
    case "storm":
      return { ...drawn, workerStorm: 0.06, newIdentity: 0.3, cancelStorm: 0.06, clientLoss: 0.08 };
  }
}

const noCrashes = {
  ...{ workerCrash: 0, workerStorm: 0, workerLeave: 0 },
  ...{ controllerCrash: 0, crashInRecovery: 0, diskFailure: 0 },
};
