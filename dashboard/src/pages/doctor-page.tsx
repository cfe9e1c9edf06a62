/**
 * Doctor: the audit of the live controller. Either all is well, which it says with what it checked,
 * or it names each broken rule with its story.
 *
 * @module
 */

import type { ComponentChildren } from "preact";
import { call, type Responses } from "../api.ts";
import { ActionButton } from "../components/action-button.tsx";
import { Glyph } from "../components/glyph.tsx";
import { ErrorNote, Facts, Loading, Panel, TaskLink, WorkerLink } from "../components/pieces.tsx";
import { useLive } from "../live/use-live.ts";
import { formatBytes, formatCount, formatDuration, plural } from "../text/format.ts";

type Report = Responses["GetDoctorReport"];

export function DoctorPage() {
  const { value, error } = useLive("GetDoctorReport", {});
  return (
    <>
      <header class="page-head">
        <h1>Doctor</h1>
        <div class="page-actions">
          <RepairButton />
        </div>
      </header>
      {error !== null && <ErrorNote error={error} />}
      {value === null && error === null && <Loading lines={6} />}
      {value !== null && <ReportView report={value} />}
      <ProcessPanel />
    </>
  );
}

function RepairButton() {
  return (
    <ActionButton
      title="Repair"
      command="capstan doctor --repair"
      act={async () => {
        const { actions } = await call("Repair", { dryRun: false });
        if (actions.length === 0) return "There was nothing to repair.";
        return actions.map(({ message }) => message).join("; ");
      }}
    >
      <p>
        Every worker is asked anew what it has, what no worker has is ended, and what waits is
        looked at again. It is safe at any time; <code>--dry-run</code> only says what it would do.
      </p>
    </ActionButton>
  );
}

function ReportView({ report }: { readonly report: Report }) {
  const { ok, invariantsChecked, violations, usageMismatches, orphans, stuck } = report;
  return (
    <>
      <div class={ok ? "verdict tone-done" : "verdict tone-fail"} role="status">
        <Glyph shape={ok ? "check" : "cross"} />
        <div>
          <b>{ok ? "All is well" : "Something is wrong"}</b>
          <p class="soft">
            {plural(invariantsChecked, "invariant")} checked at fact{" "}
            {formatCount(report.journalSeq)}
          </p>
        </div>
      </div>
      <div class="checks">
        <Check
          name="Broken invariants"
          count={violations.length}
          good="Every rule of the state holds."
        />
        <Check
          name="Wrong accounts"
          count={usageMismatches.length}
          good="What each worker is charged is what its attempts hold."
        />
        <Check name="Orphans" count={orphans.length} good="Nothing runs that nobody wants." />
        <Check
          name="Stuck"
          count={stuck.length}
          good="Whatever waits has something that will move it."
        />
        <Check
          name="Watchdog"
          count={report.watchdogFired}
          good="It never had to move what had been forgotten."
        />
      </div>
      <Hung hung={report.hung} />
      <Findings report={report} />
    </>
  );
}

/** What runs for much longer than its kind: named, and no finding. */
function Hung({ hung }: { readonly hung: Report["hung"] }) {
  if (hung.length === 0) return null;
  return (
    <Listing title="Hung?">
      {hung.map(({ taskId, workerId, ranMs, usualMs, name }) => (
        <li key={taskId}>
          <TaskLink id={taskId} /> runs on <WorkerLink id={workerId} /> for {formatDuration(ranMs)},
          and usual of <code>{name}</code> is at most {formatDuration(usualMs)}
        </li>
      ))}
    </Listing>
  );
}

interface CheckProps {
  readonly name: string;
  readonly count: number;
  readonly good: string;
}

function Check({ name, count, good }: CheckProps) {
  return (
    <section class={count === 0 ? "check-card" : "check-card bad"}>
      <h2>
        <span class={count === 0 ? "tone-done" : "tone-fail"}>
          <Glyph shape={count === 0 ? "check" : "cross"} />
        </span>
        {name}
      </h2>
      <p class="check-count">{count === 0 ? "none" : formatCount(count)}</p>
      <p class="soft">{good}</p>
    </section>
  );
}

function Findings({ report }: { readonly report: Report }) {
  const { violations, usageMismatches, orphans, stuck } = report;
  return (
    <>
      {violations.map(({ rule, ids, message, story }) => (
        <Panel key={`${rule} ${ids.join()}`} title={rule} class="failures">
          <p class="tone-fail">{message}</p>
          <p class="mono">{ids.join(" ")}</p>
          {story.length > 0 && <pre class="tail">{story.join("\n")}</pre>}
        </Panel>
      ))}
      {usageMismatches.length > 0 && (
        <Listing title="Wrong accounts">
          {usageMismatches.map(({ workerId, dimension, charged, recomputed, reported }) => (
            <li key={`${workerId} ${dimension}`}>
              <WorkerLink id={workerId} /> is charged {charged} of {dimension}, its attempts hold{" "}
              {recomputed}, it reports {reported ?? "nothing"}
            </li>
          ))}
        </Listing>
      )}
      {orphans.length > 0 && (
        <Listing title="Orphans">
          {orphans.map(({ attemptId, taskId, workerId }) => (
            <li key={attemptId}>
              attempt {attemptId} of <TaskLink id={taskId} /> on <WorkerLink id={workerId} />
            </li>
          ))}
        </Listing>
      )}
      {stuck.length > 0 && (
        <Listing title="Stuck">
          {stuck.map(({ id, state, sinceMs, waker }) => (
            <li key={id}>
              <TaskLink id={id} /> is {state} for {formatDuration(sinceMs)};{" "}
              {waker === null ? "nothing will move it" : `it waits for ${waker}`}
            </li>
          ))}
        </Listing>
      )}
    </>
  );
}

function Listing({
  title,
  children,
}: {
  readonly title: string;
  readonly children: ComponentChildren;
}) {
  return (
    <Panel title={title}>
      <ul class="plain">{children}</ul>
    </Panel>
  );
}

function ProcessPanel() {
  const { value } = useLive("GetClusterInfo", {});
  if (value === null) return null;
  return (
    <Panel title="The process that answers">
      {value.degraded.map((sentence) => (
        <p key={sentence} class="note note-warn">
          {sentence}
        </p>
      ))}
      <Facts
        facts={[
          ["Cluster", <span class="mono">{value.clusterId.slice(0, 8)}</span>],
          ["Version", value.version],
          ["Epoch", String(value.epoch)],
          ["Process", String(value.pid)],
          ["Memory", formatBytes(value.rssBytes)],
          ["Journal", value.durable ? `at ${formatCount(value.journalSequence)}` : "in memory"],
          ["On the disk", value.durable ? `to ${formatCount(value.durableSequence)}` : "–"],
          ["Clients", formatCount(value.clientCount)],
          ["Attempts", formatCount(value.attemptCount)],
          ["Values made again", formatCount(value.recomputedCount)],
        ]}
      />
    </Panel>
  );
}
