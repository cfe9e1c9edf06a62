/**
 * Where a task is that runs, when somebody asks: to look stops its thread for a moment, so it is
 * not done by itself. What runs for much longer than its kind is said without being asked.
 *
 * @module
 */

import { useState } from "preact/hooks";
import { CallError, call, type Responses } from "../api.ts";
import { useLive } from "../live/use-live.ts";
import { showsPast } from "../moment.ts";
import { formatBytes, formatDuration } from "../text/format.ts";
import { CopyButton } from "./copy-button.tsx";
import { Panel, When } from "./pieces.tsx";

type Stack = Responses["GetTaskStack"];

export function StackPanel({ id }: { readonly id: string }) {
  const [stack, setStack] = useState<Stack | null>(null);
  const [refusal, setRefusal] = useState("");
  const [busy, setBusy] = useState(false);
  const look = async () => {
    setBusy(true);
    const answer = await stackOf(id);
    setStack(answer.stack);
    setRefusal(answer.refusal);
    setBusy(false);
  };
  return (
    <Panel title="Where it is now" class="stack">
      <HungNote id={id} />
      <div class="stack-buttons">
        <button
          type="button"
          class="button"
          disabled={busy || showsPast.value}
          title={showsPast.value ? "This is the past: nobody can look there" : undefined}
          onClick={look}
        >
          {stack === null ? "Look" : "Look again"}
        </button>
        <CopyButton text={`capstan task stack ${id}`} label="Copy the command that shows it">
          Command
        </CopyButton>
      </div>
      {refusal !== "" && <p class="note note-fail">{refusal}</p>}
      {stack !== null && <StackView stack={stack} />}
    </Panel>
  );
}

/** Said by the controller, from what others of its kind took. */
function HungNote({ id }: { readonly id: string }) {
  const { value } = useLive("Explain", { id });
  const hung = value?.reasons.find(({ code }) => code === "HUNG");
  return hung === undefined ? null : <p class="note note-warn">{hung.message}</p>;
}

async function stackOf(taskId: string): Promise<{ stack: Stack | null; refusal: string }> {
  try {
    return { stack: await call("GetTaskStack", { taskId }), refusal: "" };
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    return { stack: null, refusal: `${error.code}: ${error.message}` };
  }
}

function StackView({ stack }: { readonly stack: Stack }) {
  const { available, summary, frames, lastOutputAt, output } = stack;
  return (
    <>
      <p class={available ? "note note-run" : "note"}>{summary}</p>
      {available && (
        <p class="soft">
          {lastOutputAt === null ? (
            "It has written nothing."
          ) : (
            <>
              It wrote last <When at={lastOutputAt} />.
            </>
          )}
        </p>
      )}
      {frames.length > 0 && (
        <ol class="frames" aria-label="Stack, innermost first">
          {frames.map(({ function: name, file, line, column }, depth) => (
            <li key={depth}>
              <code>{name === "" ? "(without a name)" : name}</code>{" "}
              <span class="soft mono">
                {file}:{line}:{column}
              </span>
            </li>
          ))}
        </ol>
      )}
      <Processes processes={stack.processes} />
      {output.length > 0 && <pre class="tail">{output.map(({ text }) => text).join("\n")}</pre>}
    </>
  );
}

function Processes({ processes }: { readonly processes: Stack["processes"] }) {
  if (processes.length === 0) return null;
  return (
    <div class="table-scroll">
      <table class="table" aria-label="Processes">
        <thead>
          <tr>
            <th scope="col">Process</th>
            <th scope="col">State</th>
            <th scope="col" class="numeric">
              CPU time
            </th>
            <th scope="col" class="numeric">
              Memory
            </th>
            <th scope="col">Command</th>
          </tr>
        </thead>
        <tbody>
          {processes.map(({ pid, state, waitsIn, cpuMs, rssBytes, command }) => (
            <tr key={pid}>
              <td class="mono">{pid}</td>
              <td>{waitsIn === "" ? state : `${state} in ${waitsIn}`}</td>
              <td class="numeric">{formatDuration(cpuMs)}</td>
              <td class="numeric">{formatBytes(rssBytes)}</td>
              <td class="mono">{command}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
