/**
 * Bars on lanes over time, on one canvas: tens of thousands of them stay smooth. Drag to move,
 * wheel or `+` and `-` to zoom, arrows to move, click to open.
 *
 * @module
 */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { navigate } from "../router.ts";
import { formatDuration, formatExactTime } from "../text/format.ts";
import { type Painting, useCanvas } from "./paint.ts";
import { paintTimeline } from "./paint-timeline.ts";
import { readPalette } from "./palette.ts";
import { axisHeight, type Lane, type TimelineBar } from "./timeline-marks.ts";
import {
  shifted,
  TimelineScale,
  type TimeWindow,
  windowAfterKey,
  zoomed,
} from "./timeline-scale.ts";

export type { Lane, TimelineBar } from "./timeline-marks.ts";
export type { TimeWindow } from "./timeline-scale.ts";

interface Props {
  readonly label: string;
  readonly lanes: readonly Lane[];
  readonly bars: readonly TimelineBar[];
  readonly window: TimeWindow;
  readonly nowMs: number;
  /** The reader moved or zoomed. */
  readonly onWindow: (window: TimeWindow) => void;
}

interface Hovered {
  readonly bar: TimelineBar;
  readonly x: number;
  readonly y: number;
}

export function Timeline(props: Props) {
  const { label, lanes, bars, window: shown, nowMs, onWindow } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const [hovered, setHovered] = useState<Hovered | null>(null);
  const height = axisHeight + lanes.reduce((sum, lane) => sum + lane.height, 0);
  const paint = useCallback(
    (painting: Painting) =>
      paintTimeline(painting, {
        ...{ lanes, bars, shown, nowMs, palette: readPalette() },
        hovered: hovered?.bar ?? null,
      }),
    [lanes, bars, shown.fromMs, shown.toMs, nowMs, hovered?.bar],
  );
  const width = useCanvas(canvas, height, paint);
  const scale = new TimelineScale(shown, width);
  const pointer = usePointer(props, scale, setHovered);
  useWheel(canvas, (event) => onWindow(windowAfterWheel(shown, event, scale)));
  const onKeyDown = (event: KeyboardEvent) => {
    const next = windowAfterKey(shown, event.key);
    if (next === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    onWindow(next);
  };
  return (
    <div
      class="timeline"
      role="application"
      aria-label={`${label}. Arrow keys move, plus and minus zoom.`}
      tabIndex={0}
      onKeyDown={onKeyDown}
    >
      <canvas ref={canvas} class={hovered?.bar.href === undefined ? "" : "pointing"} {...pointer} />
      {hovered !== null && <Tip {...hovered} nowMs={nowMs} width={width} />}
    </div>
  );
}

/** A drag begins to move after so many pixels; until then it is a click. */
const clickPixels = 3;

/** Hovering tells of a bar, dragging moves the window, a click opens. */
function usePointer(
  props: Props,
  scale: TimelineScale,
  onHover: (hovered: Hovered | null) => void,
) {
  const drag = useRef<{ x: number; shown: TimeWindow; moved: boolean } | null>(null);
  return {
    onPointerDown: (event: PointerEvent) => {
      if (event.currentTarget instanceof Element) {
        event.currentTarget.setPointerCapture(event.pointerId);
      }
      drag.current = { x: event.offsetX, shown: props.window, moved: false };
    },
    onPointerMove: ({ offsetX, offsetY }: PointerEvent) => {
      const held = drag.current;
      if (held === null) {
        const bar = scale.barAt(props, offsetX, offsetY);
        onHover(bar === null ? null : { bar, x: offsetX, y: offsetY });
        return;
      }
      if (Math.abs(held.x - offsetX) > clickPixels) held.moved = true;
      if (held.moved) props.onWindow(shifted(held.shown, (held.x - offsetX) * scale.msPerPixel));
    },
    onPointerUp: ({ offsetX, offsetY }: PointerEvent) => {
      const moved = drag.current?.moved === true;
      drag.current = null;
      const href = moved ? undefined : scale.hrefAt(props, offsetX, offsetY);
      if (href !== undefined) navigate(href);
    },
    onPointerLeave: () => onHover(null),
  };
}

function windowAfterWheel(shown: TimeWindow, event: WheelEvent, scale: TimelineScale): TimeWindow {
  if (!event.shiftKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY)) {
    return zoomed(shown, Math.exp(event.deltaY / 400), scale.timeAt(event.offsetX));
  }
  return shifted(shown, (event.deltaX || event.deltaY) * scale.msPerPixel);
}

/**
 * With Ctrl, Shift or sideways only: else the page scrolls. A listener of Preact would be passive,
 * and the page would scroll in any case.
 */
function useWheel(
  canvas: { readonly current: HTMLCanvasElement | null },
  onWheel: (event: WheelEvent) => void,
): void {
  const latest = useRef(onWheel);
  latest.current = onWheel;
  useEffect(() => {
    const listener = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey && !event.shiftKey && event.deltaX === 0) return;
      event.preventDefault();
      latest.current(event);
    };
    canvas.current?.addEventListener("wheel", listener, { passive: false });
    return () => canvas.current?.removeEventListener("wheel", listener);
  }, []);
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
