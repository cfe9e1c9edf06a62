/**
 * The tasks of a job: each a cell of a grid, or a row of a table.
 *
 * @module
 */

import type { Responses } from "../api.ts";
import { type Column, DataTable, Pager, pageToken } from "../components/data-table.tsx";
import { FilterBar, listOf, StateFilter } from "../components/filter-bar.tsx";
import { Empty, ErrorNote, Loading, Span, TaskLink, WorkerLink } from "../components/pieces.tsx";
import { StateBadge } from "../components/state-badge.tsx";
import { TaskProgress } from "../components/task-progress.tsx";
import { useLive } from "../live/use-live.ts";
import { hrefs, query } from "../router.ts";
import { formatBytes, formatCount, formatDuration } from "../text/format.ts";
import type { TaskCounts, TaskState } from "../text/states.ts";
import { TaskGrid } from "./task-grid.tsx";

type Task = Responses["ListTasks"]["tasks"][number];

const pageSize = 50;

const columns: readonly Column<Task>[] = [
  {
    ...{ name: "task", title: "Task", orderBy: "submittedAt", grows: true },
    cell: ({ taskId, name, key, pendingReason, error }) => (
      <div class="stacked">
        <span>
          <TaskLink id={taskId}>{taskId.slice(taskId.lastIndexOf("/") + 1)}</TaskLink>{" "}
          <span class="soft">{key === taskId ? name : key}</span>
        </span>
        {pendingReason !== null && <span class="reason-line">{pendingReason}</span>}
        {error !== null && <span class="error-line">{error.message}</span>}
      </div>
    ),
  },
  {
    name: "state",
    title: "State",
    orderBy: "state",
    cell: ({ state, progress }) => (
      <div class="stacked">
        <StateBadge state={state} />
        {progress !== null && <TaskProgress progress={progress} />}
      </div>
    ),
  },
  {
    ...{ name: "worker", title: "Worker" },
    cell: ({ workerId, attempts }) => (
      <WorkerLink id={workerId ?? attempts.at(-1)?.workerId ?? null} />
    ),
  },
  {
    ...{ name: "attempts", title: "Attempts", orderBy: "failureCount", numeric: true },
    cell: ({ attempts }) => formatCount(attempts.length),
  },
  {
    ...{ name: "ran", title: "Last ran for", orderBy: "startedAt", numeric: true },
    cell: ({ attempts }) => {
      const last = attempts.at(-1);
      return <Span from={last?.startedAt ?? null} to={last?.endedAt ?? null} />;
    },
  },
  {
    ...{ name: "cpu", title: "CPU time", numeric: true, wide: true },
    cell: ({ attempts }) => {
      const cpuMs = attempts.at(-1)?.cpuMs ?? 0;
      return cpuMs === 0 ? <span class="soft">–</span> : formatDuration(cpuMs);
    },
  },
  {
    ...{ name: "memory", title: "Peak memory", numeric: true, wide: true },
    cell: ({ attempts }) => {
      const peak = attempts.at(-1)?.peakRssBytes ?? 0;
      return peak === 0 ? <span class="soft">–</span> : formatBytes(peak);
    },
  },
];

interface Props {
  readonly jobId: string;
  readonly counts: TaskCounts;
}

export function JobTasks({ jobId, counts }: Props) {
  const present = Object.entries(counts).filter(([, count]) => (count ?? 0) > 0);
  const picked = listOf(query.value.get("states") ?? "");
  const states = [...new Set([...present.map(([state]) => state), ...picked])];
  const order = query.value.get("order") ?? "submittedAt";
  const filter = { name: query.value.get("function") ?? "" };
  const request = {
    ...{ jobId, pageSize, pageToken: pageToken(), orderBy: order, filter },
    states: picked as TaskState[],
  };
  const { value, error, stale } = useLive("ListTasks", request);
  return (
    <>
      <TaskGrid jobId={jobId} />
      <FilterBar fields={[{ name: "function", label: "Function contains", placeholder: "any" }]}>
        <StateFilter states={states} />
      </FilterBar>
      {error !== null && <ErrorNote error={error} />}
      {value === null && error === null && <Loading />}
      {value !== null && value.tasks.length === 0 && (
        <Empty title={picked.length > 0 ? "No task is in that state" : "No task is remembered"}>
          {picked.length > 0
            ? "Take a state out of the filter."
            : "What ended long ago is forgotten."}
        </Empty>
      )}
      {value !== null && value.tasks.length > 0 && (
        <>
          <DataTable
            label="Tasks"
            columns={columns}
            rows={value.tasks}
            rowKey={({ taskId }) => taskId}
            href={({ taskId }) => hrefs.task(taskId)}
            order={order}
            stale={stale}
          />
          <Pager
            nextPageToken={value.nextPageToken}
            shown={value.tasks.length}
            total={value.totalCount}
            noun="tasks"
          />
        </>
      )}
    </>
  );
}
