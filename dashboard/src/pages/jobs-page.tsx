/**
 * Jobs: filtered, sorted and paged by the server; a job's children below it when it is opened.
 *
 * @module
 */

import { useState } from "preact/hooks";
import type { Requests, Responses } from "../api.ts";
import { type Column, DataTable, Pager, pageToken } from "../components/data-table.tsx";
import { FilterBar, StateFilter } from "../components/filter-bar.tsx";
import { Empty, ErrorNote, JobLink, Loading, Span, When } from "../components/pieces.tsx";
import { ProgressBar } from "../components/progress-bar.tsx";
import { StateBadge } from "../components/state-badge.tsx";
import { useLive } from "../live/use-live.ts";
import { hrefs, query } from "../router.ts";
import { formatCount, plural } from "../text/format.ts";
import type { JobState } from "../text/states.ts";

export type Job = Responses["ListJobs"]["jobs"][number];
type ListRequest = Requests["ListJobs"];

const pageSize = 50;

const states: readonly JobState[] = [
  ...(["PENDING", "RUNNING", "SUCCEEDED", "FAILED", "KILLED"] as const),
  ...(["WORKER_FAILED", "UNSCHEDULABLE"] as const),
];

/** Failures and preemptions, never in one number. */
export function Losses({ job }: { readonly job: Job }) {
  const { failureCount, preemptionCount } = job;
  if (failureCount === 0 && preemptionCount === 0) return <span class="soft">–</span>;
  return (
    <span class="losses">
      {failureCount > 0 && <span class="tone-fail">{plural(failureCount, "failure")}</span>}
      {preemptionCount > 0 && (
        <span class="tone-taken">{formatCount(preemptionCount)} taken away</span>
      )}
    </span>
  );
}

const jobColumns: readonly Column<Job>[] = [
  {
    ...{ name: "name", title: "Job", orderBy: "name", grows: true },
    cell: (job) => (
      <div class="stacked">
        <span>
          <JobLink id={job.jobId} />
          {job.childJobIds.length > 0 && (
            <span class="soft"> {plural(job.childJobIds.length, "child", "children")}</span>
          )}
        </span>
        {job.pendingReason !== null && <span class="reason-line">{job.pendingReason}</span>}
        {job.error !== null && <span class="error-line">{job.error.message}</span>}
      </div>
    ),
  },
  {
    ...{ name: "state", title: "State", orderBy: "state" },
    cell: ({ state }) => <StateBadge state={state} />,
  },
  {
    ...{ name: "progress", title: "Tasks" },
    cell: ({ taskStateCounts }) => <ProgressBar counts={taskStateCounts} words />,
  },
  {
    ...{ name: "losses", title: "Failures", orderBy: "failureCount" },
    cell: (job) => <Losses job={job} />,
  },
  {
    ...{ name: "user", title: "User", wide: true },
    cell: ({ user, band }) => (
      <div class="stacked">
        <a href={hrefs.user(user)}>{user}</a>
        <span class="sub-line">{band.toLowerCase()}</span>
      </div>
    ),
  },
  {
    ...{ name: "submitted", title: "Submitted", orderBy: "submittedAt", wide: true },
    cell: ({ submittedAt }) => <When at={submittedAt} />,
  },
  {
    ...{ name: "ran", title: "Ran for", wide: true, numeric: true },
    cell: ({ startedAt, finishedAt }) => <Span from={startedAt} to={finishedAt} />,
  },
];

function requestOf(): ListRequest {
  const get = (name: string) => query.value.get(name) ?? "";
  const wanted = get("states")
    .split(",")
    .filter((each) => each !== "") as JobState[];
  const order = (get("order") || "submittedAt desc") as NonNullable<ListRequest["orderBy"]>;
  const searched = get("name") !== "" || get("parent") !== "";
  return {
    ...{ pageSize, pageToken: pageToken(), orderBy: order },
    filter: {
      user: get("user"),
      states: wanted,
      namePrefix: get("name"),
      parent: get("parent"),
      rootsOnly: !searched && get("all") === "",
    },
  };
}

export function JobsPage() {
  const request = requestOf();
  const { value, error, stale } = useLive("ListJobs", request);
  const filtered = ["user", "states", "name", "parent"].some((name) => query.value.has(name));
  return (
    <>
      <header class="page-head">
        <h1>Jobs</h1>
      </header>
      <FilterBar
        fields={[
          { name: "name", label: "Name begins with", placeholder: "/user/name" },
          { name: "user", label: "User", placeholder: "any" },
        ]}
        toggles={[{ name: "all", label: "Children too" }]}
      >
        <StateFilter states={states} />
      </FilterBar>
      {error !== null && <ErrorNote error={error} />}
      {value === null && error === null && <Loading lines={8} />}
      {value !== null && value.jobs.length === 0 && <NoJobs filtered={filtered} />}
      {value !== null && value.jobs.length > 0 && (
        <>
          <DataTable
            label="Jobs"
            columns={jobColumns}
            rows={value.jobs}
            rowKey={({ jobId }) => jobId}
            href={({ jobId }) => hrefs.job(jobId)}
            order={request.orderBy ?? ""}
            stale={stale}
          />
          <Pager
            nextPageToken={value.nextPageToken}
            shown={value.jobs.length}
            total={value.totalCount}
            noun="jobs"
          />
        </>
      )}
    </>
  );
}

function NoJobs({ filtered }: { readonly filtered: boolean }) {
  if (filtered) {
    return (
      <Empty title="No job is like that">
        <p>
          Take a filter out, or <a href="/jobs">show all</a>. Jobs that ended long ago are
          forgotten.
        </p>
      </Empty>
    );
  }
  return (
    <Empty title="No jobs yet">
      <p>Launch one:</p>
      <pre class="example">capstan run -- echo hello</pre>
      <p>
        or submit a graph of functions with the SDK: <code>client.map(task, inputs)</code>.
      </p>
    </Empty>
  );
}

/** The children of a job, a page at a time. */
export function Children({ jobId }: { readonly jobId: string }) {
  const [token, setToken] = useState("");
  const request = { filter: { parent: jobId }, pageSize, pageToken: token };
  const { value, error } = useLive("ListJobs", request);
  if (error !== null) return <ErrorNote error={error} />;
  if (value === null) return <Loading />;
  return (
    <>
      <DataTable
        label={`Children of ${jobId}`}
        columns={jobColumns}
        rows={value.jobs}
        rowKey={(job) => job.jobId}
        href={(job) => hrefs.job(job.jobId)}
      />
      {value.nextPageToken !== "" && (
        <button type="button" class="button" onClick={() => setToken(value.nextPageToken)}>
          Next {pageSize}
        </button>
      )}
    </>
  );
}
