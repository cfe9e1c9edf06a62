/**
 * Named kinds of runs: which faults are drawn, and what the workload is made of.
 *
 * @module
 */

import type { Draws } from "./draws.ts";
import { drawFaults, drawSharing, type Faults, noFaults, slowness } from "./faults.ts";

export const profiles = [
  "swarm",
  "calm",
  "network",
  "crash",
  "gangs",
  "graphs",
  "storm",
  "slow",
] as const;

export type Profile = (typeof profiles)[number];

/** No faults at all; or those of one area, and mild ones elsewhere; or, for `swarm`, any. */
export function drawProfile(profile: Profile, draws: Draws, sharing: Draws): Faults {
  const drawn = { ...drawFaults(draws), ...drawSharing(sharing) };
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
    case "slow":
      return { ...drawn, ...drawSlow(draws) };
  }
}

/**
 * Minutes instead of a fraction of a second: what is bounded by time has its time, and what is slow
 * is overtaken by everything else.
 */
function drawSlow(draws: Draws) {
  const common = {
    ...{ runUsMax: draws.pick([400_000, 8_000_000]), hang: 0, largeValue: 1, release: 0.05 },
    ...{
      workerCrash: draws.pick([0, 0.02]),
      workerLeave: 0,
      workerStorm: 0,
      stallUsMax: 2_000_000,
    },
    ...{ controllerPause: draws.pick([0, 0.05]), pauseUsMax: 30_000_000, cancelStorm: 0 },
    ...{ valueLoss: draws.pick([0, 0.2]), jobCancel: 0.02 },
    // So that some drains last as long as they may.
    administration: draws.pick([0, 0.05, 0.3]),
  };
  const pace = 1_500_000;
  if (draws.chance(0.3)) {
    const graphs = { submit: 0.6, jobLaunch: 0, workerPause: 0.1, cancel: 0.02 };
    return { ...common, ...graphs, ...slowness(pace, 0, 12_000_000) };
  }
  const jobLaunch = draws.pick([0.1, 0.3]);
  const buildUsMax = draws.pick([0, 90_000_000]);
  return { ...common, submit: 0.1, jobLaunch, ...slowness(pace, buildUsMax, 0) };
}

const noCrashes = {
  ...{ workerCrash: 0, workerStorm: 0, workerLeave: 0 },
  ...{ controllerCrash: 0, crashInRecovery: 0, diskFailure: 0 },
};
