/**
 * A message as one line of a transcript, with all that it says: for what goes over the wire and
 * changes nothing that a fake worker or client would show.
 *
 *     w1 : compute attempts 1.1, tasks a, specs 0, prefetched 0
 *
 * @module
 */

import { type Blobs, blobAt } from "../../src/base/blobs.ts";
import { formatAttemptId, type TaskRef } from "../../src/model/ids.ts";

/** Columns that name tasks in messages to a worker. */
const refColumns = ["tasks", "inputTasks", "refs", "ref", "others"];

/** `labelOf` names a task; a client's own numbers stay numbers. */
export function messageLine(
  { type, ...fields }: { readonly type: string },
  labelOf: ((ref: TaskRef) => string) | null,
): string {
  const said = Object.entries(fields).flatMap(([name, value]) => {
    const isRef = labelOf !== null && refColumns.includes(name);
    const text = textOf(value, (one) => {
      if (isRef) return labelOf(one as TaskRef);
      return name === "attempts" ? formatAttemptId(one) : String(one);
    });
    return text === "" ? [] : [`${name} ${text}`];
  });
  return `${type} ${said.join(", ")}`.trimEnd();
}

function textOf(value: unknown, word: (one: number) => string): string {
  if (typeof value === "number") return word(value);
  if (typeof value !== "object" || value === null) return String(value ?? "");
  if (isBlobs(value)) return blobTexts(value).join(" ");
  if (ArrayBuffer.isView(value)) return Array.from(value as Float64Array, word).join(" ");
  if (Array.isArray(value)) return value.map((one) => textOf(one, word) || '""').join(" ");
  return JSON.stringify(value);
}

function isBlobs(value: object): value is Blobs {
  return "offsets" in value && "data" in value;
}

function blobTexts(blobs: Blobs): string[] {
  const count = blobs.offsets.length - 1;
  return Array.from({ length: count }, (_, at) => {
    return JSON.stringify(new TextDecoder().decode(blobAt(blobs, at)));
  });
}
