/**
 * The attempts of a job's tasks over time: a lane for each task. In a gang one sees how its members
 * start together, and how they end with the one that fails.
 *
 * @module
 */

import { useMemo, useState } from "preact/hooks";
import type { Responses } from "../api.ts";
import { type Lane, Timeline, type TimelineBar, type TimeWindow } from "../charts/timeline.tsx";
import { Empty } from "../components/pieces.tsx";
import { useLive } from "../live/use-live.ts";
import { now } from "../now.ts";
import { hrefs } from "../router.ts";
import { formatResources, timeOf } from "../text/format.ts";
import { lookOf, lookOfCause } from "../text/states.ts";

type Job = Responses["GetJobStatus"]["job"];
type Task = Responses["ListTasks"]["tasks"][number];
type Attempt = Task["attempts"][number];

/** Lanes beyond these would be too many to see. */
const lanesMax = 200;

interface Props {
  readonly job: Job;
  readonly first: readonly Task[];
}

export function JobTimeline({ job, first }: Props) {
  const { value } = useLive("ListTasks", { jobId: job.jobId, pageSize: lanesMax });
  const tasks = value?.tasks ?? first;
  const [chosen, setChosen] = useState<TimeWindow | null>(null);
  const { lanes, bars } = useMemo(() => marksOf(tasks), [tasks]);
  if (bars.length === 0) {
    return <Empty title="Nothing has been tried yet">The first attempt will appear here.</Empty>;
  }
  const fromMs = Math.min(...bars.map((bar) => bar.waitMs));
  const endMs = Math.max(...bars.map((bar) => bar.endMs ?? now.value));
  const whole = {
    fromMs: fromMs - (endMs - fromMs) * 0.02,
    toMs: endMs + (endMs - fromMs) * 0.02 + 1,
  };
  return (
    <>
      <div class="timeline-head soft">
        <span>
          A thin line: assigned, not started. Hatched: failed. Drag to move, Ctrl and wheel to zoom.
        </span>
        {chosen !== null && (
          <button type="button" class="button small" onClick={() => setChosen(null)}>
            Show all
          </button>
        )}
      </div>
      <Timeline
        label={`Attempts of ${job.jobId}`}
        lanes={lanes}
        bars={bars}
        window={chosen ?? whole}
        nowMs={now.value}
        onWindow={setChosen}
      />
      {value !== null && value.totalCount > lanesMax && (
        <p class="soft">
          The first {lanesMax} of {value.totalCount} tasks.
        </p>
      )}
    </>
  );
}

function marksOf(tasks: readonly Task[]): { lanes: readonly Lane[]; bars: readonly TimelineBar[] } {
  const shown = [...tasks].sort((a, b) => a.index - b.index);
  const height = shown.length > 60 ? 12 : 20;
  const lanes = shown.map(({ taskId, index, name }) => ({
    name: height < 16 ? String(index) : `${index} ${name}`,
    begins: true,
    height,
    href: hrefs.task(taskId),
  }));
  const bars = shown.flatMap((task, lane) => {
    return task.attempts
      .filter(({ assignedAt }) => assignedAt !== null)
      .map((attempt) => barOf(task, attempt, lane));
  });
  return { lanes, bars };
}

function barOf(task: Task, attempt: Attempt, lane: number): TimelineBar {
  const { cause, assignedAt, startedAt, endedAt, workerId, attemptId } = attempt;
  const look = cause === null ? lookOf(attempt.state) : lookOfCause(cause);
  const waitMs = timeOf(assignedAt);
  const exit = attempt.exitCode === null ? "" : `, exit code ${attempt.exitCode}`;
  const neverStarted = startedAt === null;
  return {
    ...{ lane, waitMs, density: 1, text: workerId, href: hrefs.task(task.taskId) },
    startMs: neverStarted ? (endedAt === null ? waitMs : timeOf(endedAt)) : timeOf(startedAt),
    endMs: endedAt === null ? null : timeOf(endedAt),
    fill: (palette) => palette.tone(neverStarted && cause === null ? "start" : look.tone),
    failed: look.tone === "fail",
    title: `${task.taskId} · attempt ${attemptId}`,
    notes: [`${look.word}${exit} on ${workerId}`, formatResources(attempt.granted)],
  };
}
