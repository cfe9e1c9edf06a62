/**
 * Reads pages of logs from the workers that have them, over their data listener. A worker that does
 * not answer, or answers nonsense, is a reason and not an error.
 *
 * @module
 */

import { z } from "zod";
import type { LogSource } from "../../controller/log-sources.ts";
import type { LogPage, LogQuery } from "../data-plane/log-route.ts";
import type { WorkerHttp } from "./worker-http.ts";

/** What came of asking for one log. */
export type LogAnswer =
  | { readonly type: "page"; readonly page: LogPage }
  /** The worker knows nothing of the attempt. */
  | { readonly type: "unknown" }
  | { readonly type: "unavailable"; readonly reason: string };

const pageSchema = z.object({
  lines: z.array(
    z.object({ atMs: z.number(), stream: z.enum(["stdout", "stderr"]), text: z.string() }),
  ),
  cursor: z.string(),
  droppedBytes: z.number(),
  complete: z.boolean(),
});

export class WorkerLogs {
  readonly #http: WorkerHttp;

  constructor(http: WorkerHttp) {
    this.#http = http;
  }

  async read(source: LogSource, query: LogQuery): Promise<LogAnswer> {
    try {
      const path = `/v1/logs/${source.attemptId}?${searchOf(query)}`;
      const { status, body } = await this.#http.get(source, path);
      if (status === 404) return { type: "unknown" };
      if (status !== 200) return unavailable(source, `answered ${status}`);
      return { type: "page", page: pageSchema.parse(JSON.parse(body)) };
    } catch (error) {
      const isNonsense = error instanceof z.ZodError || error instanceof SyntaxError;
      const reason = error instanceof Error ? error.message : String(error);
      return unavailable(source, isNonsense ? "answered what is no log" : `failed: ${reason}`);
    }
  }
}

function searchOf(query: LogQuery): string {
  const { cursor, maxLines, tail, sinceMs, substring, streams } = query;
  const search = new URLSearchParams({ maxLines: String(maxLines) });
  if (cursor !== "") search.set("cursor", cursor);
  if (tail !== null) search.set("tail", String(tail));
  if (sinceMs > 0) search.set("since", String(sinceMs));
  if (substring !== "") search.set("substring", substring);
  for (const stream of streams) search.append("stream", stream);
  return search.toString();
}

function unavailable({ workerId }: LogSource, reason: string): LogAnswer {
  return { type: "unavailable", reason: `worker ${workerId} ${reason}` };
}
