/**
 * A state: its shape, its word, its colour.
 *
 * @module
 */

import { lookOf, lookOfCause, type StateLook } from "../text/states.ts";
import { Glyph } from "./glyph.tsx";

function Look({ look, note }: { readonly look: StateLook; readonly note?: string | undefined }) {
  return (
    <span class={`state tone-${look.tone}`} title={note}>
      <Glyph shape={look.shape} />
      {look.word}
    </span>
  );
}

export function StateBadge({ state, note }: { readonly state: string; readonly note?: string }) {
  return <Look look={lookOf(state)} note={note} />;
}

/** How an attempt ended; one without a cause lives. */
export function CauseBadge({
  state,
  cause,
}: {
  readonly state: string;
  readonly cause: string | null;
}) {
  return <Look look={cause === null ? lookOf(state) : lookOfCause(cause)} />;
}
