/**
 * Keys: `/` searches, `g` and a letter goes to a page, `j` and `k` walk the rows, `?` shows all.
 *
 * @module
 */

import { signal } from "@preact/signals";
import { stepInTime } from "./moment.ts";
import { instant, navigate, setQuery } from "./router.ts";
import { sections } from "./routes.ts";

export const helpOpen = signal(false);

/** How long a `g` waits for its letter. */
const chordMs = 1_200;

let chordUntil = 0;

/** Listens until what is returned is called. */
export function listenToKeys(): () => void {
  document.addEventListener("keydown", onKey);
  return () => document.removeEventListener("keydown", onKey);
}

function onKey(event: KeyboardEvent): void {
  if (event.metaKey || event.ctrlKey || event.altKey || isWriting(event.target)) return;
  const act = event.timeStamp < chordUntil ? pageKey(event.key) : keys[event.key];
  chordUntil = 0;
  if (act === undefined) return;
  event.preventDefault();
  act(event);
}

function isWriting(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.closest("input, textarea, select, dialog[open]") !== null || target.isContentEditable)
  );
}

function pageKey(key: string): (() => void) | undefined {
  const section = sections.find((each) => each.key === key);
  return section === undefined ? undefined : () => navigate(section.path);
}

const keys: { readonly [key: string]: (event: KeyboardEvent) => void } = {
  g: (event) => {
    chordUntil = event.timeStamp + chordMs;
  },
  "/": () => focusOn("#search"),
  "?": () => {
    helpOpen.value = true;
  },
  j: () => walkRows(1),
  k: () => walkRows(-1),
  f: () => focusOn("[data-filter]"),
  "[": () => stepInTime(-1),
  "]": () => stepInTime(1),
  n: () => {
    if (instant.value !== null) setQuery({ at: null }, false);
  },
};

function focusOn(selector: string): void {
  const found = document.querySelector(selector);
  if (found instanceof HTMLElement) found.focus();
}

/** Moves the focus to the first link of the next row. */
function walkRows(step: number): void {
  const links = [...document.querySelectorAll<HTMLElement>("main tbody tr a:first-of-type")];
  const rows = links.filter((link, index) => {
    return index === 0 || link.closest("tr") !== links[index - 1].closest("tr");
  });
  const row = document.activeElement?.closest("tr") ?? null;
  const at = rows.findIndex((link) => link.closest("tr") === row);
  rows.at(at === -1 ? 0 : Math.max(0, Math.min(rows.length - 1, at + step)))?.focus();
}
