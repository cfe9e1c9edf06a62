/**
 * `GET /v1/stacks/<attemptId>`: where an attempt is that runs here. For the controller, as logs.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { CapstanError, errorRegistry } from "../../model/errors.ts";
import { stackReadsMax } from "./limits.ts";

/** One call of a stack of JavaScript, the innermost first. */
export interface StackFrame {
  /** "" of one without a name. */
  readonly function: string;
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
}

/** A process of a command, as the machine shows it. */
export interface ProcessLook {
  readonly pid: number;
  readonly parentPid: number;
  /** Its arguments in one text, secrets left out. */
  readonly command: string;
  /** A word: `running`, `sleeping`, `waits for a disk`, `stopped`, `dead`. */
  readonly state: string;
  /** The function of the machine's kernel that it waits in; "" where that is not told. */
  readonly waitsIn: string;
  readonly threads: number;
  readonly cpuMs: number;
  readonly rssBytes: number;
}

/** Where an attempt is. */
export interface StackView {
  /** One sentence. */
  readonly summary: string;
  /** Of a function's thread, while it is in JavaScript. */
  readonly frames: readonly StackFrame[];
  /** What the event loop of a function's thread waits for, where no JavaScript runs. */
  readonly waitsFor: readonly string[];
  /** Of a command. */
  readonly processes: readonly ProcessLook[];
  /** Unix milliseconds of the last line that it wrote; null if it wrote none. */
  readonly lastOutputAtMs: number | null;
  /** The last lines. */
  readonly output: readonly {
    readonly atMs: number;
    readonly stream: "stdout" | "stderr";
    readonly text: string;
  }[];
}

/** Who can look. */
export interface StackSource {
  /** Null if the attempt does not run here. */
  readStack(attemptId: string): Promise<StackView | null>;
}

const stackPath = /^\/v1\/stacks\/(\d+\.\d+)$/;

/** Serves the route; one instance for a listener. */
export class StackRoute {
  readonly #source: StackSource;
  #reads = 0;

  constructor(source: StackSource) {
    this.#source = source;
  }

  /** Answers a request that has passed the guard; false if it is for another path. */
  serve(request: IncomingMessage, response: ServerResponse): boolean {
    const [path] = (request.url ?? "").split("?", 1);
    const attemptId = stackPath.exec(path)?.[1];
    if (attemptId === undefined || request.method !== "GET") return false;
    void this.#answer(response, attemptId);
    return true;
  }

  async #answer(response: ServerResponse, attemptId: string): Promise<void> {
    this.#reads++;
    try {
      answerJson(response, 200, await this.#read(attemptId));
    } catch (error) {
      if (!(error instanceof CapstanError)) {
        response.destroy(error instanceof Error ? error : new Error(String(error)));
        return;
      }
      answerJson(response, errorRegistry[error.code].httpStatus, error);
    } finally {
      this.#reads--;
    }
  }

  async #read(attemptId: string): Promise<StackView> {
    if (this.#reads > stackReadsMax) {
      throw new CapstanError("OVERLOADED", `${stackReadsMax} stacks are being read: try again`);
    }
    const view = await this.#source.readStack(attemptId);
    if (view !== null) return view;
    throw new CapstanError("NOT_FOUND", `attempt ${attemptId} does not run here`);
  }
}

function answerJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, {
    "content-type": "application/json",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  response.end(JSON.stringify(body));
}
