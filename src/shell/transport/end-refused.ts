/**
 * The last words to a peer that is turned away, and the end of its connection, whether it goes by
 * itself or not.
 *
 * @module
 */

import type { Socket } from "node:net";
import { closeTimeoutMs } from "./limits.ts";

/** Says `words` and closes; a peer that stays is cut after so many milliseconds. */
export function endRefused(
  socket: Socket,
  words: string | Uint8Array,
  stayMsMax = closeTimeoutMs,
): void {
  socket.on("error", () => socket.destroy()); // The peer left first: there is nobody to tell.
  if (socket.destroyed) return;
  socket.end(words);
  socket.resume(); // Whatever else it says is dropped, so that its end is seen.
  const cut = setTimeout(() => socket.destroy(), stayMsMax);
  cut.unref();
  socket.once("close", () => clearTimeout(cut));
}
