/**
 * The time slider: every page at an earlier instant of the journal, step by step, with a link to it.
 *
 * @module
 */

import { useEffect, useRef, useState } from "preact/hooks";
import { connection } from "../live/connection.ts";
import { goTo, instantSequence, reachesBack, stepInTime } from "../moment.ts";
import { now } from "../now.ts";
import { instant, setQuery } from "../router.ts";
import { formatCount, formatExactTime, formatTime } from "../text/format.ts";
import { CopyButton } from "./copy-button.tsx";
import { Icon } from "./glyph.tsx";

/** While it is dragged: how often the pages follow. */
const followMs = 120;

export function TimeBar() {
  const clock = connection.clock.value;
  const past = instant.value !== null;
  if (clock === null || clock.oldestSequence === null || !reachesBack()) return null;
  const sequence = past ? (shownSequence() ?? clock.sequence) : clock.sequence;
  return (
    <section class={past ? "time-bar past" : "time-bar"} aria-label="Time">
      <button
        type="button"
        class="button quiet"
        aria-label="One fact back"
        title="One fact back ( [ )"
        onClick={() => stepInTime(-1)}
      >
        <Icon name="back" />
      </button>
      <Slider oldest={clock.oldestSequence} newest={clock.sequence} sequence={sequence} />
      <button
        type="button"
        class="button quiet"
        aria-label="One fact on"
        title="One fact on ( ] )"
        disabled={!past}
        onClick={() => stepInTime(1)}
      >
        <Icon name="forward" />
      </button>
      <span class="time-text mono">
        {past ? `${formatTime(now.value, Date.now())}` : formatExactTime(now.value).slice(0, 8)}
        <span class="soft"> · fact {formatCount(sequence)}</span>
      </span>
      {past && (
        <>
          <CopyButton text={linkTo(sequence)} label="Copy a link to this instant">
            Link
          </CopyButton>
          <button type="button" class="button solid" onClick={() => setQuery({ at: null }, false)}>
            {clock.live ? "Back to now" : "To the end"}
          </button>
        </>
      )}
    </section>
  );
}

function shownSequence(): number | null {
  const text = instant.value;
  if (text !== null && /^\d+$/.test(text)) return Number(text);
  return instantSequence.value;
}

function linkTo(sequence: number): string {
  const url = new URL(window.location.href);
  url.searchParams.set("at", String(sequence));
  return url.href;
}

interface SliderProps {
  readonly oldest: number;
  readonly newest: number;
  readonly sequence: number;
}

function Slider({ oldest, newest, sequence }: SliderProps) {
  const [dragged, setDragged] = useState<number | null>(null);
  const timer = useRef(0);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  const move = (value: number) => {
    setDragged(value);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      goTo(value);
      setDragged(null);
    }, followMs);
  };
  const shown = dragged ?? sequence;
  const part = newest === oldest ? 1 : (shown - oldest) / (newest - oldest);
  return (
    <input
      type="range"
      class="time-slider"
      aria-label="Instant, by facts of the journal"
      aria-valuetext={`fact ${formatCount(shown)} of ${formatCount(newest)}`}
      min={oldest}
      max={newest}
      value={shown}
      style={{ "--part": `${100 * part}%` }}
      onInput={(event) => move(Number(event.currentTarget.value))}
    />
  );
}
