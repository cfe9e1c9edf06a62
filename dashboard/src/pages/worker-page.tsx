/**
 * One worker: its health, what it has and who uses it, which device is whose, what runs there.
 *
 * @module
 */

import { call, type Requests, type Responses } from "../api.ts";
import { ActionButton } from "../components/action-button.tsx";
import { CopyButton } from "../components/copy-button.tsx";
import { type Column, DataTable } from "../components/data-table.tsx";
import {
  Empty,
  Facts,
  JobLink,
  Loading,
  NotThereYet,
  Panel,
  Span,
  TaskLink,
  When,
} from "../components/pieces.tsx";
import { ResourceBar } from "../components/resource-bar.tsx";
import { StateBadge } from "../components/state-badge.tsx";
import { useLive } from "../live/use-live.ts";
import { hrefs, idOf, path } from "../router.ts";
import { formatBytes, formatCount, formatMilli, formatResources, plural } from "../text/format.ts";

type Worker = Responses["GetWorkerStatus"]["worker"];

export function WorkerPage() {
  const id = idOf(path.value, "/workers/");
  const { value, error, stale } = useLive("GetWorkerStatus", { workerId: id });
  if (value === null) return <NotThereYet id={id} error={error} />;
  const { worker } = value;
  return (
    <div class={stale ? "stale" : ""}>
      <WorkerHead worker={worker} />
      {worker.stateReason !== "" && <p class="note note-warn">{worker.stateReason}</p>}
      <WorkerFacts worker={worker} />
      <Capacity worker={worker} />
      <Running worker={worker} />
      <Panel title="Attributes" note="what constraints and gangs see">
        <ul class="plain tags">
          {Object.entries(worker.attributes).map(([name, value]) => (
            <li key={name}>
              <code>
                {name}={value}
              </code>
            </li>
          ))}
        </ul>
      </Panel>
    </div>
  );
}

function WorkerHead({ worker }: { readonly worker: Worker }) {
  const { workerId, state } = worker;
  return (
    <header class="page-head">
      <p class="crumbs">
        <a href="/workers">Workers</a>
      </p>
      <h1 class="id">{workerId}</h1>
      <StateBadge state={state} />
      <div class="page-actions">
        <CopyButton
          text={`capstan worker show ${workerId}`}
          label="Copy the command that shows this"
        >
          Command
        </CopyButton>
        <CordonButton worker={worker} />
        <DrainButton worker={worker} />
      </div>
    </header>
  );
}

function CordonButton({ worker: { workerId, state } }: { readonly worker: Worker }) {
  const cordoned = state === "CORDONED";
  return (
    <ActionButton
      title={cordoned ? "Uncordon" : "Cordon"}
      command={`capstan worker ${cordoned ? "uncordon" : "cordon"} ${workerId}`}
      disabled={state === "LOST"}
      act={async () => {
        const answer = await call("CordonWorker", { workerId, cordon: !cordoned });
        return `${workerId} is ${answer.worker.state}.`;
      }}
    >
      {cordoned ? (
        <p>
          <b class="id">{workerId}</b> takes new work again.
        </p>
      ) : (
        <p>
          <b class="id">{workerId}</b> gets no new work. What runs there goes on.
        </p>
      )}
    </ActionButton>
  );
}

function DrainButton({ worker: { workerId, state } }: { readonly worker: Worker }) {
  const draining = state === "DRAINING";
  return (
    <ActionButton
      title={draining ? "End the drain" : "Drain"}
      command={`capstan worker ${draining ? "undrain" : "drain"} ${workerId}`}
      disabled={state === "LOST"}
      dangerous={!draining}
      act={async () => {
        const answer = await call("DrainWorker", { workerId, drain: !draining });
        return `${workerId} is ${answer.worker.state}.`;
      }}
    >
      {draining ? (
        <p>
          <b class="id">{workerId}</b> takes new work again.
        </p>
      ) : (
        <p>
          <b class="id">{workerId}</b> empties itself: no new work, values move to other workers,
          what runs may finish. A deadline can be given on the command line (
          <code>--deadline 10m</code>).
        </p>
      )}
    </ActionButton>
  );
}

function WorkerFacts({ worker }: { readonly worker: Worker }) {
  return (
    <Facts
      facts={[
        ["Address", <span class="mono">{worker.address}</span>],
        ["Process", String(worker.pid)],
        ["Last heard", <When at={worker.lastHeartbeatAt} />],
        ["Slots", `${plural(worker.slots, "function")}, ${plural(worker.commandSlots, "command")}`],
        ["Memory in use", formatBytes(worker.rssBytes)],
        ...functionProcesses(worker),
        ["Values held", formatBytes(worker.heldValueBytes)],
        ["Of them on its disk", formatBytes(worker.spilledBytes)],
        [
          "To the disk and back",
          `${formatCount(worker.spillCount)}, ${formatCount(worker.loadCount)}`,
        ],
        ...diskFailures(worker),
        ["From other workers", fetchedText(worker)],
        ["Stopping", formatCount(worker.stoppingAttemptIds.length)],
        ["Incarnation", <span class="mono">{worker.incarnation.slice(0, 8)}</span>],
      ]}
    />
  );
}

/** Only where there are or were some. */
function functionProcesses(worker: Worker): readonly (readonly [string, string])[] {
  const { processCount, processBytes, processRecycledCount } = worker;
  const now = `${formatCount(processCount)}, ${formatBytes(processBytes)}`;
  const facts: (readonly [string, string])[] = [];
  if (processCount > 0) facts.push(["Of it in processes", now]);
  if (processRecycledCount > 0) {
    facts.push(["Processes replaced", formatCount(processRecycledCount)]);
  }
  return facts;
}

/** Only where there were some. */
function diskFailures({ spillFailureCount }: Worker): readonly (readonly [string, string])[] {
  return spillFailureCount === 0 ? [] : [["Failures of the disk", formatCount(spillFailureCount)]];
}

function fetchedText({ fetchCount, fetchedBytes }: Worker): string {
  return `${formatCount(fetchCount)} values, ${formatBytes(fetchedBytes)}`;
}

function Capacity({ worker }: { readonly worker: Worker }) {
  const { total, committed, held } = worker;
  return (
    <Panel title="Capacity" note="granted; kept for somebody; of all">
      <div class="resources">
        <ResourceBar
          {...{ name: "CPU", unit: "MILLI" }}
          total={total.cpuMilli}
          committed={committed.cpuMilli}
          held={held.cpuMilli}
        />
        <ResourceBar
          {...{ name: "Memory", unit: "BYTES" }}
          total={total.memoryBytes}
          committed={committed.memoryBytes}
          held={held.memoryBytes}
        />
        <ResourceBar
          {...{ name: "Disk", unit: "BYTES" }}
          total={total.diskBytes}
          committed={committed.diskBytes}
          held={held.diskBytes}
        />
        {Object.entries(total.custom).map(([name, milli]) => (
          <ResourceBar
            key={name}
            {...{ name, unit: "MILLI" }}
            total={milli}
            committed={committed.custom[name] ?? 0}
            held={held.custom[name] ?? 0}
          />
        ))}
      </div>
      <Devices worker={worker} />
    </Panel>
  );
}

/** Each device of the worker, and the task that has it. */
function Devices({ worker }: { readonly worker: Worker }) {
  const owners = useDeviceOwners(worker.workerId, worker.total.devices.length > 0);
  if (worker.total.devices.length === 0) return null;
  return (
    <div class="devices">
      {worker.total.devices.map(({ kind, variant, countMilli }) => (
        <div key={`${kind} ${variant}`} class="device-row">
          <span class="resource-name">
            {formatMilli(countMilli)} × {kind} {variant}
          </span>
          <ul>
            {Array.from({ length: Math.min(64, Math.ceil(countMilli / 1_000)) }, (_, index) => {
              const taskId = owners.get(`${kind} ${index}`);
              return (
                <li key={index} class={taskId === undefined ? "device" : "device taken"}>
                  {taskId === undefined ? (
                    <span title={`${kind} #${index}: free`}>#{index} free</span>
                  ) : (
                    <a href={hrefs.task(taskId)} title={`${kind} #${index}: ${taskId}`}>
                      #{index} {taskId}
                    </a>
                  )}
                </li>
              );
            })}
          </ul>
        </div>
      ))}
    </div>
  );
}

function useDeviceOwners(workerId: string, any: boolean): ReadonlyMap<string, string> {
  const { value } = useLive("ListTasks", any ? tasksOn(workerId) : null);
  const owners = new Map<string, string>();
  for (const { taskId, attempts } of value?.tasks ?? []) {
    for (const { kind, indices } of attempts.at(-1)?.granted.devices ?? []) {
      for (const index of indices) owners.set(`${kind} ${index}`, taskId);
    }
  }
  return owners;
}

const tasksShown = 200;

function tasksOn(workerId: string): Requests["ListTasks"] {
  return { filter: { workerId }, unfinished: true, pageSize: tasksShown };
}

type Task = Responses["ListTasks"]["tasks"][number];

const runningColumns: readonly Column<Task>[] = [
  { name: "task", title: "Task", grows: true, cell: ({ taskId }) => <TaskLink id={taskId} /> },
  { name: "runs", title: "Runs", cell: ({ name }) => name },
  { name: "state", title: "State", cell: ({ state }) => <StateBadge state={state} /> },
  { name: "job", title: "Job", wide: true, cell: ({ jobId }) => <JobLink id={jobId} /> },
  {
    ...{ name: "granted", title: "Granted", wide: true },
    cell: ({ attempts }) => {
      const last = attempts.at(-1);
      return last === undefined ? "" : formatResources(last.granted);
    },
  },
  {
    ...{ name: "for", title: "Runs for", numeric: true },
    cell: ({ attempts }) => <Span from={attempts.at(-1)?.startedAt ?? null} to={null} />,
  },
];

/** What of all that runs runs here. */
function Running({ worker }: { readonly worker: Worker }) {
  const { value } = useLive("ListTasks", tasksOn(worker.workerId));
  const tasks = value?.tasks ?? [];
  return (
    <Panel title="Running here" note={value === null ? "" : formatCount(value.totalCount)}>
      {value === null && <Loading />}
      {value !== null && tasks.length === 0 && (
        <Empty title="Nothing runs here">It takes work as soon as something fits.</Empty>
      )}
      {tasks.length > 0 && (
        <DataTable
          label={`Tasks on ${worker.workerId}`}
          columns={runningColumns}
          rows={tasks}
          rowKey={({ taskId }) => taskId}
          href={({ taskId }) => hrefs.task(taskId)}
        />
      )}
    </Panel>
  );
}
