/**
 * Events: who did what, and why, newest first.
 *
 * @module
 */

import type { Responses } from "../api.ts";
import { type Column, DataTable, Pager, pageToken } from "../components/data-table.tsx";
import { FilterBar } from "../components/filter-bar.tsx";
import { Empty, ErrorNote, ExactTime, Loading, When } from "../components/pieces.tsx";
import { connection } from "../live/connection.ts";
import { useLive } from "../live/use-live.ts";
import { reachesBack } from "../moment.ts";
import { hrefs, query } from "../router.ts";
import { formatCount } from "../text/format.ts";

type ClusterEvent = Responses["ListEvents"]["events"][number];

const pageSize = 100;

const columns: readonly Column<ClusterEvent>[] = [
  {
    ...{ name: "sequence", title: "#", numeric: true, wide: true },
    cell: ({ sequence }) => <span class="mono soft">{formatCount(sequence)}</span>,
  },
  { name: "time", title: "Time", cell: (event) => <Instant event={event} /> },
  { name: "age", title: "Age", wide: true, cell: ({ at }) => <When at={at} /> },
  { name: "type", title: "What", cell: ({ type }) => <span class="story-type">{type}</span> },
  { name: "id", title: "Of what", cell: ({ type, id }) => <Subject type={type} id={id} /> },
  { name: "message", title: "Said", grows: true, cell: ({ message }) => message },
];

/** A link to the cluster as it was then, to the fact, where the journal reaches back. */
function Instant({ event }: { readonly event: ClusterEvent }) {
  const { at, journalSequence } = event;
  const oldest = connection.clock.value?.oldestSequence ?? null;
  const isThere = journalSequence !== null && oldest !== null && journalSequence >= oldest;
  if (!isThere || !reachesBack()) return <ExactTime at={at} />;
  return (
    <a href={`/?at=${journalSequence}`} title={`The overview at fact ${journalSequence}`}>
      <ExactTime at={at} />
    </a>
  );
}

function Subject({ type, id }: { readonly type: string; readonly id: string }) {
  const href = type.startsWith("worker-")
    ? hrefs.worker(id)
    : id.startsWith("/")
      ? hrefs.job(id)
      : null;
  return href === null ? (
    <span class="mono">{id}</span>
  ) : (
    <a class="id" href={href}>
      {id}
    </a>
  );
}

export function EventsPage() {
  const get = (name: string) => query.value.get(name) ?? "";
  const request = {
    ...{ pageSize, pageToken: pageToken(), orderBy: "sequence desc" },
    filter: { id: get("id"), type: get("type") },
  };
  const { value, error, stale } = useLive("ListEvents", request);
  const filtered = get("id") !== "" || get("type") !== "";
  return (
    <>
      <header class="page-head">
        <h1>Events</h1>
        <span class="soft">who did what to the cluster, newest first</span>
      </header>
      <FilterBar
        fields={[
          { name: "id", label: "Of what", placeholder: "job, worker, user" },
          { name: "type", label: "What", placeholder: "job-launched" },
        ]}
      />
      {error !== null && <ErrorNote error={error} />}
      {value === null && error === null && <Loading lines={8} />}
      {value !== null && value.events.length === 0 && <NoEvents filtered={filtered} />}
      {value !== null && value.events.length > 0 && (
        <>
          <DataTable
            label="Events"
            columns={columns}
            rows={value.events}
            rowKey={({ sequence }) => String(sequence)}
            stale={stale}
          />
          <Pager
            nextPageToken={value.nextPageToken}
            shown={value.events.length}
            total={value.totalCount}
            noun="events"
          />
        </>
      )}
    </>
  );
}

function NoEvents({ filtered }: { readonly filtered: boolean }) {
  if (filtered) return <Empty title="No event is like that">Take a filter out.</Empty>;
  return (
    <Empty title="Nothing has happened yet">
      Launches, cancels, workers that come and go are kept here.
    </Empty>
  );
}
