/**
 * The readers of the case `dashboard`, in a thread of their own: each is one connection with the
 * subscriptions of an open dashboard. What it hears it counts and drops.
 *
 * @module
 */

import { parentPort, workerData } from "node:worker_threads";
import WebSocket from "ws";
import { liveProtocol } from "../src/shell/api/live-messages.ts";

/** What the thread is told. */
export interface ReadersData {
  readonly url: string;
  /** By reader, what it subscribes to. */
  readonly readers: readonly (readonly { readonly method: string; readonly request: object }[])[];
}

/** What it answers when it is asked: messages and bytes since it was asked last. */
export interface ReadersHeard {
  readonly messages: number;
  readonly bytes: number;
}

const { url, readers } = workerData as ReadersData;
let heard = { messages: 0, bytes: 0 };

for (const subscriptions of readers) {
  const socket = new WebSocket(url, [liveProtocol]);
  socket.on("open", () => {
    for (const [id, one] of subscriptions.entries()) {
      socket.send(JSON.stringify({ type: "subscribe", id, ...one }));
    }
  });
  socket.on("message", (data: Buffer) => {
    heard = { messages: heard.messages + 1, bytes: heard.bytes + data.length };
  });
}

parentPort?.on("message", () => {
  parentPort?.postMessage(heard satisfies ReadersHeard);
  heard = { messages: 0, bytes: 0 };
});
