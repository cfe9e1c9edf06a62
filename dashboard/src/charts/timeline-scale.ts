/**
 * Where things are on a timeline: from places on the screen to times, lanes and bars, and from one
 * window of time to another.
 *
 * @module
 */

import { axisHeight, gutterOf, type Lane, laneAt, type TimelineBar } from "./timeline-marks.ts";

export interface TimeWindow {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface TimelineMarks {
  readonly lanes: readonly Lane[];
  readonly bars: readonly TimelineBar[];
  readonly nowMs: number;
}

/** Zooming ends here: what takes less is a line in any case. */
const shortestMs = 20;
/** A thin bar is found so many pixels beside it. */
const slackPixels = 2;

export function zoomed(shown: TimeWindow, factor: number, aroundMs: number): TimeWindow {
  const spanMs = Math.max(shortestMs, (shown.toMs - shown.fromMs) * factor);
  const part = (aroundMs - shown.fromMs) / (shown.toMs - shown.fromMs);
  const fromMs = aroundMs - spanMs * part;
  return { fromMs, toMs: fromMs + spanMs };
}

export function shifted(shown: TimeWindow, ms: number): TimeWindow {
  return { fromMs: shown.fromMs + ms, toMs: shown.toMs + ms };
}

/** What a key does to the window, or undefined for a key that does nothing. */
export function windowAfterKey(shown: TimeWindow, key: string): TimeWindow | undefined {
  const spanMs = shown.toMs - shown.fromMs;
  const middle = shown.fromMs + spanMs / 2;
  if (key === "+" || key === "=") return zoomed(shown, 0.5, middle);
  if (key === "-") return zoomed(shown, 2, middle);
  if (key === "ArrowLeft") return shifted(shown, -spanMs / 8);
  return key === "ArrowRight" ? shifted(shown, spanMs / 8) : undefined;
}

export class TimelineScale {
  readonly gutter: number;
  readonly msPerPixel: number;
  readonly #shown: TimeWindow;

  constructor(shown: TimeWindow, width: number) {
    this.gutter = gutterOf(width);
    this.msPerPixel = (shown.toMs - shown.fromMs) / Math.max(1, width - this.gutter);
    this.#shown = shown;
  }

  timeAt(x: number): number {
    return this.#shown.fromMs + (x - this.gutter) * this.msPerPixel;
  }

  /** The bar at a place of the canvas, the latest if there are several. */
  barAt({ lanes, bars, nowMs }: TimelineMarks, x: number, y: number): TimelineBar | null {
    const lane = laneAt(lanes, y - axisHeight);
    if (lane === -1 || x < this.gutter) return null;
    const at = this.timeAt(x);
    const slackMs = slackPixels * this.msPerPixel;
    const isThere = (bar: TimelineBar) =>
      bar.lane === lane && bar.waitMs <= at + slackMs && (bar.endMs ?? nowMs) >= at - slackMs;
    return bars.findLast(isThere) ?? null;
  }

  /** The view that a click at a place opens: a lane's by its name, else a bar's. */
  hrefAt(marks: TimelineMarks, x: number, y: number): string | undefined {
    if (x < this.gutter) return marks.lanes[laneAt(marks.lanes, y - axisHeight)]?.href;
    return this.barAt(marks, x, y)?.href;
  }
}
