/**
 * The context of an attempt as its order carries it, read and checked.
 *
 * @module
 */

import { CapstanError } from "../../model/errors.ts";
import { type AttemptId, formatAttemptId, type TaskRef } from "../../model/ids.ts";
import type { DeviceAmount } from "../../model/resources.ts";
import { Fields, requireCount } from "../../protocol/fields.ts";
import type { AttemptContext } from "../../protocol/messages.ts";

/**
 * The context in `text`. A command that is a node of a graph may have none: then it is task 0 of 1
 * and holds no devices.
 *
 * @throws CapstanError PROTOCOL_ERROR naming the field.
 */
export function parseAttemptContext(
  text: string,
  attempt: AttemptId,
  task: TaskRef,
): AttemptContext {
  if (text === "") return contextWithoutJob(attempt, task);
  const fields = new Fields(parseJson(text), "context");
  return {
    taskId: fields.text("taskId"),
    jobId: fields.text("jobId"),
    attemptId: fields.text("attemptId"),
    index: fields.count("index"),
    replicas: fields.count("replicas"),
    devices: fields.list("devices", parseGrantedDevice),
    token: fields.text("token"),
  };
}

function contextWithoutJob(attempt: AttemptId, task: TaskRef): AttemptContext {
  const attemptId = formatAttemptId(attempt);
  const place = { index: 0, replicas: 1, devices: [], token: "" };
  return { taskId: String(task), jobId: "", attemptId, ...place };
}

function parseGrantedDevice(item: unknown, path: string): DeviceAmount {
  const fields = new Fields(item, path);
  return {
    kind: fields.text("kind"),
    variant: fields.text("variant"),
    countMilli: fields.count("countMilli"),
    indices: fields.list("indices", (index, at) => requireCount(index, at)),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CapstanError("PROTOCOL_ERROR", "the context of an attempt is not JSON", { cause });
  }
}
