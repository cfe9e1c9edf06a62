/**
 * Where the reader is: the path, and what its query says. Every view has a URL, and the instant
 * that is looked at (`at`) goes along with every step inside the app.
 *
 * @module
 */

import { computed, signal } from "@preact/signals";

/** Fields of a query; null or "" takes one out. */
export type QueryPatch = { readonly [name: string]: string | number | null };

const here = signal(new URL(window.location.href));

/** The path, decoded as far as it can be: ids have slashes of their own. */
export const path = computed(() => decode(here.value.pathname));

export const query = computed(() => here.value.searchParams);

/** The instant that is looked at, as the URL has it: a sequence or RFC 3339; null for now. */
export const instant = computed(() => query.value.get("at"));

window.addEventListener("popstate", () => {
  here.value = new URL(window.location.href);
});

/** Goes to an address of the app; the instant goes along unless the address names one. */
export function navigate(href: string, replace = false): void {
  const url = new URL(href, here.value);
  if (instant.value !== null && !url.searchParams.has("at")) {
    url.searchParams.set("at", instant.value);
  }
  settle(url, replace);
}

/** Changes the query of this view. Filters replace the entry of the history, places add one. */
export function setQuery(patch: QueryPatch, replace = true): void {
  const url = new URL(here.value);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null || value === "") url.searchParams.delete(name);
    else url.searchParams.set(name, String(value));
  }
  settle(url, replace);
}

function settle(url: URL, replace: boolean): void {
  if (url.href === here.value.href) return;
  const samePage = url.pathname === here.value.pathname;
  if (replace) window.history.replaceState(null, "", url);
  else window.history.pushState(null, "", url);
  here.value = url;
  if (!samePage) {
    window.scrollTo(0, 0);
    document.getElementById("main")?.focus({ preventScroll: true });
  }
}

/** Plain clicks on links to this origin stay in the page. */
export function followLinks(): void {
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
    if (!(link instanceof HTMLAnchorElement) || link.target !== "" || link.download !== "") return;
    if (link.origin !== window.location.origin || link.pathname.startsWith("/v1/")) return;
    event.preventDefault();
    navigate(link.href);
  });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function encodeId(id: string): string {
  return id.split("/").map(encodeURIComponent).join("/");
}

/** Ids of jobs and tasks begin with a slash: `/jobs/ada/train`, `/tasks/ada/train/0`. */
export const hrefs = {
  job: (id: string) => `/jobs${rooted(encodeId(id))}`,
  task: (id: string) => `/tasks${rooted(encodeId(id))}`,
  worker: (id: string) => `/workers/${encodeURIComponent(id)}`,
  user: (user: string) => `/jobs?user=${encodeURIComponent(user)}`,
} as const;

function rooted(id: string): string {
  return id.startsWith("/") ? id : `/~/${id}`;
}

/** The id in `path` after `/jobs`, `/tasks` or `/workers`. */
export function idOf(path: string, section: string): string {
  const rest = path.slice(section.length);
  if (rest.startsWith("/~/")) return rest.slice(3);
  return rest;
}
