/**
 * R12: no descriptors, processes or threads are left: for the controller that others connect to,
 * and for the worker that is to start a hundred commands.
 *
 * @module
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import type { Client } from "../../../src/client/index.ts";
import { ChaosCluster } from "../support/chaos-cluster.ts";
import type { Fault, Trial } from "../support/fault.ts";
import { firstObstacle, needPrograms, untilNothing } from "../support/machine.ts";
import { assertNothingIsLeft } from "../support/oracle.ts";
import { PidsGroup, pidsGroupObstacle } from "../support/pids-group.ts";
import { Work } from "../support/work.ts";

const controllerDescriptors = 96;
const workerDescriptors = 96;
const strangers = 300;
const commands = 60;

/** Whoever is connected goes on; whoever comes waits, and is served when others have left. */
async function crowdController(trial: Trial): Promise<void> {
  const prefix = ["prlimit", `--nofile=${controllerDescriptors}`];
  await using cluster = await ChaosCluster.start({ workers: 1, controller: { prefix } });
  const work = new Work(cluster);
  const { pid } = cluster.controller;
  await work.launch({ script: "sleep 0.5", replicas: 8 });
  const sockets = await Promise.all(Array.from({ length: strangers }, () => openSocket(cluster)));
  trial.injected();
  await pause(300);
  await work.launch({ script: "sleep 0.1", replicas: 4 });
  await work.settleAndAudit({ onceEach: true });
  for (const socket of sockets) socket.destroy();
  const startedAtMs = performance.now();
  const late = await connectSoon(cluster);
  trial.measured("served again, ms", performance.now() - startedAtMs);
  await new Work(cluster, late, "late").launch().then(({ job }) => job.wait());
  assert.equal(cluster.controller.pid, pid);
  await assertAlive(cluster);
  await assertNothingIsLeft(cluster.client, cluster.directory);
}

/** As the others leave there is room; who came too early is cut off, and comes again. */
async function connectSoon(cluster: ChaosCluster): Promise<Client> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    try {
      return await cluster.connect();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await pause(50);
    }
  }
}

async function openSocket({ url }: ChaosCluster): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.on("error", () => undefined); // Cut off is as good as waiting.
  await Promise.race([once(socket, "connect"), once(socket, "close")]);
  return socket;
}

/**
 * Commands that cannot be started now are started later, at nobody's charge: none of them may fail.
 */
async function starveWorker(trial: Trial): Promise<void> {
  const prefix = ["prlimit", `--nofile=${workerDescriptors}`];
  await using cluster = await ChaosCluster.start({
    workers: 1,
    cpu: commands,
    worker: () => ({ prefix }),
  });
  await assertAllAreDone(cluster, trial);
}

/** The same with threads and processes, of which a command needs one or more. */
async function starveOfProcesses(trial: Trial): Promise<void> {
  await using group = new PidsGroup("worker");
  await using cluster = await ChaosCluster.start({
    workers: 1,
    cpu: commands,
    worker: () => ({ prefix: group.prefix }),
  });
  const before = new Work(cluster, cluster.client, "before");
  await before.launch();
  await before.settleAndAudit(); // The launcher is there now.
  group.limit(group.count + 8);
  const work = new Work(cluster);
  const starved = await work.launch({ ...patience, script: "sleep 0.3", replicas: commands });
  await pause(1_500);
  trial.injected();
  group.limit("max");
  await starved.job.wait({ timeoutMs: 60_000 });
  await work.settleAndAudit();
  await assertAlive(cluster);
  await assertNothingIsLeft(cluster.client, cluster.directory);
}

/** A program that was started and then could not start its own has failed by itself. */
const patience = {
  maxRetriesFailure: 100,
  retryBackoff: { initial: 200, max: 1_000 },
} as const;

async function assertAllAreDone(cluster: ChaosCluster, trial: Trial): Promise<void> {
  const work = new Work(cluster);
  await work.launch({ script: "sleep 0.5", replicas: commands });
  trial.injected();
  await work.settleAndAudit();
  await assertAlive(cluster);
  await assertNothingIsLeft(cluster.client, cluster.directory);
}

/** The worker that serves is the one that was started, and it is well. */
async function assertAlive(cluster: ChaosCluster): Promise<void> {
  const { announcement } = cluster.worker(0);
  const look = async (): Promise<readonly string[]> => {
    const [worker] = await cluster.client.workers();
    assert.equal(worker.incarnation, announcement.incarnation);
    return worker.state === "HEALTHY" ? [] : [`${worker.state}: ${worker.stateReason}`];
  };
  await untilNothing("the worker is not well again", look, 20_000);
}

export const descriptorsExhausted: Fault = {
  id: "R12",
  title: "without descriptors or processes nothing crashes, and all is done when some are back",
  rounds: { test: 1, soak: 10 },
  obstacle: () => firstObstacle(needPrograms("prlimit", "sh"), pidsGroupObstacle()),
  run: async (trial) => {
    for (let round = 0; round < trial.rounds; round++) {
      await crowdController(trial);
      await starveWorker(trial);
      await starveOfProcesses(trial);
    }
  },
};
