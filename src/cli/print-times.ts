/**
 * Times of the API for people: how long something took, or has taken until now.
 *
 * @module
 */

import { formatDuration } from "../model/format-quantities.ts";

/** `"1m 5s"` between two RFC 3339 times; until now if it has not ended; "" if it never began. */
export function formatSpan(startedAt: string | null, endedAt: string | null): string {
  if (startedAt === null) return "";
  const end = endedAt === null ? Date.now() : Date.parse(endedAt);
  const ms = Math.max(0, end - Date.parse(startedAt));
  return formatDuration(ms < 10_000 ? ms : Math.round(ms / 1_000) * 1_000);
}
