/**
 * Tells a peer that has nothing to say from one that is not there any more: a network that fails
 * without a word leaves a connection that looks open for many minutes.
 *
 * Silence is counted in beats of our own timer. A process that itself stood still counts one beat,
 * however long it was, so it never blames its peer for that.
 *
 * @module
 */

import { CapstanError } from "../../model/errors.ts";
import type { MessageStream } from "./message-stream.ts";

/** How much silence is too much. */
export interface SilenceLimits {
  /** Length of a beat, in ms. 0: nothing is watched. */
  readonly beatMs: number;
  /** Beats without a byte from the peer, after which the stream is cut. */
  readonly silentBeatsMax: number;
  /** Called once every so many silent beats, to be answered: for peers that may have no news. */
  readonly probe?: { readonly everyBeats: number; readonly send: () => void };
}

/** Watches until the stream is over. Does not keep the process alive. */
export function watchSilence(stream: MessageStream, limits: SilenceLimits): void {
  const { beatMs, silentBeatsMax, probe } = limits;
  if (beatMs === 0) return;
  let bytesRead = stream.bytesRead;
  let silentBeats = 0;
  const onBeat = (): void => {
    if (stream.closed) {
      clearInterval(timer);
      return;
    }
    silentBeats = stream.bytesRead === bytesRead ? silentBeats + 1 : 0;
    bytesRead = stream.bytesRead;
    if (silentBeats >= silentBeatsMax) stream.destroy(silenceError(silentBeats * beatMs));
    else if (probe !== undefined && silentBeats > 0 && silentBeats % probe.everyBeats === 0) {
      probe.send();
    }
  };
  const timer = setInterval(onBeat, beatMs);
  timer.unref();
}

function silenceError(silentMs: number): CapstanError {
  return new CapstanError("UNREACHABLE", `nothing was heard for ${silentMs} ms`);
}
