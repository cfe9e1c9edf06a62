/**
 * Workers: how they are, what of them is used, what they hold.
 *
 * @module
 */

import type { Requests, Responses } from "../api.ts";
import { type Column, DataTable, Pager, pageToken } from "../components/data-table.tsx";
import { FilterBar, listOf, StateFilter } from "../components/filter-bar.tsx";
import { Empty, ErrorNote, Loading, When, WorkerLink } from "../components/pieces.tsx";
import { ResourceBar } from "../components/resource-bar.tsx";
import { StateBadge } from "../components/state-badge.tsx";
import { useLive } from "../live/use-live.ts";
import { hrefs, query } from "../router.ts";
import { formatBytes, formatCount } from "../text/format.ts";
import type { WorkerState } from "../text/states.ts";

type Worker = Responses["ListWorkers"]["workers"][number];
type ListRequest = Requests["ListWorkers"];

const pageSize = 100;

const states: readonly WorkerState[] = [
  ...(["HEALTHY", "SUSPECT", "UNUSABLE", "CORDONED", "DRAINING", "LOST"] as const),
];

const columns: readonly Column<Worker>[] = [
  {
    ...{ name: "worker", title: "Worker", orderBy: "workerId", grows: true },
    cell: ({ workerId, stateReason }) => (
      <div class="stacked">
        <WorkerLink id={workerId} />
        {stateReason !== "" && <span class="reason-line">{stateReason}</span>}
      </div>
    ),
  },
  {
    name: "state",
    title: "State",
    orderBy: "state",
    cell: ({ state }) => <StateBadge state={state} />,
  },
  {
    ...{ name: "running", title: "Running", orderBy: "attempts", numeric: true },
    cell: ({ runningTaskIds }) => formatCount(runningTaskIds.length),
  },
  {
    ...{ name: "cpu", title: "CPU", orderBy: "cpu" },
    cell: ({ total, committed, held }) => (
      <ResourceBar
        {...{ name: "cpu", unit: "MILLI", compact: true }}
        total={total.cpuMilli}
        committed={committed.cpuMilli}
        held={held.cpuMilli}
      />
    ),
  },
  {
    ...{ name: "memory", title: "Memory asked", orderBy: "memory", wide: true },
    cell: ({ total, committed, held }) => (
      <ResourceBar
        {...{ name: "memory", unit: "BYTES", compact: true }}
        total={total.memoryBytes}
        committed={committed.memoryBytes}
        held={held.memoryBytes}
      />
    ),
  },
  {
    name: "devices",
    title: "Devices",
    wide: true,
    cell: (worker) => <DeviceSummary worker={worker} />,
  },
  {
    ...{ name: "values", title: "Values", orderBy: "heldValueBytes", numeric: true, wide: true },
    cell: ({ heldValueBytes }) => formatBytes(heldValueBytes),
  },
  {
    ...{ name: "spilled", title: "On disk", orderBy: "spilledBytes", numeric: true, wide: true },
    cell: ({ spilledBytes }) => formatBytes(spilledBytes),
  },
  {
    ...{ name: "rss", title: "Process", orderBy: "rssBytes", numeric: true, wide: true },
    cell: ({ rssBytes }) => formatBytes(rssBytes),
  },
  {
    ...{ name: "heard", title: "Heard", orderBy: "lastHeartbeatAt", wide: true },
    cell: ({ lastHeartbeatAt }) => <When at={lastHeartbeatAt} />,
  },
];

/** What is empty everywhere takes no room. */
function columnsFor(workers: readonly Worker[]): readonly Column<Worker>[] {
  const spills = workers.some(({ spilledBytes }) => spilledBytes > 0);
  return spills ? columns : columns.filter(({ name }) => name !== "spilled");
}

function DeviceSummary({ worker }: { readonly worker: Worker }) {
  const { total, committed } = worker;
  if (total.devices.length === 0) return <span class="soft">none</span>;
  return (
    <div class="stacked">
      {total.devices.map(({ kind, variant, countMilli }) => (
        <ResourceBar
          key={`${kind} ${variant}`}
          {...{ name: `${kind} ${variant}`, unit: "MILLI", compact: true, held: 0 }}
          total={countMilli}
          committed={committed.devices
            .filter((device) => device.kind === kind && device.variant === variant)
            .reduce((sum, device) => sum + device.countMilli, 0)}
        />
      ))}
    </div>
  );
}

export function WorkersPage() {
  const get = (name: string) => query.value.get(name) ?? "";
  const request: ListRequest = {
    ...{ pageSize, pageToken: pageToken(), orderBy: get("order") || "workerId" },
    filter: { text: get("text"), states: listOf(get("states")) as WorkerState[] },
  };
  const { value, error, stale } = useLive("ListWorkers", request);
  const filtered = ["text", "states", "page"].some((name) => query.value.has(name));
  return (
    <>
      <header class="page-head">
        <h1>Workers</h1>
      </header>
      <FilterBar
        fields={[{ name: "text", label: "Contains", placeholder: "id, address, key=value" }]}
      >
        <StateFilter states={states} />
      </FilterBar>
      {error !== null && <ErrorNote error={error} />}
      {value === null && error === null && <Loading lines={8} />}
      {value !== null && value.workers.length === 0 && filtered && (
        <Empty title="No worker is like that">Take a filter out.</Empty>
      )}
      {value !== null && value.workers.length === 0 && !filtered && (
        <Empty title="No worker is connected">
          <p>Start one on any machine that reaches this controller:</p>
          <pre class="example">capstan worker run --url {window.location.origin}</pre>
        </Empty>
      )}
      {value !== null && value.workers.length > 0 && (
        <>
          <DataTable
            label="Workers"
            columns={columnsFor(value.workers)}
            rows={value.workers}
            rowKey={({ workerId }) => workerId}
            href={({ workerId }) => hrefs.worker(workerId)}
            order={request.orderBy ?? ""}
            stale={stale}
          />
          <Pager
            nextPageToken={value.nextPageToken}
            shown={value.workers.length}
            total={value.totalCount}
            noun="workers"
          />
        </>
      )}
    </>
  );
}
