/**
 * The connections of clients to the controller of a simulated cluster, and the transport that makes
 * them: the real client talks to the real kernel through the real frames.
 *
 * @module
 */

import type { Bundle } from "../client/bundle.ts";
import type { BundleSource } from "../client/bundle-uploads.ts";
import type { TaskDefinition } from "../client/task.ts";
import { clockInside } from "../client/task-session.ts";
import type {
  BringRequest,
  ConnectedClient,
  FetchedBytes,
  Transport,
  ValuesRequest,
} from "../client/transport.ts";
import type { ControllerSend } from "../controller/events.ts";
import { CapstanError } from "../model/errors.ts";
import type { TaskRef } from "../model/ids.ts";
import type { Principal } from "../model/job.ts";
import {
  type ApiCall,
  type ClientHello,
  type ClientMessage,
  type ControllerHello,
  type Message,
  protocolVersion,
} from "../protocol/messages.ts";
import { checkClientMessage } from "../protocol/validate.ts";
import { isMethodName } from "../shell/api/schemas.ts";
import type { ApiCalls } from "../shell/controller-process/api-calls.ts";
import { isChange } from "../shell/controller-process/api-changes.ts";
import { controllerKernel } from "../shell/controller-process/controller-kernel.ts";
import { wireError } from "../shell/controller-process/errors-on-wire.ts";
import type { Draws } from "../simulator/draws.ts";
import type { Faults } from "../simulator/faults.ts";
import { type Link, NetworkPath } from "../simulator/link.ts";
import type { SimulatedController } from "../simulator/simulated-controller.ts";
import { simulatedClusterId } from "./api-context.ts";
import type { Drive } from "./drive.ts";
import type { FunctionRegistry } from "./function-registry.ts";
import { VirtualStream } from "./virtual-stream.ts";
import type { VirtualTime } from "./virtual-time.ts";

type ToClient = Extract<ControllerSend, { type: "send-to-client" | "disconnect-client" }>;

/** What the links need of the cluster around them. */
export interface ClientSurroundings {
  readonly controller: SimulatedController;
  readonly drive: Drive;
  readonly functions: FunctionRegistry;
  readonly time: VirtualTime;
  readonly draws: Draws;
  readonly faults: Faults;
  /** The calls of the controller that lives. */
  calls(): ApiCalls;
  /** A client asks for something to be changed. */
  onRequest(): void;
  /** The value of a task on the worker at this address, or null. */
  valueAt(address: string, task: TaskRef): Uint8Array | null;
  /** Whether a worker at this address takes the value of a task. */
  bringTo(address: string, task: TaskRef, bytes: Uint8Array): boolean;
}

/** A try to connect, until it is answered. */
type Attempt = PromiseWithResolvers<ConnectedClient>;

interface Connection {
  readonly clientId: string;
  readonly principal: Principal;
  readonly index: number;
  readonly stream: VirtualStream;
  readonly attempt: Attempt;
  isEnded: boolean;
}

export class ClientLinks {
  readonly #around: ClientSurroundings;
  readonly #byClient = new Map<string, Connection>();
  readonly #byIndex = new Map<number, Connection>();
  /** Whose greeting has not arrived. */
  readonly #attempts = new Set<Attempt>();

  constructor(around: ClientSurroundings) {
    this.#around = around;
  }

  get clientIds(): readonly string[] {
    return [...this.#byClient.keys()];
  }

  /** What a client of this cluster is made with. */
  transport(): Transport {
    const { drive, functions } = this.#around;
    return {
      url: "simulated:",
      clock: drive,
      // When the collector runs is not the seed's to say.
      releasesCollected: false,
      runsPlugins: false,
      connect: (hello, signal) => {
        const connect = () => this.#connect(hello, signal);
        // Somebody waits for the first connection; the next ones are made in the background.
        return hello.clusterId === "" ? drive.awaited("a connection", connect) : connect();
      },
      sourceOf: (task: TaskDefinition): BundleSource => functions.sourceOf(task),
      upload: async (_bundle: Bundle) => true,
      fetchValues: (request) => this.#fetch(request),
      bringValue: (request) => this.#bring(request),
      close: () => undefined,
    };
  }

  /** The same for a task that runs here. */
  transportInside(): Transport {
    return { ...this.transport(), clock: clockInside(this.#around.drive) };
  }

  deliver(send: ToClient): void {
    const connection = this.#byIndex.get(send.client);
    if (connection === undefined) return;
    if (send.type === "send-to-client") connection.stream.tell(send.message);
    else this.#end(connection, null);
  }

  /** The connection of a client is lost; it connects anew by itself. */
  drop(clientId: string): void {
    const connection = this.#byClient.get(clientId);
    if (connection !== undefined) this.#end(connection, lost());
  }

  /** Every connection is lost, and every try to connect whose answer was on its way. */
  dropAll(): void {
    for (const connection of [...this.#byClient.values()]) this.#end(connection, lost());
    for (const attempt of this.#attempts) attempt.reject(lost());
    this.#attempts.clear();
    this.#around.drive.news();
  }

  #connect(hello: ClientHello, signal: AbortSignal): Promise<ConnectedClient> {
    const { controller } = this.#around;
    const link = this.#newPath().open();
    const attempt = Promise.withResolvers<ConnectedClient>();
    link.carry("there", () => {
      this.#around.drive.news();
      if (signal.aborted) attempt.reject(signal.reason);
      else if (controller.isUp) this.#open(hello, link, attempt);
      else attempt.reject(new CapstanError("UNREACHABLE", "the simulated controller is down"));
    });
    return attempt.promise;
  }

  #newPath(): NetworkPath {
    const { time, draws, faults } = this.#around;
    return new NetworkPath(time.timeline, draws, faults);
  }

  #open({ clientId, user }: ClientHello, link: Link, attempt: Attempt): void {
    this.#attempts.add(attempt);
    const { controller, drive, time } = this.#around;
    const previous = this.#byClient.get(clientId);
    if (previous !== undefined) this.#end(previous, null);
    const at = controller.now();
    controller.take({ type: "client-connected", at, clientId, user }, () => {
      const session = controllerKernel.sessionOf(controller.state, clientId);
      if (session === null) return attempt.reject(lost()); // It was closed meanwhile.
      const stream = new VirtualStream(link, {
        soon: (act) => time.afterIdly(0, act),
        onNews: () => drive.news(),
        onSaid: () => time.stir(),
        onMessages: (messages) => this.#hear(connection, messages),
        onClosed: () => this.#end(connection, null),
      });
      const { index, jobId, sequence } = session;
      const principal: Principal = { user, role: "admin", jobId: "" };
      const self = { clientId, principal, index };
      const connection: Connection = { ...self, stream, attempt, isEnded: false };
      this.#byClient.set(clientId, connection);
      this.#byIndex.set(index, connection);
      const { epoch } = controller;
      const secrets = { dataToken: "", logToken: "", heartbeatMs: 0 };
      const greeting: ControllerHello = {
        ...{ role: "controller", protocolVersion, epoch, ...secrets },
        clusterId: simulatedClusterId,
        ...{ index: 0, jobId, sequence },
      };
      link.carry("back", () => {
        drive.news();
        this.#attempts.delete(attempt);
        attempt.resolve({ stream, hello: greeting });
      });
    });
  }

  #hear(connection: Connection, messages: readonly Message[]): void {
    const { controller } = this.#around;
    for (const raw of messages) {
      if (connection.isEnded || !controller.isUp) return;
      const message = checkClientMessage(raw);
      if (isRequest(message)) this.#around.onRequest();
      if (message.type === "call") {
        this.#call(connection, message);
        continue;
      }
      const at = controller.now();
      const { index: client } = connection;
      controller.take({ type: "client-messaged", at, client, message });
    }
  }

  #call(connection: Connection, { id, method, request }: ApiCall): void {
    const { principal, stream } = connection;
    const order = { principal, method, request };
    this.#around.calls().call(order, ({ result, error }) => {
      const wired = error === null ? null : wireError(error);
      stream.tell({ type: "reply", id, result, error: wired });
    });
  }

  #end(connection: Connection, error: Error | null): void {
    if (connection.isEnded) return;
    connection.isEnded = true;
    const { clientId, index, stream, attempt } = connection;
    if (this.#byClient.get(clientId) === connection) this.#byClient.delete(clientId);
    if (this.#byIndex.get(index) === connection) this.#byIndex.delete(index);
    stream.end(error);
    this.#attempts.delete(attempt);
    attempt.reject(lost()); // Unless it was greeted.
    const { controller } = this.#around;
    const at = controller.now();
    if (controller.isUp) controller.take({ type: "client-disconnected", at, client: index });
  }

  async #bring({ address, task, bytes, signal }: BringRequest): Promise<string> {
    const { time, drive, bringTo } = this.#around;
    await new Promise<void>((resolve) => {
      time.after(2 * this.#newPath().delayUs(), () => {
        drive.news();
        resolve();
      });
    });
    signal.throwIfAborted();
    return bringTo(address, task, bytes) ? "" : "the simulated worker is gone";
  }

  async #fetch({ address, tasks, signal }: ValuesRequest): Promise<FetchedBytes> {
    const { time, drive, valueAt } = this.#around;
    await new Promise<void>((resolve) => {
      time.after(2 * this.#newPath().delayUs(), () => {
        drive.news();
        resolve();
      });
    });
    signal.throwIfAborted();
    const got = tasks.flatMap((task) => {
      const bytes = valueAt(address, task);
      return bytes === null ? [] : [{ task, bytes }];
    });
    return { got, busy: [] };
  }
}

/** What is merely read or said again is no progress. */
function isRequest(message: ClientMessage): boolean {
  if (message.type !== "call") return "sequence" in message;
  return isMethodName(message.method) && isChange(message.method);
}

function lost(): CapstanError {
  return new CapstanError("UNREACHABLE", "the simulated connection was lost");
}
