/**
 * Events and stories as lines of text.
 *
 * @module
 */

import type { Paint } from "./print.ts";
import type { EventView } from "./responses.ts";

const headFields: ReadonlySet<string> = new Set(["at", "type", "message", "sequence"]);

/** Time, type, message, then what the event carries and the message does not say already. */
export function describeEvent(paint: Paint, event: EventView): string {
  const message = event.message ?? "";
  // Of a number its digits may stand in the message by chance.
  const isSaid = (value: unknown) => typeof value === "string" && message.includes(value);
  const rest = Object.entries(event).filter(
    ([name, value]) => !headFields.has(name) && hasText(value) && !isSaid(value),
  );
  const fields = rest.map(([name, value]) =>
    name === "id" ? textOf(value) : `${name}=${textOf(value)}`,
  );
  const type = message.startsWith(event.type) ? "" : paint.bold(event.type);
  const parts = [paint.dim(event.at), type, message, ...fields];
  return parts.filter((part) => part !== "").join("  ");
}

function hasText(value: unknown): boolean {
  if (value === null || value === undefined || value === "") return false;
  return !(Array.isArray(value) && value.length === 0);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
