/**
 * Methods about what clients share: published values and locks.
 *
 * @module
 */

import { z } from "zod";
import type { Role } from "../../../model/job.ts";
import { taskStates } from "../../../model/states.ts";
import { copiesMax } from "../../../protocol/limits.ts";
import {
  countField,
  idField,
  nextPageToken,
  pageFields,
  requestOf,
  responseOf,
  textField,
  timeOrNull,
  withDefault,
} from "./fields.ts";

const readers: readonly Role[] = ["admin", "user", "viewer"];
const writers: readonly Role[] = ["admin", "user"];

const publishedValue = responseOf({
  user: z.string(),
  name: z.string(),
  taskId: z.string(),
  state: z.enum(taskStates),
  valueBytes: countField,
  /** A worker that holds it; "" while none does. */
  workerId: z.string(),
  /** All that hold it. */
  workerIds: z.array(z.string()),
  publishedAt: timeOrNull,
}).meta({ id: "PublishedValue", description: "A value that has a name among those of its user." });

const lock = responseOf({
  user: z.string(),
  name: z.string(),
  token: countField,
  holderJobId: z.string(),
  grantedAt: timeOrNull,
  leaseLeftMs: countField,
  waitingJobIds: z.array(z.string()),
}).meta({ id: "Lock", description: "A lock that somebody holds, and who stands in line for it." });

const administrators: readonly Role[] = ["admin"];

const ofUser = withDefault(textField, "");

export const sharedMethods = {
  ListPublishedValues: {
    summary: "Published values, by user and name.",
    access: readers,
    request: requestOf({ user: ofUser, ...pageFields }),
    response: responseOf({
      values: z.array(publishedValue),
      totalCount: z.int(),
      nextPageToken,
    }),
  },
  UnpublishValue: {
    summary: "Frees the name of a published value; what only it wanted goes.",
    access: writers,
    request: requestOf({ name: idField, user: textField.default("") }),
    response: responseOf({ user: z.string(), name: z.string() }),
  },
  ReplicateValue: {
    summary: "On how many workers the value of a task is to be, from now on; 1 is what is usual.",
    access: writers,
    request: requestOf({ taskId: idField, copies: z.int().min(1).max(copiesMax) }),
    response: responseOf({
      taskId: z.string(),
      copies: z.int(),
      valueBytes: countField,
      workerIds: z.array(z.string()).meta({ description: "Who holds it now." }),
    }),
  },
  RebalanceValues: {
    summary:
      "Moves values from workers that hold much to those that hold little, as far as that is " +
      "worth it: values of 16 KiB and more that are on one worker and that nothing reads now.",
    access: administrators,
    request: requestOf({}),
    response: responseOf({
      valueCount: z.int().meta({ description: "Values that begin to move; at most 4,096." }),
      valueBytes: countField,
      workerCount: z.int().meta({ description: "Workers from which they move." }),
    }),
  },
  ListLocks: {
    summary: "Locks that are held: by whom, for how long, and who waits.",
    access: readers,
    request: requestOf({ user: ofUser, ...pageFields }),
    response: responseOf({ locks: z.array(lock), totalCount: z.int(), nextPageToken }),
  },
};
