/**
 * How much of a resource is used, and how much is free but kept for somebody.
 *
 * @module
 */

import { formatBytes, formatCount, formatMilli, formatPercent } from "../text/format.ts";

export type Unit = "MILLI" | "BYTES" | "COUNT";

interface Props {
  readonly name: string;
  readonly unit: Unit;
  readonly total: number;
  readonly committed: number;
  readonly held: number;
  readonly compact?: boolean;
}

function formatAmount(unit: Unit, amount: number): string {
  if (unit === "COUNT") return formatCount(amount);
  return unit === "BYTES" ? formatBytes(amount) : formatMilli(amount);
}

/** `device:gpu:a100` is `gpu a100`. */
function shownName(name: string): string {
  if (name === "cpu") return "CPU";
  if (name === "slots") return "Function slots";
  const text = name.replace(/^(?:device|custom):/, "").replaceAll(":", " ");
  return text === name ? text.charAt(0).toUpperCase() + text.slice(1) : text;
}

export function ResourceBar({ name, unit, total, committed, held, compact = false }: Props) {
  const amount = (value: number) => formatAmount(unit, value);
  const label =
    `${name}: ${amount(committed)} of ${amount(total)} used` +
    (held > 0 ? `, ${amount(held)} kept` : "");
  return (
    <div class={compact ? "resource compact" : "resource"} title={label}>
      {!compact && <span class="resource-name">{shownName(name)}</span>}
      <div class="resource-track" role="img" aria-label={label}>
        <i class="used" style={{ width: share(committed, total) }} />
        <i class="kept" style={{ width: share(held, total) }} />
      </div>
      <span class="resource-amount">
        {amount(committed)}
        <span class="soft"> / {amount(total)}</span>
      </span>
      {!compact && <span class="resource-percent soft">{formatPercent(committed, total)}</span>}
    </div>
  );
}

function share(part: number, total: number): string {
  return total === 0 ? "0%" : `${Math.min(100, (100 * part) / total)}%`;
}
