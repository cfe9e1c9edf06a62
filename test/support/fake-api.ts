/**
 * An HTTP server that answers `POST /v1/rpc/<Method>` as a test tells it to, and one run of the
 * command line against it.
 *
 * @module
 */

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { runCli } from "../../src/cli/app.ts";
import { CapstanError, errorRegistry } from "../../src/model/errors.ts";

/** One call, as it arrived. */
export interface Call {
  readonly method: string;
  readonly authorization: string;
  readonly request: { readonly [field: string]: unknown };
}

/** Answers a call; a thrown CapstanError becomes its HTTP status, "hang-up" an outage. */
export type Answer = (request: Call["request"], callIndex: number) => unknown;

/** What a command left. */
export interface CliOutput {
  code: number;
  out: string;
  err: string;
}

export class FakeApi {
  readonly calls: Call[] = [];
  /** By method; a list is one answer a call, of which the last goes on for ever. */
  answers: { [method: string]: Answer | readonly unknown[] } = {};
  /** What was uploaded, by the hash in its path. */
  readonly bundles = new Map<string, Buffer>();
  uploads = 0;
  readonly #server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      if (request.method !== "POST") {
        const hash = (request.url ?? "").replace("/v1/bundles/", "");
        const isKnown = this.bundles.has(hash);
        if (request.method === "PUT") this.#keep(hash, Buffer.concat(chunks));
        response.writeHead(request.method === "PUT" || isKnown ? 200 : 404).end();
        return;
      }
      const method = (request.url ?? "").replace("/v1/rpc/", "");
      const authorization = request.headers.authorization ?? "";
      const { status, body } = this.#answer({
        ...{ method, authorization },
        request: JSON.parse(Buffer.concat(chunks).toString() || "{}"),
      });
      if (body === "hang-up") {
        request.socket.destroy();
        return;
      }
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(body));
    });
  });

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Forgets the calls so far and answers anew. */
  reset(answers: FakeApi["answers"]): void {
    this.calls.length = 0;
    this.answers = answers;
  }

  /** The requests of one method, oldest first. */
  requestsOf(method: string): readonly Call["request"][] {
    return this.calls.filter((call) => call.method === method).map(({ request }) => request);
  }

  /** Runs a command line against this server and collects what it prints. */
  async run(
    line: string | readonly string[],
    env: { readonly [name: string]: string } = {},
    terminal: { readonly isTTY?: boolean } = {},
  ): Promise<CliOutput> {
    const output: CliOutput = { code: 0, out: "", err: "" };
    const collect = (stream: "out" | "err") => ({
      ...terminal,
      write: (text: string) => {
        output[stream] += text;
      },
    });
    output.code = await runCli(typeof line === "string" ? line.split(" ") : line, {
      stdout: collect("out"),
      stderr: collect("err"),
      env: { CAPSTAN_URL: this.url, ...env },
    });
    return output;
  }

  #keep(hash: string, bytes: Buffer): void {
    this.uploads++;
    this.bundles.set(hash, bytes);
  }

  #answer(call: Call): { status: number; body: unknown } {
    this.calls.push(call);
    try {
      return { status: 200, body: this.#bodyOf(call) };
    } catch (error) {
      if (!(error instanceof CapstanError)) throw error;
      return { status: errorRegistry[error.code].httpStatus, body: error };
    }
  }

  #bodyOf({ method, request }: Call): unknown {
    const answer = this.answers[method];
    const callIndex = this.requestsOf(method).length - 1;
    if (answer === undefined) throw new CapstanError("NOT_FOUND", `no answer for ${method}`);
    if (typeof answer === "function") return answer(request, callIndex);
    return answer[Math.min(callIndex, answer.length - 1)];
  }
}
