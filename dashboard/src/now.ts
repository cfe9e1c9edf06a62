/**
 * The time that ages and durations are measured against: the cluster's, not this machine's; in the
 * past it stands still at the instant that is looked at.
 *
 * @module
 */

import { computed, signal } from "@preact/signals";
import { connection } from "./live/connection.ts";
import { instant } from "./router.ts";

/** This machine's time, in ms since 1970; moves once a second. */
export const tick = signal(Date.now());
/** What the cluster's clock is ahead of this machine's, in ms. */
const aheadMs = signal(0);
/** The time of the instant that is looked at, once an answer has told it. */
export const instantMs = signal<number | null>(null);

window.setInterval(() => {
  if (!document.hidden) tick.value = Date.now();
}, 1_000);

connection.clock.subscribe((clock) => {
  if (clock !== null) aheadMs.value = Date.parse(clock.at) - Date.now();
});

/** Milliseconds since 1970; moves once a second. */
export const now = computed(() => {
  if (instant.value === null) return tick.value + aheadMs.value;
  const named = Date.parse(instant.value);
  if (!/^\d+$/.test(instant.value) && !Number.isNaN(named)) return named;
  return instantMs.value ?? tick.value;
});
