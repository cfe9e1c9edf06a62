/**
 * Colours of canvases, read from the style sheet once per painting.
 *
 * @module
 */

import { colour } from "../theme.ts";
import type { Palette } from "./timeline-marks.ts";

/** Colours by which functions are told apart; each also has its name beside it. */
const categoryCount = 10;

export function readPalette(): Palette {
  const read = new Map<string, string>();
  const of = (name: string): string => {
    const known = read.get(name) ?? colour(name);
    read.set(name, known);
    return known;
  };
  return {
    text: of("--text"),
    soft: of("--soft"),
    line: of("--line"),
    panel: of("--panel"),
    track: of("--track"),
    tone: (tone) => of(`--mark-${tone}`),
    category: (category) => of(`--cat-${category}`),
  };
}

/** Usually the same for a name on every page and every day. */
function categoryOf(name: string): number {
  let hash = 2_166_136_261;
  for (let at = 0; at < name.length; at++) {
    hash = Math.imul(hash ^ name.charCodeAt(at), 16_777_619);
  }
  return ((hash ^ (hash >>> 13)) >>> 0) % categoryCount;
}

/** A colour for each name; two share one only when there are more names than colours. */
export function categoriesOf(names: readonly string[]): ReadonlyMap<string, number> {
  const categories = new Map<string, number>();
  const taken = new Set<number>();
  for (const name of names) {
    let category = categoryOf(name);
    while (taken.size < categoryCount && taken.has(category)) {
      category = (category + 1) % categoryCount;
    }
    taken.add(category);
    categories.set(name, category);
  }
  return categories;
}
