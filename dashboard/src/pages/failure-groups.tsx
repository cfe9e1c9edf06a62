/**
 * What failed in a job, grouped by what it said: a thousand tasks with one cause are one line.
 *
 * @module
 */

import type { Responses } from "../api.ts";
import { Panel, TaskLink, WorkerLink } from "../components/pieces.tsx";
import { useLive } from "../live/use-live.ts";
import { formatCount, plural } from "../text/format.ts";
import { countOf } from "../text/states.ts";

type Job = Responses["GetJobStatus"]["job"];
type Task = Responses["ListTasks"]["tasks"][number];

/** So many failed tasks are read to group them. */
const readMax = 200;
const groupsMax = 5;

const failedStates = ["FAILED", "WORKER_FAILED", "UNSCHEDULABLE", "COSCHED_FAILED"] as const;

interface Group {
  readonly message: string;
  readonly stderrTail: string;
  readonly first: Task;
  count: number;
}

function groupsOf(tasks: readonly Task[]): readonly Group[] {
  const groups = new Map<string, Group>();
  for (const task of tasks) {
    const last = task.attempts.at(-1);
    const stderrTail = task.error?.failure?.stderrTail ?? last?.stderrTail ?? "";
    const message = task.error?.message ?? last?.cause ?? task.state;
    // What differs between two alike is a number: an index, a line, an address.
    const likeness = `${message} ${stderrTail}`.replaceAll(/\d+/g, "0");
    const known = groups.get(likeness);
    if (known === undefined) groups.set(likeness, { message, stderrTail, first: task, count: 1 });
    else known.count++;
  }
  return [...groups.values()].sort((a, b) => b.count - a.count);
}

export function FailureGroups({ job }: { readonly job: Job }) {
  const request = { jobId: job.jobId, states: [...failedStates], pageSize: readMax };
  const { value } = useLive("ListTasks", request);
  const upstream = countOf(job.taskStateCounts, ["UPSTREAM_FAILED"]);
  if (value === null || (value.tasks.length === 0 && job.error === null)) return null;
  const groups = groupsOf(value.tasks);
  return (
    <Panel
      title="What failed"
      class="failures"
      note={
        value.totalCount > readMax
          ? `of the first ${readMax} of ${formatCount(value.totalCount)} failed tasks`
          : plural(value.totalCount, "failed task")
      }
    >
      <ul class="plain">
        {groups.slice(0, groupsMax).map(({ message, stderrTail, first, count }) => (
          <li key={first.taskId} class="failure">
            <p>
              <span class="count-badge">{formatCount(count)}×</span>{" "}
              <b class="tone-fail">{message}</b>
            </p>
            {stderrTail !== "" && <pre class="tail">{stderrTail.trimEnd()}</pre>}
            <p class="soft">
              for instance <TaskLink id={first.taskId} /> on{" "}
              <WorkerLink id={first.attempts.at(-1)?.workerId ?? null} />
            </p>
          </li>
        ))}
      </ul>
      {upstream > 0 && (
        <p class="soft">{plural(upstream, "task")} could not run because of these.</p>
      )}
      {groups.length === 0 && job.error !== null && <p class="tone-fail">{job.error.message}</p>}
    </Panel>
  );
}
