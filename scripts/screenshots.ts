/**
 * Takes the pictures of the dashboard that the documents show, from a cluster that it starts and
 * loads: light, dark, and as a phone shows them.
 *
 *     node scripts/screenshots.ts [directory]      default docs/images
 *
 * @module
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { startBrowser } from "../test/dashboard/browser.ts";
import { BusyCluster } from "../test/dashboard/busy-cluster.ts";
import { quantisePng } from "./quantise-png.ts";

interface Shot {
  readonly name: string;
  readonly path: string | ((busy: BusyCluster) => string);
  readonly dark?: boolean;
  readonly phone?: boolean;
  /** Height of the window; the pages are as long as they are. */
  readonly height?: number;
  readonly prepare?: (page: Page) => Promise<void>;
}

/** The cluster works for so long before the first picture: charts have something in them. */
const warmUpMs = 75_000;
/** A page is live: its numbers and its layouts settle within this. */
const settleMs = 1_800;

const shots: readonly Shot[] = [
  { name: "overview", path: "/" },
  { name: "overview-dark", path: "/", dark: true },
  { name: "overview-phone", path: "/", phone: true },
  { name: "jobs", path: "/jobs" },
  { name: "job", path: "/jobs/grace/sweep" },
  { name: "job-phone", path: "/jobs/grace/sweep", phone: true },
  { name: "job-timeline-dark", path: "/jobs/grace/sweep?tab=timeline", dark: true, height: 1_250 },
  { name: "job-logs", path: "/jobs/ada/train-llm?tab=logs" },
  { name: "job-why", path: "/jobs/ada/train-llm-wide" },
  { name: "task", path: "/tasks/grace/sweep/6" },
  { name: "actor", path: ({ actorId }) => `/tasks${actorId}`, height: 640 },
  { name: "graph", path: "/graph", height: 480 },
  { name: "graph-around-dark", path: "/graph", dark: true, prepare: openNeighbourhood },
  { name: "stream", path: "/stream?last=15s" },
  { name: "stream-dark", path: "/stream?last=60s", dark: true },
  { name: "workers", path: "/workers", height: 480 },
  { name: "worker", path: "/workers/local-0" },
  { name: "queue", path: "/queue" },
  { name: "queue-phone", path: "/queue", phone: true },
  { name: "users", path: "/users", height: 480 },
  { name: "events", path: "/events" },
  { name: "doctor", path: "/doctor", height: 600 },
  { name: "cancel", path: "/jobs/ada/train-llm", prepare: askToCancel },
  { name: "past", path: "/", prepare: goBack },
];

async function askToCancel(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Cancel the job…" }).click();
  await page.getByLabel("Reason, for the audit").fill("wrong learning rate");
}

/** Around a task of the graph that waits for a fit. */
async function openNeighbourhood(page: Page): Promise<void> {
  await page.locator(".node", { hasText: "fit" }).first().click();
  await page.locator("tbody a.id").first().click();
  await page.getByRole("link", { name: "Neighbourhood" }).click();
  await pause(settleMs);
}

/** Half way back, where there is a slider. */
async function goBack(page: Page): Promise<void> {
  const slider = page.locator(".time-slider");
  if ((await slider.count()) === 0) return;
  const box = await slider.boundingBox();
  if (box === null) return;
  await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
  await pause(settleMs);
}

async function takeShot(browser: Browser, busy: BusyCluster, shot: Shot): Promise<Buffer> {
  const { phone = false, dark = false, height = 860 } = shot;
  const context = await browser.newContext({
    viewport: phone ? { width: 390, height: 844 } : { width: 1_360, height },
    colorScheme: dark ? "dark" : "light",
    deviceScaleFactor: phone ? 2 : 1,
  });
  const page = await context.newPage();
  const path = typeof shot.path === "string" ? shot.path : shot.path(busy);
  await page.goto(busy.cluster.url + path);
  await pause(settleMs);
  await shot.prepare?.(page);
  await page.locator(".stale").first().waitFor({ state: "detached" });
  await pause(settleMs / 3);
  const png = await page.screenshot();
  await context.close();
  return png;
}

async function main(): Promise<void> {
  const fallback = fileURLToPath(new URL("../docs/images", import.meta.url));
  const directory = process.argv[2] ?? fallback;
  mkdirSync(directory, { recursive: true });
  const busy = new BusyCluster();
  await busy.start();
  const browser = await startBrowser();
  try {
    await busy.work();
    await pause(warmUpMs);
    for (const shot of shots) {
      const png = quantisePng(await takeShot(browser, busy, shot));
      writeFileSync(join(directory, `dashboard-${shot.name}.png`), png);
      console.log(`dashboard-${shot.name}.png: ${Math.round(png.length / 1024)} kB`);
    }
  } finally {
    await browser.close();
    await busy.close();
  }
}

await main();
