/**
 * Colours of canvases, read from the style sheet once per painting.
 *
 * @module
 */

import type { Tone } from "../text/states.ts";
import { colour } from "../theme.ts";

/** Colours by which functions are told apart; each also has its name beside it. */
export const categoryCount = 10;

export interface Palette {
  readonly text: string;
  readonly soft: string;
  readonly line: string;
  readonly panel: string;
  readonly track: string;
  tone(tone: Tone): string;
  category(name: string): string;
}

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
    category: (name) => of(`--cat-${categoryOf(name)}`),
  };
}

/** The same name has the same colour on every page and every day. */
export function categoryOf(name: string): number {
  let hash = 2_166_136_261;
  for (let at = 0; at < name.length; at++) {
    hash = Math.imul(hash ^ name.charCodeAt(at), 16_777_619);
  }
  return ((hash >>> 0) ^ (hash >>> 13)) % categoryCount;
}
