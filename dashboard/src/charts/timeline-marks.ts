/**
 * What a timeline is made of: lanes, bars, and where the lanes are.
 *
 * @module
 */

import type { Tone } from "../text/states.ts";

/** The colours of the style sheet at present. */
export interface Palette {
  readonly text: string;
  readonly soft: string;
  readonly line: string;
  readonly panel: string;
  readonly track: string;
  tone(tone: Tone): string;
  category(category: number): string;
}

export interface Lane {
  readonly name: string;
  /** At the first lane of several that belong together. */
  readonly begins: boolean;
  readonly height: number;
  readonly href?: string;
}

export interface TimelineBar {
  readonly lane: number;
  /** From here to its start it waits: assigned, fetching, building. */
  readonly waitMs: number;
  readonly startMs: number;
  /** Null while it runs. */
  readonly endMs: number | null;
  readonly fill: (palette: Palette) => string;
  readonly failed: boolean;
  /** Of the time from start to end, how much is busy; 1 for a single run. */
  readonly density: number;
  /** Written on the bar where there is room. */
  readonly text: string;
  readonly title: string;
  readonly notes: readonly string[];
  readonly href?: string;
}

export const axisHeight = 24;

export function gutterOf(width: number): number {
  return width < 500 ? 72 : 132;
}

/** The lane at a height below the axis, or -1. */
export function laneAt(lanes: readonly Lane[], y: number): number {
  if (y < 0) return -1;
  let top = 0;
  for (const [at, lane] of lanes.entries()) {
    top += lane.height;
    if (y < top) return at;
  }
  return -1;
}
