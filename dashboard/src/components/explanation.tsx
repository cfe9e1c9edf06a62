/**
 * Why something does not run: the sentence, the reasons by how many workers they hold on, who holds
 * what is missing, what stands before it, and what would start it.
 *
 * @module
 */

import type { Responses } from "../api.ts";
import { useLive } from "../live/use-live.ts";
import { now } from "../now.ts";
import { formatDuration, formatResources, plural, timeOf } from "../text/format.ts";
import { Loading, Panel, TaskLink, WorkerLink } from "./pieces.tsx";

type Explained = Responses["Explain"];

export function WhyPanel({ id }: { readonly id: string }) {
  const { value, error } = useLive("Explain", { id });
  if (error !== null && value === null) return null;
  if (value === null) {
    return (
      <Panel title="Why it does not run">
        <Loading />
      </Panel>
    );
  }
  return <Why explained={value} />;
}

function Why({ explained }: { readonly explained: Explained }) {
  const { summary, canEverRun, canRunNow, change, wakers, aheadCount, deadlineAt } = explained;
  const tone = canRunNow ? "note-run" : canEverRun ? "note-warn" : "note-fail";
  return (
    <Panel title="Why it does not run" class="why">
      <p class={`note ${tone}`}>{summary}</p>
      {change !== null && (
        <p class="why-change">
          <b>What would start it</b> {change.message}
        </p>
      )}
      <Reasons reasons={explained.reasons} />
      <Holders holders={explained.holders} />
      {aheadCount > 0 && (
        <p class="why-line">
          <b>{plural(aheadCount, "task")} before it</b>{" "}
          {explained.ahead.slice(0, 5).map((id) => (
            <TaskLink key={id} id={id} />
          ))}
        </p>
      )}
      {wakers.length > 0 && (
        <p class="why-line">
          <b>What moves it</b> {wakers.map(({ message }) => message).join("; ")}
        </p>
      )}
      {deadlineAt !== null && (
        <p class="why-line">
          <b>It gives up</b> in {formatDuration(timeOf(deadlineAt) - now.value)}
        </p>
      )}
    </Panel>
  );
}

interface Reason {
  readonly code: string;
  readonly message: string;
  readonly workers: number;
  readonly workersTotal: number;
}

/** Each with the part of the workers that it holds on. */
export function Reasons({ reasons }: { readonly reasons: readonly Reason[] }) {
  if (reasons.length === 0) return null;
  return (
    <ul class="reasons">
      {reasons.map(({ code, message, workers, workersTotal }, index) => (
        <li key={`${code} ${index}`}>
          {workers > 0 && workersTotal > 0 ? (
            <div
              class="reason-share"
              role="img"
              aria-label={`${workers} of ${workersTotal} workers`}
            >
              <i style={{ width: `${(100 * workers) / workersTotal}%` }} />
            </div>
          ) : (
            <span />
          )}
          <code class="reason-code">{code}</code>
          <span>{message}</span>
        </li>
      ))}
    </ul>
  );
}

function Holders({ holders }: { readonly holders: Explained["holders"] }) {
  if (holders.length === 0) return null;
  return (
    <div class="holders">
      <b>Held by</b>
      <ul>
        {holders.slice(0, 8).map(({ workerId, taskId, user, granted }) => (
          <li key={`${workerId} ${taskId}`}>
            <TaskLink id={taskId} /> <span class="soft">of {user} on</span>{" "}
            <WorkerLink id={workerId} /> <span class="soft">{formatResources(granted)}</span>
          </li>
        ))}
        {holders.length > 8 && <li class="soft">and {holders.length - 8} more</li>}
      </ul>
    </div>
  );
}
