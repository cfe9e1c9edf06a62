/**
 * Which workers a list shows, and in which order.
 *
 * @module
 */

import { dimension } from "../scheduler/dimensions.ts";
import type { ListRequest } from "./pages.ts";
import { type Orders, orderNamed, Selection } from "./selection.ts";
import type { ControllerState, Worker } from "./state.ts";
import { workerState, workerView } from "./views.ts";
import { rowsByWorker } from "./workers.ts";

/** `filter` of ListWorkers: all that is given must hold. */
interface WorkerFilter {
  readonly states?: readonly string[];
  /** A part of its id, its address, or of an attribute `key=value`. */
  readonly text?: string;
}

const orders: Orders<Worker> = {
  registration: ({ index }) => index,
  workerId: ({ workerId }) => workerId,
  state: (worker) => workerState(worker),
  cpu: (worker) => shareOf(worker, dimension.cpu),
  memory: (worker) => shareOf(worker, dimension.memory),
  attempts: ({ liveAttempts }) => liveAttempts,
  rssBytes: ({ memory }) => memory.rssBytes,
  heldValueBytes: ({ heldValueBytes }) => heldValueBytes,
  spilledBytes: ({ memory }) => memory.spilledBytes,
  lastHeartbeatAt: ({ lastHeardAt }) => lastHeardAt,
};

/** The ListWorkers response. */
export function listWorkers(state: ControllerState, request: ListRequest) {
  const filter = (request.filter ?? {}) as WorkerFilter;
  const { keyOf, direction } = orderNamed(orders, request.orderBy ?? "registration");
  const selection = new Selection<Worker>(request, direction);
  for (const worker of state.workers) {
    if (matches(worker, filter)) selection.offer(worker, keyOf(worker), worker.index);
  }
  const { page, nextPageToken } = selection.page();
  const rows = rowsByWorker(state);
  return {
    workers: page.map((worker) => workerView(state, worker, rows.get(worker.index) ?? [])),
    totalCount: selection.count,
    controllerEpoch: state.epoch,
    nextPageToken,
  };
}

/** How much of what it has is granted. */
function shareOf({ used, capacity }: Worker, index: number): number {
  return capacity[index] > 0 ? used[index] / capacity[index] : 0;
}

function matches(worker: Worker, { states = [], text = "" }: WorkerFilter): boolean {
  if (states.length > 0 && !states.includes(workerState(worker))) return false;
  if (worker.workerId.includes(text) || worker.address.includes(text)) return true;
  return Object.entries(worker.attributes).some(([key, value]) => `${key}=${value}`.includes(text));
}
