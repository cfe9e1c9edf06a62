/**
 * Overview: what is wrong right now, how fast work goes, what waits, what is used.
 *
 * @module
 */

import type { Responses } from "../api.ts";
import { BarChart } from "../charts/bar-chart.tsx";
import { Glyph } from "../components/glyph.tsx";
import { Empty, ErrorNote, LinkedText, Loading, Panel } from "../components/pieces.tsx";
import { ProgressBar, ProgressLegend } from "../components/progress-bar.tsx";
import { ResourceBar } from "../components/resource-bar.tsx";
import { StateBadge } from "../components/state-badge.tsx";
import { useLive } from "../live/use-live.ts";
import { showsPast } from "../moment.ts";
import { hrefs } from "../router.ts";
import { formatCount, formatShort } from "../text/format.ts";
import { lookOf, totalOf } from "../text/states.ts";

type Overview = Responses["GetOverview"];
type Problem = Overview["problems"][number];

export function OverviewPage() {
  const { value, error, stale } = useLive("GetOverview", {});
  return (
    <>
      <header class="page-head">
        <h1>Overview</h1>
      </header>
      {error !== null && <ErrorNote error={error} />}
      {value === null && error === null && <Loading lines={10} />}
      {value !== null && (
        <div class={stale ? "stale" : ""}>
          <Tiles overview={value} />
          <Problems problems={value.problems} />
          <div class="columns">
            <Panel title="Throughput" note="tasks that ended">
              <BarChart series={value.recent} label="The last minute, by seconds" height={146} />
              <BarChart
                series={value.history}
                label="The last 15 minutes, by 15 seconds"
                height={146}
              />
            </Panel>
            <div class="column">
              <ResourcesPanel overview={value} />
              <StatesPanel overview={value} />
            </div>
          </div>
          <RecentJobs />
        </div>
      )}
    </>
  );
}

function Tiles({ overview }: { readonly overview: Overview }) {
  const { recent, queued, running, workerStateCounts, jobStateCounts } = overview;
  const rates = recent.succeeded.slice(-10);
  const perSecond = rates.reduce((sum, each) => sum + each, 0) / Math.max(1, rates.length);
  const workers = Object.values(workerStateCounts).reduce(
    (sum: number, each) => sum + (each ?? 0),
    0,
  );
  const healthy = workerStateCounts.HEALTHY ?? 0;
  return (
    <dl class="tiles">
      <Tile
        name="Tasks a second"
        value={perSecond < 10 ? perSecond.toFixed(1) : formatShort(perSecond)}
        note="over 10 s"
      />
      <Tile
        name="On workers"
        value={formatShort(running.attempts)}
        note={
          running.prefetched > 0 ? `and ${formatShort(running.prefetched)} sent ahead` : "attempts"
        }
      />
      <Tile
        name="Queued"
        value={formatShort(queued.tasks)}
        note={`in ${formatCount(queued.queues)} shapes`}
        href="/queue"
      />
      <Tile name="Not ready" value={formatShort(queued.waiting)} note="wait for inputs or time" />
      <Tile
        name="Jobs"
        value={formatShort(jobStateCounts.RUNNING ?? 0)}
        note="running"
        href="/jobs?states=RUNNING"
      />
      <Tile
        name="Workers"
        value={formatShort(workers)}
        note={healthy === workers ? "all healthy" : `${formatCount(workers - healthy)} not healthy`}
        href="/workers"
        bad={healthy !== workers}
      />
    </dl>
  );
}

interface TileProps {
  readonly name: string;
  readonly value: string;
  readonly note: string;
  readonly href?: string;
  readonly bad?: boolean;
}

function Tile({ name, value, note, href, bad = false }: TileProps) {
  return (
    <div class={bad ? "tile bad" : "tile"}>
      <dt>{href === undefined ? name : <a href={href}>{name}</a>}</dt>
      <dd>{value}</dd>
      <dd class="soft tile-note">{note}</dd>
    </div>
  );
}

function Problems({ problems }: { readonly problems: readonly Problem[] }) {
  if (problems.length === 0) {
    return (
      <p class="all-well">
        <span class="tone-done">
          <Glyph shape="check" />
        </span>
        Nothing {showsPast.value ? "was" : "is"} wrong at this moment.
      </p>
    );
  }
  return (
    <Panel title={showsPast.value ? "Wrong at that moment" : "Wrong right now"} class="problems">
      <ul class="plain">
        {worstFirst(problems).map((problem) => (
          <li key={`${problem.code} ${problem.subject.id}`} class="problem">
            <span class={problem.severity === "ERROR" ? "state tone-fail" : "state tone-warn"}>
              <Glyph shape={problem.severity === "ERROR" ? "cross" : "bang"} />
              {problem.severity === "ERROR" ? "Error" : "Warning"}
            </span>
            <span class="problem-text">
              <LinkedText
                text={problem.message}
                id={problem.subject.kind === "CONTROLLER" ? "controller" : problem.subject.id}
                href={subjectHref(problem.subject)}
              />
            </span>
            {problem.count > 1 && (
              <span class="soft">and {formatCount(problem.count - 1)} like it</span>
            )}
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function worstFirst(problems: readonly Problem[]): readonly Problem[] {
  const rank = ({ severity }: Problem) => (severity === "ERROR" ? 0 : 1);
  return [...problems].sort((a, b) => rank(a) - rank(b));
}

function subjectHref({ kind, id }: Problem["subject"]): string {
  if (kind === "WORKER") return hrefs.worker(id);
  if (kind === "JOB") return hrefs.job(id);
  return kind === "TASK" ? hrefs.task(id) : "/doctor";
}

function ResourcesPanel({ overview }: { readonly overview: Overview }) {
  const shown = overview.resources.filter(({ total }) => total > 0);
  return (
    <Panel
      title="Resources"
      note={
        overview.reservations > 0 ? "granted, and kept (hatched) for somebody" : "granted of all"
      }
    >
      {shown.length === 0 ? (
        <Empty title="There is no worker">
          <code>capstan worker run --url {window.location.origin}</code>
        </Empty>
      ) : (
        <div class="resources">
          {shown.map((use) => (
            <ResourceBar key={use.name} {...use} />
          ))}
        </div>
      )}
    </Panel>
  );
}

function StatesPanel({ overview }: { readonly overview: Overview }) {
  const { taskStateCounts, workerStateCounts } = overview;
  const workers = Object.entries(workerStateCounts).filter(([, count]) => (count ?? 0) > 0);
  return (
    <Panel title="Tasks" note={`${formatCount(totalOf(taskStateCounts))} remembered`}>
      <ProgressBar counts={taskStateCounts} />
      <ProgressLegend counts={taskStateCounts} />
      <h3>Workers</h3>
      <ul class="legend">
        {workers.map(([state, count]) => (
          <li key={state} class={`tone-${lookOf(state).tone}`}>
            <Glyph shape={lookOf(state).shape} />
            {lookOf(state).word.toLowerCase()} <b>{formatCount(count ?? 0)}</b>
          </li>
        ))}
        {workers.length === 0 && <li class="soft">none</li>}
      </ul>
    </Panel>
  );
}

const recentJobs = 8;

function RecentJobs() {
  const { value } = useLive("ListJobs", {
    ...{ pageSize: recentJobs, orderBy: "submittedAt desc" },
    filter: { rootsOnly: true },
  });
  if (value === null) return null;
  return (
    <Panel title="Newest jobs" actions={<a href="/jobs">All {formatCount(value.totalCount)}</a>}>
      {value.jobs.length === 0 ? (
        <Empty title="No jobs yet">
          <pre class="example">capstan run -- echo hello</pre>
        </Empty>
      ) : (
        <ul class="plain job-lines">
          {value.jobs.map(({ jobId, state, taskStateCounts }) => (
            <li key={jobId}>
              <a class="id" href={hrefs.job(jobId)}>
                {jobId}
              </a>
              <StateBadge state={state} />
              <ProgressBar counts={taskStateCounts} words />
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
