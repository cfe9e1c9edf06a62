/**
 * What the controller's loop and the journal thread say to each other. One commit is under way at
 * a time; what comes meanwhile accumulates on the loop's side and is the next commit.
 *
 * @module
 */

import type { Micros } from "../../base/time.ts";
import type { ErrorCode } from "../../model/errors.ts";

export interface JournalThreadData {
  readonly dataDir: string;
  readonly epoch: number;
}

export type ToJournalThread =
  | {
      readonly type: "commit";
      readonly first: number;
      readonly last: number;
      readonly at: Micros;
      readonly blob: Uint8Array<ArrayBuffer>;
    }
  /** Write it in slices between commits; then drop what it makes superfluous. */
  | {
      readonly type: "write-snapshot";
      readonly sequence: number;
      readonly at: Micros;
      readonly hash: string;
      readonly bytes: Uint8Array<ArrayBuffer>;
    }
  | { readonly type: "close" };

export type FromJournalThread =
  | { readonly type: "ready" }
  /** `bytes` is the size of the blob, `ms` what it took to make it durable. */
  | {
      readonly type: "committed";
      readonly last: number;
      readonly bytes: number;
      readonly ms: number;
    }
  /** Nothing after the last `committed` may be acknowledged, ever. */
  | { readonly type: "commit-failed"; readonly code: ErrorCode; readonly message: string }
  | { readonly type: "snapshot-written"; readonly sequence: number }
  | { readonly type: "snapshot-failed"; readonly message: string };
