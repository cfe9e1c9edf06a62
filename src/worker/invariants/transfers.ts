/**
 * Rules about what is fetched.
 *
 * @module
 */

import { mayStart } from "../answers.ts";
import { transfersMax, transfersPerPeerMax } from "../limits.ts";
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
  "W13 what is missing is asked for": whatIsMissingIsAskedFor,
  "W16 nothing to fetch has an idle peer": nothingToFetchHasAnIdlePeer,
};
