/**
 * Light, dark, or as the system has it; remembered in this browser.
 *
 * @module
 */

import { signal } from "@preact/signals";

const themes = ["system", "light", "dark"] as const;

export type Theme = (typeof themes)[number];

const storageKey = "capstan-theme";

export const theme = signal<Theme>(storedTheme());

/** Counts up whenever colours change: canvases paint again. */
export const paintVersion = signal(0);

function storedTheme(): Theme {
  const stored = window.localStorage.getItem(storageKey);
  return themes.find((name) => name === stored) ?? "system";
}

export function applyTheme(): void {
  const root = document.documentElement;
  if (theme.value === "system") root.removeAttribute("data-theme");
  else root.dataset.theme = theme.value;
  paintVersion.value++;
}

export function setTheme(next: Theme): void {
  theme.value = next;
  window.localStorage.setItem(storageKey, next);
  applyTheme();
}

/** The next one in turn. */
export function nextTheme(): Theme {
  return themes[(themes.indexOf(theme.value) + 1) % themes.length];
}

window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  paintVersion.value++;
});

/** What a colour of the style sheet is at present, for canvases. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
