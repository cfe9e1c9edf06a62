/**
 * Task stream: every execution on every lane of every worker over time, in the colour of its
 * function; what waited before it started; what failed.
 *
 * @module
 */

import { useEffect, useMemo, useState } from "preact/hooks";
import type { Responses } from "../api.ts";
import { categoriesOf } from "../charts/palette.ts";
import { type Lane, Timeline, type TimelineBar, type TimeWindow } from "../charts/timeline.tsx";
import type { Palette } from "../charts/timeline-marks.ts";
import { Empty, ErrorNote, Loading } from "../components/pieces.tsx";
import { useLive } from "../live/use-live.ts";
import { now } from "../now.ts";
import { hrefs, instant, query, setQuery } from "../router.ts";
import { formatBytes, formatCount, formatDuration } from "../text/format.ts";
import { lookOfCause } from "../text/states.ts";

type Stream = Responses["GetTaskStream"];
type Run = Stream["runs"][number];
type Travel = Stream["traffic"][number];

const spans = ["15s", "60s", "5m", "15m", "1h"] as const;

/** After the last movement, until the server is asked. */
const restMs = 180;

/** More marks than this are told together by the server: fewer than a screen has pixels. */
const runsMax = 8_000;

const spanMs: { readonly [span in (typeof spans)[number]]: number } = {
  "15s": 15_000,
  "60s": 60_000,
  "5m": 300_000,
  "15m": 900_000,
  "1h": 3_600_000,
};

export function StreamPage() {
  const last = spans.find((each) => each === query.value.get("last")) ?? "60s";
  const [chosen, setChosen] = useState<TimeWindow | null>(null);
  const asked = useRested(chosen);
  const request =
    asked === null
      ? { last, runsMax }
      : { fromAt: timeText(asked.fromMs), toAt: timeText(asked.toMs), runsMax };
  const { value, error, stale } = useLive("GetTaskStream", request);
  const end = now.value;
  const shown = chosen ?? { fromMs: end - spanMs[last], toMs: end };
  return (
    <>
      <header class="page-head">
        <h1>Task stream</h1>
        <div class="page-actions">
          <fieldset class="segments" aria-label="How much time">
            {spans.map((span) => (
              <button
                key={span}
                type="button"
                aria-pressed={chosen === null && span === last}
                onClick={() => {
                  setChosen(null);
                  setQuery({ last: span });
                }}
              >
                {span}
              </button>
            ))}
          </fieldset>
          {chosen !== null && (
            <button type="button" class="button solid" onClick={() => setChosen(null)}>
              {instant.value === null ? "Follow" : "Whole window"}
            </button>
          )}
        </div>
      </header>
      {error !== null && <ErrorNote error={error} />}
      {value === null && error === null && <Loading lines={8} />}
      {value !== null && (
        <StreamView stream={value} shown={shown} stale={stale} onWindow={setChosen} />
      )}
    </>
  );
}

/** While the reader drags and zooms the server is not asked for every step. */
function useRested(chosen: TimeWindow | null): TimeWindow | null {
  const [rested, setRested] = useState(chosen);
  useEffect(() => {
    const timer = window.setTimeout(() => setRested(chosen), chosen === null ? 0 : restMs);
    return () => window.clearTimeout(timer);
  }, [chosen]);
  return rested;
}

function timeText(ms: number): string {
  return new Date(Math.round(ms)).toISOString();
}

interface ViewProps {
  readonly stream: Stream;
  readonly shown: TimeWindow;
  readonly stale: boolean;
  readonly onWindow: (window: TimeWindow) => void;
}

function StreamView({ stream, shown, onWindow }: ViewProps) {
  const { lanes, bars, names, categories } = useMemo(() => marksOf(stream), [stream]);
  const kinds = new Set(stream.traffic.map(({ kind }) => kind));
  if (stream.workers.length === 0) {
    return (
      <Empty title="No worker is there">What runs on workers is shown here, lane by lane.</Empty>
    );
  }
  return (
    <div class="panel">
      <Legend names={names} categories={categories} kinds={kinds} />
      <Timeline
        label="Executions by worker"
        lanes={lanes}
        bars={bars}
        window={shown}
        nowMs={now.value}
        onWindow={onWindow}
      />
      <p class="soft stream-note">
        {formatCount(stream.runs.length)} marks
        {stream.bucketMs > 0 &&
          `, runs told together by ${formatDuration(stream.bucketMs)}: zoom in`}
        {stream.omitted > 0 && `, ${formatCount(stream.omitted)} runs of further workers left out`}
        {stream.trafficOmitted > 0 &&
          `, ${formatCount(stream.trafficOmitted)} ways of values left out`}
        . Thin: sent to the worker, waiting or fetching inputs. Hatched: failed. Below the lanes of
        a worker: how values came to it. Drag to move, Ctrl and wheel to zoom.
      </p>
    </div>
  );
}

interface LegendProps {
  readonly names: readonly (readonly [name: string, count: number])[];
  readonly categories: ReadonlyMap<string, number>;
  readonly kinds: ReadonlySet<Travel["kind"]>;
}

/** How values travel: words, and the tone of the mark. */
const travels = {
  FETCH: { title: "Fetched", what: "values from other workers", tone: "run" },
  SPILL: { title: "Written to disk", what: "values to disk", tone: "start" },
  LOAD: { title: "Read from disk", what: "values back from disk", tone: "lost" },
} as const satisfies { readonly [K in Travel["kind"]]: object };

function Legend({ names, categories, kinds }: LegendProps) {
  return (
    <ul class="legend stream-legend">
      {names.slice(0, 14).map(([name, count]) => (
        <li key={name}>
          <i class={`swatch cat-${categories.get(name)}`} />
          {name} <b>{formatCount(count)}</b>
        </li>
      ))}
      {names.length > 14 && <li class="soft">and {names.length - 14} more</li>}
      {names.length === 0 && <li class="soft">nothing ran in this window</li>}
      {[...kinds].sort().map((kind) => (
        <li key={kind}>
          <i class="swatch" style={{ background: `var(--mark-${travels[kind].tone})` }} />
          {travels[kind].what}
        </li>
      ))}
    </ul>
  );
}

function marksOf(stream: Stream) {
  const lanes: Lane[] = [];
  const firstLane = new Map<string, number>();
  const many = stream.workers.reduce((sum, worker) => sum + worker.lanes, 0) > 60;
  const travelled = new Set(stream.traffic.map(({ workerId }) => workerId));
  const trafficLane = new Map<string, number>();
  for (const { workerId, lanes: count } of stream.workers) {
    firstLane.set(workerId, lanes.length);
    for (let lane = 0; lane < Math.max(1, count); lane++) {
      lanes.push({
        name: lane === 0 ? workerId : "",
        begins: lane === 0,
        height: many ? 8 : 16,
        href: hrefs.worker(workerId),
      });
    }
    if (!travelled.has(workerId)) continue;
    trafficLane.set(workerId, lanes.length);
    lanes.push({ name: "", begins: false, height: 8, href: hrefs.worker(workerId) });
  }
  const categories = categoriesOf([...new Set(stream.runs.map(({ name }) => name))].sort());
  const counts = new Map<string, number>();
  const bars: TimelineBar[] = [];
  for (const run of stream.runs) {
    const first = firstLane.get(run.workerId);
    if (first === undefined) continue;
    counts.set(run.name, (counts.get(run.name) ?? 0) + run.count);
    bars.push(barOf(run, first + run.lane, categories.get(run.name) ?? 0));
  }
  for (const travel of stream.traffic) {
    const lane = trafficLane.get(travel.workerId);
    if (lane !== undefined) bars.push(travelBarOf(travel, lane));
  }
  const names = [...counts].sort((a, b) => b[1] - a[1]);
  return { lanes, bars, names, categories };
}

function travelBarOf(travel: Travel, lane: number): TimelineBar {
  const { kind, count, bytes, peerId, taskId, startMs, endMs, workerId } = travel;
  const { title, tone } = travels[kind];
  const what =
    count > 1 ? `${formatCount(count)} values, ${formatBytes(bytes)}` : formatBytes(bytes);
  const way = peerId === null ? `on ${workerId}` : `from ${peerId} to ${workerId}`;
  const mark = {
    ...{ lane, startMs, endMs, waitMs: startMs, density: 1, failed: false, text: "" },
    title: `${title}: ${what}`,
    notes: [way, taskId ?? "", `${formatBytes(rateOf(travel))}/s`].filter((note) => note !== ""),
    fill: (palette: Palette) => palette.tone(tone),
  };
  return taskId === null ? mark : { ...mark, href: hrefs.task(taskId) };
}

/** Bytes a second. */
function rateOf({ bytes, startMs, endMs }: Travel): number {
  return Math.round((bytes * 1_000) / Math.max(1, endMs - startMs));
}

function barOf(run: Run, lane: number, category: number): TimelineBar {
  const { name, count, failed, startMs, endMs, busyMs, taskId, cause } = run;
  const length = (endMs ?? startMs) - startMs;
  const several = count > 1;
  const notes = several
    ? [`${formatCount(count)} runs, ${formatCount(failed)} failed, busy ${formatDuration(busyMs)}`]
    : [`${cause === null ? "Running" : lookOfCause(cause).word} on ${run.workerId}`, taskId ?? ""];
  const mark = {
    ...{ lane, startMs, endMs, text: name, title: several ? `${name} and others` : name, notes },
    waitMs: several ? startMs : run.assignedMs,
    density: several && length > 0 ? Math.min(1, busyMs / length) : 1,
    failed: failed > 0 && failed * 2 >= count,
    fill: (palette: Palette) => palette.category(category),
  };
  return taskId === null ? mark : { ...mark, href: hrefs.task(taskId) };
}
