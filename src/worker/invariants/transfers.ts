/**
 * Rules about what is fetched.
 *
 * @module
 */

import { assert } from "../../base/assert.ts";
import { mayStart } from "../answers.ts";
import { transfersMax, transfersPerPeerMax } from "../limits.ts";
import type { WorkerState } from "../state.ts";
import { peerIsOpen } from "../transfers.ts";
import type { WorkerRules } from "./rule.ts";

function inFlightIsWhatALiveTransferWants(state: WorkerState): void {
  const wanted = new Set<number>();
  for (const transfer of state.transfers.values()) {
    for (const task of transfer.wanted) {
      assert(!wanted.has(task), `task ${task} is wanted by one transfer`);
      wanted.add(task);
      const flying = state.tasks.get(task)?.state;
      const here = flying?.type === "in-flight" && flying.transfer === transfer;
      assert(here, `task ${task} is in flight by transfer ${transfer.id}`);
    }
  }
  for (const { task, state: flying } of state.tasks.values()) {
    if (flying.type !== "in-flight") continue;
    assert(state.transfers.get(flying.transfer.id) === flying.transfer, "the transfer is live");
    assert(wanted.has(task), `transfer ${flying.transfer.id} wants task ${task}`);
  }
}

function transfersStayInTheirBounds(state: WorkerState): void {
  assert(state.transfers.size <= transfersMax, "transfers are bounded");
  const live = new Map<number, number>();
  for (const { peer } of state.transfers.values()) live.set(peer, (live.get(peer) ?? 0) + 1);
  for (const peer of state.peers.values()) {
    assert(peer.transfers === (live.get(peer.index) ?? 0), `transfers of peer ${peer.index}`);
    assert(peer.transfers <= transfersPerPeerMax, `peer ${peer.index} is not asked too much`);
  }
}

function whatIsToBeFetchedHasLiveSources(state: WorkerState): void {
  for (const { task, state: wanted } of state.tasks.values()) {
    if (wanted.type === "missing") assert(state.missing.has(task), `task ${task} is asked for`);
    if (wanted.type !== "to-fetch" && wanted.type !== "in-flight") continue;
    assert(wanted.type === "in-flight" || wanted.sources.size > 0, `task ${task} has a source`);
    for (const source of wanted.sources) {
      assert(state.peers.has(source), `source ${source} of task ${task} is a live peer`);
      assert(source !== state.connection.index, "nobody fetches from himself");
    }
  }
  for (const task of state.missing) {
    assert(state.tasks.get(task)?.state.type === "missing", `task ${task} is missing`);
  }
}

function peerQueuesAreThoseOfTheRecords(state: WorkerState): void {
  for (const peer of state.peers.values()) {
    assert(state.fetchable.has(peer) === peer.queue.size > 0, "peers with a queue are known");
    for (const task of peer.queue) {
      const queued = state.tasks.get(task)?.state;
      const has = queued?.type === "to-fetch" && queued.sources.has(peer.index);
      assert(has, `task ${task} may come from peer ${peer.index}`);
    }
  }
  for (const { task, state: wanted } of state.tasks.values()) {
    if (wanted.type !== "to-fetch") continue;
    for (const source of wanted.sources) {
      assert(state.peers.get(source)?.queue.has(task) === true, `task ${task} is queued on peers`);
    }
  }
}

function nothingToFetchHasAnIdlePeer(state: WorkerState): void {
  if (!mayStart(state)) return;
  for (const peer of state.fetchable) {
    const idle = peer.busyUntil === 0 && peerIsOpen(state, peer, 0);
    assert(!idle, `peer ${peer.index} could be asked and is not`);
  }
}

export const transferRules: WorkerRules = {
  "W1 peer queues are those of the records": peerQueuesAreThoseOfTheRecords,
  "W7 in flight is what a live transfer wants": inFlightIsWhatALiveTransferWants,
  "W8 transfers stay in their bounds": transfersStayInTheirBounds,
  "W13 what is to be fetched has live sources": whatIsToBeFetchedHasLiveSources,
  "W16 nothing to fetch has an idle peer": nothingToFetchHasAnIdlePeer,
};
