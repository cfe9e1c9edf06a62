/**
 * What the controller says about peers and where values are.
 *
 * @module
 */

import type { HotMessageOf, PeerGone, Peer as PeerMessage } from "../protocol/messages.ts";
import { type Outbox, record } from "./outbox.ts";
import type { WorkerState } from "./state.ts";
import { removePeer, takeSources } from "./transfers.ts";

/** A peer, or a new incarnation of one: then the old one and all that it had are gone. */
export function onPeer(state: WorkerState, out: Outbox, message: PeerMessage): void {
  const { index, incarnation } = message;
  const known = state.peers.get(index);
  if (known !== undefined) {
    if (known.incarnation === incarnation) return;
    removePeer(state, out, known);
  }
  record(state, out, { type: "peer-joined", index, incarnation });
}

export function onPeerGone(state: WorkerState, out: Outbox, message: PeerGone): void {
  const known = state.peers.get(message.index);
  if (known === undefined || known.incarnation !== message.incarnation) return;
  removePeer(state, out, known);
}

export function onSources(state: WorkerState, out: Outbox, message: HotMessageOf<"sources">): void {
  let first = 0;
  for (let i = 0; i < message.tasks.length; i++) {
    const end = first + message.counts[i];
    takeSources(state, out, message.tasks[i], [...message.sources.subarray(first, end)]);
    first = end;
  }
}
