/**
 * One step of the workload and of what goes wrong: each step draws from a stream of its own, so
 * that leaving one out does not change the others.
 *
 * @module
 */

import { jobOf, taskIdOf } from "../controller/state.ts";
import { formatAttemptId } from "../model/ids.ts";
import { taskStateCode } from "../model/states.ts";
import type { SimulatedCluster } from "./cluster.ts";
import { isDrained } from "./copy-rules.ts";
import type { DrawStream } from "./draws.ts";
import type { FaultKind } from "./fault-kinds.ts";
import { drawName, type SimulatedClient } from "./simulated-client.ts";
import { boundaries } from "./simulated-controller.ts";
import type { SimulatedWorker } from "./simulated-worker.ts";

/** Does step `action` of the run. */
export function actOn(cluster: SimulatedCluster, action: number): void {
  const { faults } = cluster;
  const work = cluster.randomness.stream(`work ${action}`);
  const trouble = cluster.randomness.stream(`trouble ${action}`);
  const client = work.pick(cluster.clients.filter(({ gone }) => !gone));
  if (work.chance(faults.submit)) client.submit(1 + work.below(12));
  if (work.chance(faults.cancel)) {
    cluster.onFault("cancel", client.clientId);
    client.cancelSome();
  }
  if (work.chance(faults.cancelStorm)) {
    cluster.onFault("cancel storm", client.clientId);
    client.cancelAll();
  }
  if (work.chance(faults.retry)) client.retrySome();
  if (work.chance(faults.release)) client.releaseSome();
  if (work.chance(faults.jobLaunch)) cluster.jobs.launch();
  if (work.chance(faults.jobLaunch)) registerEndpoint(cluster, work);
  if (work.chance(faults.jobCancel)) cluster.jobs.cancel();
  if (work.chance(faults.administration)) cluster.jobs.administer(`w${work.below(4)}`);
  share(cluster, client, work);
  if (work.chance(faults.retry)) cluster.jobs.retry(failedTasks(cluster));
  troubleNetwork(cluster, trouble);
  troubleWorkers(cluster, trouble);
  troubleController(cluster, trouble);
  troubleMemory(cluster, cluster.randomness.stream(`memory ${action}`));
  playActors(cluster, client, cluster.randomness.stream(`actors ${action}`));
  moveValues(cluster, client, cluster.randomness.stream(`copies ${action}`));
  restart(cluster, client, cluster.randomness.stream(`restart ${action}`));
}

/** A session, or all of them, begins anew; or twice at once. */
function restart(cluster: SimulatedCluster, client: SimulatedClient, draws: DrawStream): void {
  const { faults, jobs } = cluster;
  if (draws.chance(faults.restart)) client.restartSession();
  if (!draws.chance(faults.restart / 2)) return;
  jobs.restartCluster();
  if (draws.chance(0.3)) jobs.restartCluster();
}

/** Something on the machine takes memory for a while: a moment, or long enough to give work up. */
function troubleMemory(cluster: SimulatedCluster, draws: DrawStream): void {
  if (!draws.chance(cluster.faults.shortage)) return;
  withLive(cluster, draws, (worker) => {
    cluster.onFault("worker short of memory", worker.workerId);
    worker.measures(2 ** 31);
    cluster.timeline.after(pauseUs(draws, shortageUsMax), () => worker.measures(0));
  });
}

const shortageUsMax = 20_000_000;

/** What clients do with what they share. */
function share(cluster: SimulatedCluster, client: SimulatedClient, draws: DrawStream): void {
  const { faults } = cluster;
  if (draws.chance(faults.scatter)) client.scatter();
  if (draws.chance(faults.plugged)) client.submitPlugged();
  if (draws.chance(faults.lock)) client.lockSome();
  if (draws.chance(faults.lock)) client.unlockSome();
  if (draws.chance(faults.publish)) client.publishSome();
  if (draws.chance(faults.publish)) client.fetchSome();
  if (draws.chance(faults.publish)) client.detachSome();
  if (draws.chance(faults.publish / 2)) cluster.unpublish(client.user, drawName(draws));
}

/** What a client does with actors. */
function playActors(cluster: SimulatedCluster, client: SimulatedClient, draws: DrawStream): void {
  const { actors } = cluster.faults;
  if (draws.chance(actors / 2)) client.startActor();
  if (draws.chance(actors)) client.callActor();
  if (draws.chance(actors / 2)) client.releaseActors(0.3);
}

/** Values go to several workers, and off one that is drained and then leaves. */
function moveValues(cluster: SimulatedCluster, client: SimulatedClient, draws: DrawStream): void {
  const { faults } = cluster;
  if (draws.chance(faults.replicate)) client.replicateSome(draws);
  if (draws.chance(faults.replicate)) cluster.jobs.rebalance();
  if (!draws.chance(faults.retire)) return;
  withLive(cluster, draws, ({ workerId }) => {
    cluster.onFault("worker retired", workerId);
    cluster.jobs.drain(workerId, true);
    cluster.timeline.after(retireLookUs, () => leaveWhenDrained(cluster, workerId, retireLooks));
  });
}

const retireLookUs = 100_000;
const retireLooks = 200;

/** How long every other worker that leaves waits for copies of what only it holds. */
const emptyMs = 10_000;

/** Who retires a worker stops it when it is said to be empty; or gives that up in the end. */
function leaveWhenDrained(cluster: SimulatedCluster, workerId: string, looks: number): void {
  const { state, timeline, jobs } = cluster;
  const worker = cluster.workers.find((one) => one.alive && one.workerId === workerId);
  if (worker === undefined || looks === 0) return jobs.drain(workerId, false);
  const index = state.workersById.get(workerId) ?? -1;
  if (cluster.controllerUp && isDrained(state, index)) {
    cluster.onFault("worker left", workerId);
    worker.leave();
    return timeline.after(retireLookUs, () => jobs.drain(workerId, false));
  }
  timeline.after(retireLookUs, () => leaveWhenDrained(cluster, workerId, looks - 1));
}

function failedTasks({ state }: SimulatedCluster): string[] {
  const failed = [...state.tasks.rows()].filter(
    (task) => state.tasks.state[task] > taskStateCode.SUCCEEDED,
  );
  return failed.map((task) => taskIdOf(state, task));
}

/** A program of some job says where it can be reached. */
function registerEndpoint({ state, jobs }: SimulatedCluster, draws: DrawStream): void {
  const { attempts } = state;
  const rows = [...attempts.id.subarray(0, attempts.length).keys()].filter(
    (row) => attempts.id[row] !== 0 && jobOf(state, attempts.task[row]).launch !== null,
  );
  if (rows.length === 0) return;
  const row = draws.pick(rows);
  jobs.register(taskIdOf(state, attempts.task[row]), formatAttemptId(attempts.id[row]));
}

function troubleNetwork(cluster: SimulatedCluster, draws: DrawStream): void {
  const { faults } = cluster;
  if (draws.chance(faults.connectionLoss)) {
    withLive(cluster, draws, (worker) => cluster.loseConnectionOf(worker));
  }
  const clients = cluster.clients.filter(({ gone }) => !gone);
  if (draws.chance(faults.clientLoss)) cluster.loseClient(draws.pick(clients));
  if (draws.chance(faults.clientVanishing) && clients.length > 1) {
    const client = draws.pick(clients);
    cluster.onFault("client vanished", client.clientId);
    client.vanish();
    cluster.sessions.loseClient(client);
  }
  if (draws.chance(faults.partition)) partition(cluster, draws);
  if (draws.chance(faults.clogging)) clog(cluster, draws);
}

/** The network to one peer stalls for a while, in one direction or in both. */
function partition(cluster: SimulatedCluster, draws: DrawStream): void {
  const peer = draws.pick(peersOf(cluster));
  const until = cluster.timeline.now + draws.below(cluster.faults.stallUsMax);
  const way = draws.below(3);
  const path = cluster.sessions.pathTo(peer);
  if (way !== 1) path.stall("there", until);
  if (way !== 2) path.stall("back", until);
  cluster.onFault(way === 0 ? "partition, both ways" : "partition, one way", peer);
}

/** Some networks stall one after the other, and recover in an order of their own. */
function clog(cluster: SimulatedCluster, draws: DrawStream): void {
  const { timeline, faults } = cluster;
  for (const peer of peersOf(cluster)) {
    if (draws.chance(0.5)) continue;
    const begin = draws.below(1_000_000);
    const end = begin + draws.below(faults.stallUsMax);
    cluster.onFault("network clogged", peer);
    const path = cluster.sessions.pathTo(peer);
    const until = timeline.now + end;
    timeline.after(begin, () => {
      path.stall("there", until);
      path.stall("back", until);
    });
  }
}

function peersOf({ workers, clients }: SimulatedCluster): string[] {
  return [...workers.map(({ workerId }) => workerId), ...clients.map(({ clientId }) => clientId)];
}

function troubleWorkers(cluster: SimulatedCluster, draws: DrawStream): void {
  const { faults } = cluster;
  if (draws.chance(faults.workerCrash)) cluster.crashWorker(draws);
  if (draws.chance(faults.workerStorm)) {
    cluster.onFault("worker storm", "workers");
    for (let count = 1 + draws.below(4); count > 0; count--) cluster.crashWorker(draws);
  }
  if (draws.chance(faults.workerLeave)) {
    withLive(cluster, draws, (worker) => {
      cluster.onFault("worker left", worker.workerId);
      // By the time and not by a draw, which would change all that follows it.
      worker.leave(cluster.timeline.now % 2 === 0 ? 0 : emptyMs);
    });
  }
  if (draws.chance(faults.workerPause)) {
    withLive(cluster, draws, (worker) => {
      cluster.onFault("worker paused", worker.workerId);
      worker.pause(pauseUs(draws, faults.pauseUsMax));
    });
  }
  if (draws.chance(faults.valueLoss)) {
    withLive(cluster, draws, (worker) => {
      if (worker.values.size === 0 || worker.isPaused) return;
      cluster.onFault("value lost", worker.workerId);
      worker.loseValue(draws.pick([...worker.values.keys()]));
    });
  }
  if (draws.chance(faults.sickness)) {
    withLive(cluster, draws, (worker) => {
      cluster.onFault("worker sick", worker.workerId);
      worker.feels("its disk is full");
      cluster.timeline.after(draws.below(60_000), () => worker.feels(""));
    });
  }
}

function troubleController(cluster: SimulatedCluster, draws: DrawStream): void {
  const { faults, controller } = cluster;
  if (draws.chance(faults.controllerPause) && controller.isUp) {
    cluster.onFault("controller paused", "controller");
    controller.pause(pauseUs(draws, faults.pauseUsMax));
  }
  if (!draws.chance(faults.controllerCrash) || !controller.isUp) return;
  if (draws.chance(faults.crashAtBoundary)) {
    controller.dieAt(draws.pick(boundaries));
    return;
  }
  cluster.crashController();
  cluster.timeline.after(draws.below(50_000), () => cluster.startController());
}

/** Short ones are as likely as long ones: each power of two is. */
function pauseUs(draws: DrawStream, max: number): number {
  return draws.below(Math.max(1, max >> draws.below(10)));
}

function withLive(
  { workers }: SimulatedCluster,
  draws: DrawStream,
  act: (worker: SimulatedWorker) => void,
): void {
  const live = workers.filter((worker) => worker.alive);
  if (live.length > 0) act(draws.pick(live));
}

/** Kills one live worker, or its whole machine, and starts another in its place a little later. */
export function crashOne(cluster: SimulatedCluster, draws: DrawStream): void {
  const { faults, timeline } = cluster;
  const live = cluster.workers.filter((worker) => worker.alive);
  if (live.length === 0) return;
  const worker = draws.pick(live);
  const host = cluster.hostOf(worker.workerId);
  const launcherLives = draws.chance(faults.launcherSurvives);
  cluster.killWorker(worker, { launcherLives });
  const { workerId, incarnation } = worker;
  if (draws.chance(0.5)) {
    const prove = () => cluster.proveExit({ workerId, incarnation, launcherLives });
    timeline.after(draws.below(2_000), prove);
  }
  const isNew = !launcherLives && draws.chance(faults.newIdentity);
  const nextId = isNew ? `${workerId}n` : workerId;
  note(cluster, isNew, "worker under a new identity", nextId);
  const isChanged = draws.chance(faults.capacityChange);
  note(cluster, isChanged, "capacity changed", nextId);
  const factor = isChanged ? draws.pick([0.5, 2]) : 1;
  timeline.after(draws.below(100_000), () => {
    const next = cluster.hostOf(nextId, host.place);
    const cpuMilli = Math.max(1_000, next.fullCapacity.cpuMilli * factor);
    // What was launched for the machine that it takes the place of must fit it in the end.
    next.replace(host);
    next.capacity = { ...next.fullCapacity, cpuMilli };
    cluster.startWorker(nextId);
  });
}

function note(cluster: SimulatedCluster, is: boolean, kind: FaultKind, what: string): void {
  if (is) cluster.onFault(kind, what);
}
