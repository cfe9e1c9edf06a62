/**
 * Paints a timeline: lanes with their names at the left, time along the top, bars.
 *
 * @module
 */

import { formatExactTime } from "../text/format.ts";
import { hatch } from "./hatch.ts";
import type { Painting } from "./paint.ts";
import {
  axisHeight,
  gutterOf,
  type Lane,
  type Palette,
  type TimelineBar,
} from "./timeline-marks.ts";

const font = "11px Inter, system-ui, sans-serif";

export interface TimelineOptions {
  readonly lanes: readonly Lane[];
  readonly bars: readonly TimelineBar[];
  readonly shown: { readonly fromMs: number; readonly toMs: number };
  readonly nowMs: number;
  readonly hovered: TimelineBar | null;
  readonly palette: Palette;
}

export function paintTimeline(painting: Painting, options: TimelineOptions): void {
  const { context, width } = painting;
  const { shown, nowMs, palette } = options;
  const gutter = gutterOf(width);
  const scale = (width - gutter) / (shown.toMs - shown.fromMs);
  const x = (ms: number) => gutter + (ms - shown.fromMs) * scale;
  paintAxis(painting, options, x);
  const tops = paintLanes(painting, options, gutter);
  context.save();
  context.beginPath();
  context.rect(gutter, 0, width - gutter, painting.height);
  context.clip();
  const places = { tops, x, width, gutter, options };
  // What waits does so while others run on its lane: these lie above.
  for (const bar of options.bars) paintWait(context, { bar, ...places });
  for (const bar of options.bars) paintBar(context, { bar, ...places });
  if (nowMs > shown.fromMs && nowMs < shown.toMs) {
    context.fillStyle = palette.tone("fail");
    context.fillRect(x(nowMs), 0, 1, painting.height);
  }
  context.restore();
}

const tickSteps = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000],
  ...[60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000, 3_600_000, 7_200_000, 21_600_000],
  ...[43_200_000, 86_400_000],
];

function paintAxis(
  { context, width, height }: Painting,
  { shown, palette }: TimelineOptions,
  x: (ms: number) => number,
): void {
  const gutter = gutterOf(width);
  const wanted = ((shown.toMs - shown.fromMs) * 96) / Math.max(1, width - gutter);
  const step = tickSteps.find((each) => each >= wanted) ?? tickSteps[tickSteps.length - 1];
  context.font = font;
  context.textBaseline = "middle";
  context.textAlign = "left";
  for (let at = Math.ceil(shown.fromMs / step) * step; at < shown.toMs; at += step) {
    context.fillStyle = palette.line;
    context.fillRect(Math.round(x(at)), axisHeight - 6, 1, height);
    context.fillStyle = palette.soft;
    const text = formatExactTime(at);
    const shownText = step < 1_000 ? text : text.slice(0, 8);
    if (x(at) + 4 + context.measureText(shownText).width > width) continue;
    context.fillText(shownText, x(at) + 4, axisHeight / 2);
  }
}

/** Returns the top of each lane. */
function paintLanes(
  { context, width }: Painting,
  { lanes, palette }: TimelineOptions,
  gutter: number,
): readonly number[] {
  const tops: number[] = [];
  let top = axisHeight;
  context.textAlign = "left";
  for (const lane of lanes) {
    tops.push(top);
    if (lane.begins) {
      context.fillStyle = palette.line;
      context.fillRect(0, top, width, 1);
      context.fillStyle = palette.text;
      context.fillText(
        fitted(context, lane.name, gutter - 10),
        2,
        top + Math.min(lane.height, 20) / 2 + 1,
      );
    }
    top += lane.height;
  }
  return tops;
}

interface BarOptions {
  readonly bar: TimelineBar;
  readonly tops: readonly number[];
  readonly x: (ms: number) => number;
  readonly width: number;
  readonly gutter: number;
  readonly options: TimelineOptions;
}

function paintWait(context: CanvasRenderingContext2D, given: BarOptions): void {
  const { bar, tops, x, width, gutter, options } = given;
  const { lanes, palette, shown } = options;
  const lane = lanes[bar.lane];
  if (lane === undefined || bar.startMs < shown.fromMs || bar.waitMs > shown.toMs) return;
  const left = Math.max(gutter - 4, x(bar.waitMs));
  const length = Math.min(width + 4, x(bar.startMs)) - left;
  if (length <= 1) return;
  context.fillStyle = bar.fill(palette);
  context.globalAlpha = 0.28;
  context.fillRect(left, tops[bar.lane] + 2 + (lane.height - 3) / 2 - 2, length, 4);
  context.globalAlpha = 1;
}

function paintBar(context: CanvasRenderingContext2D, given: BarOptions): void {
  const { bar, tops, x, width, gutter, options } = given;
  const { lanes, palette, nowMs, hovered, shown } = options;
  const lane = lanes[bar.lane];
  if (lane === undefined) return;
  const end = bar.endMs ?? Math.min(nowMs, shown.toMs);
  if (end < shown.fromMs || bar.startMs > shown.toMs) return;
  const top = tops[bar.lane] + 2;
  const height = lane.height - 3;
  const left = Math.max(gutter - 4, x(bar.startMs));
  const right = Math.min(width + 4, x(end));
  const fill = bar.fill(palette);
  const length = Math.max(1.5, right - left - (right - left > 3 ? 0.75 : 0));
  context.globalAlpha = 0.35 + 0.65 * bar.density;
  context.fillStyle = bar.failed ? hatch(context, palette.tone("fail"), palette.panel) : fill;
  context.fillRect(left, top, length, height);
  context.globalAlpha = 1;
  if (bar.failed && length > 3) {
    context.fillStyle = fill;
    context.fillRect(left, top + height - 3, length, 3);
  }
  if (bar === hovered) {
    context.strokeStyle = palette.text;
    context.lineWidth = 1.5;
    context.strokeRect(left, top, length, height);
  }
  const textLeft = Math.max(left, gutter) + 4;
  const room = right - textLeft - 6;
  if (room > 34 && height >= 12 && !bar.failed) {
    context.fillStyle = palette.panel;
    context.fillText(fitted(context, bar.text, room), textLeft, top + height / 2 + 0.5);
  }
}

function fitted(context: CanvasRenderingContext2D, text: string, room: number): string {
  if (context.measureText(text).width <= room) return text;
  let kept = text.slice(
    0,
    Math.max(1, Math.floor((text.length * room) / context.measureText(text).width)),
  );
  while (kept.length > 1 && context.measureText(`${kept}…`).width > room) kept = kept.slice(0, -1);
  return kept.length <= 1 ? "" : `${kept}…`;
}
