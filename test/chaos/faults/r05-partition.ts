/**
 * R5: hosts that cannot hear each other: not at all, in one direction only, or every other second.
 *
 * @module
 */

import { setTimeout as pause } from "node:timers/promises";
import type { WorkerView } from "../../../src/cli/responses.ts";
import { ChaosCluster } from "../support/chaos-cluster.ts";
import type { Fault, Trial } from "../support/fault.ts";
import { HostNetwork, hostNetworkObstacle } from "../support/host-network.ts";
import { untilNothing } from "../support/machine.ts";
import { assertNothingIsLeft } from "../support/oracle.ts";
import { Work } from "../support/work.ts";

/** Where the controller is, the worker that is cut off, and the one that is not. */
const hosts = { controller: 1, cut: 2, other: 3 } as const;

/** Longer than a silence may be (10 s), so that the worker is lost. */
const longMs = 12_000;
const shortMs = 3_000;

/** Back-off, the silence that is found out last (15 s), and a machine under load. */
const healedWithinMs = 45_000;

type Partition = (network: HostNetwork, trial: Trial) => Promise<void>;

const partitions: { readonly [name: string]: Partition } = {
  full: async (network, trial) => {
    network.cut(hosts.controller, hosts.cut);
    network.cut(hosts.cut, hosts.controller);
    await pause(longMs + (trial.isSoak ? trial.random.below(10_000) : 0));
  },
  "from the controller": async (network) => {
    network.cut(hosts.controller, hosts.cut);
    await pause(shortMs);
  },
  "to the controller": async (network) => {
    network.cut(hosts.cut, hosts.controller);
    await pause(shortMs);
  },
  flapping: async (network) => {
    for (let times = 0; times < 3; times++) {
      network.cut(hosts.controller, hosts.cut);
      network.cut(hosts.cut, hosts.controller);
      await pause(500);
      network.heal();
      await pause(500);
    }
  },
};

async function cutOff(
  cluster: ChaosCluster,
  network: HostNetwork,
  partition: Partition,
  trial: Trial,
): Promise<void> {
  const work = new Work(cluster, cluster.client, `cut-${trial.faults}`);
  await work.untilBegun(await work.launch({ script: "sleep 1", replicas: 6 }));
  const load = work.keepLaunching(trial.random);
  await partition(network, trial);
  network.heal();
  const healedAtMs = performance.now();
  trial.injected();
  await untilNothing("the worker does not come back", () => findUnhealthy(cluster), healedWithinMs);
  trial.measured("whole again, ms", performance.now() - healedAtMs);
  await load.stop();
  await work.settleAndAudit();
  await assertNothingIsLeft(cluster.client, cluster.directory);
}

async function findUnhealthy({ client }: ChaosCluster): Promise<readonly string[]> {
  const workers = (await client.workers()) as unknown as readonly WorkerView[];
  return workers
    .filter(({ state }) => state !== "HEALTHY")
    .map(({ workerId, state, stateReason }) => `${workerId} is ${state}: ${stateReason}`);
}

export const partition: Fault = {
  id: "R5",
  title: "hosts that could not hear each other end all their work, once they can again",
  rounds: { test: 1, soak: 10 },
  obstacle: hostNetworkObstacle,
  run: async (trial) => {
    using network = new HostNetwork(3);
    await using cluster = await ChaosCluster.start({
      controller: {
        prefix: network.prefixOf(hosts.controller),
        listen: `${network.addressOf(hosts.controller)}:0`,
        token: "between-hosts",
      },
      worker: (index) => {
        const host = index === 0 ? hosts.cut : hosts.other;
        return { prefix: network.prefixOf(host), listen: `${network.addressOf(host)}:0` };
      },
    });
    for (let round = 0; round < trial.rounds; round++) {
      for (const kind of Object.values(partitions)) await cutOff(cluster, network, kind, trial);
    }
  },
};
