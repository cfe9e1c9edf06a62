/**
 * A million tasks: the pages that show them open, stay smooth while one scrolls, and ask the server
 * for a bounded answer. Frame times are recorded.
 *
 * @module
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import {
  type Client,
  connect,
  type LocalCluster,
  startLocalCluster,
} from "../../src/client/index.ts";
import { skip, startBrowser } from "./browser.ts";
import { nothing } from "./busy-tasks.ts";
import { assertSmooth } from "./scrolling.ts";

const taskCount = 1_000_000;
const submitsOf = 50_000;

let cluster: LocalCluster;
let client: Client;
let browser: Browser;

before(async () => {
  if (skip !== false) return;
  [cluster, browser] = await Promise.all([
    startLocalCluster({ workers: 1, cpu: 1 }),
    startBrowser(),
  ]);
  client = await connect(cluster.url);
  const begun = performance.now();
  const args = Array.from({ length: submitsOf }, () => [] as const);
  // No worker has so many CPUs: they wait, all of them.
  const options = { resources: { cpu: 64 } };
  for (let sent = 0; sent < taskCount; sent += submitsOf) client.map(nothing, args, options);
  await untilAllAreThere();
  console.log(`${taskCount} tasks submitted in ${Math.round(performance.now() - begun)} ms`);
});

after(async () => {
  await browser?.close();
  await cluster?.close(); // Before the client: what it let go of need not be cancelled one by one.
  await client?.close();
});

async function untilAllAreThere(): Promise<void> {
  const deadline = Date.now() + 120_000;
  for (;;) {
    const { totalCount } = (await client.call("ListTasks", { pageSize: 1 })) as {
      totalCount: number;
    };
    if (totalCount === taskCount) return;
    assert.ok(Date.now() < deadline, `${totalCount} tasks after two minutes`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

const views: readonly (readonly [path: string, text: string])[] = [
  ["/", "1,000,000"],
  ["/jobs", "1,000,000"],
  ["/jobs/root/graph-1", "1,000,000"],
  ["/jobs/root/graph-1?order=name", "1,000,000"],
  ["/graph", "1,000,000 tasks remembered"],
  ["/queue", "1,000,000 tasks"],
];

for (const [path, text] of views) {
  test(`with a million tasks ${path} opens and scrolls smoothly`, { skip }, () =>
    assertSmooth(browser, cluster.url + path, text),
  );
}
