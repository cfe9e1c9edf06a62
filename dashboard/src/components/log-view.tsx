/**
 * Lines of logs, as they come. What a program writes is text and nothing else.
 *
 * @module
 */

import { useEffect, useRef, useState } from "preact/hooks";
import type { Requests, Responses } from "../api.ts";
import { useLive } from "../live/use-live.ts";
import { showsPast } from "../moment.ts";
import { formatCount, formatExactTime } from "../text/format.ts";
import { Empty, ErrorNote, Loading } from "./pieces.tsx";

type Lines = Responses["FetchLogs"];

/** What is kept on the page; what came earlier is in `capstan job logs`. */
const keptLines = 3_000;
const firstLines = 400;

interface Props {
  readonly of: Pick<Requests["FetchLogs"], "taskId" | "jobId" | "attemptId">;
  /** Several tasks write: each line says whose it is. */
  readonly labelled: boolean;
}

function joined(before: Lines, value: Lines): Lines {
  return { ...value, lines: [...before.lines, ...value.lines].slice(-keptLines) };
}

export function LogView({ of, labelled }: Props) {
  const [wanted, setWanted] = useState("");
  const [follows, setFollows] = useState(true);
  const request = { ...of, tail: firstLines, maxLines: 1_000 };
  const { value, error } = useLive("FetchLogs", showsPast.value ? null : request, joined);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (follows) box.current?.scrollTo(0, box.current.scrollHeight);
  });
  if (showsPast.value) {
    return (
      <Empty title="Logs are not part of the journal">
        At the present one reads what the workers still have.
      </Empty>
    );
  }
  if (error !== null) return <ErrorNote error={error} />;
  if (value === null) return <Loading lines={6} />;
  const lines = value.lines.filter(({ text }) => text.includes(wanted));
  const onScroll = () => {
    const at = box.current;
    if (at !== null) setFollows(at.scrollHeight - at.scrollTop - at.clientHeight < 40);
  };
  return (
    <div class="logs">
      <div class="logs-head">
        <input
          type="search"
          placeholder="Find in lines"
          aria-label="Find in lines"
          value={wanted}
          onInput={(event) => setWanted(event.currentTarget.value)}
        />
        <label class="check">
          <input
            type="checkbox"
            checked={follows}
            onChange={(event) => setFollows(event.currentTarget.checked)}
          />
          Follow
        </label>
        <span class="soft">
          {formatCount(lines.length)} lines{value.complete ? ", complete" : ""}
        </span>
      </div>
      <Unavailable logs={value} />
      <div class="logs-box" ref={box} onScroll={onScroll} tabIndex={0} role="log" aria-label="Log">
        {lines.length === 0 && <p class="soft">No line yet.</p>}
        {lines.map(({ taskId, at, stream, text }, index) => (
          <div key={index} class={`log-line ${stream}`}>
            <time dateTime={at}>{formatExactTime(Date.parse(at))}</time>
            {labelled && <span class="log-task">{taskId.slice(taskId.lastIndexOf("/") + 1)}</span>}
            <span class="log-stream">{stream === "stderr" ? "err" : ""}</span>
            <span class="log-text">{text}</span>
          </div>
        ))}
      </div>
    </div>
  );
}

function Unavailable({ logs }: { readonly logs: Lines }) {
  if (logs.unavailable.length === 0 && logs.droppedBytes === 0) return null;
  return (
    <div class="note note-warn">
      {logs.unavailable.map(({ attemptId, workerId, reason }) => (
        <div key={attemptId}>
          Attempt {attemptId} on {workerId}: {reason}
        </div>
      ))}
      {logs.droppedBytes > 0 && <div>{formatCount(logs.droppedBytes)} bytes were dropped.</div>}
    </div>
  );
}
