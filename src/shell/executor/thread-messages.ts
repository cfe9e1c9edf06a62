/**
 * What a lane's owner and its thread post to each other, besides the shared memory. All of it is
 * one flush of many orders, or rare.
 *
 * @module
 */

import type { AttemptFailure, ErrorRecord } from "../../model/failure.ts";
import type { Progress } from "../../model/progress.ts";
import type { TaskCredentials, TaskGang } from "./context.ts";
import type { LargeBytes, OrderFrame } from "./order-frame.ts";

/** Function `index` of this executor: an export of a bundle file. */
export interface FunctionPlace {
  readonly index: number;
  readonly bundlePath: string;
  readonly functionName: string;
  /** What is set up in the thread before it runs there for the first time. */
  readonly plugins: readonly PluginPlace[];
  /** Whose tasks call it so, and with which priority. */
  readonly user: string;
  readonly priority: number;
}

/** A plugin, and the file of its bundle. */
export interface PluginPlace {
  readonly name: string;
  readonly bundlePath: string;
  readonly setup: string;
  /** "" for none. */
  readonly teardown: string;
}

/** The gang of an order, which travels beside its frame. */
export interface GangOfOrder {
  readonly sequence: number;
  readonly gang: TaskGang;
}

export type ToThread =
  | {
      readonly type: "orders";
      /** Functions that the thread has not heard of. */
      readonly functions: readonly FunctionPlace[];
      readonly frame: OrderFrame;
      /** Of those orders that are members of gangs. */
      readonly gangs: readonly GangOfOrder[];
    }
  /** Memory is short: collect garbage. */
  | { readonly type: "collect" }
  /** What waits has its place beside the line: take up what comes next. */
  | { readonly type: "go-on"; readonly sequence: number }
  /** What was asked for; `refused` says why there is none, and is "" otherwise. */
  | {
      readonly type: "credentials";
      readonly sequence: number;
      readonly credentials: TaskCredentials | null;
      readonly refused: string;
    }
  | { readonly type: "abort"; readonly sequence: number; readonly reason: "stopped" | "timeout" }
  /** Tear down what was set up, then end. */
  | { readonly type: "end" };

export type LogLevel = "debug" | "info" | "warn" | "error";

export type FromThread =
  /** It takes orders. */
  | { readonly type: "ready" }
  /** What it was given first has been loaded, or cannot be. Told once. */
  | { readonly type: "loaded" }
  /** There are records in the ring. */
  | { readonly type: "notice" }
  | {
      readonly type: "large-value";
      readonly sequence: number;
      readonly value: LargeBytes;
      readonly durationUs: number;
    }
  | {
      readonly type: "failed";
      readonly sequence: number;
      readonly cause: "failed" | "rescheduled" | "module-unloadable" | "setup-failed";
      readonly failure: AttemptFailure;
    }
  /** The function waits for tasks of its own; or it goes on. */
  | { readonly type: "waits" | "rejoined"; readonly sequence: number }
  /** How far the function says it is. */
  | { readonly type: "progress"; readonly sequence: number; readonly progress: Progress }
  /** The function wants to speak to its controller. */
  | { readonly type: "credentials-wanted"; readonly sequence: number }
  /** Input `index` could not be decoded. */
  | {
      readonly type: "input-failed";
      readonly sequence: number;
      readonly index: number;
      readonly reason: string;
    }
  /** Told before the thread ends: of whom that is the fault, if anybody's, and what was thrown. */
  | { readonly type: "blame"; readonly sequence: number | null; readonly error: ErrorRecord | null }
  /** An error of a task that has ended. It has not ended the thread, which is not to be kept. */
  | {
      readonly type: "leftover-error";
      readonly message: string;
      readonly fields: { readonly [name: string]: unknown };
    }
  /** What functions wrote; or that they wrote more than is kept. */
  | {
      readonly type: "output";
      readonly stream: "stdout" | "stderr";
      readonly text: string;
      readonly droppedCharacters: number;
    }
  | {
      readonly type: "log";
      readonly level: LogLevel;
      readonly message: string;
      readonly fields: { readonly [name: string]: unknown };
    };

/** What a thread is started with. */
export interface ThreadData {
  readonly shared: SharedArrayBuffer;
  readonly workerId: string;
  /** What the thread's own messages carry. */
  readonly key: string;
  /** It is the thread of one actor; else of one task after the other. */
  readonly isActor: boolean;
}

/** A message as it is posted: code of users can post to the same port, and says nothing here. */
export interface Sealed {
  readonly key: string;
  readonly message: FromThread;
}

/** The message, if the thread itself posted it. */
export function unsealed(posted: unknown, key: string): FromThread | null {
  const isOurs = (posted as Partial<Sealed> | null | undefined)?.key === key;
  return isOurs ? (posted as Sealed).message : null;
}
