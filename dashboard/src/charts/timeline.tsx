/**
 * Bars on lanes over time, on one canvas: tens of thousands of them stay smooth. Drag to move,
 * wheel or `+` and `-` to zoom, arrows to move, click to open.
 *
 * @module
 */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { navigate } from "../router.ts";
import { formatDuration, formatExactTime } from "../text/format.ts";
import { useCanvas } from "./paint.ts";
import {
  axisHeight,
  gutterOf,
  type Lane,
  laneAt,
  paintTimeline,
  type TimelineBar,
} from "./paint-timeline.ts";
import { readPalette } from "./palette.ts";

export type { Lane, TimelineBar } from "./paint-timeline.ts";

export interface TimeWindow {
  readonly fromMs: number;
  readonly toMs: number;
}

interface Props {
  readonly label: string;
  readonly lanes: readonly Lane[];
  readonly bars: readonly TimelineBar[];
  readonly window: TimeWindow;
  readonly nowMs: number;
  /** The reader moved or zoomed. */
  readonly onWindow: (window: TimeWindow) => void;
}

const shortestMs = 20;

export function Timeline({ label, lanes, bars, window: shown, nowMs, onWindow }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [hovered, setHovered] = useState<{ bar: TimelineBar; x: number; y: number } | null>(null);
  const drag = useRef<{ x: number; window: TimeWindow; moved: boolean } | null>(null);
  const height = axisHeight + lanes.reduce((sum, lane) => sum + lane.height, 0);
  const paint = useCallback(
    (painting: Parameters<typeof paintTimeline>[0]) =>
      paintTimeline(painting, {
        lanes,
        bars,
        shown,
        nowMs,
        hovered: hovered?.bar ?? null,
        palette: readPalette(),
      }),
    [lanes, bars, shown.fromMs, shown.toMs, nowMs, hovered?.bar],
  );
  const width = useCanvas(canvas, height, paint);
  const gutter = gutterOf(width);
  const timeAt = (x: number) =>
    shown.fromMs + ((x - gutter) / Math.max(1, width - gutter)) * (shown.toMs - shown.fromMs);

  const zoom = (factor: number, around: number) => {
    const span = Math.max(shortestMs, (shown.toMs - shown.fromMs) * factor);
    const part = (around - shown.fromMs) / (shown.toMs - shown.fromMs);
    const fromMs = around - span * part;
    onWindow({ fromMs, toMs: fromMs + span });
  };
  const shift = (ms: number) => onWindow({ fromMs: shown.fromMs + ms, toMs: shown.toMs + ms });

  const barAt = (x: number, y: number): TimelineBar | null => {
    const lane = laneAt(lanes, y - axisHeight);
    if (lane === -1 || x < gutter) return null;
    const at = timeAt(x);
    const slack = (2 * (shown.toMs - shown.fromMs)) / Math.max(1, width);
    const found = bars.filter(
      (bar) => bar.lane === lane && bar.waitMs <= at + slack && (bar.endMs ?? nowMs) >= at - slack,
    );
    return found.at(-1) ?? null;
  };
  const onMove = (event: PointerEvent) => {
    const held = drag.current;
    if (held === null) {
      const bar = barAt(event.offsetX, event.offsetY);
      setHovered(bar === null ? null : { bar, x: event.offsetX, y: event.offsetY });
      return;
    }
    const perPixel = (held.window.toMs - held.window.fromMs) / Math.max(1, width - gutter);
    const ms = (held.x - event.offsetX) * perPixel;
    if (Math.abs(held.x - event.offsetX) > 3) held.moved = true;
    if (held.moved) onWindow({ fromMs: held.window.fromMs + ms, toMs: held.window.toMs + ms });
  };
  const onUp = (event: PointerEvent) => {
    const moved = drag.current?.moved === true;
    drag.current = null;
    if (moved) return;
    const lane =
      event.offsetX < gutter ? lanes[laneAt(lanes, event.offsetY - axisHeight)] : undefined;
    const href = lane?.href ?? barAt(event.offsetX, event.offsetY)?.href;
    if (href !== undefined) navigate(href);
  };
  useWheel(canvas, (event) => {
    event.preventDefault();
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      shift(((event.deltaX || event.deltaY) / 600) * (shown.toMs - shown.fromMs));
    } else zoom(Math.exp(event.deltaY / 400), timeAt(event.offsetX));
  });
  const onKeyDown = (event: KeyboardEvent) => {
    const span = shown.toMs - shown.fromMs;
    const act = timelineKeys(span, zoom, shift, (shown.fromMs + shown.toMs) / 2)[event.key];
    if (act === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  };
  return (
    <div
      class="timeline"
      role="application"
      aria-label={`${label}. Arrow keys move, plus and minus zoom.`}
      tabIndex={0}
      onKeyDown={onKeyDown}
    >
      <canvas
        ref={canvas}
        class={hovered?.bar.href === undefined ? "" : "pointing"}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          drag.current = { x: event.offsetX, window: shown, moved: false };
        }}
        onPointerMove={onMove}
        onPointerUp={onUp}
        onPointerLeave={() => setHovered(null)}
      />
      {hovered !== null && (
        <Tip bar={hovered.bar} nowMs={nowMs} x={hovered.x} y={hovered.y} width={width} />
      )}
    </div>
  );
}

/** A listener of Preact would be passive, and the page would scroll along. */
function useWheel(
  canvas: { readonly current: HTMLCanvasElement | null },
  onWheel: (event: WheelEvent) => void,
): void {
  const latest = useRef(onWheel);
  latest.current = onWheel;
  useEffect(() => {
    const listener = (event: WheelEvent) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.deltaX !== 0)
        latest.current(event);
    };
    canvas.current?.addEventListener("wheel", listener, { passive: false });
    return () => canvas.current?.removeEventListener("wheel", listener);
  }, []);
}

function timelineKeys(
  span: number,
  zoom: (factor: number, around: number) => void,
  shift: (ms: number) => void,
  middle: number,
): { readonly [key: string]: () => void } {
  return {
    "+": () => zoom(0.5, middle),
    "=": () => zoom(0.5, middle),
    "-": () => zoom(2, middle),
    ArrowLeft: () => shift(-span / 8),
    ArrowRight: () => shift(span / 8),
  };
}

interface TipProps {
  readonly bar: TimelineBar;
  readonly nowMs: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

function Tip({ bar, nowMs, x, y, width }: TipProps) {
  const { title, notes, startMs, endMs, waitMs } = bar;
  const onRight = x < width - 280;
  const style = { left: `${onRight ? x + 14 : x - 14}px`, top: `${y + 14}px` };
  return (
    <div class={onRight ? "tip" : "tip left"} style={style} role="status">
      <b>{title}</b>
      <span>
        {formatExactTime(startMs)}
        {endMs === null ? " → runs" : ` → ${formatExactTime(endMs)}`} ·{" "}
        {formatDuration((endMs ?? nowMs) - startMs)}
      </span>
      {startMs - waitMs > 1 && (
        <span class="soft">{formatDuration(startMs - waitMs)} from assigned to started</span>
      )}
      {notes.map((note) => (
        <span key={note} class="soft">
          {note}
        </span>
      ))}
    </div>
  );
}
