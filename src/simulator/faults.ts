/**
 * Which faults a run has, and how often: drawn once per run, so that runs differ in kind.
 *
 * @module
 */

import type { Prng } from "../base/prng.ts";

/** Probabilities per opportunity, and bounds in microseconds. */
export interface Faults {
  readonly delayUsMax: number;
  readonly syncUsMax: number;
  readonly runUsMax: number;
  readonly taskFailure: number;
  readonly inputFailure: number;
  readonly fetchFailure: number;
  readonly largeValue: number;
  /** Of a process: that somebody else kills it; of a work directory: that it cannot be made. */
  readonly processKill: number;
  readonly buildFailure: number;
  /** Per action of the workload. */
  readonly connectionLoss: number;
  readonly workerCrash: number;
  /** Of those: that only the agent dies, and its launcher and processes live on. */
  readonly launcherSurvives: number;
  readonly controllerCrash: number;
  readonly clientLoss: number;
  readonly cancel: number;
  readonly release: number;
  readonly retry: number;
  readonly jobLaunch: number;
  readonly jobCancel: number;
  readonly administration: number;
  readonly sickness: number;
}

/** No fault at all; the world still has delays. */
export const noFaults: Faults = {
  delayUsMax: 500,
  syncUsMax: 500,
  runUsMax: 50_000,
  taskFailure: 0,
  inputFailure: 0,
  fetchFailure: 0,
  largeValue: 0.1,
  processKill: 0,
  buildFailure: 0,
  connectionLoss: 0,
  workerCrash: 0,
  launcherSurvives: 0,
  controllerCrash: 0,
  clientLoss: 0,
  cancel: 0,
  release: 0.1,
  retry: 0,
  jobLaunch: 0.3,
  jobCancel: 0,
  administration: 0,
  sickness: 0,
};

/** Draws which faults exist in a run. */
export function drawFaults(prng: Prng): Faults {
  const maybe = (probability: number) => (prng.chance(0.5) ? probability : 0);
  return {
    delayUsMax: prng.pick([50, 500, 5_000, 30_000]),
    syncUsMax: prng.pick([1, 500, 20_000]),
    runUsMax: prng.pick([1_000, 50_000, 400_000]),
    taskFailure: maybe(0.1),
    inputFailure: maybe(0.02),
    fetchFailure: maybe(0.1),
    largeValue: prng.pick([0, 0.1, 0.6]),
    processKill: maybe(0.05),
    buildFailure: maybe(0.05),
    connectionLoss: maybe(0.06),
    workerCrash: maybe(0.04),
    launcherSurvives: prng.pick([0, 0.5, 1]),
    controllerCrash: maybe(0.03),
    clientLoss: maybe(0.04),
    cancel: maybe(0.1),
    release: prng.pick([0, 0.1, 0.4]),
    retry: maybe(0.1),
    jobLaunch: prng.pick([0, 0.2, 0.6]),
    jobCancel: maybe(0.08),
    administration: maybe(0.06),
    sickness: maybe(0.03),
  };
}

/** The same world with nothing going wrong any more. */
export function calmed(faults: Faults): Faults {
  return {
    ...faults,
    taskFailure: 0,
    inputFailure: 0,
    fetchFailure: 0,
    connectionLoss: 0,
    workerCrash: 0,
    controllerCrash: 0,
    clientLoss: 0,
    processKill: 0,
    buildFailure: 0,
    jobLaunch: 0,
    administration: 0,
    sickness: 0,
  };
}
