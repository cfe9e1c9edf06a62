/**
 * R6: a network that delays, dribbles, resets, falls silent or cuts messages in the middle, between
 * the controller and everybody else.
 *
 * @module
 */

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { measureMemory } from "../../../src/shell/launcher/process-table.ts";
import { ChaosCluster } from "../support/chaos-cluster.ts";
import type { Fault, Trial } from "../support/fault.ts";
import { FaultyProxy, freePort, type ProxyMode } from "../support/faulty-proxy.ts";
import { untilNothing } from "../support/machine.ts";
import { assertNothingIsLeft } from "../support/oracle.ts";
import { Work } from "../support/work.ts";

/** What a process may grow by all of it. */
const growthBytesMax = 96 * 1024 * 1024;

/** Two workers and a client, each with a back-off from 50 ms to 2 s: about nine tries in 4 s. */
const refusedMs = 4_000;
const triesMax = 3 * 14;

/** The silence that is found out last (15 s), back-off, and a machine under load. */
const healedWithinMs = 45_000;

interface Scene {
  readonly cluster: ChaosCluster;
  readonly proxy: FaultyProxy;
  readonly trial: Trial;
}

/** Work is launched and done under it, and audited when it is over. */
async function endure(scene: Scene, name: string, act: () => Promise<void>): Promise<void> {
  const { cluster, proxy, trial } = scene;
  const work = new Work(cluster, cluster.client, `${name}-${trial.faults}`);
  await work.launch({ script: "sleep 0.7", replicas: 8 });
  const load = work.keepLaunching(trial.random);
  await act();
  proxy.mode = "clear";
  trial.injected();
  const healedAtMs = performance.now();
  await untilNothing("the workers do not come back", () => findUnhealthy(scene), healedWithinMs);
  await load.stop();
  trial.measured("whole again, ms", performance.now() - healedAtMs);
  await work.settleAndAudit();
  await assertNothingIsLeft(cluster.client, cluster.directory);
}

async function findUnhealthy({ cluster }: Scene): Promise<readonly string[]> {
  const workers = await cluster.client.workers();
  return workers
    .filter(({ state }) => state !== "HEALTHY")
    .map(({ workerId, state, stateReason }) => `${workerId} is ${state}: ${stateReason}`);
}

async function suffer({ proxy, trial }: Scene, mode: ProxyMode): Promise<void> {
  proxy.mode = mode;
  await pause(trial.isSoak ? 1_000 + trial.random.below(6_000) : 2_500);
}

async function resetOften({ proxy, trial }: Scene): Promise<void> {
  for (let times = 0; times < 10; times++) {
    proxy.reset();
    await pause(trial.random.below(400));
  }
}

/** Everybody comes again and again, ever more slowly. */
async function refuse({ proxy, trial }: Scene): Promise<void> {
  proxy.mode = "refuse";
  const before = proxy.connectionCount;
  proxy.reset();
  await pause(refusedMs);
  const tries = proxy.connectionCount - before;
  trial.measured("tries of three in 4 s", tries);
  assert.ok(tries >= 3 && tries <= triesMax, `${tries} tries in ${refusedMs} ms`);
}

function memoryOf(cluster: ChaosCluster): number {
  const pids = [cluster.controller.pid, cluster.worker(0).pid, cluster.worker(1).pid];
  return Math.max(...pids.map((pid) => measureMemory(pid)?.rssBytes ?? 0));
}

export const badNetwork: Fault = {
  id: "R6",
  title: "a bad network costs time, neither work nor memory, and nobody calls without pause",
  rounds: { test: 1, soak: 15 },
  obstacle: () => "",
  run: async (trial) => {
    const port = await freePort();
    await using proxy = await FaultyProxy.listen(port, trial.random);
    const url = `http://${proxy.address}`;
    await using cluster = await ChaosCluster.start({
      controller: { listen: `127.0.0.1:${port}`, advertise: proxy.address },
      worker: () => ({ controllerUrl: url }),
      clientUrl: url,
    });
    const scene = { cluster, proxy, trial };
    const before = memoryOf(cluster);
    for (let round = 0; round < trial.rounds; round++) {
      for (const mode of ["delay", "dribble", "cut", "half-open"] as const) {
        await endure(scene, mode, () => suffer(scene, mode));
      }
      await endure(scene, "reset", () => resetOften(scene));
      await endure(scene, "refuse", () => refuse(scene));
    }
    const growth = memoryOf(cluster) - before;
    trial.measured("growth of the largest process, KiB", growth / 1_024);
    assert.ok(growth <= growthBytesMax, `${growth} bytes`);
  },
};
