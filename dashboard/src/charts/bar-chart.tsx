/**
 * Counts over time as bars: what succeeded below, what failed on top of it and hatched.
 *
 * @module
 */

import { useCallback, useRef, useState } from "preact/hooks";
import { formatCount, formatExactTime } from "../text/format.ts";
import { hatch } from "./hatch.ts";
import { type Painting, useCanvas } from "./paint.ts";
import { readPalette } from "./palette.ts";
import type { Palette } from "./timeline-marks.ts";

export interface Series {
  readonly stepMs: number;
  readonly endAt: string;
  readonly succeeded: readonly number[];
  readonly failed: readonly number[];
}

interface Props {
  readonly series: Series;
  readonly label: string;
  readonly height: number;
}

const axisWidth = 40;
const axisHeight = 18;

export function BarChart({ series, label, height }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [place, setPlace] = useState<number | null>(null);
  const paint = useCallback(
    (painting: Painting) => paintBars(painting, series, place, readPalette()),
    [series, place],
  );
  const width = useCanvas(canvas, height, paint);
  const count = series.succeeded.length;
  const total = series.succeeded.reduce((sum, value) => sum + value, 0);
  const failed = series.failed.reduce((sum, value) => sum + value, 0);
  const onMove = (event: PointerEvent) => {
    const at = Math.floor(((event.offsetX - axisWidth) / (width - axisWidth)) * count);
    setPlace(at >= 0 && at < count ? at : null);
  };
  return (
    <figure class="chart">
      <div class="chart-box">
        <canvas
          ref={canvas}
          role="img"
          aria-label={`${label}: ${formatCount(total)} succeeded, ${formatCount(failed)} failed`}
          onPointerMove={onMove}
          onPointerLeave={() => setPlace(null)}
        />
      </div>
      <figcaption class="soft">{place === null ? label : captionOf(series, place)}</figcaption>
    </figure>
  );
}

function captionOf({ succeeded, failed, stepMs, endAt }: Series, place: number): string {
  const from = Date.parse(endAt) - (succeeded.length - place) * stepMs;
  const perSecond = (succeeded[place] * 1_000) / stepMs;
  return (
    `${formatExactTime(from).slice(0, 8)}: ${formatCount(succeeded[place])} succeeded ` +
    `(${perSecond.toFixed(1)}/s), ${formatCount(failed[place])} failed`
  );
}

function niceCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  return (
    [1, 1.2, 1.6, 2, 3, 4, 6, 8, 10]
      .map((factor) => factor * power)
      .find((each) => each >= value) ?? value
  );
}

function paintBars(
  { context, width, height }: Painting,
  series: Series,
  place: number | null,
  palette: Palette,
): void {
  const { succeeded, failed } = series;
  const highest = Math.max(1, ...succeeded.map((value, at) => value + failed[at]));
  const top = niceCeiling(highest);
  const plotWidth = width - axisWidth;
  const plotHeight = height - axisHeight - 6;
  const y = (value: number) => 6 + plotHeight * (1 - value / top);
  paintAxis(context, { palette, top, y, width });
  const step = plotWidth / Math.max(1, succeeded.length);
  const gap = step > 6 ? 1.5 : 0.5;
  for (const [at, value] of succeeded.entries()) {
    const x = axisWidth + at * step;
    context.globalAlpha = place === null || place === at ? 1 : 0.55;
    context.fillStyle = palette.tone("done");
    context.fillRect(x, y(value), step - gap, y(0) - y(value));
    if (failed[at] === 0) continue;
    context.fillStyle = hatch(context, palette.tone("fail"), palette.panel);
    context.fillRect(
      x,
      y(value + failed[at]),
      step - gap,
      Math.max(2, y(value) - y(value + failed[at])),
    );
  }
  context.globalAlpha = 1;
  paintTimes(context, { series, palette, width, height });
}

interface AxisOptions {
  readonly palette: Palette;
  readonly top: number;
  readonly y: (value: number) => number;
  readonly width: number;
}

function paintAxis(
  context: CanvasRenderingContext2D,
  { palette, top, y, width }: AxisOptions,
): void {
  context.font = "11px Inter, system-ui, sans-serif";
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const value of [0, top / 2, top]) {
    if (!Number.isInteger(value)) continue;
    context.fillStyle = palette.line;
    context.fillRect(axisWidth, Math.round(y(value)), width - axisWidth, 1);
    context.fillStyle = palette.soft;
    context.fillText(formatCount(value), axisWidth - 6, y(value));
  }
}

interface TimesOptions {
  readonly series: Series;
  readonly palette: Palette;
  readonly width: number;
  readonly height: number;
}

function paintTimes(context: CanvasRenderingContext2D, options: TimesOptions): void {
  const { series, palette, width, height } = options;
  const spanMs = series.succeeded.length * series.stepMs;
  const endMs = Date.parse(series.endAt);
  context.fillStyle = palette.soft;
  context.textBaseline = "bottom";
  const ticks = width > 420 ? 4 : 2;
  for (let tick = 0; tick <= ticks; tick++) {
    context.textAlign = tick === 0 ? "left" : tick === ticks ? "right" : "center";
    const x = axisWidth + ((width - axisWidth) * tick) / ticks;
    const at = endMs - spanMs + (spanMs * tick) / ticks;
    context.fillText(formatExactTime(at).slice(0, 8), x, height);
  }
}
