/**
 * What a worker and a function's process say to each other, and how what the process says is
 * checked: it runs the user's code, so nothing that it says is believed.
 *
 * @module
 */

import type { AttemptFailure } from "../../model/failure.ts";
import type { AttemptId, TaskRef } from "../../model/ids.ts";
import { progressNoteCharactersMax } from "../../model/limits.ts";
import { isFraction, type Progress } from "../../model/progress.ts";
import { Fields, requireText } from "../../protocol/fields.ts";
import { parseAttemptFailure } from "../../protocol/parse-specs.ts";
import { valueFormat } from "../values/value-format.ts";
import type { TaskCredentials, TaskGang } from "./context.ts";
import { waitsForMax } from "./limits.ts";
import type { Frame } from "./process-frames.ts";
import type { LogLevel, PluginPlace } from "./thread-messages.ts";

/** What a process is started with, in the one variable that it takes out of its environment. */
export interface ProcessOptions {
  /** The worker's socket. */
  readonly door: string;
  /** Says at the door which process comes. */
  readonly key: string;
  readonly workerId: string;
  readonly bundlePath: string;
  /** Stands before the output of each attempt: see `OutputSections`. */
  readonly mark: string;
}

export const processOptionsVariable = "CAPSTAN_FUNCTION_PROCESS";

/** Names the process's own directory: by it, it and what it starts are known to be a worker's. */
export const processDirectoryVariable = "CAPSTAN_PROCESS_DIRECTORY";

/** `run`: the parts of its frame are the arguments and then the inputs. */
export type ToProcess =
  | {
      readonly type: "run";
      readonly sequence: number;
      readonly functionName: string;
      readonly attempt: AttemptId;
      readonly task: TaskRef;
      /** Whose task it is. */
      readonly user: string;
      readonly priority: number;
      /** What must be set up before it runs. */
      readonly plugins: readonly PluginPlace[];
      /** Of which it is a member, or null. */
      readonly gang: TaskGang | null;
    }
  /** What was asked for; `refused` says why there is none, and is "" otherwise. */
  | {
      readonly type: "credentials";
      readonly credentials: TaskCredentials | null;
      readonly refused: string;
    }
  /** Answered by `seen`, unless its JavaScript is in something that lasts. */
  | { readonly type: "look" }
  | { readonly type: "abort"; readonly reason: "stopped" | "timeout" };

/** Told with each end. */
export interface AfterRun {
  readonly rssBytes: number;
  /** What the task left behind that would disturb the next one; "" for nothing that was seen. */
  readonly leftover: string;
}

export type FromProcess =
  | { readonly type: "hello"; readonly key: string }
  /** Its module is loaded: the function itself begins. Told of the first run only. */
  | { readonly type: "begun"; readonly sequence: number }
  /** The function waits for tasks of its own; or it goes on. */
  | { readonly type: "waits" | "rejoined"; readonly sequence: number }
  /** How far the function says it is. */
  | { readonly type: "progress"; readonly sequence: number; readonly progress: Progress }
  /** What its event loop waits for, for the function's sake. */
  | { readonly type: "seen"; readonly sequence: number; readonly waitsFor: readonly string[] }
  /** The function wants to speak to its controller. */
  | { readonly type: "credentials-wanted"; readonly sequence: number }
  | ({
      readonly type: "finished";
      readonly sequence: number;
      readonly durationUs: number;
      readonly value: Uint8Array;
    } & AfterRun)
  | ({
      readonly type: "failed";
      readonly sequence: number;
      readonly cause: "failed" | "rescheduled" | "module-unloadable" | "setup-failed";
      readonly failure: AttemptFailure;
    } & AfterRun)
  /** Input `index` could not be decoded. */
  | ({
      readonly type: "input-failed";
      readonly sequence: number;
      readonly index: number;
      readonly reason: string;
    } & AfterRun)
  | {
      readonly type: "log";
      readonly level: LogLevel;
      readonly message: string;
      readonly fields: { readonly [name: string]: unknown };
    };

const fromProcessTypes = [
  "hello",
  "begun",
  "waits",
  "rejoined",
  "progress",
  "seen",
  "credentials-wanted",
  "finished",
  "failed",
  "input-failed",
  "log",
] as const;

const failedCauses = ["failed", "rescheduled", "module-unloadable", "setup-failed"] as const;

/** Throws PROTOCOL_ERROR naming the field. */
export function parseFromProcess({ head, parts }: Frame): FromProcess {
  const fields = new Fields(head, "message");
  const type = fields.oneOf("type", fromProcessTypes);
  const sequence = type === "hello" || type === "log" ? 0 : fields.count("sequence");
  switch (type) {
    case "hello":
      return { type, key: fields.text("key") };
    case "begun":
    case "waits":
    case "rejoined":
    case "credentials-wanted":
      return { type, sequence };
    case "progress":
      return { type, sequence, progress: parseProgressOf(fields.child("progress")) };
    case "seen":
      return { type, sequence, waitsFor: fields.list("waitsFor", requireText, waitsForMax) };
    case "finished": {
      const value = parts[0];
      if (value?.[0] !== valueFormat) throw fields.refuse("value", "a value", value?.length);
      const durationUs = fields.count("durationUs");
      return { type, sequence, durationUs, value, ...parseAfterRun(fields) };
    }
    case "failed": {
      const cause = fields.oneOf("cause", failedCauses);
      const failure = parseAttemptFailure(fields.child("failure"));
      return { type, sequence, cause, failure, ...parseAfterRun(fields) };
    }
    case "input-failed": {
      const [index, reason] = [fields.count("index"), fields.text("reason")];
      return { type, sequence, index, reason, ...parseAfterRun(fields) };
    }
    case "log": {
      const level = fields.oneOf("level", ["debug", "info", "warn", "error"]);
      const told = fields.dictionary("fields", (item) => item);
      return { type, level, message: fields.text("message"), fields: told };
    }
  }
}

function parseProgressOf(fields: Fields): Progress {
  const fraction = fields.raw("fraction");
  if (!isFraction(fraction)) throw fields.refuse("fraction", "a number from 0 to 1", fraction);
  return { fraction, note: fields.boundedText("note", progressNoteCharactersMax, true) };
}

function parseAfterRun(fields: Fields): AfterRun {
  return { rssBytes: fields.count("rssBytes"), leftover: fields.text("leftover") };
}
