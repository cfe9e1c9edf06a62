/**
 * Which faults a run has, and how often: drawn once per run, so that runs differ in kind.
 *
 * What the transport cannot do is not here: within one TCP connection nothing is lost, repeated or
 * reordered. A message is said twice only where the protocol says it again on a new connection, and
 * a frame of an old connection never arrives on another one.
 *
 * @module
 */

import type { Draws } from "./draws.ts";

/** Probabilities per opportunity, and bounds in microseconds. */
export interface Faults {
  /** A message takes this long at least, and up to `delayUsMax` longer. */
  readonly delayUsMin: number;
  readonly delayUsMax: number;
  /** Above 0: how much longer is exponential with this mean, and has no bound. */
  readonly delayUsMean: number;
  /** Arrivals, and ends of what runs, fall on multiples of this: many things at one instant. */
  readonly quantumUs: number;
  readonly syncUsMax: number;
  /** The loop of a worker hears of what its threads did up to so much later. */
  readonly threadLagUsMax: number;
  readonly runUsMax: number;
  /** Above 0: between two steps of the workload, and users who wait for longer. */
  readonly paceUs: number;
  /** A work directory, and a fetch, take up to so long, where that is more than they always may. */
  readonly buildUsMax: number;
  readonly fetchUsMax: number;
  readonly taskFailure: number;
  readonly inputFailure: number;
  /** Of values: that nobody can ever load them. Does not end when the faults do. */
  readonly poison: number;
  readonly fetchFailure: number;
  /** Of fetched values: that their bytes are bad. */
  readonly corruption: number;
  readonly largeValue: number;
  /** Of a process: that somebody else kills it; of a work directory: that it cannot be made. */
  readonly processKill: number;
  readonly buildFailure: number;
  /** Of what runs: that it takes a hundred times as long. */
  readonly hang: number;
  /** Of a stop: that the process lives on until its grace is over. */
  readonly ignoreTerm: number;
  /** Of a stop: that the process ends by itself at that very instant. */
  readonly endAtStop: number;
  /** Per action of the workload. */
  readonly connectionLoss: number;
  /** Of what ends a connection: that a side hears of it late, or from its own silence watch. */
  readonly halfOpen: number;
  /** The network to one worker stalls, in one direction or in both. */
  readonly partition: number;
  /** The networks to some workers stall one by one, and recover in another order. */
  readonly clogging: number;
  readonly stallUsMax: number;
  readonly workerCrash: number;
  /** Of those: that only the agent dies, and its launcher and processes live on. */
  readonly launcherSurvives: number;
  /** Of those: that its machine comes back under a new id; the old one never does. */
  readonly newIdentity: number;
  /** Of those: that the machine has more or less when it comes back. */
  readonly capacityChange: number;
  /** Several workers die together. */
  readonly workerStorm: number;
  /** A worker leaves on purpose, and another process comes in its place. */
  readonly workerLeave: number;
  /** The loop of a worker, or of the controller, stands still for up to `pauseUsMax`. */
  readonly workerPause: number;
  readonly controllerPause: number;
  readonly pauseUsMax: number;
  readonly controllerCrash: number;
  /** Of those: between a decision, its way to the disk, and its way to the peers. */
  readonly crashAtBoundary: number;
  /** Of restarts: that the controller dies again while it recovers. */
  readonly crashInRecovery: number;
  /** The next write to the disk fails, and with it the controller. */
  readonly diskFailure: number;
  /** Clocks gain or lose up to so much, parts per million. */
  readonly clockRatePpm: number;
  /** Of a start of the controller: that the wall clock was set back by up to a day. */
  readonly clockSetBack: number;
  /** Of a start of the controller: that it orders queues otherwise than by the default policy. */
  readonly otherPolicy: number;
  /** Timers fire up to so much late. */
  readonly timerLateUsMax: number;
  /** How long a worker's turn may gather events before it takes them up, microseconds. */
  readonly turnUsMax: number;
  readonly clientLoss: number;
  /** A client goes away for good, and with it what only it wanted. */
  readonly clientVanishing: number;
  readonly cancel: number;
  /** A client cancels all that it waits for. */
  readonly cancelStorm: number;
  readonly release: number;
  readonly retry: number;
  readonly submit: number;
  /** A client scatters a value; publishes one, fetches one, unpublishes one; asks for a lock. */
  readonly scatter: number;
  readonly publish: number;
  readonly lock: number;
  /** A client wants values on several workers; a worker is drained, and goes when it is empty. */
  readonly replicate: number;
  readonly retire: number;
  /** A client starts an actor, calls one, and lets some go. */
  readonly actors: number;
  /** A client restarts its session; half as often an administrator restarts the cluster. */
  readonly restart: number;
  /** A client submits what needs a plugin; of those that run: that it cannot be set up there. */
  readonly plugged: number;
  readonly setupFailure: number;
  readonly jobLaunch: number;
  readonly jobCancel: number;
  readonly administration: number;
  readonly sickness: number;
  /** A worker finds that it cannot read a value any more. */
  readonly valueLoss: number;
  /** Bytes of values above which a worker's go to the disk; 0: none ever does. */
  readonly memoryTargetBytes: number;
  /** Bytes in use above which a worker starts nothing. */
  readonly memoryPauseBytes: number;
  /** A value takes up to so long to the disk and back, where that is more than it always may. */
  readonly diskUsMax: number;
  /** Of a value: that the disk does not take it, or does not give it back. */
  readonly spillFailure: number;
  /** A worker runs short of memory for a while. */
  readonly shortage: number;
}

/** No fault at all; the world still has delays. */
export const noFaults: Faults = {
  ...{ delayUsMin: 20, delayUsMax: 500, delayUsMean: 0, quantumUs: 1 },
  ...{ syncUsMax: 500, threadLagUsMax: 0, turnUsMax: 0, runUsMax: 50_000 },
  ...slowness(0, 0, 0),
  ...{ taskFailure: 0, inputFailure: 0, poison: 0, fetchFailure: 0, corruption: 0 },
  largeValue: 0.1,
  ...{ processKill: 0, buildFailure: 0, hang: 0, ignoreTerm: 0, endAtStop: 0 },
  ...{ connectionLoss: 0, halfOpen: 0, partition: 0, clogging: 0, stallUsMax: 0 },
  ...{ workerCrash: 0, launcherSurvives: 0, newIdentity: 0, capacityChange: 0 },
  ...{ workerStorm: 0, workerLeave: 0, workerPause: 0, controllerPause: 0, pauseUsMax: 0 },
  ...{ controllerCrash: 0, crashAtBoundary: 0, crashInRecovery: 0, diskFailure: 0 },
  ...{ clockRatePpm: 0, clockSetBack: 0, otherPolicy: 0, timerLateUsMax: 0 },
  ...{ clientLoss: 0, clientVanishing: 0 },
  ...{ cancel: 0, cancelStorm: 0, release: 0.1, retry: 0, submit: 0.3 },
  ...{ scatter: 0.1, publish: 0.1, lock: 0.1, actors: 0.1, plugged: 0.1, setupFailure: 0 },
  ...{ replicate: 0.1, retire: 0, restart: 0 },
  ...{ jobLaunch: 0.3, jobCancel: 0, administration: 0, sickness: 0, valueLoss: 0 },
  ...{ memoryTargetBytes: 0, memoryPauseBytes: 2 ** 40, diskUsMax: 0 },
  ...{ spillFailure: 0, shortage: 0 },
};

/** How slow everything is besides what a program does. */
export function slowness(paceUs: number, buildUsMax: number, fetchUsMax: number) {
  return { paceUs, buildUsMax, fetchUsMax };
}

type SharingFaults = Pick<
  Faults,
  | ("scatter" | "publish" | "lock" | "plugged" | "setupFailure" | "replicate")
  | ("retire" | "actors" | "restart")
>;

/** Draws what clients share in a run. */
export function drawSharing(draws: Draws): SharingFaults {
  return {
    scatter: draws.pick([0.1, 0, 0.3]),
    publish: draws.pick([0.1, 0, 0.3]),
    lock: draws.pick([0.1, 0, 0.3]),
    plugged: draws.pick([0.1, 0, 0.3]),
    setupFailure: draws.pick([0, 0.1, 0.5]),
    replicate: draws.pick([0.1, 0, 0.3]),
    retire: draws.pick([0, 0.03, 0.1]),
    actors: draws.pick([0, 0.1, 0.3]),
    restart: draws.pick([0, 0, 0.02, 0.06]),
  };
}

/** Draws which faults exist in a run, but for what clients share. */
export function drawFaults(draws: Draws): Omit<Faults, keyof SharingFaults> {
  const quick = slowness(0, 0, 0);
  return {
    ...noFaults,
    ...quick,
    ...drawWorld(draws),
    ...drawCrashes(draws),
    ...drawRequests(draws),
  };
}

function maybe(draws: Draws, probability: number): number {
  return draws.chance(0.5) ? probability : 0;
}

/** The network, the clocks, the disk, and what programs do. */
function drawWorld(draws: Draws) {
  const stallUsMax = draws.pick([50_000, 2_000_000, 20_000_000]);
  const isExponential = draws.chance(0.3);
  return {
    delayUsMin: draws.pick([20, 20, 1_000, 10_000]),
    delayUsMax: draws.pick([50, 500, 5_000, 30_000]),
    delayUsMean: isExponential ? draws.pick([100, 3_000, 40_000]) : 0,
    quantumUs: draws.pick([1, 1, 1, 1_000, 10_000]),
    syncUsMax: draws.pick([1, 500, 20_000, 1_000_000]),
    threadLagUsMax: draws.pick([0, 200, 5_000]),
    runUsMax: draws.pick([1_000, 50_000, 400_000]),
    taskFailure: maybe(draws, 0.1),
    inputFailure: maybe(draws, 0.02),
    fetchFailure: maybe(draws, 0.2),
    largeValue: draws.pick([0, 0.3, 1]),
    processKill: maybe(draws, 0.05),
    buildFailure: maybe(draws, 0.05),
    hang: maybe(draws, 0.02),
    ignoreTerm: maybe(draws, 0.3),
    endAtStop: maybe(draws, 0.3),
    connectionLoss: maybe(draws, 0.06),
    halfOpen: draws.pick([0, 0.3, 0.8]),
    partition: maybe(draws, 0.03),
    clogging: maybe(draws, 0.02),
    stallUsMax,
    clockRatePpm: maybe(draws, 500),
    clockSetBack: maybe(draws, 0.5),
    timerLateUsMax: draws.pick([0, 0, 1_000, 2_000_000]),
    poison: maybe(draws, 0.05),
    corruption: maybe(draws, 0.2),
  };
}

function drawCrashes(draws: Draws) {
  return {
    workerCrash: maybe(draws, 0.04),
    launcherSurvives: draws.pick([0, 0.5, 1]),
    newIdentity: draws.pick([0, 0, 0.3]),
    capacityChange: maybe(draws, 0.5),
    workerStorm: maybe(draws, 0.01),
    workerLeave: maybe(draws, 0.02),
    workerPause: maybe(draws, 0.02),
    controllerPause: maybe(draws, 0.01),
    pauseUsMax: draws.pick([100_000, 5_000_000, 30_000_000, 120_000_000]),
    controllerCrash: maybe(draws, 0.03),
    crashAtBoundary: draws.pick([0, 0.8]),
    crashInRecovery: maybe(draws, 0.3),
    diskFailure: maybe(draws, 0.01),
  };
}

function drawRequests(draws: Draws) {
  return {
    clientLoss: maybe(draws, 0.04),
    clientVanishing: draws.chance(0.1) ? 0.01 : 0,
    cancel: maybe(draws, 0.1),
    cancelStorm: maybe(draws, 0.02),
    release: draws.pick([0, 0.1, 0.4]),
    retry: maybe(draws, 0.1),
    submit: draws.pick([0.3, 0.3, 0.1, 0.6]),
    jobLaunch: draws.pick([0, 0.2, 0.6]),
    jobCancel: maybe(draws, 0.08),
    administration: maybe(draws, 0.06),
    sickness: maybe(draws, 0.03),
    valueLoss: maybe(draws, 0.05),
    turnUsMax: draws.pick([0, 0, 300, 5_000]),
    otherPolicy: 0.4,
  };
}

/** Memory that is short, and a disk for what does not fit. */
export function drawMemory(draws: Draws) {
  if (draws.chance(0.4)) return {};
  const memoryTargetBytes = draws.pick([0, 1, 150_000, 400_000]);
  const mayPause = memoryTargetBytes > 0; // Else values that nobody lets go of would fill it.
  return {
    memoryTargetBytes,
    memoryPauseBytes: mayPause ? draws.pick([2 ** 30, 2 ** 30, 700_000]) : 2 ** 40,
    diskUsMax: draws.pick([0, 20_000, 300_000]),
    spillFailure: maybe(draws, 0.1),
    shortage: maybe(draws, 0.02),
  };
}

/** What goes on when everything settles: the world as it is, with nothing going wrong any more. */
const harmless: ReadonlySet<keyof Faults> = new Set<keyof Faults>([
  ...(["delayUsMin", "delayUsMax", "delayUsMean", "quantumUs", "syncUsMax"] as const),
  ...([
    "threadLagUsMax",
    "turnUsMax",
    "runUsMax",
    "paceUs",
    "largeValue",
    "ignoreTerm",
    "endAtStop",
    "clockRatePpm",
    "otherPolicy",
    "timerLateUsMax",
    "poison",
    "memoryTargetBytes",
    "memoryPauseBytes",
    "diskUsMax",
  ] as const),
]);

/** Ends all faults of a run, for good. */
export function calm(faults: Faults): void {
  const open = faults as { -readonly [F in keyof Faults]: Faults[F] };
  for (const fault of Object.keys(faults) as (keyof Faults)[]) {
    if (!harmless.has(fault)) open[fault] = 0;
  }
}

/**
 * How long one task may take where nothing goes wrong, microseconds: to be ordered and answered
 * for, each over the network and the disk, and to run.
 */
export function slowestTaskUs(faults: Faults): number {
  const { delayUsMax, delayUsMean, syncUsMax, quantumUs, threadLagUsMax, turnUsMax } = faults;
  const wayUs = delayUsMax + 4 * delayUsMean + quantumUs + threadLagUsMax + turnUsMax;
  return faults.runUsMax + 2 * (wayUs + syncUsMax);
}
