/**
 * Queue: what waits for a place, by what it asks for, in the order of placement; why, for whom, and
 * what would start it.
 *
 * @module
 */

import type { Responses } from "../api.ts";
import { Pager, pageToken } from "../components/data-table.tsx";
import { Reasons } from "../components/explanation.tsx";
import { Glyph } from "../components/glyph.tsx";
import {
  Empty,
  ErrorNote,
  JobLink,
  Loading,
  TaskLink,
  When,
  WorkerLink,
} from "../components/pieces.tsx";
import { useLive } from "../live/use-live.ts";
import { hrefs } from "../router.ts";
import { formatCount, formatResources, plural } from "../text/format.ts";

type Queue = Responses["GetQueue"]["queues"][number];

const pageSize = 20;
const holdersShown = 5;

export function QueuePage() {
  const { value, error, stale } = useLive("GetQueue", { pageSize, pageToken: pageToken() });
  return (
    <>
      <header class="page-head">
        <h1>Queue</h1>
        {value !== null && (
          <span class="soft">
            {plural(value.queuedTasks, "task")} in {plural(value.totalCount, "shape")}, in the order
            of placement
          </span>
        )}
      </header>
      {error !== null && <ErrorNote error={error} />}
      {value === null && error === null && <Loading lines={8} />}
      {value !== null && value.queues.length === 0 && (
        <Empty title="Nothing waits for a place">
          Whatever is ready runs. What waits for its inputs is counted on the{" "}
          <a href="/">overview</a>.
        </Empty>
      )}
      {value !== null && value.queues.length > 0 && (
        <div class={stale ? "stale" : ""}>
          <ol class="queue-list">
            {value.queues.map((queue) => (
              <QueueCard key={queue.queue} queue={queue} />
            ))}
          </ol>
          <Pager
            nextPageToken={value.nextPageToken}
            shown={value.queues.length}
            total={value.totalCount}
            noun="shapes"
          />
        </div>
      )}
    </>
  );
}

function QueueCard({ queue }: { readonly queue: Queue }) {
  const { user, queued, name, resources, constraints, isGang, canEverRun } = queue;
  return (
    <li class={canEverRun ? "queue-card" : "queue-card never"}>
      <header>
        <b class="queue-count">{formatCount(queued)}</b>
        <div class="queue-what">
          <span>
            <b>{name}</b> <span class="soft">{isGang ? "gang of" : "of"}</span>{" "}
            <JobLink id={queue.jobId} />
          </span>
          <span class="soft">
            {formatResources(resources)}
            {constraints.map(({ key, op, values }) => (
              <code key={`${key} ${op}`}> {[key, op, values.join(",")].join(" ")}</code>
            ))}
          </span>
        </div>
        <dl class="queue-facts">
          <div>
            <dt>User</dt>
            <dd>
              <a href={hrefs.user(user)}>{user}</a>
            </dd>
          </div>
          <div>
            <dt>Band</dt>
            <dd>
              {queue.effectiveBand.toLowerCase()}
              {queue.effectiveBand !== queue.band && (
                <span class="soft"> (asked: {queue.band.toLowerCase()}, over budget)</span>
              )}
            </dd>
          </div>
          <div>
            <dt>Oldest</dt>
            <dd>
              <When at={queue.oldestSince} />
            </dd>
          </div>
          <div>
            <dt>First</dt>
            <dd>
              <TaskLink id={queue.headTaskId}>
                {queue.headTaskId.slice(queue.headTaskId.lastIndexOf("/") + 1)}
              </TaskLink>
            </dd>
          </div>
        </dl>
      </header>
      <QueueReasons queue={queue} />
    </li>
  );
}

function QueueReasons({ queue }: { readonly queue: Queue }) {
  const { canEverRun, summary, reasons, holders, change } = queue;
  return (
    <div class="queue-why">
      <p class={canEverRun ? "queue-summary" : "queue-summary tone-fail"}>
        {!canEverRun && <Glyph shape="slash" />}
        {summary}
      </p>
      {change !== null && (
        <p class="why-change">
          <b>What would start it</b> {change.message}
        </p>
      )}
      <Reasons reasons={reasons} />
      {holders.length > 0 && (
        <p class="soft">
          Held by{" "}
          {holders.slice(0, holdersShown).map(({ workerId, taskId, user }) => (
            <span key={`${workerId} ${taskId}`} class="holder">
              <TaskLink id={taskId} /> of {user} on <WorkerLink id={workerId} />
            </span>
          ))}
          {holders.length > holdersShown && ` and ${holders.length - holdersShown} more`}
        </p>
      )}
    </div>
  );
}
