/**
 * The case `dashboard`: what open dashboards cost the loop of a controller with 1,000 workers,
 * 10,000 jobs and 1,000,000 tasks, and how long each method takes there.
 *
 * The kernel, the calls of the API, the live queries and their sockets are the real ones; the
 * readers live in another thread. The journal goes on a hundred times a second. What counts is CPU
 * time of the loop's thread, less what it takes with nobody looking.
 *
 * @module
 */

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Worker } from "node:worker_threads";
import { answerInSteps } from "../src/controller/queries.ts";
import type { Principal } from "../src/model/job.ts";
import { attachLiveServer } from "../src/shell/api/live-server.ts";
import type { MethodName } from "../src/shell/api/schemas.ts";
import { ApiCalls } from "../src/shell/controller-process/api-calls.ts";
import { createLogger } from "../src/shell/logging/logger.ts";
import type { BenchCase, Prepared } from "./cases.ts";
import type { ReadersData, ReadersHeard } from "./dashboard-readers.ts";
import { Fleet, machineAt, plainRequest } from "./placement-fleet.ts";

const workerCount = 1_000;
const jobCount = 10_000;
const taskCount = 1_000_000;
const userCount = 10;
const shapesPerUser = 10;
const changesPerSecond = 100;
const measuredMs = 5_000;
const settleMs = 3_000;
const readerCounts = [1, 10, 50];

const admin: Principal = { user: "ann", role: "admin", jobId: "" };

function aFleet(): Fleet {
  const fleet = new Fleet(1);
  for (let index = 0; index < workerCount; index++) fleet.joins(machineAt(index));
  const { random } = fleet;
  for (let job = 0; job < jobCount; job++) {
    fleet.launches(`/user-${job % userCount}/job-${job}`, plainRequest(random), 1);
  }
  const each = (taskCount - jobCount) / userCount / shapesPerUser;
  for (let user = 0; user < userCount; user++) {
    const shapes = Array.from({ length: shapesPerUser }, () => plainRequest(random));
    const client = fleet.client(`user-${user}`, shapes);
    for (let spec = 0; spec < shapesPerUser; spec++) fleet.submits(client, spec, each);
  }
  return fleet;
}

/** The subscriptions of one dashboard: of its overview, and of a page of each list. */
function subscriptionsOf(reader: number, areOwn: boolean) {
  const pageToken = areOwn ? String(reader * 50) : "";
  const page = { pageSize: 50, pageToken };
  return [
    { method: "GetOverview", request: {} },
    { method: "ListJobs", request: page },
    { method: "ListWorkers", request: { ...page, orderBy: "cpu desc" } },
    { method: "ListTasks", request: { ...page, states: ["RUNNING", "ASSIGNED"] } },
    { method: "GetQueue", request: { pageSize: 20 } },
    { method: "GetTaskStream", request: { last: areOwn ? 60_000 + reader : 60_000 } },
    { method: "ListEvents", request: { ...page, orderBy: "sequence desc" } },
  ];
}

const timed: readonly (readonly [MethodName, object])[] = [
  ["GetOverview", {}],
  ["GetQueue", { pageSize: 50 }],
  ["GetTaskStream", { last: 60_000 }],
  ["GetGraph", { jobId: "/user-0/graph-10001" }],
  ["ListJobs", { orderBy: "state" }],
  ["ListWorkers", { orderBy: "cpu desc" }],
  ["ListTasks", {}],
  ["ListTasks", { states: ["RUNNING"], orderBy: "startedAt desc" }],
  ["ListTasks", { orderBy: "name desc", filter: { id: "/777" } }],
  ["ListUsers", { orderBy: "spend desc" }],
  ["ListEvents", { orderBy: "sequence desc" }],
  ["GetSchedulerState", {}],
  ["Explain", { id: "/user-0/job-9990" }],
];

/** The milliseconds of CPU of a read in all, and of its longest step. */
function timeOf(fleet: Fleet, method: string, request: object): { total: number; step: number } {
  let best = { total: Number.POSITIVE_INFINITY, step: Number.POSITIVE_INFINITY };
  for (let run = 0; run < 3; run++) {
    const steps = answerInSteps(fleet.state, method, request, admin);
    let [total, longest] = [0, 0];
    for (let isDone = false; !isDone; ) {
      const before = process.threadCpuUsage();
      isDone = steps.next().done === true;
      const { user, system } = process.threadCpuUsage(before);
      const tookMs = (user + system) / 1_000;
      total += tookMs;
      longest = Math.max(longest, tookMs);
    }
    if (total < best.total) best = { total, step: longest };
  }
  return best;
}

/** The fleet behind a socket, and something that goes on in it. */
class Served {
  readonly fleet = aFleet();
  readonly #server = createServer();
  readonly #calls: ApiCalls;
  readonly #live;
  #sequence = 0;
  #changes: NodeJS.Timeout | null = null;
  url = "";

  constructor() {
    const { fleet } = this;
    this.#calls = new ApiCalls({
      logger: createLogger({ name: "bench", level: "silent" }),
      at: () => fleet.now(),
      handle: () => true,
      hold: (act) => void setImmediate(() => act(this.#sequence)),
      overload: () => null,
      authorise: () => null,
      budgetOf: () => {
        throw new Error("nobody sets a budget");
      },
      logSources: () => ({ sources: [], open: false }),
      read: (method, request, principal) => answerInSteps(fleet.state, method, request, principal),
      fetchLogs: async () => null,
      readStack: () => async () => null,
      count: () => undefined,
    });
    this.#live = attachLiveServer(this.#server, {
      hosts: [],
      backend: {
        sequence: () => this.#sequence,
        at: () => new Date(0).toISOString(),
        clock: () => ({
          ...{ sequence: this.#sequence, at: "", live: true, oldestSequence: null, oldestAt: null },
        }),
        read: (order, answer) => this.#calls.call(order, answer),
        past: () => Promise.reject(new Error("no past")),
      },
      identify: () => ({ principal: admin }),
      renew: () => admin,
    });
  }

  async start(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.url = `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1/events`;
    this.#changes = setInterval(() => this.#change(), 1_000 / changesPerSecond);
  }

  get queries(): { readonly readCount: number; readonly busyMs: number } {
    return this.#live.queries;
  }

  /** As a heartbeat does and an event: it costs nothing, so that the looking is what counts. */
  #change(): void {
    const { state, random } = this.fleet;
    const worker = state.workers[random.below(workerCount)];
    worker.memory = { ...worker.memory, rssBytes: worker.memory.rssBytes + 1 };
    worker.lastHeardAt = this.fleet.now();
    const event = { type: "worker", id: worker.workerId, message: "it lives" };
    state.story.addEvent({ ...event, at: worker.lastHeardAt, journaled: 0 });
    this.#sequence++;
  }

  close(): void {
    if (this.#changes !== null) clearInterval(this.#changes);
    this.#live.close();
    this.#server.close();
  }
}

interface Cost {
  readonly cpuMsPerSecond: number;
  /** Of these, what live queries were charged. */
  readonly busyMsPerSecond: number;
  readonly readsPerSecond: number;
  readonly bytesPerSecond: number;
  /** How late a timer was, at most, in ms. */
  readonly latestMs: number;
}

async function costOf(served: Served, readers: ReadersData["readers"]): Promise<Cost> {
  const workerData: ReadersData = { url: served.url, readers };
  const thread = new Worker(new URL("dashboard-readers.ts", import.meta.url), { workerData });
  await pause(settleMs);
  await heardBy(thread);
  const cpu = process.threadCpuUsage();
  const { readCount, busyMs } = served.queries;
  const latestMs = await pause(measuredMs);
  const { user, system } = process.threadCpuUsage(cpu);
  const { bytes } = await heardBy(thread);
  await thread.terminate();
  const seconds = measuredMs / 1_000;
  return {
    cpuMsPerSecond: (user + system) / 1_000 / seconds,
    busyMsPerSecond: (served.queries.busyMs - busyMs) / seconds,
    readsPerSecond: (served.queries.readCount - readCount) / seconds,
    bytesPerSecond: bytes / seconds,
    latestMs,
  };
}

async function heardBy(thread: Worker): Promise<ReadersHeard> {
  thread.postMessage("how much");
  const [heard] = (await once(thread, "message")) as [ReadersHeard];
  return heard;
}

/** Waits; how late a timer was meanwhile, at most. */
async function pause(ms: number): Promise<number> {
  const end = performance.now() + ms;
  let latestMs = 0;
  while (performance.now() < end) {
    const startedAt = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 5));
    latestMs = Math.max(latestMs, performance.now() - startedAt - 5);
  }
  return latestMs;
}

async function prepare(): Promise<Prepared> {
  const served = new Served();
  await served.start();
  const details: { [name: string]: number } = {};
  return {
    run: async () => {
      for (const [index, [method, request]] of timed.entries()) {
        const { total, step } = timeOf(served.fleet, method, request);
        details[`${method}${index}Ms`] = total;
        details[`${method}${index}StepMs`] = step;
      }
      const idle = await costOf(served, []);
      details.idleCpuMs = idle.cpuMsPerSecond;
      let last = 0;
      for (const areOwn of [false, true]) {
        for (const count of readerCounts) {
          const readers = Array.from({ length: count }, (_, i) => subscriptionsOf(i, areOwn));
          const cost = await costOf(served, readers);
          const name = `${areOwn ? "own" : "same"}${count}`;
          last = cost.cpuMsPerSecond - idle.cpuMsPerSecond;
          details[`${name}CpuMs`] = last;
          details[`${name}BusyMs`] = cost.busyMsPerSecond;
          details[`${name}Reads`] = cost.readsPerSecond;
          details[`${name}KiB`] = cost.bytesPerSecond / 1024;
          details[`${name}LateMs`] = cost.latestMs;
        }
      }
      return last;
    },
    pids: [],
    close: async () => served.close(),
    details: () => details,
  };
}

export const dashboardCase: BenchCase = {
  name: "dashboard",
  unit: "ms",
  what:
    `CPU of the controller's loop a second for ${readerCounts.at(-1)} open dashboards, each with ` +
    `pages of its own; ${workerCount} workers, ${jobCount} jobs, ${taskCount} tasks; ` +
    `${changesPerSecond} changes a second`,
  prepare,
};
