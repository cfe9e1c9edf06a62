/**
 * Chromium for the tests of the dashboard: found on the machine, or the tests are skipped and say
 * so. A page that logs an error, throws, or meets its policy of content fails its test.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { builtDashboard } from "../../src/shell/api/dashboard-files.ts";

const places = [
  process.env.CAPSTAN_CHROMIUM ?? "",
  ...["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"],
];

/** Quiet, and without the sandbox that a container's root cannot have. */
const flags = [
  ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"],
  ...["--disable-background-networking", "--disable-component-update"],
];

const executablePath = places.find((place) => place !== "" && existsSync(place));

/** Why the tests cannot run here, or false: for the `skip` of a test. */
export const skip: string | false =
  executablePath === undefined
    ? "no Chromium: install Debian's package chromium, or set CAPSTAN_CHROMIUM"
    : !existsSync(builtDashboard) && "the dashboard is not built: npm run build";

export function startBrowser(): Promise<Browser> {
  assert.ok(executablePath !== undefined);
  return chromium.launch({ executablePath, args: [...flags] });
}

/** A page that keeps what went wrong on it. */
export class WatchedPage {
  readonly page: Page;
  readonly #troubles: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on("pageerror", (error) => this.#troubles.push(`${page.url()}: ${error.message}`));
    page.on("console", (message) => {
      if (message.type() !== "error") return;
      this.#troubles.push(`${page.url()}: ${message.text()}`);
    });
  }

  static async open(browser: Browser, options: BrowserContextOptions = {}): Promise<WatchedPage> {
    const viewport = { width: 1360, height: 860 };
    const context = await browser.newContext({ viewport, ...options });
    context.setDefaultTimeout(15_000);
    return new WatchedPage(await context.newPage());
  }

  /** What went wrong since it was last asked. */
  takeTroubles(): readonly string[] {
    return this.#troubles.splice(0);
  }

  assertClean(): void {
    assert.deepEqual(this.takeTroubles(), []);
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}
