/**
 * How smoothly a page scrolls, for tests with much to show.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Browser } from "playwright-core";
import { WatchedPage } from "./browser.ts";

const scrollsMax = 8;
/** Smooth is 17 ms; the machine that tests may be busy, and unusable is what must not be. */
const slowFrameMs = 250;
const medianFrameMs = 50;

/** Scrolls for a second and a half; the times between frames, in ms, sorted. */
const scrollAndMeasure = `new Promise((resolve) => {
  const frames = [];
  const begun = performance.now();
  let last = begun;
  const step = (now) => {
    frames.push(now - last);
    last = now;
    window.scrollBy(0, Math.sin((now - begun) / 200) * 40);
    if (now - begun < 1500) requestAnimationFrame(step);
    else resolve(frames.slice(1).sort((a, b) => a - b));
  };
  requestAnimationFrame(step);
})`;

/**
 * The smoothest of a few scrolls: what else the machine runs takes a core for a while, and that
 * says nothing about the page. A page that is itself slow is slow each time.
 */
async function scrollSmoothest(watched: WatchedPage): Promise<readonly number[]> {
  let best: readonly number[] = [];
  for (let scroll = 0; scroll < scrollsMax; scroll++) {
    const frames = await watched.page.evaluate<readonly number[]>(scrollAndMeasure);
    if (isSmooth(frames)) return frames;
    if (best.length === 0 || slowFrameOf(frames) < slowFrameOf(best)) best = frames;
  }
  return best;
}

function isSmooth(sortedFrames: readonly number[]): boolean {
  return medianOf(sortedFrames) < medianFrameMs && slowFrameOf(sortedFrames) < slowFrameMs;
}

function medianOf(sortedFrames: readonly number[]): number {
  return sortedFrames[sortedFrames.length >> 1];
}

/** The 95th percentile. */
function slowFrameOf(sortedFrames: readonly number[]): number {
  return sortedFrames[Math.floor(sortedFrames.length * 0.95)];
}

/** Opens a page that shows `text`, scrolls it, and asserts that it stays usable and bounded. */
export async function assertSmooth(browser: Browser, url: string, text: string): Promise<void> {
  const watched = await WatchedPage.open(browser);
  const begun = performance.now();
  await watched.page.goto(url);
  await watched.page.getByText(text).filter({ visible: true }).first().waitFor();
  const openMs = Math.round(performance.now() - begun);
  const frames = await scrollSmoothest(watched);
  const median = medianOf(frames);
  const slow = slowFrameOf(frames);
  const nodes = await watched.page.evaluate<number>("document.querySelectorAll('*').length");
  console.log(
    `${new URL(url).pathname}: there after ${openMs} ms; frames: median ${median.toFixed(1)} ms, ` +
      `95th percentile ${slow.toFixed(1)} ms; ${nodes} elements`,
  );
  assert.ok(median < medianFrameMs, `median frame of ${median} ms`);
  assert.ok(slow < slowFrameMs, `95th percentile of ${slow} ms`);
  assert.ok(nodes < 5_000, `${nodes} elements`);
  watched.assertClean();
  await watched.close();
}
