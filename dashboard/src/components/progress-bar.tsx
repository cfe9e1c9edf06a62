/**
 * How far tasks have come. Failures are hatched and apart from preemptions, which are taken work and
 * no fault of the task.
 *
 * @module
 */

import { formatCount, formatPercent } from "../text/format.ts";
import { countOf, progressParts, type TaskCounts, totalOf } from "../text/states.ts";

interface Props {
  readonly counts: TaskCounts;
  /** Says the numbers beside the bar too. */
  readonly words?: boolean;
}

export function ProgressBar({ counts, words = false }: Props) {
  const total = totalOf(counts);
  const parts = progressParts
    .map((part) => ({ ...part, count: countOf(counts, part.states) }))
    .filter(({ count }) => count > 0);
  const done = countOf(counts, ["SUCCEEDED"]);
  const label = parts.map(({ name, count }) => `${formatCount(count)} ${name}`).join(", ");
  return (
    <div class="progress">
      <div
        class="progress-bar"
        role="img"
        aria-label={label === "" ? "no tasks" : label}
        title={label}
      >
        {parts.map(({ name, tone, count }) => (
          <i key={name} class={`tone-${tone} part-${name}`} style={{ flexGrow: count }} />
        ))}
      </div>
      {words && (
        <span class="progress-words">
          {formatCount(done)} of {formatCount(total)}
          <span class="soft"> · {formatPercent(done, total)}</span>
        </span>
      )}
    </div>
  );
}

/** The parts by name, for a bar that stands alone. */
export function ProgressLegend({ counts }: { readonly counts: TaskCounts }) {
  const parts = progressParts
    .map((part) => ({ ...part, count: countOf(counts, part.states) }))
    .filter(({ count }) => count > 0);
  return (
    <ul class="legend">
      {parts.map(({ name, tone, count }) => (
        <li key={name}>
          <i class={`swatch tone-${tone} part-${name}`} />
          {name} <b>{formatCount(count)}</b>
        </li>
      ))}
    </ul>
  );
}
