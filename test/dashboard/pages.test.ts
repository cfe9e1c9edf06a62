/**
 * Every page on a live cluster under load: what it shows is what the API says, it moves without
 * being asked, nothing goes wrong in the browser, and it passes the accessibility check.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { DashboardFiles } from "../../src/shell/api/dashboard-files.ts";
import { serveJournal } from "../../src/shell/past/serve-journal.ts";
import { skip, startBrowser, WatchedPage } from "./browser.ts";
import { BusyCluster, hostileText } from "./busy-cluster.ts";

const busy = new BusyCluster();
let url: string;
let browser: Browser;
let watched: WatchedPage;

before(async () => {
  if (skip !== false) return;
  [url, browser] = await Promise.all([busy.start(), startBrowser()]);
  await busy.work();
  watched = await WatchedPage.open(browser);
});

after(async () => {
  if (skip !== false) return;
  await browser?.close();
  await busy.close();
});

/** Goes to a view and waits for each of these texts. */
async function visit(path: string, ...texts: readonly string[]): Promise<void> {
  await visitOn(watched, path, texts);
}

async function visitOn(on: WatchedPage, path: string, texts: readonly string[]): Promise<void> {
  await on.page.goto(url + path);
  for (const text of texts) {
    await on.page.getByText(text).filter({ visible: true }).first().waitFor();
  }
}

/** Waits for a condition that is looked at in the page. */
async function waitFor(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `waited for: ${what}`);
    await watched.page.waitForTimeout(50);
  }
}

const views: readonly (readonly [path: string, ...texts: string[]])[] = [
  ["/", "Wrong right now", "Throughput", "Function slots", "Newest jobs"],
  ["/jobs", "/ada/train-llm", "/lin/finetune", "jobs"],
  ["/jobs/grace/sweep", "sweep", "Asks, each", "Each cell is a task"],
  ["/jobs/ada/train-llm?tab=timeline", "A thin line: assigned"],
  ["/jobs/ada/train-llm?tab=logs", "loss"],
  ["/jobs/lin/hostile?tab=spec", "Environment"],
  ["/jobs/grace/all-reduce", "all at once, on one zone", "1 all-reduce"],
  ["/tasks/grace/all-reduce/1", "rank 1 of 2", "Where it is now"],
  ["/tasks/ada/train-llm/0", "42 %", "epoch 3 of 7", "Where it is now"],
  ["/tasks/lin/report/0", "How it failed", "exit code 2", "no such table", "Story"],
  ["/graph", "load", "evaluate", "edges"],
  ["/stream", "marks", "load"],
  ["/workers", "local-0", "local-3", "Healthy"],
  ["/workers/local-0", "Capacity", "gpu a100", "Attributes", "rack=r1"],
  ["/queue", "/ada/train-llm-wide", "What would start it"],
  ["/users", "ada", "grace", "lin"],
  ["/events", "worker-registered", "job-launched"],
  ["/doctor", "All is well", "invariants", "The process that answers"],
];

for (const [path, ...texts] of views) {
  test(`the view ${path} shows the live cluster`, { skip }, async () => {
    await visit(path, ...texts);
    watched.assertClean();
  });
}

test("an actor says how many calls it has, and is not tried again", { skip }, async () => {
  await visit(`/tasks${busy.actorId}`, "an actor", "unanswered");
  assert.equal(await watched.page.getByRole("button", { name: "Try it again…" }).count(), 0);
  await watched.page.getByRole("button", { name: "Look" }).waitFor();
  watched.assertClean();
});

test("a page paints first within a second", { skip }, async () => {
  let paintMs = Number.POSITIVE_INFINITY;
  // The quickest of a few: what else the machine runs says nothing about the page.
  for (let visits = 0; visits < 5 && paintMs >= 1_000; visits++) {
    await visit("/", "Throughput");
    paintMs = await watched.page.evaluate<number>(
      'performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? -1',
    );
  }
  console.log(`first contentful paint of the overview: ${Math.round(paintMs)} ms`);
  assert.ok(paintMs > 0 && paintMs < 1_000, `${paintMs} ms`);
});

test("what is shown moves by itself, over one stream and without polling", { skip }, async () => {
  const fresh = await WatchedPage.open(browser);
  const calls: string[] = [];
  fresh.page.on("request", (request) => {
    if (request.url().includes("/v1/rpc/")) calls.push(request.url());
  });
  await fresh.page.goto(`${url}/jobs/root/graph-1`);
  const words = fresh.page.locator(".job-progress .progress-words");
  const first = await words.textContent();
  await waitFor("progress", async () => (await words.textContent()) !== first);
  assert.deepEqual(calls, []);
  fresh.assertClean();
  await fresh.close();
});

test("a job that can never run says why, and what would start it", { skip }, async () => {
  await visit("/jobs/lin/finetune", "Why it does not run", "What would start it");
  const why = (await watched.page.locator(".why").textContent()) ?? "";
  assert.match(why, /no present worker could ever run it/);
  assert.match(why, /add a worker with at least cpu=4, gpu:h100=8/);
  assert.match(why, /DEVICE_VARIANT/);
});

test("a job is cancelled by its button, and the command that does the same is shown", {
  skip,
}, async () => {
  await busy.client.launchJob({
    ...{ name: "/lin/to-cancel", user: "lin", command: ["/bin/sleep", "600"], grace: "1s" },
    resources: { cpu: 0.1 },
  });
  await visit("/jobs/lin/to-cancel");
  await watched.page.getByRole("button", { name: "Cancel the job…" }).click();
  const dialog = watched.page.getByRole("dialog", { name: "Cancel the job" });
  await dialog.getByText("capstan job cancel /lin/to-cancel").waitFor();
  await dialog.getByLabel("Reason, for the audit").fill("seen in the browser");
  await dialog.getByRole("button", { name: "Cancel the job", exact: true }).click();
  await dialog.getByRole("status").getByText("Told to stop").waitFor();
  await dialog.getByRole("button", { name: "Close" }).click();
  await watched.page.locator(".page-head > .state").getByText("Killed").waitFor();
  const { state } = await busy.client.job("/lin/to-cancel").status();
  assert.equal(state, "KILLED");
  await visit("/events?id=/lin/to-cancel", "seen in the browser");
});

test("a job that failed is tried again by its button, and the events say who asked", {
  skip,
}, async () => {
  const { page } = watched;
  await visit("/jobs/lin/report", "Failed");
  await page.getByRole("button", { name: "Try again…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("capstan job retry /lin/report").waitFor();
  await dialog.getByRole("button", { name: "Try again" }).click();
  await dialog.getByText("Launched again, with 1 task.").waitFor();
  await visit("/events?type=job-launched&id=report", "job-launched");
  await waitFor("both launches", async () => (await page.getByText(", for lin").count()) === 2);
  assert.deepEqual(watched.takeTroubles(), []);
});

test("how far a task says it is stands on the page of its job too", { skip }, async () => {
  await visit("/jobs/ada/train-llm?tab=tasks", "42 %");
  const bar = watched.page.getByRole("progressbar", { name: "progress" });
  assert.equal(await bar.getAttribute("aria-valuenow"), "42");
  watched.assertClean();
});

test("where a task is that runs is shown when it is asked for", { skip }, async () => {
  const { page } = watched;
  await visit("/tasks/ada/train-llm/0", "Where it is now");
  await page.getByRole("button", { name: "Look" }).click();
  await page.getByRole("table", { name: "Processes" }).waitFor();
  await page.getByRole("button", { name: "Look again" }).waitFor();
  assert.deepEqual(watched.takeTroubles(), []);
});

test("a worker is cordoned and opened again by its button", { skip }, async () => {
  await visit("/workers/local-3", "Capacity");
  for (const [button, state] of [
    ["Cordon", "Cordoned"],
    ["Uncordon", "Healthy"],
  ]) {
    await watched.page.getByRole("button", { name: `${button}…`, exact: true }).click();
    const dialog = watched.page.getByRole("dialog", { name: button, exact: true });
    await dialog.getByRole("button", { name: button, exact: true }).click();
    await dialog.getByText("local-3 is").waitFor();
    await dialog.getByRole("button", { name: "Close" }).click();
    await watched.page.locator(".page-head > .state").getByText(state).waitFor();
  }
});

test("markup in names and logs stays text, and no script of it runs", { skip }, async () => {
  await visit("/jobs/lin/hostile?tab=logs", hostileText);
  await visit("/jobs/lin/hostile?tab=spec", hostileText);
  await visit(`/jobs?name=${encodeURIComponent(hostileText)}`, "No job is like that");
  await visit(`/jobs/${encodeURIComponent(hostileText)}`, hostileText);
  assert.equal(await watched.page.evaluate('"hacked" in window'), false);
  assert.equal(await watched.page.locator("img[src=x]").count(), 0);
  watched.takeTroubles(); // That job does not exist, and the page says so.
});

test("the policy of content lets no inline script run", { skip }, async () => {
  await visit("/");
  const policy = (await watched.page.request.get(url)).headers()["content-security-policy"];
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe/);
  await watched.page.evaluate(`
    const script = document.createElement("script");
    script.textContent = "window.hacked = 1";
    document.body.append(script);
  `);
  assert.equal(await watched.page.evaluate('"hacked" in window'), false);
  assert.match(watched.takeTroubles().join(), /Content Security Policy/);
});

test("keys lead to pages, to the search and through the rows", { skip }, async () => {
  const { page } = watched;
  await visit("/", "Throughput");
  await page.keyboard.press("g");
  await page.keyboard.press("j");
  await page.getByRole("heading", { name: "Jobs" }).waitFor();
  await page.getByText("/ada/train-llm-wide").waitFor();
  await page.keyboard.press("j");
  const rowLink = () => page.evaluate('document.activeElement?.closest("tr") !== null');
  assert.equal(await rowLink(), true);
  await page.keyboard.press("/");
  await page.keyboard.type("/grace/sw");
  await page.getByRole("option", { selected: true }).getByText("/grace/sweep").waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "/grace/sweep" }).waitFor();
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).waitFor();
  watched.assertClean();
});

test("the task stream is zoomed with keys and the wheel, and follows again", { skip }, async () => {
  const { page } = watched;
  await visit("/stream", "marks");
  await page.locator(".timeline").focus();
  await page.keyboard.press("+");
  const follow = page.getByRole("button", { name: "Follow" });
  await follow.waitFor();
  await page.locator(".timeline canvas").hover({ position: { x: 600, y: 100 } });
  await page.keyboard.down("Control");
  await page.mouse.wheel(0, -300);
  await page.keyboard.up("Control");
  await page.getByText("marks").waitFor();
  await follow.click();
  await follow.waitFor({ state: "detached" });
  watched.assertClean();
});

test("filters and order are in the URL and done by the server", { skip }, async () => {
  const { page } = watched;
  await visit("/jobs?user=grace&states=SUCCEEDED,RUNNING&order=name", "/grace/ingest");
  assert.equal(await page.getByText("/lin/finetune").count(), 0);
  const names = await page.locator("tbody .id").allInnerTexts();
  assert.deepEqual(names, [...names].sort());
  await page.getByRole("button", { name: "Job" }).click();
  await waitFor("the other order", async () => page.url().includes("order=name+desc"));
});

test("the slider shows every page at an earlier instant, and leads back", { skip }, async () => {
  const { page } = watched;
  await visit("/workers?at=2", "fact 2");
  assert.ok((await page.locator("tbody tr").count()) < 2);
  assert.equal(await page.getByText("local-3").count(), 0);
  const slider = page.locator(".time-slider");
  await slider.focus();
  await slider.press("End");
  await page.getByRole("link", { name: "local-3" }).waitFor();
  assert.match(page.url(), /at=\d{2,}/);
  await page.getByRole("link", { name: "Queue" }).first().click();
  await page.getByRole("heading", { name: "Queue" }).waitFor();
  assert.match(page.url(), /queue\?at=\d+/);
  const shown = (await page.locator(".time-text").textContent()) ?? "";
  await page.waitForTimeout(1_800); // What is left of the present must not move the clock.
  assert.equal(await page.locator(".time-text").textContent(), shown);
  const before = Number(new URL(page.url()).searchParams.get("at"));
  await page.getByRole("button", { name: "One fact back" }).click();
  await waitFor("a step", async () => page.url().endsWith(`at=${before - 1}`));
  await visit("/jobs/grace/sweep?at=40", "fact 40");
  assert.equal(await page.getByRole("button", { name: "Cancel the job…" }).isDisabled(), true);
  await page.getByRole("button", { name: "Back to now" }).click();
  await page.locator(".live-mark.live").waitFor();
  assert.doesNotMatch(page.url(), /at=/);
  watched.assertClean();
});

test("a journal's file opens in the same pages, and nothing can be done there", {
  skip,
}, async () => {
  const server = await serveJournal({
    ...{ file: busy.dataDirectory, listen: "127.0.0.1:0" },
    dashboard: new DashboardFiles(),
  });
  const replay = await WatchedPage.open(browser);
  await replay.page.goto(`${server.url}/jobs/ada/train-llm`);
  await replay.page.locator(".live-mark", { hasText: "Recording" }).waitFor();
  await replay.page.getByRole("heading", { name: "/ada/train-llm" }).waitFor();
  const cancel = replay.page.getByRole("button", { name: "Cancel the job…" });
  assert.equal(await cancel.isDisabled(), true);
  await replay.page.goto(`${server.url}/events`);
  await replay.page.getByText("worker-registered").first().waitFor();
  replay.assertClean();
  await replay.close();
  await server.close();
});

interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly help: string;
    readonly nodes: readonly { readonly html: string }[];
  }[];
}

const axeSource = readFileSync(
  createRequire(import.meta.url).resolve("axe-core/axe.min.js"),
  "utf8",
);

/** What the accessibility check finds on the present page. */
async function accessibilityProblems(on: WatchedPage, options: object): Promise<readonly string[]> {
  await on.page.evaluate(axeSource);
  const check = `axe.run(document, ${JSON.stringify(options)})`;
  const { violations }: AxeResult = await on.page.evaluate(check);
  return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes[0]?.html.slice(0, 200)}`);
}

/** In the dark only the colours are others. */
const axeOptions = {
  light: { resultTypes: ["violations"], preload: false },
  dark: { resultTypes: ["violations"], preload: false, runOnly: ["color-contrast"] },
} as const;

for (const colorScheme of ["light", "dark"] as const) {
  test(`every view passes the accessibility check in ${colorScheme}`, { skip }, async () => {
    const fresh = await WatchedPage.open(browser, { colorScheme });
    const found: string[] = [];
    for (const [path, ...texts] of views) {
      await visitOn(fresh, path, texts);
      for (const problem of await accessibilityProblems(fresh, axeOptions[colorScheme]))
        found.push(`${path} ${problem}`);
    }
    assert.deepEqual(found, []);
    await fresh.close();
  });
}

test("on a phone no page is wider than the screen", { skip }, async () => {
  const phone = await WatchedPage.open(browser, { viewport: { width: 390, height: 800 } });
  for (const [path, text] of views) {
    await phone.page.goto(url + path);
    await phone.page.getByText(text).first().waitFor({ state: "attached" });
    const width = await phone.page.evaluate<number>("document.documentElement.scrollWidth");
    assert.ok(width <= 390, `${path} is ${width} wide`);
  }
  await phone.page.getByRole("button", { name: "Menu" }).click();
  await phone.page.getByRole("link", { name: "Workers" }).first().click();
  await phone.page.getByRole("heading", { name: "Workers" }).waitFor();
  phone.assertClean();
  await phone.close();
});
