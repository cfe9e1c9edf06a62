/**
 * Asks workers over their data listener, for what the stream is not for: logs, stacks.
 *
 * @module
 */

import { Agent, type IncomingMessage, request } from "node:http";
import { logAnswerBytesMax, logReadTimeoutMs, logWorkersMax } from "./limits.ts";

/** What a worker answered. */
export interface WorkerAnswer {
  readonly status: number;
  readonly body: string;
}

export class WorkerHttp {
  /** One connection to a worker at a time serves a call; some stay open for the next. */
  readonly #agent = new Agent({ keepAlive: true, maxFreeSockets: logWorkersMax });
  /** What a worker demands of whoever asks; null for nothing. */
  readonly #secretOf: (workerId: string) => string | null;

  constructor(secretOf: (workerId: string) => string | null) {
    this.#secretOf = secretOf;
  }

  /** Rejects with an Error that says what went wrong, as the end of a sentence. */
  get(worker: { readonly workerId: string; readonly address: string }, path: string) {
    const url = new URL(`http://${worker.address}${path}`);
    const secret = this.#secretOf(worker.workerId);
    const headers = secret === null ? {} : { authorization: `Bearer ${secret}` };
    return new Promise<WorkerAnswer>((resolve, reject) => {
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

  close(): void {
    this.#agent.destroy();
  }
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
