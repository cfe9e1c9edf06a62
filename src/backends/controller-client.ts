/**
 * The few HTTP calls by which whoever started a controller talks to it.
 *
 * @module
 */

import { request } from "node:http";
import type { ExitStatus } from "./child.ts";

/** Where the controller is, and the token that it wants. */
export interface ControllerAddress {
  readonly url: string;
  readonly token: string | undefined;
}

/** What came back: the status is 0 when nothing answered, and `body` then says why. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Whether the controller serves and has all its workers; `body` says what is missing. */
export function askReady(controller: ControllerAddress): Promise<Answer> {
  return exchange(controller, "GET", "/readyz");
}

/** A worker's process has ended: who it was, and what it left running. */
export interface EndedWorker {
  readonly workerId: string;
  readonly incarnation: string;
  /** Its commands go on under their launcher, and the next worker of that name takes them over. */
  readonly launcherLives: boolean;
}

/** Tells the controller that a worker's process has ended: proof of its death. */
export function reportWorkerExit(
  controller: ControllerAddress,
  worker: EndedWorker,
  { exitCode, signal }: ExitStatus,
): Promise<Answer> {
  const { workerId, incarnation, launcherLives } = worker;
  const body = { workerId, incarnation, exitCode, signal, launcherLives };
  return exchange(controller, "POST", "/v1/rpc/ReportWorkerExit", body);
}

/** node:http and not fetch: the first fetch of a process costs it tens of milliseconds. */
function exchange(
  { url, token }: ControllerAddress,
  method: string,
  path: string,
  body?: object,
): Promise<Answer> {
  return new Promise((resolve) => {
    const fail = (error: Error) => resolve({ status: 0, body: error.message });
    const headers = {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    };
    const call = request(new URL(path, url), { method, headers, agent: false, timeout: 5_000 });
    call.once("response", (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.once("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
      response.once("error", fail);
    });
    call.once("timeout", () => call.destroy(new Error("no answer within 5 s")));
    call.once("error", fail);
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
