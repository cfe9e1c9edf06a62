/**
 * Takes a picture of every page of the dashboard while each demo runs.
 *
 *     node scripts/demo-screenshots.ts [directory] [demo …]      default docs/images/dashboard, all
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import type { Responses } from "../src/shell/api/schemas.ts";
import { startBrowser } from "../test/dashboard/browser.ts";
import { quantisePng } from "./quantise-png.ts";

interface Demo {
  readonly name: string;
  readonly flags: readonly string[];
  /** It works for so long before the first picture. */
  readonly warmUpMs: number;
}

const demos: readonly Demo[] = [
  { name: "epidemic", flags: ["--sets", "100", "--replicates", "2000"], warmUpMs: 8_000 },
  { name: "gang", flags: [], warmUpMs: 3_000 },
  { name: "chaos", flags: ["--seconds", "120"], warmUpMs: 20_000 },
];

const settleMs = 1_200;
const triesMax = 20;
/** A demo may be over soon: then it is run again for what is missing. */
const pagesAtOnce = 3;
const pageCount = 12;
const runsMax = 5;
const main = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));

/** Ids that a page may be about, as they are now. */
async function pathsOf(url: string): Promise<ReadonlyMap<string, string>> {
  const { jobs } = await call<"ListJobs">(url, "ListJobs");
  const { workers } = await call<"ListWorkers">(url, "ListWorkers");
  const busiest = jobs.find(({ state }) => state === "RUNNING") ?? jobs[0];
  const { tasks } = await call<"ListTasks">(url, "ListTasks", { jobId: busiest.jobId });
  const running = tasks.find(({ state }) => state === "RUNNING") ?? tasks[0];
  const names = ["jobs", "stream?last=60s", "workers", "queue", "users", "events", "doctor"];
  return new Map([
    ["overview", "/"],
    ...names.map((path) => [path.split("?")[0], `/${path}`] as const),
    ["job", `/jobs${busiest.jobId}`],
    ["task", running === undefined ? "/" : `/tasks${running.taskId}`],
    ["graph", `/graph?job=${encodeURIComponent(busiest.jobId)}`],
    ["worker", `/workers/${workers[0].workerId}`],
  ]);
}

/** Asks until the controller answers: one of the demos kills it now and then. */
async function call<M extends keyof Responses>(
  url: string,
  method: M,
  request: object = {},
): Promise<Responses[M]> {
  for (let tries = 1; ; tries++) {
    try {
      const body = JSON.stringify(request);
      const answer = await fetch(`${url}/v1/rpc/${method}`, { method: "POST", body });
      if (answer.ok) return (await answer.json()) as Responses[M];
    } catch (error) {
      if (tries === triesMax) throw error;
    }
    await pause(settleMs);
  }
}

async function takeShot(browser: Browser, url: string): Promise<Buffer> {
  const viewport = { width: 1_200, height: 760 };
  const context = await browser.newContext({ viewport, colorScheme: "light" });
  try {
    const page = await context.newPage();
    await page.goto(url);
    await page.locator("main h1").first().waitFor({ timeout: 10_000 });
    await pause(settleMs);
    await page.locator(".stale, .loading").first().waitFor({ state: "detached", timeout: 5_000 });
    return await page.screenshot();
  } finally {
    await context.close();
  }
}

/** A demo kills its controller now and then: until it is back there is no page. */
async function takePatiently(
  browser: Browser,
  url: string,
  goesOn: () => boolean,
): Promise<Buffer | null> {
  while (goesOn()) {
    try {
      return await takeShot(browser, url);
    } catch {
      await pause(settleMs / 4);
    }
  }
  return null;
}

/** Where a demo's cluster is, as it says. */
async function urlIn(child: ChildProcess): Promise<string> {
  let said = "";
  for (;;) {
    const [chunk] = (await once(child.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
    said += chunk.toString();
    const found = /http:\/\/127\.0\.0\.1:\d+/.exec(said);
    if (found !== null) return found[0];
  }
}

function keep(file: string, png: Buffer): void {
  const small = quantisePng(png);
  writeFileSync(file, small);
  console.log(`${file}: ${Math.round(small.length / 1024)} kB`);
}

/** Runs the demo once; `taken` are the pages that an earlier run has shown. */
async function showDemo(
  browser: Browser,
  demo: Demo,
  { directory, taken }: { readonly directory: string; readonly taken: Set<string> },
): Promise<void> {
  const child = spawn(process.execPath, [
    ...["--disable-warning=ExperimentalWarning", main, "demo", demo.name, ...demo.flags],
  ]);
  const ended = once(child, "exit");
  try {
    const url = await urlIn(child);
    child.stdout.resume();
    await pause(demo.warmUpMs);
    const waiting = [...(await pathsOf(url))].filter(([name]) => !taken.has(name));
    const take = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const [name, path] = next;
        const png = await takePatiently(browser, url + path, () => child.exitCode === null);
        if (png === null) return;
        keep(join(directory, `${demo.name}-${name}.png`), png);
        taken.add(name);
      }
    };
    await Promise.all(Array.from({ length: pagesAtOnce }, take));
  } finally {
    child.kill("SIGINT");
    await ended;
  }
}

const fallback = fileURLToPath(new URL("../docs/images/dashboard", import.meta.url));
const [, , directory = fallback, ...asked] = process.argv;
mkdirSync(directory, { recursive: true });
const browser = await startBrowser();
try {
  for (const demo of demos) {
    if (asked.length > 0 && !asked.includes(demo.name)) continue;
    const taken = new Set<string>();
    for (let run = 0; run < runsMax && taken.size < pageCount; run++) {
      await showDemo(browser, demo, { directory, taken });
    }
  }
} finally {
  await browser.close();
}
