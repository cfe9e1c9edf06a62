/**
 * Rules about what is fetched.
 *
 * @module
 */

import { mayStart } from "../answers.ts";
import {
  fetchBytesMax,
  tasksPerTransferMax,
  transferBytesMax,
  transfersMax,
  transfersPerPeerMax,
} from "../limits.ts";
import type { Peer, WorkerState } from "../state.ts";
import { peerIsOpen } from "../transfers.ts";
import { broken, type WorkerRules } from "./rule.ts";

function inFlightIsWhatALiveTransferWants(state: WorkerState): void {
  // That no two want one task follows: a record names the one that brings it.
  for (const transfer of state.transfers.values()) {
    for (const task of transfer.wanted) {
      const flying = state.tasks.get(task)?.state;
      if (flying?.type !== "in-flight" || flying.transfer !== transfer)
        broken(`task ${task} is in flight by transfer ${transfer.id}`);
    }
  }
}

function countTransfers(state: WorkerState, { index }: Peer): number {
  let live = 0;
  for (const { peer } of state.transfers.values()) if (peer === index) live++;
  return live;
}

function transfersStayInTheirBounds(state: WorkerState): void {
  if (state.transfers.size > transfersMax) broken("transfers are bounded");
  let bytes = 0;
  for (const { sizeBytes } of state.transfers.values()) bytes += sizeBytes;
  if (bytes !== state.residence.arrivingBytes) broken(`${bytes} bytes are under way`);
  for (const peer of state.peers.values()) {
    if (peer.transfers !== countTransfers(state, peer)) broken(`transfers of peer ${peer.index}`);
    if (peer.transfers > transfersPerPeerMax) broken(`peer ${peer.index} is not asked too much`);
  }
}

/**
 * A transfer begins where there is no other one or what is under way is below the budget: what of
 * it is under way still was so then, and transfers are in the order of their beginning.
 */
function bytesUnderWayStayWithinTheBudget({ transfers, residence }: WorkerState): void {
  const budget = Math.min(fetchBytesMax, residence.targetBytes);
  let before = 0;
  let isFirst = true;
  for (const { id, sizeBytes, tasks } of transfers.values()) {
    if (!isFirst && before >= budget)
      broken(`transfer ${id} began with ${before} of ${budget} bytes under way`);
    const isAlone = tasks.length === 1;
    if (!isAlone && (sizeBytes > transferBytesMax || tasks.length > tasksPerTransferMax))
      broken(`transfer ${id} brings ${tasks.length} values of ${sizeBytes} bytes`);
    before += sizeBytes;
    isFirst = false;
  }
}

function whatIsMissingIsAskedFor(state: WorkerState): void {
  for (const task of state.missing) {
    if (state.tasks.get(task)?.state.type !== "missing") broken(`task ${task} is missing`);
  }
}

function peerQueuesAreThoseOfTheRecords(state: WorkerState): void {
  for (const peer of state.peers.values()) {
    if (state.fetchable.has(peer) !== peer.queue.size > 0) broken("peers with a queue are known");
    for (const task of peer.queue) {
      const queued = state.tasks.get(task)?.state;
      if (queued?.type !== "to-fetch" || !queued.sources.has(peer.index))
        broken(`task ${task} may come from peer ${peer.index}`);
    }
  }
}

function nothingToFetchHasAnIdlePeer(state: WorkerState): void {
  if (!mayStart(state)) return;
  for (const peer of state.fetchable) {
    if (peer.busyUntil === 0 && peerIsOpen(state, peer, 0))
      broken(`peer ${peer.index} could be asked and is not`);
  }
}

export const transferRules: WorkerRules = {
  "W1 peer queues are those of the records": peerQueuesAreThoseOfTheRecords,
  "W7 in flight is what a live transfer wants": inFlightIsWhatALiveTransferWants,
  "W8 transfers stay in their bounds": transfersStayInTheirBounds,
  "W8 bytes under way stay within the budget": bytesUnderWayStayWithinTheBudget,
  "W13 what is missing is asked for": whatIsMissingIsAskedFor,
  "W16 nothing to fetch has an idle peer": nothingToFetchHasAnIdlePeer,
};
