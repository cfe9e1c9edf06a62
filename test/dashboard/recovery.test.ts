/**
 * A controller that goes away: the page says so, keeps what it has, and goes on by itself when the
 * controller is back. And one that asks for a token.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { type LocalCluster, startLocalCluster } from "../../src/client/index.ts";
import { skip, startBrowser, WatchedPage } from "./browser.ts";

const directory = mkdtempSync(join(tmpdir(), "capstan-recovery-"));
const token = "a-secret-of-the-test";
let cluster: LocalCluster;
let browser: Browser;

before(async () => {
  if (skip !== false) return;
  const dataDir = join(directory, "data");
  const options = { workers: 1, cpu: 2, token, dataDir };
  [cluster, browser] = await Promise.all([startLocalCluster(options), startBrowser()]);
});

after(async () => {
  await browser?.close();
  await cluster?.close();
  rmSync(directory, { recursive: true, force: true });
});

test("a token is asked for, and the page outlives its controller", { skip }, async () => {
  const watched = await WatchedPage.open(browser);
  const { page } = watched;
  await page.goto(`${cluster.url}/workers`);
  await page.getByText("This controller asks for a token").waitFor();
  watched.assertClean(); // To be asked is no error.
  await page.getByRole("textbox", { name: "Token" }).fill("not-the-one");
  await page.getByRole("button", { name: "Show the cluster" }).click();
  await page.getByText("the token is not known").waitFor();
  await page.getByRole("textbox", { name: "Token" }).fill(token);
  await page.getByRole("button", { name: "Show the cluster" }).click();
  await page.getByRole("link", { name: "local-0" }).waitFor();

  await cluster.processes.killController();
  await page.getByText("The controller does not answer").waitFor();
  assert.equal(await page.getByRole("link", { name: "local-0" }).count(), 1);
  await page.getByRole("link", { name: "Jobs" }).first().click();
  await page.getByRole("heading", { name: "Jobs" }).waitFor();

  await cluster.processes.startController();
  await page.getByText("The controller does not answer").waitFor({ state: "detached" });
  await page.getByText("No jobs yet").waitFor();
  await page.locator(".live-mark.live").waitFor();
  await watched.close();
});
