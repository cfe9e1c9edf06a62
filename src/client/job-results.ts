/**
 * What the tasks of a launched job have returned, read page by page.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import { inlineValueBytesMax } from "../protocol/messages.ts";
import { decodeValue } from "../shell/values/value-codec.ts";
import { callPatiently, type JobHost } from "./job-calls.ts";
import { jobTasksPageSize } from "./limits.ts";

/** One task of the answer of GetJobResults. */
interface Result {
  readonly index: number;
  readonly sizeBytes: number;
  readonly value: string | null;
  readonly missing: "" | "NOT_SUCCEEDED" | "COMMAND" | "TOO_LARGE" | "LEFT";
}

interface Page {
  readonly submittedAt: string;
  readonly results: readonly Result[];
  readonly nextPageToken: string;
}

/**
 * The values by index. Rejects with VALUE_LOST for the first that is not there, NOT_FOUND or
 * CONFLICT if the job was forgotten, or launched again, meanwhile.
 */
export async function readJobResults(
  host: JobHost,
  { jobId, submittedAt }: { readonly jobId: string; readonly submittedAt: string | null },
  signal: AbortSignal,
): Promise<unknown[]> {
  const values: unknown[] = [];
  for (let pageToken = ""; ; ) {
    const request = { jobId, pageSize: jobTasksPageSize, pageToken };
    const page = await callPatiently<Page>(host, "GetJobResults", request, signal);
    if (page.submittedAt !== submittedAt) {
      const why = `the job ${jobId} was launched again while its results were read`;
      throw new CapstanError("CONFLICT", why, { details: { jobId } });
    }
    for (const result of page.results) values.push(returnedBy(jobId, result));
    pageToken = page.nextPageToken;
    if (pageToken === "") return values;
  }
}

const reasons = {
  TOO_LARGE: (sizeBytes: number) =>
    `it has ${sizeBytes} bytes, and up to ${inlineValueBytesMax} are kept; have the task publish ` +
    "what is larger: client.publish(name, client.scatter(value))",
  LEFT: () => "the controller keeps the latest results of all jobs, and this was among the oldest",
  NOT_SUCCEEDED: () => "the task has not succeeded",
} as const;

function returnedBy(jobId: string, { index, sizeBytes, value, missing }: Result): unknown {
  // In memory of its own: what is decoded may be a view of it.
  if (value !== null) return decodeValue(new Uint8Array(Buffer.from(value, "base64")));
  const taskId = `${jobId}/${index}`;
  if (missing === "COMMAND") {
    const why = `job: ${jobId} runs commands; only functions return values`;
    throw new CapstanError("INVALID_ARGUMENT", why, { details: { jobId } });
  }
  const why = reasons[missing === "" ? "LEFT" : missing](sizeBytes);
  throw new CapstanError("VALUE_LOST", `what ${taskId} returned is not there: ${why}`, {
    details: { taskId, sizeBytes, missing },
  });
}
