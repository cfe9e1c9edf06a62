/**
 * Going back and forth in time: instants are sequences of the journal.
 *
 * @module
 */

import { computed, signal } from "@preact/signals";
import { connection } from "./live/connection.ts";
import { instant, setQuery } from "./router.ts";

/** The sequence that the present view of the past shows, once an answer has told it. */
export const instantSequence = signal<number | null>(null);

/** What is shown is over: an earlier instant, or a journal without a controller. */
export const showsPast = computed(() => {
  return instant.value !== null || connection.clock.value?.live === false;
});

/** Whether anything earlier than now can be looked at. */
export function reachesBack(): boolean {
  const clock = connection.clock.value;
  return clock !== null && clock.oldestSequence !== null && clock.oldestSequence < clock.sequence;
}

export function goTo(sequence: number): void {
  const clock = connection.clock.value;
  if (clock === null || clock.oldestSequence === null) return;
  const bounded = Math.max(clock.oldestSequence, Math.min(clock.sequence, Math.round(sequence)));
  setQuery({ at: bounded });
}

/** One fact back or forth; from now, to the one before. */
export function stepInTime(step: number): void {
  const clock = connection.clock.value;
  if (clock === null || !reachesBack()) return;
  if (instant.value === null && step > 0) return;
  const from = instantSequence.value ?? sequenceIn(instant.value) ?? clock.sequence;
  goTo(from + step);
}

function sequenceIn(text: string | null): number | null {
  return text !== null && /^\d+$/.test(text) ? Number(text) : null;
}
