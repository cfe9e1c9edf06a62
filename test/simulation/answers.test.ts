/**
 * The rules about what the API answers: each can be broken by one lie, and is then named.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Ask, askOf, checkAnswers } from "../../src/simulator/answer-rules.ts";
import { ControllerHarness } from "../support/controller-builders.ts";

/** What an answer is changed by, in place. */
type Lie = (answer: never, request: { readonly [field: string]: unknown }) => void;

const isWhole = { look: 0, isPaused: false } as const;

/** A worker that runs one task and stops another; one task waits for both, and jobs wait. */
function busyCluster(): ControllerHarness {
  const harness = new ControllerHarness();
  harness.aWorker({ slots: 2 });
  harness.aWorker({ slots: 1 });
  const client = harness.aClient();
  client.submits({
    a: {},
    b: {},
    c: { on: ["a", "b", "a"] },
    d: { spec: { maxRetriesFailure: 0 } },
  });
  const [one, two] = harness.workers;
  one.reports({ kind: "started", label: "a" });
  two.reports({ kind: "started", label: "b" });
  harness.launch("big", { replicas: 2 });
  harness.launch("small", { band: "batch" });
  client.cancels(["d"]);
  return harness;
}

/** The truth, but for one method. */
function lying(ask: Ask, method: string, lie: Lie): Ask {
  return (asked, request) => {
    const answer = structuredClone(ask(asked, request));
    if (asked === method) lie(answer as never, request);
    return answer;
  };
}

type Rows<Field extends string> = { readonly [field in Field]: { [name: string]: unknown }[] };

const lies: readonly (readonly [sentence: RegExp, method: string, lie: Lie])[] = [
  [
    /ListTasks counts what it lists/,
    "ListTasks",
    (answer: { totalCount: number }) => answer.totalCount++,
  ],
  [
    /a page of ListWorkers has no more rows/,
    "ListWorkers",
    ({ workers }: Rows<"workers">, { pageSize }) => {
      if (pageSize === 1) workers.push(workers[0]);
    },
  ],
  [
    /ListTasks lists in pages what it lists at once/,
    "ListTasks",
    ({ tasks }: Rows<"tasks">, { pageSize }) => pageSize === 7 && tasks.reverse(),
  ],
  [
    /ListJobs leaves nobody out/,
    "ListJobs",
    (answer: { nextPageToken: string }) => {
      answer.nextPageToken = "";
    },
  ],
  [
    /ListEvents numbers events without gaps/,
    "ListEvents",
    ({ events }: Rows<"events">) => events.splice(1, 1),
  ],
  [
    /ListEvents goes on after an event with all/,
    "ListEvents",
    (answer: { totalCount: number }, { after }) => after !== undefined && answer.totalCount--,
  ],
  [
    /ListEvents goes on after an event with the next/,
    "ListEvents",
    ({ events }: Rows<"events">, { after }) => after !== undefined && events.shift(),
  ],
  [
    /a filter by state lists that state/,
    "ListTasks",
    ({ tasks }: Rows<"tasks">, { states }) => states !== undefined && tasks.pop(),
  ],
  [
    /what is unfinished is what has not ended/,
    "ListTasks",
    ({ tasks }: Rows<"tasks">, { unfinished }) => unfinished === true && tasks.pop(),
  ],
  [
    /a filter by worker lists its tasks/,
    "ListTasks",
    ({ tasks }: Rows<"tasks">, { filter }) => filter !== undefined && tasks.push(tasks[0]),
  ],
  [
    /the overview counts the tasks that are RUNNING/,
    "GetOverview",
    ({ taskStateCounts }: { taskStateCounts: Record<string, number> }) => taskStateCounts.RUNNING++,
  ],
  [
    /the overview counts workers by their state/,
    "GetOverview",
    ({ workerStateCounts }: { workerStateCounts: Record<string, number> }) =>
      workerStateCounts.HEALTHY--,
  ],
  [
    /what is pending is queued or waits/,
    "GetOverview",
    ({ queued }: { queued: { waiting: number } }) => queued.waiting--,
  ],
  [
    /both answers about queues are the same/,
    "GetSchedulerState",
    ({ queues }: Rows<"queues">) => queues.reverse(),
  ],
  [/the queues add up/, "GetQueue", (answer: { queuedTasks: number }) => answer.queuedTasks++],
  [
    /the overview counts what is queued/,
    "GetOverview",
    ({ queued }: { queued: { queues: number } }) => queued.queues++,
  ],
  [
    /it counts what is reserved/,
    "GetOverview",
    (answer: { reservations: number }) => answer.reservations++,
  ],
  [
    /who heads a queue is pending/,
    "GetTaskStatus",
    ({ task }: { task: { state: string } }) => {
      task.state = "RUNNING";
    },
  ],
  [
    /a user runs what the user's tasks run/,
    "ListUsers",
    ({ users }: { users: { runningTaskCount: number }[] }) => users[0].runningTaskCount++,
  ],
  [
    /a user waits for what the user's tasks wait/,
    "ListUsers",
    ({ users }: { users: { pendingTaskCount: number }[] }) => users[0].pendingTaskCount++,
  ],
  [
    /a worker is asked for as it is listed/,
    "GetWorkerStatus",
    ({ worker }: { worker: { slots: number } }) => worker.slots++,
  ],
  [
    /what a worker has is used, held or free/,
    "ListWorkers",
    both(({ available }: { available: { cpuMilli: number } }) => available.cpuMilli++),
  ],
  [
    /what a worker runs is a task that is on it/,
    "ListWorkers",
    both(({ runningTaskIds }: { runningTaskIds: string[] }) => runningTaskIds.push("/ann/other/0")),
  ],
  [
    /an attempt that stops does so on its worker/,
    "ListWorkers",
    both((worker: { stoppingAttemptIds: string[] }) => {
      worker.stoppingAttemptIds = [];
    }),
  ],
  [
    /a worker is charged for what it granted/,
    "ListWorkers",
    both(({ committed, available }: Record<string, { cpuMilli: number }>) => {
      committed.cpuMilli += 500;
      available.cpuMilli -= 500;
    }),
  ],
  [
    /a job is asked for as it is listed/,
    "GetJobStatus",
    ({ job }: { job: { user: string } }) => {
      job.user = "bob";
    },
  ],
  [
    /a job has the tasks that name it/,
    "GetJobStatus",
    ({ tasks }: Rows<"tasks">) => tasks.push(tasks[0]),
  ],
  [
    /every task of a launched job is in one state/,
    "ListJobs",
    both((job: { replicas: number }) => job.replicas++),
  ],
  [/a grid counts the tasks/, "GetTaskGrid", (answer: { taskCount: number }) => answer.taskCount++],
  [
    /a cell of a grid is the state of its task/,
    "GetTaskGrid",
    ({ rows }: { rows: string[] }) => {
      rows[0] = [...rows[0]].reverse().join("");
    },
  ],
  [
    /a grid has a cell for each task/,
    "GetTaskGrid",
    ({ rows }: { rows: string[] }) => {
      rows[0] += "0";
    },
  ],
  [
    /every task of a group is in one state/,
    "GetGraph",
    ({ nodes }: { nodes: { taskCount: number }[] }) => nodes[0].taskCount++,
  ],
  [
    /a graph counts the tasks of its job/,
    "GetGraph",
    (answer: { taskCount: number }) => answer.taskCount++,
  ],
  [
    /a graph shows its tasks in their states/,
    "GetGraph",
    ({ nodes }: Rows<"nodes">) => nodes.pop(),
  ],
  [/a graph has an edge for every input/, "GetGraph", ({ edges }: Rows<"edges">) => edges.pop()],
  [
    /a task is asked for as it is listed/,
    "ListTasks",
    ({ tasks }: Rows<"tasks">) => {
      for (const task of tasks) task.name = "g";
    },
  ],
  [
    /an explanation is of the state/,
    "Explain",
    (answer: { state: string }) => {
      answer.state = "LOST";
    },
  ],
  [
    /an explanation has a summary/,
    "Explain",
    (answer: { summary: string }) => {
      answer.summary = "";
    },
  ],
  [
    /what waits has a reason/,
    "Explain",
    (answer: { canRunNow: boolean; reasons: object[] }) => {
      answer.canRunNow = false;
      answer.reasons = [];
    },
  ],
  [
    /only what waits can run now/,
    "Explain",
    (answer: { canRunNow: boolean }) => {
      answer.canRunNow = true;
    },
  ],
  [
    /what has not ended, and only that, has a waker/,
    "Explain",
    (answer: { wakers: object[] }) => {
      answer.wakers = [];
    },
  ],
  [
    /who goes first is named/,
    "Explain",
    (answer: { ahead: string[] }) => {
      answer.ahead = ["/ann/other/0"];
    },
  ],
  [
    /as many go first as are counted/,
    "Explain",
    (answer: { ahead: string[]; aheadCount: number }) => {
      answer.aheadCount = 1;
      answer.ahead = ["/ann/one/0", "/ann/two/0"];
    },
  ],
  [
    /what stands around a task begins with it/,
    "GetGraph",
    ({ nodes }: Rows<"nodes">, { around }) => around !== undefined && nodes.unshift(nodes[1] ?? {}),
  ],
  [
    /an edge leads from each input to its task/,
    "GetGraph",
    (answer: { edges: { to: string }[] }, { around }) => {
      answer.edges = answer.edges.filter(({ to }) => to !== around);
    },
  ],
  [
    /an input that is read twice counts twice/,
    "GetGraph",
    ({ edges }: { edges: { count: number }[] }, { around }) => {
      if (around !== undefined) for (const edge of edges) edge.count = 1;
    },
  ],
  [
    /what runs is in the stream/,
    "GetTaskStream",
    (answer: { runs: object[] }) => {
      answer.runs = [];
    },
  ],
  [
    /a lane has one run at a time/,
    "GetTaskStream",
    ({ runs }: { runs: { startMs: number; endMs: number | null }[] }) => {
      for (const run of [...runs]) {
        run.endMs = run.startMs + 10;
        runs.push({ ...run, startMs: run.startMs + 5 });
      }
    },
  ],
  [
    /the doctor finds nothing/,
    "GetDoctorReport",
    (answer: { ok: boolean }) => {
      answer.ok = false;
    },
  ],
];

/** The same lie in the list and where one is asked for by itself. */
function both(lie: (row: never) => void): Lie {
  const inBoth = (answer: { [field: string]: object | object[] | undefined }) => {
    const { workers, jobs, worker, job } = answer;
    for (const row of [workers ?? jobs ?? worker ?? job].flat()) lie(row as never);
  };
  return Object.assign(inBoth, { isInBoth: true });
}

const alone: { readonly [method: string]: string } = {
  ListJobs: "GetJobStatus",
  ListWorkers: "GetWorkerStatus",
};

describe("what the API answers", () => {
  test("agrees with itself and with a recount", () => {
    const { state } = busyCluster();
    for (let look = 0; look < 4; look++) checkAnswers(askOf(state), { look, isPaused: false });
  });

  for (const [sentence, method, lie] of lies) {
    test(`is found out: ${sentence.source}`, () => {
      const ask = askOf(busyCluster().state);
      const once = lying(ask, method, lie);
      const liar = "isInBoth" in lie ? lying(once, alone[method], lie) : once;
      assert.throws(() => checkAnswers(liar, isWhole), sentence);
    });
  }
});
