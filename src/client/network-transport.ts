/**
 * The real transport: a stream and HTTP to one controller, fetches from its workers.
 *
 * @module
 */

import { CapstanError, type ErrorCode } from "../model/errors.ts";
import type { ClientHello, ClientMessage } from "../protocol/messages.ts";
import { ValueFetcher } from "../shell/data-plane/fetch-values.ts";
import { transferStallTimeoutMs } from "../shell/data-plane/limits.ts";
import { pathOfUpload } from "../shell/data-plane/upload-route.ts";
import { watchSilence } from "../shell/transport/silence-watch.ts";
import { connectStream } from "../shell/transport/stream-client.ts";
import type { Bundle } from "./bundle.ts";
import { type BundleSource, moduleSource } from "./bundle-uploads.ts";
import { requestOnce } from "./http-request.ts";
import { connectTimeoutMs, controllerSilentBeatsMax, probeSilentBeats } from "./limits.ts";
import type { TaskDefinition } from "./task.ts";
import type {
  BringRequest,
  ConnectedClient,
  FetchedBytes,
  Transport,
  ValuesRequest,
} from "./transport.ts";
import { machineClock } from "./wait-clock.ts";

export class NetworkTransport implements Transport {
  readonly url: string;
  readonly clock = machineClock;
  readonly releasesCollected = true;
  readonly runsPlugins = true;
  readonly #token: string;
  readonly #fetcher = new ValueFetcher();

  /** `token`: "" for none. */
  constructor(url: string, token: string) {
    this.url = url;
    this.#token = token;
  }

  async connect(hello: ClientHello, signal: AbortSignal): Promise<ConnectedClient> {
    const connected = await connectStream({
      url: this.url,
      ...(this.#token === "" ? {} : { token: this.#token }),
      hello,
      timeoutMs: connectTimeoutMs,
      signal,
    });
    const { stream } = connected;
    watchSilence(stream, {
      beatMs: connected.hello.heartbeatMs,
      silentBeatsMax: controllerSilentBeatsMax,
      probe: { everyBeats: probeSilentBeats, send: () => stream.send(probe) },
    });
    return connected;
  }

  sourceOf({ moduleUrl }: TaskDefinition): BundleSource {
    return moduleSource(moduleUrl);
  }

  async upload(
    { sha256, code }: Bundle,
    { name, failure }: BundleSource,
    signal: AbortSignal,
  ): Promise<boolean> {
    const url = new URL(`/v1/bundles/${sha256}`, this.url);
    const request = { url, token: this.#token, signal };
    try {
      const head = await requestOnce({ ...request, method: "HEAD" });
      if (head.status === 200) return true;
      const put = await requestOnce({ ...request, method: "PUT", body: code });
      if (put.status >= 200 && put.status < 300) return true;
      if (put.status >= 500) return false;
      throw new CapstanError(
        codeOfStatus[put.status] ?? failure,
        `The controller refused ${name} (${code.length} bytes): ${put.status} ${put.text}`,
      );
    } catch (error) {
      if (error instanceof CapstanError && error.code === "UNREACHABLE") return false;
      throw error;
    }
  }

  fetchValues(request: ValuesRequest): Promise<FetchedBytes> {
    return this.#fetcher.fetch(request);
  }

  async bringValue(request: BringRequest): Promise<string> {
    const { address, token, clusterId, task, bytes: body, signal } = request;
    const url = new URL(pathOfUpload(task, clusterId), `http://${address}`);
    const stallTimeoutMs = transferStallTimeoutMs;
    try {
      const put = await requestOnce({ url, method: "PUT", token, body, signal, stallTimeoutMs });
      return put.status === 200 ? "" : `${put.status} ${put.text}`;
    } catch (error) {
      if (error instanceof CapstanError && error.code === "UNREACHABLE") return error.message;
      throw error;
    }
  }

  close(): void {
    this.#fetcher.close();
  }
}

/** A question whose answer nobody waits for: no call has this id. */
const probe: ClientMessage = { type: "call", id: 0, method: "GetClusterInfo", request: {} };

const codeOfStatus: { readonly [status: number]: ErrorCode } = {
  401: "UNAUTHENTICATED",
  403: "FORBIDDEN",
};
