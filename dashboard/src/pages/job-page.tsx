/**
 * One job: how far it is, why it does not run, what failed, its tasks, its time, its logs.
 *
 * @module
 */

import { call, type Responses } from "../api.ts";
import { ActionButton } from "../components/action-button.tsx";
import { CommandLine, CopyButton } from "../components/copy-button.tsx";
import { WhyPanel } from "../components/explanation.tsx";
import { LogView } from "../components/log-view.tsx";
import {
  ErrorNote,
  Facts,
  JobLink,
  NotThereYet,
  Panel,
  Span,
  Tabs,
  When,
} from "../components/pieces.tsx";
import { ProgressBar, ProgressLegend } from "../components/progress-bar.tsx";
import { StateBadge } from "../components/state-badge.tsx";
import { useLive } from "../live/use-live.ts";
import { hrefs, idOf, path, query, setQuery } from "../router.ts";
import { formatCount, formatDuration, formatResources, plural } from "../text/format.ts";
import { quoted } from "../text/quoted.ts";
import { terminalStates, totalOf } from "../text/states.ts";
import { FailureGroups } from "./failure-groups.tsx";
import { JobTasks } from "./job-tasks.tsx";
import { JobTimeline } from "./job-timeline.tsx";
import { Children, Losses } from "./jobs-page.tsx";

type Status = Responses["GetJobStatus"];
type Job = Status["job"];

const tabNames = ["tasks", "timeline", "logs", "children", "spec"] as const;
type TabName = (typeof tabNames)[number];

export function JobPage() {
  const id = idOf(path.value, "/jobs");
  const { value, error, stale } = useLive("GetJobStatus", { jobId: id });
  if (value === null) return <NotThereYet id={id} error={error} />;
  const { job, tasks } = value;
  return (
    <div class={stale ? "stale" : ""}>
      <JobHead job={job} />
      {error !== null && <ErrorNote error={error} />}
      <div class="panel job-progress">
        <ProgressBar counts={job.taskStateCounts} words />
        <ProgressLegend counts={job.taskStateCounts} />
      </div>
      <JobFacts job={job} />
      {job.pendingReason !== null && <WhyPanel id={job.jobId} />}
      {(job.failureCount > 0 || job.error !== null) && <FailureGroups job={job} />}
      <JobTabs job={job} tasks={tasks} />
    </div>
  );
}

function JobHead({ job }: { readonly job: Job }) {
  const { jobId, state, parentJobId, stoppingAttempts } = job;
  const isGraph = job.spec === null;
  return (
    <header class="page-head">
      <p class="crumbs">
        <a href="/jobs">Jobs</a>
        {parentJobId !== null && (
          <>
            {" / "}
            <JobLink id={parentJobId} />
          </>
        )}
      </p>
      <h1 class="id">{jobId}</h1>
      <StateBadge state={state} />
      {stoppingAttempts > 0 && terminalStates.includes(state) && (
        <span class="soft">{plural(stoppingAttempts, "attempt")} still stopping</span>
      )}
      <div class="page-actions">
        {isGraph && (
          <a class="button" href={`/graph?job=${encodeURIComponent(jobId)}`}>
            Graph
          </a>
        )}
        <CopyButton text={`capstan job show ${jobId}`} label="Copy the command that shows this">
          Command
        </CopyButton>
        <ActionButton
          title="Try again"
          command={`capstan job retry ${jobId}`}
          disabled={!hasFailed(job)}
          act={() => retry(jobId)}
        >
          <RetryQuestion job={job} />
        </ActionButton>
        <ActionButton
          title="Cancel the job"
          command={`capstan job cancel ${jobId}`}
          dangerous
          asksReason
          disabled={terminalStates.includes(state)}
          act={(reason) => cancel(jobId, reason)}
        >
          <p>
            Every task of <b class="id">{jobId}</b> and of its children is told to stop and has its
            grace to do so. What has succeeded stays. It cannot be undone.
          </p>
        </ActionButton>
      </div>
    </header>
  );
}

/** Whether there is anything to try again: a job that succeeded all the same is left alone. */
function hasFailed({ state, taskStateCounts }: Job): boolean {
  return state !== "SUCCEEDED" && failedStates.some((name) => (taskStateCounts[name] ?? 0) > 0);
}

const failedStates = terminalStates.filter((name) => name !== "SUCCEEDED") as readonly TaskState[];

type TaskState = keyof Job["taskStateCounts"];

function RetryQuestion({ job }: { readonly job: Job }) {
  const id = <b class="id">{job.jobId}</b>;
  if (job.spec !== null && terminalStates.includes(job.state)) {
    return (
      <p>
        {id} has ended and will not change. It is launched again under its name, with all of its
        tasks.
      </p>
    );
  }
  return (
    <p>The failed tasks of {id} run again. What was charged before does not count any more.</p>
  );
}

async function retry(jobId: string): Promise<string> {
  const { retriedCount, relaunched, state } = await call("RetryJob", { jobId });
  if (retriedCount === 0) return `Nothing to do: it is ${state}, and no task of it failed.`;
  if (relaunched) return `Launched again, with ${plural(retriedCount, "task")}.`;
  return `${plural(retriedCount, "task")} will run again.`;
}

async function cancel(jobId: string, reason: string): Promise<string> {
  const answer = await call("TerminateJob", { jobId, reason });
  return answer.terminated
    ? "Told to stop. Its tasks end within their grace."
    : `Nothing to do: it had ended before, ${answer.state}.`;
}

function JobFacts({ job }: { readonly job: Job }) {
  const { spec } = job;
  const gang = spec !== null && spec.coscheduling.groupBy !== "";
  return (
    <Facts
      facts={[
        ["User", <a href={hrefs.user(job.user)}>{job.user}</a>],
        ["Band", job.band.toLowerCase()],
        ["Submitted", <When at={job.submittedAt} />],
        ["Started", <When at={job.startedAt} />],
        [
          job.finishedAt === null ? "Runs for" : "Ran for",
          <Span from={job.startedAt} to={job.finishedAt} />,
        ],
        ["Tasks", formatCount(job.spec === null ? totalOf(job.taskStateCounts) : job.replicas)],
        spec === null ? null : ["Asks, each", formatResources(spec.resources)],
        gang ? ["Gang", `all at once, on one ${spec.coscheduling.groupBy}`] : null,
        ["Failures", <Losses job={job} />],
        spec !== null && (job.failedTaskCount > 0 || spec.maxTaskFailures > 0)
          ? [
              "Failed tasks",
              `${formatCount(job.failedTaskCount)}, ${formatCount(spec.maxTaskFailures)} allowed`,
            ]
          : null,
      ]}
    />
  );
}

function JobTabs({ job, tasks }: Status) {
  const asked = query.value.get("tab");
  const current = tabNames.find((name) => name === asked) ?? "tasks";
  const names: { name: TabName; title: string; count?: number }[] = [
    { name: "tasks", title: "Tasks", count: totalOf(job.taskStateCounts) },
    { name: "timeline", title: "Timeline" },
    { name: "logs", title: "Logs" },
  ];
  if (job.childJobIds.length > 0) {
    names.push({ name: "children", title: "Children", count: job.childJobIds.length });
  }
  if (job.spec !== null) names.push({ name: "spec", title: "What was asked" });
  return (
    <section class="panel tabbed">
      <Tabs
        label="About this job"
        tabs={names}
        current={current}
        onPick={(tab) => setQuery({ tab: tab === "tasks" ? null : tab, page: null })}
      />
      {current === "tasks" && <JobTasks jobId={job.jobId} counts={job.taskStateCounts} />}
      {current === "timeline" && <JobTimeline job={job} first={tasks} />}
      {current === "logs" && <LogView of={{ jobId: job.jobId }} labelled />}
      {current === "children" && <Children jobId={job.jobId} />}
      {current === "spec" && job.spec !== null && <SpecView spec={job.spec} />}
    </section>
  );
}

function SpecView({ spec }: { readonly spec: NonNullable<Job["spec"]> }) {
  const limit = (ms: number) => (ms === 0 ? "none" : formatDuration(ms));
  return (
    <div class="spec">
      {spec.command !== null && <CommandLine command={spec.command.argv.map(quoted).join(" ")} />}
      <Facts
        facts={[
          spec.function === null ? null : ["Function", <code>{spec.function}</code>],
          ["Resources", formatResources(spec.resources)],
          ["Replicas", formatCount(spec.replicas)],
          ["Priority", String(spec.priority)],
          ["Timeout", limit(spec.timeoutMs)],
          ["Scheduling timeout", limit(spec.schedulingTimeoutMs)],
          ["Grace", limit(spec.graceMs)],
          ["Retries of failures", formatCount(spec.maxRetriesFailure)],
          ["Retries of losses", formatCount(spec.maxRetriesPreemption)],
          ["Tasks that may fail", formatCount(spec.maxTaskFailures)],
          ["Ports", spec.ports.length === 0 ? "none" : spec.ports.join(", ")],
          ["Children", spec.children.toLowerCase()],
        ]}
      />
      {spec.constraints.length > 0 && (
        <Panel title="Constraints">
          <ul class="plain">
            {spec.constraints.map(({ key, op, values, mode }) => (
              <li key={`${key} ${op}`}>
                <code>{[key, op, values.join(",")].join(" ")}</code>{" "}
                <span class="soft">{mode.toLowerCase()}</span>
              </li>
            ))}
          </ul>
        </Panel>
      )}
      <Environment env={spec.command?.env ?? {}} />
    </div>
  );
}

function Environment({ env }: { readonly env: { readonly [name: string]: string } }) {
  const entries = Object.entries(env);
  if (entries.length === 0) return null;
  return (
    <Panel title="Environment" note="secrets are hidden">
      <ul class="plain env">
        {entries.map(([name, value]) => (
          <li key={name}>
            <code>
              {name}={value}
            </code>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
