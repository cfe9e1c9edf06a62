/**
 * How a client reaches its cluster: the one door of this room to the network. `NetworkTransport`
 * is the real one; a simulated cluster brings its own.
 *
 * @module
 */

import type { TaskRef } from "../model/ids.ts";
import type { ClientHello, ClientMessage, ControllerHello, Message } from "../protocol/messages.ts";
import type { Bundle } from "./bundle.ts";
import type { BundleSource } from "./bundle-uploads.ts";
import type { TaskDefinition } from "./task.ts";
import type { WaitClock } from "./wait-clock.ts";

/** An open stream to the controller; see `MessageStream`. */
export interface ClientStream {
  onMessages: ((messages: Message[]) => void) | null;
  /** Called once when it is over, with the error that ended it or null. */
  onClose: ((error: Error | null) => void) | null;
  /** Sends at the end of this callback; does nothing once it is closed. */
  send(message: ClientMessage): void;
  /** What was sent so far leaves now. */
  flush(): void;
  /** Sends what is left, then ends. */
  close(): void;
  /** Ends at once: what was sent may be lost. */
  destroy(error?: Error | null): void;
}

export interface ConnectedClient {
  readonly stream: ClientStream;
  readonly hello: ControllerHello;
}

/** What one worker is asked for. */
export interface ValuesRequest {
  /** `host:port` of its data listener. */
  readonly address: string;
  readonly token: string;
  readonly tasks: readonly TaskRef[];
  readonly signal: AbortSignal;
}

/** A value for one worker. */
export interface BringRequest {
  /** `host:port` of its data listener. */
  readonly address: string;
  readonly token: string;
  readonly clusterId: string;
  readonly task: TaskRef;
  readonly bytes: Uint8Array;
  readonly signal: AbortSignal;
}

export interface FetchedBytes {
  readonly got: readonly { readonly task: TaskRef; readonly bytes: Uint8Array }[];
  /** Of those that it would give, but not now. */
  readonly busy: readonly TaskRef[];
}

export interface Transport {
  /** The address, for people. */
  readonly url: string;
  readonly clock: WaitClock;
  /** Whether a handle that the garbage collector took counts as released. */
  readonly releasesCollected: boolean;
  /** Whether executors set plugins up. */
  readonly runsPlugins: boolean;
  /**
   * One try. Rejects with UNREACHABLE, UNAUTHENTICATED, FORBIDDEN, VERSION_MISMATCH,
   * PROTOCOL_ERROR, or the signal's reason.
   */
  connect(hello: ClientHello, signal: AbortSignal): Promise<ConnectedClient>;
  /** Where the module of a task comes from; one name for all tasks of one module. */
  sourceOf(task: TaskDefinition): BundleSource;
  /**
   * Brings a bundle over, unless it is there. False if the controller does not answer, or not now;
   * rejects when it refuses, and with the signal's reason.
   */
  upload(bundle: Bundle, source: BundleSource, signal: AbortSignal): Promise<boolean>;
  /** Rejects with UNREACHABLE and the like, or the signal's reason. */
  fetchValues(request: ValuesRequest): Promise<FetchedBytes>;
  /** "" when the worker has it, else why not, to be tried again. Rejects as the signal says. */
  bringValue(request: BringRequest): Promise<string>;
  /** Frees what fetches left open. */
  close(): void;
}
