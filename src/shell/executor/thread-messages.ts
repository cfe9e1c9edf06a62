/**
 * What a lane's owner and its thread post to each other, besides the shared memory. All of it is
 * one flush of many orders, or rare.
 *
 * @module
 */

import type { AttemptFailure } from "../../model/failure.ts";
import type { LargeBytes, OrderFrame } from "./order-frame.ts";

/** Function `index` of this executor: an export of a bundle file. */
export interface FunctionPlace {
  readonly index: number;
  readonly bundlePath: string;
  readonly functionName: string;
  /** What is set up in the thread before it runs there for the first time. */
  readonly plugins: readonly PluginPlace[];
}

/** A plugin, and the file of its bundle. */
export interface PluginPlace {
  readonly name: string;
  readonly bundlePath: string;
  readonly setup: string;
  /** "" for none. */
  readonly teardown: string;
}

export type ToThread =
  | {
      readonly type: "orders";
      /** Functions that the thread has not heard of. */
      readonly functions: readonly FunctionPlace[];
      readonly frame: OrderFrame;
    }
  | { readonly type: "abort"; readonly sequence: number; readonly reason: "stopped" | "timeout" }
  /** Tear down what was set up, then end. */
  | { readonly type: "end" };

export type LogLevel = "debug" | "info" | "warn" | "error";

export type FromThread =
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
      readonly cause: "failed" | "module-unloadable" | "setup-failed";
      readonly failure: AttemptFailure;
    }
  /** Input `index` could not be decoded. */
  | {
      readonly type: "input-failed";
      readonly sequence: number;
      readonly index: number;
      readonly reason: string;
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
}
