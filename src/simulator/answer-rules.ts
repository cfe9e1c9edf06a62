/**
 * Rules about what the API answers: its methods must agree with each other, and with what is
 * counted again here. Each rule asks as a client would and knows nothing of how an answer is made;
 * so it holds of any state, and every few events it is asked of the one that a run is in.
 *
 * @module
 */

import { InvariantError } from "../base/assert.ts";
import { isPlacementPaused } from "../controller/placement-budget.ts";
import { answerCall } from "../controller/queries.ts";
import type { ControllerState } from "../controller/state.ts";
import type { Principal } from "../model/job.ts";
import type { Resources } from "../model/resources.ts";
import { isTerminalCode, taskStates } from "../model/states.ts";

/** Answers a method of the API: the controller's, or one that is itself on trial. */
export type Ask = (method: string, request: { readonly [field: string]: unknown }) => unknown;

const administrator: Principal = { user: "operator", role: "admin", jobId: "" };

/** Asks the kernel itself, as an administrator. */
export function askOf(state: ControllerState): Ask {
  return (method, request) => answerCall(state, method, request, administrator);
}

/** Events of the controller between two looks: a look costs as much as some hundred of them. */
const everyDefault = 256;

/** Tasks that one look asks about by themselves, in turn. */
const tasksPerLook = 6;

/** Asks every so many events of the controller. */
export class AnswerRules {
  readonly #every: number;
  #events = 0;

  constructor(every = everyDefault) {
    this.#every = every;
  }

  check(state: ControllerState): void {
    if (++this.#events % this.#every !== 0) return;
    const look = this.#events / this.#every;
    checkAnswers(askOf(state), { look, isPaused: isPlacementPaused(state) });
  }
}

/** Which look it is, and whether placement had to stop in the middle of what can be placed. */
export interface Look {
  readonly look: number;
  readonly isPaused: boolean;
}

/** Throws InvariantError with the sentence that does not hold; a large cluster is not looked at. */
export function checkAnswers(ask: Ask, { look, isPaused }: Look): void {
  const tasks = wholeList<Task>(ask, "ListTasks", "tasks");
  const jobs = wholeList<Job>(ask, "ListJobs", "jobs");
  const workers = wholeList<Worker>(ask, "ListWorkers", "workers");
  if (tasks === null || jobs === null || workers === null) return; // Too many to compare.
  checkPages(ask, tasks, jobs, workers);
  checkFilters(ask, tasks);
  checkCounts(ask, { tasks, jobs, workers });
  for (const worker of workers) checkWorker(ask, worker, tasks);
  for (const job of jobs) checkJob(ask, job, tasks);
  for (let place = 0; place < Math.min(tasksPerLook, tasks.length); place++) {
    checkTask(ask, tasks[(look * tasksPerLook + place) % tasks.length]);
  }
  checkStream(ask, tasks);
  checkEvents(ask);
  if (!isPaused) checkDoctor(ask);
}

/** What is read here of the API's shapes. */
interface Task {
  readonly taskId: string;
  readonly jobId: string;
  readonly index: number;
  readonly state: string;
  readonly workerId: string | null;
  readonly attempts: readonly Attempt[];
  readonly inputs: readonly string[];
  readonly error: object | null;
  readonly pendingReason: string | null;
}

interface Attempt {
  readonly attemptId: string;
  readonly workerId: string;
  readonly state: string;
  readonly granted: Resources;
}

interface Job {
  readonly jobId: string;
  readonly user: string;
  readonly state: string;
  readonly replicas: number;
  readonly taskStateCounts: { readonly [state: string]: number };
  readonly spec: object | null;
}

interface Worker {
  readonly workerId: string;
  readonly state: string;
  readonly total: Resources;
  readonly committed: Resources;
  readonly held: Resources;
  readonly available: Resources;
  readonly runningTaskIds: readonly string[];
  readonly stoppingAttemptIds: readonly string[];
}

interface Queue {
  readonly queue: number;
  readonly queued: number;
  readonly headTaskId: string;
  readonly effectiveBand: string;
}

interface Lists {
  readonly tasks: readonly Task[];
  readonly jobs: readonly Job[];
  readonly workers: readonly Worker[];
}

function holds(condition: boolean, sentence: string, ...story: readonly unknown[]): void {
  if (condition) return;
  throw new InvariantError(
    sentence,
    story.map((one) => JSON.stringify(one)),
  );
}

/** Compares two answers, or parts of them. */
function agrees(a: unknown, b: unknown, sentence: string): void {
  holds(JSON.stringify(a) === JSON.stringify(b), sentence, a, b);
}

/** The same of two sets of lines, in whatever order they came. */
function agreesInAnyOrder(a: Iterable<unknown>, b: Iterable<unknown>, sentence: string): void {
  agrees(inOrder(a), inOrder(b), sentence);
}

function inOrder(values: Iterable<unknown>): readonly string[] {
  const texts = Array.from(values, (value) => JSON.stringify(value));
  return texts.sort((a, b) => (a < b ? -1 : Number(a > b)));
}

/** The most that one answer lists. */
const pageSizeMost = 1_000;

/** A list that is one page; null if it has more. */
function wholeList<Row>(ask: Ask, method: string, field: string): readonly Row[] | null {
  const answer = ask(method, { pageSize: pageSizeMost }) as Page;
  if (answer.nextPageToken !== "") return null;
  const rows = answer[field] as readonly Row[];
  agrees(rows.length, answer.totalCount, `${method} counts what it lists`);
  return rows;
}

interface Page {
  readonly totalCount: number;
  readonly nextPageToken: string;
  readonly [field: string]: unknown;
}

/** The first rows come in pages as they come at once. */
function checkPages(ask: Ask, ...lists: readonly (readonly object[])[]): void {
  for (const [place, [method, field, size]] of pagedLists.entries()) {
    const rows: unknown[] = [];
    let pageToken = "";
    do {
      const answer = ask(method, { pageSize: size, pageToken }) as Page;
      const page = answer[field] as unknown[];
      holds(page.length <= size, `a page of ${method} has no more rows than were asked for`);
      rows.push(...page);
      pageToken = answer.nextPageToken;
    } while (pageToken !== "" && rows.length < 4 * size);
    const whole = lists[place].slice(0, rows.length);
    agrees(rows, whole, `${method} lists in pages what it lists at once`);
    holds(pageToken !== "" || rows.length === lists[place].length, `${method} leaves nobody out`);
  }
}

interface Events {
  readonly events: readonly { readonly sequence: number }[];
  readonly totalCount: number;
}

/** Whoever reads on from an event gets all that came after it, and the numbers say so. */
function checkEvents(ask: Ask): void {
  const { events, totalCount } = ask("ListEvents", { pageSize: 7 }) as Events;
  for (const [place, { sequence }] of events.entries()) {
    agrees(sequence, events[0].sequence + place, "ListEvents numbers events without gaps");
  }
  if (events.length === 0) return;
  const place = Math.min(2, events.length - 1);
  const rest = ask("ListEvents", { pageSize: 7, after: events[place].sequence }) as Events;
  agrees(rest.totalCount, totalCount - place - 1, "ListEvents goes on after an event with all");
  const first = rest.events[0]?.sequence ?? events[place].sequence + 1;
  agrees(first, events[place].sequence + 1, "ListEvents goes on after an event with the next");
}

const pagedLists = [
  ["ListTasks", "tasks", 7],
  ["ListJobs", "jobs", 2],
  ["ListWorkers", "workers", 1],
] as const;

function checkFilters(ask: Ask, tasks: readonly Task[]): void {
  const idsOf = (request: object): readonly string[] =>
    (ask("ListTasks", { pageSize: pageSizeMost, ...request }) as { tasks: Task[] }).tasks.map(
      ({ taskId }) => taskId,
    );
  const where = (isWanted: (task: Task) => boolean) =>
    tasks.filter(isWanted).map(({ taskId }) => taskId);
  for (const state of new Set(tasks.map((task) => task.state))) {
    const listed = idsOf({ states: [state] });
    agrees(
      listed,
      where((task) => task.state === state),
      "a filter by state lists that state",
    );
  }
  const open = where((task) => !isEnded(task.state));
  agrees(idsOf({ unfinished: true }), open, "what is unfinished is what has not ended");
  for (const workerId of new Set(tasks.map((task) => task.workerId ?? "nowhere"))) {
    const listed = idsOf({ filter: { workerId } });
    agrees(
      listed,
      where((task) => task.workerId === workerId),
      "a filter by worker lists its tasks",
    );
  }
}

function isEnded(state: string): boolean {
  return isTerminalCode(taskStates.indexOf(state as (typeof taskStates)[number]));
}

function countBy<Row>(rows: readonly Row[], nameOf: (row: Row) => string) {
  const counts = new Map<string, number>();
  for (const row of rows) counts.set(nameOf(row), (counts.get(nameOf(row)) ?? 0) + 1);
  return counts;
}

function checkCounts(ask: Ask, { tasks, jobs, workers }: Lists): void {
  const overview = ask("GetOverview", {}) as {
    readonly taskStateCounts: { readonly [state: string]: number };
    readonly workerStateCounts: { readonly [state: string]: number };
    readonly queued: { readonly tasks: number; readonly queues: number; readonly waiting: number };
    readonly reservations: number;
  };
  const byState = countBy(tasks, (task) => task.state);
  for (const state of taskStates) {
    if (isEnded(state)) continue; // Of those that ended some are counted and not remembered.
    const count = overview.taskStateCounts[state];
    agrees(count, byState.get(state) ?? 0, `the overview counts the tasks that are ${state}`);
  }
  const byWorkerState = countBy(workers, (worker) => worker.state);
  const shown = Object.entries(overview.workerStateCounts).filter(([, count]) => count > 0);
  agreesInAnyOrder(shown, byWorkerState, "the overview counts workers by their state");
  const { queued } = overview;
  agrees(
    queued.tasks + queued.waiting,
    byState.get("PENDING") ?? 0,
    "what is pending is queued or waits for something else",
  );
  checkQueues(ask, overview);
  checkUsers(ask, { tasks, jobs });
}

function checkQueues(
  ask: Ask,
  overview: {
    readonly queued: { readonly tasks: number; readonly queues: number };
    readonly reservations: number;
  },
): void {
  const { queues, queuedTasks, totalCount } = ask("GetQueue", { pageSize: pageSizeMost }) as {
    readonly queues: readonly Queue[];
    readonly queuedTasks: number;
    readonly totalCount: number;
  };
  const scheduler = ask("GetSchedulerState", {}) as {
    readonly queues: readonly Queue[];
    readonly reservations: readonly object[];
  };
  const keyOf = ({ queue, queued, headTaskId, effectiveBand }: Queue) => [
    ...[queue, queued, headTaskId, effectiveBand],
  ];
  agrees(queues.map(keyOf), scheduler.queues.map(keyOf), "both answers about queues are the same");
  const sum = queues.reduce((all, { queued }) => all + queued, 0);
  agrees([sum, queues.length], [queuedTasks, totalCount], "the queues add up");
  const { tasks, queues: count } = overview.queued;
  agrees([tasks, count], [queuedTasks, totalCount], "the overview counts what is queued");
  agrees(overview.reservations, scheduler.reservations.length, "it counts what is reserved");
  for (const { headTaskId } of queues) {
    const { state } = (ask("GetTaskStatus", { taskId: headTaskId }) as { task: Task }).task;
    agrees(state, "PENDING", "who heads a queue is pending");
  }
}

function checkUsers(ask: Ask, { tasks, jobs }: Pick<Lists, "tasks" | "jobs">): void {
  const users = wholeList<{
    readonly user: string;
    readonly runningTaskCount: number;
    readonly pendingTaskCount: number;
  }>(ask, "ListUsers", "users");
  if (users === null) return;
  const userOf = new Map(jobs.map(({ jobId, user }) => [jobId, user]));
  const isRunning = ({ state }: Task) => !isEnded(state) && state !== "PENDING";
  const owner = ({ jobId }: Task) => userOf.get(jobId) ?? "";
  const running = countBy(tasks.filter(isRunning), owner);
  const pending = countBy(
    tasks.filter(({ state }) => state === "PENDING"),
    owner,
  );
  for (const { user, runningTaskCount, pendingTaskCount } of users) {
    agrees(runningTaskCount, running.get(user) ?? 0, "a user runs what the user's tasks run");
    agrees(pendingTaskCount, pending.get(user) ?? 0, "a user waits for what the user's tasks wait");
  }
}

function checkWorker(ask: Ask, worker: Worker, tasks: readonly Task[]): void {
  const { workerId, state, total, committed, held, available, runningTaskIds } = worker;
  const asked = (ask("GetWorkerStatus", { workerId }) as { worker: Worker }).worker;
  agrees(asked, worker, "a worker is asked for as it is listed");
  if (state !== "LOST") {
    const parts = [committed, held, available].map(amountsOf).reduce(plus);
    agrees(sorted(parts), sorted(amountsOf(total)), "what a worker has is used, held or free");
  }
  const byId = new Map(tasks.map((task) => [task.taskId, task]));
  for (const taskId of runningTaskIds) {
    agrees(byId.get(taskId)?.workerId, workerId, "what a worker runs is a task that is on it");
  }
  checkGrants(worker, tasks);
}

function checkGrants({ workerId, committed, stoppingAttemptIds }: Worker, tasks: readonly Task[]) {
  const live = tasks.flatMap(({ attempts }) =>
    attempts.filter(({ state, workerId: where }) => state !== "ENDED" && where === workerId),
  );
  const stopping = live.filter(({ state }) => state === "STOPPING");
  const listed = stopping.map(({ attemptId }) => attemptId);
  const unlisted = stoppingAttemptIds.filter((attemptId) => !listed.includes(attemptId));
  const known = stoppingAttemptIds.filter((attemptId) => listed.includes(attemptId));
  agreesInAnyOrder(known, listed, "an attempt that stops does so on its worker");
  if (unlisted.length > 0) return; // Of a job whose name another has: its tasks are not listed.
  const granted = live.map((attempt) => amountsOf(attempt.granted)).reduce(plus, new Map());
  agrees(sorted(granted), sorted(amountsOf(committed)), "a worker is charged for what it granted");
}

/** Amounts by name; those of nothing are left out. */
function amountsOf({ cpuMilli, memoryBytes, diskBytes, devices, custom }: Resources) {
  const amounts = new Map([...Object.entries({ cpuMilli, memoryBytes, diskBytes, ...custom })]);
  for (const { kind, variant, countMilli } of devices) {
    const name = `${kind}:${variant}`;
    amounts.set(name, (amounts.get(name) ?? 0) + countMilli);
  }
  return amounts;
}

function plus(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>) {
  const sum = new Map(a);
  for (const [name, amount] of b) sum.set(name, (sum.get(name) ?? 0) + amount);
  return sum;
}

function sorted(amounts: ReadonlyMap<string, number>): readonly (readonly [string, number])[] {
  return [...amounts].filter(([, amount]) => amount !== 0).sort(([a], [b]) => (a < b ? -1 : 1));
}

function checkJob(ask: Ask, job: Job, tasks: readonly Task[]): void {
  const { jobId } = job;
  const asked = ask("GetJobStatus", { jobId }) as { job: Job; tasks: readonly Task[] };
  agrees(asked.job, job, "a job is asked for as it is listed");
  const own = tasks.filter((task) => task.jobId === jobId);
  agreesInAnyOrder(idsOf(asked.tasks), idsOf(own), "a job has the tasks that name it");
  if (job.spec !== null) {
    const counts = Object.values(job.taskStateCounts).reduce((sum, count) => sum + count, 0);
    agrees(counts, job.replicas, "every task of a launched job is in one state");
  }
  checkGrid(ask, jobId, own);
  checkGroups(ask, jobId, own);
}

function idsOf(tasks: readonly Task[]): string[] {
  return tasks.map(({ taskId }) => taskId);
}

function checkGrid(ask: Ask, jobId: string, own: readonly Task[]): void {
  const grid = ask("GetTaskGrid", { jobId }) as {
    readonly taskCount: number;
    readonly fromIndex: number;
    readonly rows: readonly string[];
  };
  const cells = grid.rows.join("");
  agrees(grid.taskCount, own.length, "a grid counts the tasks of its job");
  for (const { index, state } of own) {
    const code = Number.parseInt(cells[index - grid.fromIndex], 36);
    agrees(taskStates[code], state, "a cell of a grid is the state of its task");
  }
  const filled = [...cells].filter((cell) => cell !== "-").length;
  agrees(filled, own.length, "a grid has a cell for each task, and for nobody else");
}

interface Graph {
  readonly taskCount: number;
  readonly nodes: readonly {
    readonly nodeId: string;
    readonly taskCount: number;
    readonly taskStateCounts: { readonly [state: string]: number };
  }[];
  readonly edges: readonly { readonly from: string; readonly to: string; readonly count: number }[];
}

function checkGroups(ask: Ask, jobId: string, own: readonly Task[]): void {
  const graph = ask("GetGraph", { jobId }) as Graph;
  const counts = new Map<string, number>();
  for (const { taskCount, taskStateCounts } of graph.nodes) {
    const states = Object.entries(taskStateCounts);
    const sum = states.reduce((all, [, count]) => all + count, 0);
    agrees(sum, taskCount, "every task of a group is in one state");
    for (const [state, count] of states) counts.set(state, (counts.get(state) ?? 0) + count);
  }
  agrees(graph.taskCount, own.length, "a graph counts the tasks of its job");
  const states = countBy(own, ({ state }) => state);
  agreesInAnyOrder(counts, states, "a graph shows its tasks in their states");
  const inputs = own.reduce((sum, task) => sum + task.inputs.length, 0);
  const edges = graph.edges.reduce((sum, { count }) => sum + count, 0);
  agrees(edges, inputs, "a graph has an edge for every input");
}

interface Explanation {
  readonly state: string;
  readonly summary: string;
  readonly canRunNow: boolean;
  readonly reasons: readonly object[];
  readonly wakers: readonly object[];
  readonly aheadCount: number;
  readonly ahead: readonly string[];
}

function checkTask(ask: Ask, task: Task): void {
  const { taskId, state } = task;
  const asked = (ask("GetTaskStatus", { taskId }) as { task: Task }).task;
  agrees(asked, task, "a task is asked for as it is listed");
  const why = ask("Explain", { id: taskId }) as Explanation;
  agrees(why.state, state, "an explanation is of the state that its task is in");
  holds(why.summary !== "", "an explanation has a summary", taskId);
  agrees(task.pendingReason !== null, state === "PENDING", "what is pending, and only that, waits");
  if (state === "PENDING") {
    holds(why.reasons.length > 0 || why.canRunNow, "what waits has a reason", taskId, why);
  } else holds(!why.canRunNow, "only what waits can run now", taskId, why);
  agrees(why.wakers.length === 0, isEnded(state), "what has not ended, and only that, has a waker");
  agrees(why.ahead.length === 0, why.aheadCount === 0, "who goes first is named");
  holds(why.ahead.length <= why.aheadCount, "as many go first as are counted, at most", why);
  if (state === "FAILED") holds(task.error !== null, "what failed says why", taskId);
  checkNeighbours(ask, task);
}

function checkNeighbours(ask: Ask, { taskId, inputs }: Task): void {
  const graph = ask("GetGraph", { around: taskId, depth: 1 }) as Graph;
  const [centre, ...others] = graph.nodes.map(({ nodeId }) => nodeId);
  agrees(centre, taskId, "what stands around a task begins with it");
  const into = graph.edges.filter(({ to }) => to === taskId);
  const from = into.map((edge) => edge.from);
  agreesInAnyOrder(from, new Set(inputs), "an edge leads from each input to its task");
  const read = into.reduce((sum, { count }) => sum + count, 0);
  agrees(read, inputs.length, "an input that is read twice counts twice");
  const ends = new Set(graph.edges.flatMap(({ from, to }) => [from, to]));
  holds(
    others.every((other) => ends.has(other)),
    "who stands around a task is joined",
    graph,
  );
}

interface Run {
  readonly runId: string;
  readonly workerId: string;
  readonly lane: number;
  readonly startMs: number;
  readonly endMs: number | null;
}

/** Of one lane, the next run starts where the one before it has ended. */
function checkStream(ask: Ask, tasks: readonly Task[]): void {
  const { runs, omitted } = ask("GetTaskStream", { last: 60_000 }) as {
    readonly runs: readonly Run[];
    readonly omitted: number;
  };
  const lanes = new Map<string, Run[]>();
  for (const run of runs) {
    const lane = `${run.workerId}/${run.lane}`;
    const known = lanes.get(lane);
    if (known === undefined) lanes.set(lane, [run]);
    else known.push(run);
  }
  for (const lane of lanes.values()) {
    lane.sort((a, b) => a.startMs - b.startMs);
    for (let place = 1; place < lane.length; place++) {
      const [before, next] = [lane[place - 1], lane[place]];
      // Who waits for tasks of its own has lent its lane.
      if (before.endMs === null || next.endMs === null) continue;
      holds(before.endMs <= next.startMs, "a lane has one run at a time", before, next);
    }
  }
  const live = new Set(runs.filter(({ endMs }) => endMs === null).map(({ runId }) => runId));
  const running = tasks.flatMap(({ attempts }) =>
    attempts.filter(({ state }) => state === "RUNNING").map(({ attemptId }) => attemptId),
  );
  if (omitted > 0) return; // Of workers that are lost.
  const missing = running.filter((attemptId) => !live.has(attemptId));
  agrees(missing, [], "what runs is in the stream");
}

function checkDoctor(ask: Ask): void {
  const report = ask("GetDoctorReport", {}) as { readonly ok: boolean };
  holds(report.ok, "the doctor finds nothing", report);
}
