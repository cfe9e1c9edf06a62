/**
 * The bytes of the data plane, after the upgrade to `capstan-data/1`. Little-endian.
 *
 *     request   u32 count, count x f64 task
 *     response  per task of the request, in its order:
 *               f64 task, u8 status, f64 length, length bytes
 *
 * `length` is 0 unless the status is `ok`. A connection carries one request at a time, any number
 * of them one after the other.
 *
 * @module
 */

import { CapstanError } from "../../model/errors.ts";
import type { TaskRef } from "../../model/ids.ts";
import { valueBytesMax } from "../values/limits.ts";
import { fetchTasksMax } from "./limits.ts";

export const dataProtocol = "capstan-data/1";
export const dataPath = "/v1/values";

export const valueStatus = { ok: 0, absent: 1, busy: 2 } as const;

export const requestHeaderBytes = 4;
export const responseHeaderBytes = 17;

/** Head of one value of a response. */
export interface ValueHead {
  readonly task: TaskRef;
  readonly status: number;
  readonly length: number;
}

export function encodeRequest(tasks: readonly TaskRef[]): Buffer {
  const request = Buffer.alloc(requestHeaderBytes + tasks.length * 8);
  request.writeUInt32LE(tasks.length, 0);
  for (let i = 0; i < tasks.length; i++) {
    request.writeDoubleLE(tasks[i], requestHeaderBytes + i * 8);
  }
  return request;
}

/** Bytes of a request that begins with `header`. Throws PROTOCOL_ERROR if it is too long. */
export function requestLength(header: Buffer): number {
  const count = header.readUInt32LE(0);
  if (count > fetchTasksMax) {
    const message = `a fetch names ${count} values; at most ${fetchTasksMax} are allowed`;
    throw new CapstanError("PROTOCOL_ERROR", message);
  }
  return requestHeaderBytes + count * 8;
}

export function decodeRequest(request: Buffer): TaskRef[] {
  const tasks: TaskRef[] = [];
  for (let at = requestHeaderBytes; at < request.length; at += 8) {
    tasks.push(request.readDoubleLE(at));
  }
  return tasks;
}

export function encodeValueHead({ task, status, length }: ValueHead): Buffer {
  const head = Buffer.alloc(responseHeaderBytes);
  head.writeDoubleLE(task, 0);
  head.writeUInt8(status, 8);
  head.writeDoubleLE(length, 9);
  return head;
}

/** Throws PROTOCOL_ERROR if it does not answer `expected` or says what cannot be. */
export function decodeValueHead(head: Buffer, expected: TaskRef): ValueHead {
  const task = head.readDoubleLE(0);
  const status = head.readUInt8(8);
  const length = head.readDoubleLE(9);
  if (task !== expected) {
    throw new CapstanError("PROTOCOL_ERROR", `asked for value ${expected}, got ${task}`);
  }
  if (status > valueStatus.busy || (status !== valueStatus.ok && length !== 0)) {
    throw new CapstanError("PROTOCOL_ERROR", `value ${task} came with unknown status ${status}`);
  }
  if (!Number.isInteger(length) || length < 0 || length > valueBytesMax) {
    throw new CapstanError("PROTOCOL_ERROR", `value ${task} claims to have ${length} bytes`);
  }
  return { task, status, length };
}
