/**
 * What one step of the controller says, in frames: one for each peer, in the order of their first
 * message.
 *
 * @module
 */

import { InvariantError } from "../../base/assert.ts";
import type { ToWorkerMessage } from "../../protocol/messages.ts";
import type { ControllerOut, ForClient } from "./controller-node.ts";
import { Interner } from "./interner.ts";

/** What leaves in one go, in order, already in frames. */
export type Sends = readonly (WorkerSend | ClientSend)[];

interface ClientSend {
  readonly to: "client";
  readonly clientId: string;
  readonly frame: number;
}

export type WorkerSend =
  | { readonly to: "worker"; readonly index: number; readonly frame: number }
  | { readonly to: "cut"; readonly index: number }
  | { readonly to: "session"; readonly index: number; readonly connection: number };

export interface Parcel {
  readonly isDurable: boolean;
  readonly sends: Sends;
}

/** All frames that the controller ever sent. */
export class Parcels {
  readonly orders = new Interner<readonly ToWorkerMessage[]>();
  readonly answers = new Interner<readonly ForClient[]>();
  readonly #known = new WeakMap<readonly ControllerOut[], Parcel>();

  /** What one step says, in frames: one for each peer, in the order of their first message. */
  parcelOf(outs: readonly ControllerOut[]): Parcel {
    const known = this.#known.get(outs);
    if (known !== undefined) return known;
    const frames = new Map<string, ControllerOut[]>();
    for (const out of outs) {
      if (out.to === "journal") continue;
      const peer = out.to === "client" ? out.clientId : `${out.to} ${out.worker}`;
      const frame = frames.get(peer);
      if (frame === undefined) frames.set(peer, [out]);
      else frame.push(out);
    }
    const sends = [...frames.values()].map((frame) => this.#sendOf(frame));
    const parcel = { isDurable: outs.some(({ to }) => to === "journal"), sends };
    this.#known.set(outs, parcel);
    return parcel;
  }

  #sendOf(outs: readonly ControllerOut[]): Sends[number] {
    const [first] = outs;
    switch (first.to) {
      case "worker": {
        const messages = outs.flatMap((out) => (out.to === "worker" ? [out.message] : []));
        return { to: "worker", index: first.worker, frame: this.orders.intern(messages) };
      }
      case "client": {
        const messages = outs.flatMap((out) => (out.to === "client" ? [out.message] : []));
        return { to: "client", clientId: first.clientId, frame: this.answers.intern(messages) };
      }
      case "journal":
        throw new InvariantError("the journal is no peer");
      case "session":
        return { to: "session", index: first.worker, connection: first.connection };
      default:
        return { to: "cut", index: first.worker };
    }
  }
}
