/**
 * A canvas at the resolution of the screen, painted anew when its size, its data or the colours
 * change, once per frame at most.
 *
 * @module
 */

import { useEffect, useRef, useState } from "preact/hooks";
import { paintVersion } from "../theme.ts";

export interface Painting {
  readonly context: CanvasRenderingContext2D;
  readonly width: number;
  readonly height: number;
}

/** Paints after every render of the component. What it returns is the width, for the layout. */
export function useCanvas(
  canvas: { readonly current: HTMLCanvasElement | null },
  heightPx: number,
  paint: (painting: Painting) => void,
): number {
  const [width, setWidth] = useState(0);
  const latest = useRef(paint);
  latest.current = paint;
  const version = paintVersion.value;
  useEffect(() => {
    const box = canvas.current?.parentElement;
    if (box === null || box === undefined) return undefined;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)));
    observer.observe(box);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (width === 0) return undefined;
    const frame = requestAnimationFrame(() => {
      if (canvas.current !== null) paintOn(canvas.current, width, heightPx, latest.current);
    });
    return () => cancelAnimationFrame(frame);
  }, [width, heightPx, version, paint]);
  return width;
}

function paintOn(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
  paint: (painting: Painting) => void,
): void {
  const scale = window.devicePixelRatio;
  const pixelWidth = Math.round(width * scale);
  const pixelHeight = Math.round(height * scale);
  if (canvas.width !== pixelWidth || canvas.height !== pixelHeight) {
    canvas.width = pixelWidth;
    canvas.height = pixelHeight;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  if (context === null) return;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  paint({ context, width, height });
}
