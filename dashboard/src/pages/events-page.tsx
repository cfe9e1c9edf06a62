/**
 * Events: who did what, and why, newest first.
 *
 * @module
 */

import type { Responses } from "../api.ts";
import { type Column, DataTable } from "../components/data-table.tsx";
import { FilterBar } from "../components/filter-bar.tsx";
import { Empty, ErrorNote, ExactTime, Loading, When } from "../components/pieces.tsx";
import { useLive } from "../live/use-live.ts";
import { reachesBack } from "../moment.ts";
import { hrefs, query, setQuery } from "../router.ts";
import { formatCount } from "../text/format.ts";

type ClusterEvent = Responses["ListEvents"]["events"][number];

const pageSize = 1_000;

const columns: readonly Column<ClusterEvent>[] = [
  {
    ...{ name: "sequence", title: "#", numeric: true, wide: true },
    cell: ({ sequence }) => <span class="mono soft">{formatCount(sequence)}</span>,
  },
  { name: "time", title: "Time", cell: ({ at }) => <Instant at={at} /> },
  { name: "age", title: "Age", wide: true, cell: ({ at }) => <When at={at} /> },
  { name: "type", title: "What", cell: ({ type }) => <span class="story-type">{type}</span> },
  { name: "id", title: "Of what", cell: ({ type, id }) => <Subject type={type} id={id} /> },
  { name: "message", title: "", grows: true, cell: ({ message }) => message },
];

/** A link to the cluster as it was then, where the journal reaches back. */
function Instant({ at }: { readonly at: string }) {
  if (!reachesBack()) return <ExactTime at={at} />;
  return (
    <a href={`/?at=${encodeURIComponent(at)}`} title="The overview at this instant">
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
  const after = Number(query.value.get("after") ?? 0);
  const { value, error, stale } = useLive("ListEvents", { after, pageSize });
  const text = query.value.get("text") ?? "";
  const shown = (value?.events ?? [])
    .filter(({ type, id, message }) => `${type} ${id} ${message}`.includes(text))
    .reverse();
  return (
    <>
      <header class="page-head">
        <h1>Events</h1>
        <span class="soft">who did what to the cluster, newest first</span>
      </header>
      <FilterBar
        fields={[{ name: "text", label: "Contains", placeholder: "worker, user, reason" }]}
      />
      {error !== null && <ErrorNote error={error} />}
      {value === null && error === null && <Loading lines={8} />}
      {value !== null && shown.length === 0 && (
        <Empty title={text === "" ? "Nothing has happened yet" : "No event contains that"}>
          {text === ""
            ? "Launches, cancels, workers that come and go are kept here."
            : "Take the filter out."}
        </Empty>
      )}
      {shown.length > 0 && (
        <DataTable
          label="Events"
          columns={columns}
          rows={shown}
          rowKey={({ sequence, type, id }) => `${sequence} ${type} ${id}`}
          stale={stale}
        />
      )}
      {value !== null && value.nextPageToken !== "" && value.events.length >= pageSize && (
        <p class="pager">
          <button
            type="button"
            class="button"
            onClick={() => setQuery({ after: value.events.at(-1)?.sequence ?? 0 }, false)}
          >
            Later events
          </button>
        </p>
      )}
    </>
  );
}
