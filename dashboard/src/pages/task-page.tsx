/**
 * One task: its attempts with how each ended, its story as controller and worker tell it, what goes
 * in, its logs, and why it does not run.
 *
 * @module
 */

import { call, type Responses } from "../api.ts";
import { ActionButton } from "../components/action-button.tsx";
import { CopyButton } from "../components/copy-button.tsx";
import { WhyPanel } from "../components/explanation.tsx";
import { LogView } from "../components/log-view.tsx";
import {
  Empty,
  ErrorNote,
  ExactTime,
  type Fact,
  Facts,
  JobLink,
  LinkedText,
  Loading,
  NotThereYet,
  Panel,
  Span,
  TaskLink,
  When,
  WorkerLink,
} from "../components/pieces.tsx";
import { StackPanel } from "../components/stack-panel.tsx";
import { CauseBadge, StateBadge } from "../components/state-badge.tsx";
import { TaskProgress } from "../components/task-progress.tsx";
import { useLive } from "../live/use-live.ts";
import { hrefs, idOf, path } from "../router.ts";
import { formatBytes, formatDuration, formatResources, plural, timeOf } from "../text/format.ts";
import { terminalStates } from "../text/states.ts";

type Task = Responses["GetTaskStatus"]["task"];
type Attempt = Task["attempts"][number];

const inputsShown = 24;

export function TaskPage() {
  const id = idOf(path.value, "/tasks");
  const { value, error, stale } = useLive("GetTaskStatus", { taskId: id });
  if (value === null) return <NotThereYet id={id} error={error} />;
  const { task } = value;
  return (
    <div class={stale ? "stale" : ""}>
      <TaskHead task={task} />
      {error !== null && <ErrorNote error={error} />}
      {task.progress !== null && <TaskProgress progress={task.progress} words />}
      <TaskFacts task={task} />
      {!terminalStates.includes(task.state) && task.pendingReason !== null && (
        <WhyPanel id={task.taskId} />
      )}
      {task.state === "RUNNING" && <StackPanel id={task.taskId} />}
      {task.error !== null && <ErrorPanel task={task} />}
      <Attempts task={task} />
      <Inputs inputs={task.inputs} />
      <StoryPanel id={task.taskId} />
      {task.attempts.length > 0 && (
        <Panel title="Log">
          <LogView of={{ taskId: task.taskId }} labelled={false} />
        </Panel>
      )}
    </div>
  );
}

function TaskHead({ task }: { readonly task: Task }) {
  return (
    <header class="page-head">
      <p class="crumbs">
        <a href="/jobs">Jobs</a> / <JobLink id={task.jobId} />
      </p>
      <h1 class="id">{task.taskId}</h1>
      <StateBadge state={task.state} />
      <div class="page-actions">
        <a class="button" href={`/graph?around=${encodeURIComponent(task.taskId)}`}>
          Neighbourhood
        </a>
        <CopyButton
          text={`capstan task story ${task.taskId}`}
          label="Copy the command that tells its story"
        >
          Command
        </CopyButton>
        {task.part === null && <RetryButton task={task} />}
      </div>
    </header>
  );
}

function RetryButton({ task }: { readonly task: Task }) {
  return (
    <ActionButton
      title="Try it again"
      command={`capstan task retry ${task.taskId}`}
      disabled={task.error === null}
      refusal={task.retryRefusal}
      act={() => retry(task.taskId)}
    >
      <p>
        <b class="id">{task.taskId}</b> and the failed tasks that it depends on run again. What was
        charged before does not count any more.
      </p>
    </ActionButton>
  );
}

async function retry(taskId: string): Promise<string> {
  const { retriedCount, state } = await call("RetryTask", { taskId });
  if (retriedCount === 0) return `Nothing to do: it is ${state}.`;
  return `${plural(retriedCount, "task")} will run again.`;
}

function TaskFacts({ task }: { readonly task: Task }) {
  const last = task.attempts.at(-1);
  return (
    <Facts
      facts={[
        ["Runs", task.name],
        partFact(task),
        task.calls === null ? null : ["Calls", callWords(task.calls)],
        task.key === task.taskId ? null : ["Key", <code>{task.key}</code>],
        ["Index", String(task.index)],
        ["Worker", <WorkerLink id={task.workerId ?? last?.workerId ?? null} />],
        ["Attempts", String(task.attempts.length)],
        ["Last started", <When at={last?.startedAt ?? null} />],
        ["Last ran for", <Span from={last?.startedAt ?? null} to={last?.endedAt ?? null} />],
        task.inputs.length === 0 ? null : ["Inputs", plural(task.inputs.length, "task")],
      ]}
    />
  );
}

/** What it is to an actor, if anything. */
function partFact({ part, inputs }: Task): Fact | null {
  if (part === null) return null;
  if (part === "ACTOR") return ["Is", "an actor"];
  return [
    "Is",
    <>
      a call of the actor <TaskLink id={inputs[0]} />
    </>,
  ];
}

function callWords({ waitingCount, underwayCount }: NonNullable<Task["calls"]>): string {
  if (waitingCount + underwayCount === 0) return "none now";
  return `${waitingCount + underwayCount} unanswered, ${underwayCount} of them sent to it`;
}

function ErrorPanel({ task }: { readonly task: Task }) {
  const error = task.error;
  if (error === null) return null;
  const stack = error.failure?.error.stack ?? "";
  return (
    <Panel title="How it failed" class="failures">
      <p>
        <code>{error.code}</code> <b class="tone-fail">{error.message}</b>
      </p>
      {error.blame !== task.taskId && error.blame !== "" && (
        <p>
          It began with <TaskLink id={error.blame} />.
        </p>
      )}
      {stack !== "" && <pre class="tail">{stack}</pre>}
      {error.failure?.error.causes.map(({ name, message }) => (
        <p key={`${name} ${message}`} class="soft">
          because of {name}: {message}
        </p>
      ))}
    </Panel>
  );
}

function Attempts({ task }: { readonly task: Task }) {
  if (task.attempts.length === 0) {
    return (
      <Panel title="Attempts">
        <Empty title="Not tried yet">An attempt begins when it is placed on a worker.</Empty>
      </Panel>
    );
  }
  const newestFirst = [...task.attempts].reverse();
  return (
    <Panel title="Attempts" note="newest first">
      <div class="table-scroll">
        <table class="table" aria-label="Attempts">
          <thead>
            <tr>
              <th scope="col">Attempt</th>
              <th scope="col">End</th>
              <th scope="col">Worker</th>
              <th scope="col" class="numeric">
                Waited
              </th>
              <th scope="col" class="numeric">
                Ran for
              </th>
              <th scope="col" class="numeric wide">
                CPU time
              </th>
              <th scope="col" class="numeric wide">
                Peak memory
              </th>
              <th scope="col" class="wide">
                Granted
              </th>
            </tr>
          </thead>
          <tbody>
            {newestFirst.map((attempt) => (
              <AttemptRows key={attempt.attemptId} attempt={attempt} />
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

function AttemptRows({ attempt }: { readonly attempt: Attempt }) {
  const { attemptId, assignedAt, startedAt, endedAt, exitCode, signal, oom } = attempt;
  const ends = [
    exitCode === null ? "" : `exit code ${exitCode}`,
    signal === null ? "" : signal,
    oom ? "out of memory" : "",
  ].filter((each) => each !== "");
  const waited = timeOf(startedAt ?? endedAt) - timeOf(assignedAt);
  return (
    <>
      <tr>
        <td class="mono">{attemptId}</td>
        <td>
          <CauseBadge state={attempt.state} cause={attempt.cause} />{" "}
          <span class="soft">{ends.join(", ")}</span>
        </td>
        <td>
          <WorkerLink id={attempt.workerId} />
        </td>
        <td class="numeric">{Number.isNaN(waited) ? "–" : formatDuration(waited)}</td>
        <td class="numeric">
          <Span from={startedAt} to={endedAt} />
        </td>
        <td class="numeric wide">{attempt.cpuMs === 0 ? "–" : formatDuration(attempt.cpuMs)}</td>
        <td class="numeric wide">
          {attempt.peakRssBytes === 0 ? "–" : formatBytes(attempt.peakRssBytes)}
        </td>
        <td class="wide">{formatResources(attempt.granted)}</td>
      </tr>
      {attempt.stderrTail !== "" && (
        <tr class="tail-row">
          <td colSpan={8}>
            <pre class="tail">{attempt.stderrTail.trimEnd()}</pre>
          </td>
        </tr>
      )}
    </>
  );
}

function Inputs({ inputs }: { readonly inputs: readonly string[] }) {
  if (inputs.length === 0) return null;
  return (
    <Panel title="Inputs" note="the values that it reads">
      <ul class="id-list">
        {inputs.slice(0, inputsShown).map((id) => (
          <li key={id}>
            <TaskLink id={id} />
          </li>
        ))}
        {inputs.length > inputsShown && (
          <li class="soft">and {inputs.length - inputsShown} more</li>
        )}
      </ul>
    </Panel>
  );
}

function StoryPanel({ id }: { readonly id: string }) {
  const { value, error } = useLive("GetStory", { id });
  return (
    <Panel title="Story" note="controller and workers, oldest first">
      {error !== null && <ErrorNote error={error} />}
      {value === null && error === null && <Loading />}
      {value !== null && value.events.length === 0 && (
        <Empty title="Its story is forgotten">
          The newest stories are kept; the journal has all: <code>capstan job bug-report</code>.
        </Empty>
      )}
      {value !== null && (
        <ol class="story">
          {value.events.map(({ at, type, workerId, message }, index) => (
            <li key={index}>
              <ExactTime at={at} />
              <span class="story-gap soft">{gapBefore(value.events, index)}</span>
              <span class="story-type">{type}</span>
              <span class="story-text">
                <LinkedText
                  text={storyText(type, message)}
                  id={workerId ?? ""}
                  href={hrefs.worker(workerId ?? "")}
                />
              </span>
            </li>
          ))}
        </ol>
      )}
    </Panel>
  );
}

/** Without the word that stands before it. */
function storyText(type: string, message: string): string {
  return message.startsWith(type) ? message.slice(type.length).replace(/^[:\s]+/, "") : message;
}

/** How long after the one before it. */
function gapBefore(events: readonly { readonly at: string }[], index: number): string {
  if (index === 0) return "";
  const gap = Date.parse(events[index].at) - Date.parse(events[index - 1].at);
  return gap < 1 ? "" : `+${formatDuration(gap)}`;
}
