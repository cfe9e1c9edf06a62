/**
 * How much of a resource is used, and how much is free but kept for somebody.
 *
 * @module
 */

import { formatBytes, formatMilli, formatPercent } from "../text/format.ts";

interface Props {
  readonly name: string;
  readonly unit: "MILLI" | "BYTES";
  readonly total: number;
  readonly committed: number;
  readonly held: number;
  readonly compact?: boolean;
}

export function formatAmount(unit: "MILLI" | "BYTES", amount: number): string {
  return unit === "BYTES" ? formatBytes(amount) : formatMilli(amount);
}

export function ResourceBar({ name, unit, total, committed, held, compact = false }: Props) {
  const amount = (value: number) => formatAmount(unit, value);
  const label =
    `${name}: ${amount(committed)} of ${amount(total)} used` +
    (held > 0 ? `, ${amount(held)} kept` : "");
  return (
    <div class={compact ? "resource compact" : "resource"} title={label}>
      {!compact && <span class="resource-name">{name}</span>}
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
