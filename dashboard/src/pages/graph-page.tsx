/**
 * Graph: the groups of like tasks of a graph with their progress, or what stands around one task.
 *
 * @module
 */

import { Empty, ErrorNote, JobLink, Loading, TaskLink } from "../components/pieces.tsx";
import { GraphView } from "../graph/graph-view.tsx";
import { useLive } from "../live/use-live.ts";
import { query, setQuery } from "../router.ts";
import { formatCount, plural } from "../text/format.ts";

const jobsOffered = 100;
const depths = [1, 2, 3, 4] as const;

export function GraphPage() {
  const around = query.value.get("around") ?? "";
  const named = query.value.get("job") ?? "";
  const graphs = useGraphJobs();
  const jobId = named === "" ? (graphs?.[0] ?? "") : named;
  const depth = Number(query.value.get("depth") ?? 2);
  const request = around === "" ? (jobId === "" ? null : { jobId }) : { around, depth };
  const { value, error, stale } = useLive("GetGraph", request);
  return (
    <>
      <header class="page-head">
        <h1>Graph</h1>
        {around === "" ? (
          <JobPicker jobs={graphs ?? []} picked={jobId} />
        ) : (
          <AroundHead around={around} depth={depth} />
        )}
      </header>
      {error !== null && <ErrorNote error={error} />}
      {request === null && graphs !== null && (
        <Empty title="No graph yet">
          Functions that are submitted with the SDK form one:{" "}
          <code>client.submit(task, [future])</code>.
        </Empty>
      )}
      {request !== null && value === null && error === null && <Loading lines={8} />}
      {value !== null && request !== null && (
        <section class={stale ? "panel stale" : "panel"}>
          <GraphView graph={value} around={around} />
          <p class="soft graph-note">
            {around === "" ? <JobLink id={value.jobId} /> : <TaskLink id={around} />}:{" "}
            {plural(value.taskCount, "task")} remembered, {plural(value.nodes.length, "node")},{" "}
            {plural(value.edges.length, "edge")}
            {value.omitted.nodes > 0 &&
              `; left out: ${formatCount(value.omitted.nodes)} nodes of ${formatCount(value.omitted.tasks)} tasks`}
            {value.omitted.edges > 0 && `, ${formatCount(value.omitted.edges)} edges`}.
          </p>
        </section>
      )}
    </>
  );
}

/** Jobs that are graphs, newest first; null until they are known. */
function useGraphJobs(): readonly string[] | null {
  const { value } = useLive("ListJobs", { pageSize: jobsOffered, orderBy: "submittedAt desc" });
  if (value === null) return null;
  return value.jobs.filter(({ spec }) => spec === null).map(({ jobId }) => jobId);
}

function JobPicker({
  jobs,
  picked,
}: {
  readonly jobs: readonly string[];
  readonly picked: string;
}) {
  if (jobs.length === 0 && picked === "") return null;
  const offered = jobs.includes(picked) || picked === "" ? jobs : [picked, ...jobs];
  return (
    <label class="field inline">
      <span>Of</span>
      <select
        value={picked}
        onChange={(event) => setQuery({ job: event.currentTarget.value }, false)}
      >
        {offered.map((id) => (
          <option key={id} value={id}>
            {id}
          </option>
        ))}
      </select>
    </label>
  );
}

function AroundHead({ around, depth }: { readonly around: string; readonly depth: number }) {
  return (
    <>
      <span class="soft">
        around <TaskLink id={around} />
      </span>
      <div class="page-actions">
        <fieldset class="segments" aria-label="How many edges away">
          {depths.map((each) => (
            <button
              key={each}
              type="button"
              aria-pressed={each === depth}
              onClick={() => setQuery({ depth: each })}
            >
              {each}
            </button>
          ))}
        </fieldset>
        <button
          type="button"
          class="button"
          onClick={() => setQuery({ around: null, depth: null }, false)}
        >
          The whole graph
        </button>
      </div>
    </>
  );
}
