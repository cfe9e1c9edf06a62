/**
 * What compiles and what does not: simulated clusters. `tsc -p tsconfig.tests.json` is the judge;
 * the bodies are never run.
 *
 * @module
 */

import { test } from "node:test";
import { type Client, defineTask, type Future } from "../../src/client/index.ts";
import {
  type CommandEnd,
  everySeed,
  type SimulatedCommand,
  simulateCluster,
  type TraceEntry,
  type VirtualCluster,
} from "../../src/testing/index.ts";

const simulate = defineTask(import.meta.url, function simulate(beta: number, name: string) {
  return { loss: beta + name.length };
});

/** Compiles if and only if the two types are the same. */
function same<A, B>(
  ..._: (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? [] : [never]
): void {}

/** Checked by the compiler, never called. */
export async function accepted(): Promise<void> {
  const cluster = await simulateCluster({
    seed: 7,
    workers: [{ cpu: 4, memory: "8g", device: { kind: "gpu", count: 2 }, attributes: { a: "1" } }],
    takes: ["10s", 60_000],
    faults: { workerCrash: "5m" },
  });
  same<typeof cluster, VirtualCluster>();
  const client = await cluster.connect({ user: "ada" });
  same<typeof client, Client>();
  const future = client.submit(simulate, [0.5, "a"]);
  same<typeof future, Future<{ loss: number }>>();
  cluster.taskTakes(simulate, "30s");
  cluster.taskTakes(simulate, (beta, name) => {
    same<typeof beta, number>();
    same<typeof name, string>();
    return [`${beta}s`, "1m"];
  });
  cluster.failNext(simulate, new Error("no"), 3);
  cluster.onCommand((command) => {
    same<typeof command, SimulatedCommand>();
    return { exitCode: 1, takes: "1h" };
  });
  cluster.onCommand(async () => undefined);
  same<ReturnType<typeof cluster.trace>, readonly TraceEntry[]>();
  await everySeed({ seeds: 3, workers: 2 }, async (each, seed) => {
    same<typeof each, VirtualCluster>();
    same<typeof seed, number>();
  });
}

/** Checked by the compiler, never called. */
export async function refused(cluster: VirtualCluster): Promise<void> {
  // @ts-expect-error an option that does not exist
  await simulateCluster({ sead: 7 });
  // @ts-expect-error a fault that does not exist
  await simulateCluster({ faults: { earthquake: "1m" } });
  // @ts-expect-error a function that is no task
  cluster.taskTakes((x: number) => x, "30s");
  // @ts-expect-error a run time that is none
  cluster.taskTakes(simulate, true);
  // @ts-expect-error a count of executions that is no number
  cluster.failNext(simulate, new Error("no"), "3");
  // @ts-expect-error an end that a command cannot have
  cluster.onCommand((): CommandEnd => ({ exit: 1 }));
  // @ts-expect-error seeds are counted by everySeed itself
  await everySeed({ seed: 3 }, async () => {});
}

test("the types of simulated clusters are checked by the compiler", () => {});
