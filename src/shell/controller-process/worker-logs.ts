/**
 * Reads pages of logs from the workers that have them, over their data listener. A worker that does
 * not answer, or answers nonsense, is a reason and not an error.
 *
 * @module
 */

import { Agent, type IncomingMessage, request } from "node:http";
import { z } from "zod";
import type { LogSource } from "../../controller/log-sources.ts";
import type { LogPage, LogQuery } from "../data-plane/log-route.ts";
import { logAnswerBytesMax, logReadTimeoutMs, logWorkersMax } from "./limits.ts";

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
  /** One connection to a worker at a time serves a call; some stay open for the next. */
  readonly #agent = new Agent({ keepAlive: true, maxFreeSockets: logWorkersMax });
  /** What a worker demands of whoever reads its logs; null for nothing. */
  readonly #secretOf: (workerId: string) => string | null;

  constructor(secretOf: (workerId: string) => string | null) {
    this.#secretOf = secretOf;
  }

  async read(source: LogSource, query: LogQuery): Promise<LogAnswer> {
    try {
      const { status, body } = await this.#get(source, query);
      if (status === 404) return { type: "unknown" };
      if (status !== 200) return unavailable(source, `answered ${status}`);
      return { type: "page", page: pageSchema.parse(JSON.parse(body)) };
    } catch (error) {
      const isNonsense = error instanceof z.ZodError || error instanceof SyntaxError;
      const reason = error instanceof Error ? error.message : String(error);
      return unavailable(source, isNonsense ? "answered what is no log" : `failed: ${reason}`);
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #get(source: LogSource, query: LogQuery): Promise<{ status: number; body: string }> {
    const url = new URL(`http://${source.address}/v1/logs/${source.attemptId}`);
    url.search = searchOf(query);
    const secret = this.#secretOf(source.workerId);
    const headers = secret === null ? {} : { authorization: `Bearer ${secret}` };
    return new Promise((resolve, reject) => {
      const signal = AbortSignal.timeout(logReadTimeoutMs);
      const call = request(url, { agent: this.#agent, headers, signal });
      call.once("error", (error) => {
        const late = `no answer within ${logReadTimeoutMs} ms`;
        reject(signal.aborted ? new Error(late) : error);
      });
      call.once("response", (response) => {
        const status = response.statusCode ?? 0;
        readBody(response).then((body) => resolve({ status, body }), reject);
      });
      call.end();
    });
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

async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > logAnswerBytesMax) throw new Error(`more than ${logAnswerBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function unavailable({ workerId }: LogSource, reason: string): LogAnswer {
  return { type: "unavailable", reason: `worker ${workerId} ${reason}` };
}
