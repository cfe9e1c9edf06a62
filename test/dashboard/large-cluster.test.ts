/**
 * A thousand workers and ten thousand jobs: the pages that show them open, stay smooth while one
 * scrolls, and have a bounded number of elements. The workers are connections that say that they
 * live; nothing runs on them.
 *
 * @module
 */

import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import {
  type Client,
  connect,
  type LocalCluster,
  startLocalCluster,
} from "../../src/client/index.ts";
import { noResources } from "../../src/model/resources.ts";
import { aHeartbeat, anInventory, aWorker, Peer } from "../shell/toy-controller.ts";
import { skip, startBrowser } from "./browser.ts";
import { assertSmooth } from "./scrolling.ts";

const workerCount = 1_000;
const jobCount = 10_000;
/** Launches that are under way at the same time. */
const launchesAtOnce = 100;
const beatMs = 1_000;

let cluster: LocalCluster;
let client: Client;
let browser: Browser;
let beat: NodeJS.Timeout;
const workers: Peer[] = [];

before(async () => {
  if (skip !== false) return;
  [cluster, browser] = await Promise.all([startLocalCluster({ workers: 0 }), startBrowser()]);
  client = await connect(cluster.url);
  beat = setInterval(() => {
    for (const { stream } of workers) stream.send({ ...aHeartbeat });
  }, beatMs);
  for (let index = 0; index < workerCount; index++) workers.push(await aLivingWorker(index));
  for (let first = 0; first < jobCount; first += launchesAtOnce) {
    const launches = Array.from({ length: launchesAtOnce }, (_, i) => launch(first + i));
    await Promise.all(launches);
  }
});

after(async () => {
  clearInterval(beat);
  await browser?.close();
  await client?.close();
  for (const { stream } of workers) stream.destroy();
  await cluster?.close();
});

async function aLivingWorker(index: number): Promise<Peer> {
  const capacity = { ...noResources, cpuMilli: 8_000, memoryBytes: 2 ** 35 };
  const identity = { workerId: `rack-${index % 40}-node-${index}`, incarnation: `i${index}` };
  const attributes = { rack: `r${index % 40}` };
  const hello = aWorker({ ...identity, capacity, slots: 8, attributes });
  const peer = await Peer.connect(cluster.url, hello);
  const none = new Float64Array(0);
  peer.stream.send({ ...anInventory, values: none, valueSizes: none });
  return peer;
}

/** No worker has so many CPUs: it waits. */
function launch(index: number): Promise<unknown> {
  const command = ["true"];
  return client.launchJob({ name: `sweep-${index}`, command, resources: { cpu: 64 } });
}

const views: readonly (readonly [path: string, text: string])[] = [
  ["/", "1,000"],
  ["/jobs", "sweep-"],
  ["/jobs?order=name", "sweep-"],
  ["/workers", "1,000"],
  ["/workers?order=cpu", "1,000"],
  ["/queue", "10,000"],
  ["/stream", "marks"],
  ["/events", "job-launched"],
];

for (const [path, text] of views) {
  test(`with 1,000 workers and 10,000 jobs ${path} scrolls smoothly`, { skip }, () =>
    assertSmooth(browser, cluster.url + path, text),
  );
}
