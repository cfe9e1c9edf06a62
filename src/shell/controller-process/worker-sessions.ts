/**
 * The connections of workers. The order of a worker's arrival, so that nothing is lost:
 *
 *     worker: hello ─▶ controller: hello (epoch, index) ─▶ worker: inventory ─▶ `worker-connected`
 *       ─▶ (durable) the kernel's sends of that step, then everything after them
 *
 * The controller's hello promises nothing but the epoch and the index, so it need not wait for the
 * disk. A worker that never registered gets the index that the kernel will give next; so that two
 * strangers never get the same one, only one stranger at a time is between its hello and its
 * inventory, and the others wait their turn.
 *
 * Messages after the inventory count from 1. When the facts of a turn are durable, each worker that
 * said something in it is told the number of its last message in one `acknowledge`. So a worker
 * that beats hears from its controller at every beat, and can tell when it does not any more.
 *
 * @module
 */

import type { ControllerSend } from "../../controller/events.ts";
import { CapstanError } from "../../model/errors.ts";
import {
  type HotMessageOf,
  type Message,
  protocolVersion,
  type ToWorkerMessage,
  type WorkerHello,
} from "../../protocol/messages.ts";
import { checkWorkerMessage } from "../../protocol/validate.ts";
import type { ParsedRequests } from "../api/schemas.ts";
import type { MessageStream } from "../transport/message-stream.ts";
import { type Caller, tokenHasEnded } from "./authentication.ts";
import { refusalOfBug } from "./errors-on-wire.ts";
import {
  crowdedInventoryTimeoutMs,
  heartbeatMs,
  inventoryTimeoutMs,
  shutdownFlushMs,
  waitingStrangersMax,
} from "./limits.ts";
import type { HelloAnswer, PeerContext } from "./peer-context.ts";

interface Connection {
  readonly hello: WorkerHello;
  readonly caller: Caller;
  readonly index: number;
  readonly stream: MessageStream;
  /** Its inventory came and the kernel knows of it. */
  registered: boolean;
  /** Messages after the inventory. */
  received: number;
  ended: boolean;
  /** It has little time: it must make room for those who wait behind it. */
  hurried: boolean;
  inventoryTimer: NodeJS.Timeout | null;
}

/** Proof that a worker's process ended, from whoever started it. */
type WorkerExit = ParsedRequests["ReportWorkerExit"];

interface WaitingStranger {
  readonly hello: WorkerHello;
  readonly caller: Caller;
  readonly answer: HelloAnswer;
}

export class WorkerSessions {
  readonly #context: PeerContext;
  /** The one connection that speaks for each worker. */
  readonly #current = new Map<string, Connection>();
  /** Where sends for a worker's index go: set in order with the sends themselves. */
  readonly #byIndex = new Map<number, Connection>();
  readonly #toAcknowledge = new Set<Connection>();
  readonly #strangers: WaitingStranger[] = [];
  #stranger: Connection | null = null;

  constructor(context: PeerContext) {
    this.#context = context;
  }

  /** How many are connected and have told their inventory. */
  get registeredCount(): number {
    let count = 0;
    for (const { registered } of this.#current.values()) if (registered) count++;
    return count;
  }

  /** `caller` may be a worker: its role was looked at. */
  open(hello: WorkerHello, caller: Caller, answer: HelloAnswer): void {
    const refusal = this.#refusal(hello);
    if (refusal !== null) {
      answer.refuse(refusal);
      return;
    }
    const previous = this.#current.get(hello.workerId);
    if (previous !== undefined) this.#end(previous, "replaced by a new connection");
    const index = this.#context.workerIndexOf(hello.workerId);
    const peer = { hello, caller, answer };
    if (index !== null) this.#greet(peer, index);
    else if (this.#stranger === null) this.#greetStranger(peer);
    else if (this.#strangers.length >= waitingStrangersMax) answer.refuse(tooManyStrangers());
    else {
      this.#strangers.push(peer);
      this.#hurry(this.#stranger);
    }
  }

  /** What the worker presents to us, and so what it demands of others; null for none. */
  secretOf(workerId: string): string | null {
    return this.#current.get(workerId)?.caller.secret ?? null;
  }

  /** Cuts workers whose token was revoked or has expired. */
  cutUnwelcome(): void {
    for (const connection of this.#current.values()) {
      if (this.#context.renew(connection.caller) !== null) continue;
      connection.stream.destroy(tokenHasEnded());
      this.#end(connection, "its token was revoked or has expired");
    }
  }

  deliver(send: Extract<ControllerSend, { type: "send-to-worker" | "disconnect-worker" }>): void {
    const connection = this.#byIndex.get(send.worker);
    if (connection === undefined) return;
    if (send.type === "send-to-worker") this.#send(connection, send.message);
    else {
      connection.stream.close();
      this.#end(connection, send.reason);
    }
  }

  /** At the end of a turn: each worker's answers are acknowledged once they are durable. */
  acknowledge(): void {
    for (const connection of this.#toAcknowledge) {
      const sequence = connection.received;
      this.#context.hold(() => connection.stream.sendLater({ type: "acknowledge", sequence }));
    }
    this.#toAcknowledge.clear();
  }

  /** Somebody saw the process end: its connection is over, whatever the network says. */
  reportExit(exit: WorkerExit): void {
    const connection = this.#current.get(exit.workerId);
    if (connection?.hello.incarnation === exit.incarnation) this.#end(connection, "exited");
    this.#context.handle({ type: "worker-exited", at: this.#context.at(), ...exit });
    this.#context.logger.warn(exit, "worker exited");
  }

  /** Closes every stream; what was sent has a bounded time to leave. */
  close(): void {
    for (const { stream } of this.#current.values()) {
      stream.close();
      setTimeout(() => stream.destroy(), shutdownFlushMs).unref();
    }
  }

  #refusal(hello: WorkerHello): CapstanError | null {
    const { clusterId, epoch } = this.#context;
    const { workerId, incarnation } = hello;
    if (hello.clusterId === clusterId && hello.epoch > epoch) {
      return new CapstanError(
        "STALE_EPOCH",
        `worker ${workerId} has served epoch ${hello.epoch}; this controller has epoch ${epoch} ` +
          "and has been replaced",
      );
    }
    const live = this.#current.get(workerId);
    // Between hello and inventory the kernel does not know it yet.
    if (live === undefined || live.registered || live.hello.incarnation === incarnation) {
      return this.#context.admitWorker(hello);
    }
    return new CapstanError(
      "WORKER_ID_IN_USE",
      `worker id ${workerId} is registering just now from process ${live.hello.pid} at ` +
        `${live.hello.address}: stop that worker, or give this one another --id`,
      { details: { workerId, pid: live.hello.pid, address: live.hello.address } },
    );
  }

  #greetStranger(peer: WaitingStranger): void {
    this.#stranger = this.#greet(peer, this.#context.nextWorkerIndex());
    if (this.#strangers.length > 0) this.#hurry(this.#stranger);
  }

  /** Whoever stands in the door while others wait has little time, once and for all. */
  #hurry(connection: Connection): void {
    if (connection.hurried || connection.ended) return;
    connection.hurried = true;
    this.#expectInventory(connection, crowdedInventoryTimeoutMs);
  }

  #expectInventory(connection: Connection, ms: number): void {
    if (connection.inventoryTimer !== null) clearTimeout(connection.inventoryTimer);
    const end = (): void => this.#end(connection, `no inventory within ${ms} ms`);
    connection.inventoryTimer = setTimeout(end, ms);
  }

  #greet({ hello, caller, answer }: WaitingStranger, index: number): Connection {
    const { clusterId, epoch, dataToken, logToken } = this.#context;
    const cluster = { clusterId, epoch, heartbeatMs, dataToken, logToken };
    const role = { role: "controller", protocolVersion, ...cluster } as const;
    const stream = answer.accept({ ...role, index, jobId: "", sequence: 0 });
    const connection: Connection = {
      hello,
      caller,
      index,
      stream,
      registered: false,
      received: 0,
      ended: false,
      hurried: false,
      inventoryTimer: null,
    };
    this.#expectInventory(connection, inventoryTimeoutMs);
    this.#current.set(hello.workerId, connection);
    stream.onMessages = (messages) => this.#hear(connection, messages);
    stream.onClose = (error) => this.#end(connection, error?.message ?? "closed");
    return connection;
  }

  #hear(connection: Connection, messages: readonly Message[]): void {
    try {
      for (const message of messages) {
        if (connection.ended) return;
        this.#take(connection, message);
      }
    } catch (error) {
      if (!(error instanceof CapstanError)) throw error;
      connection.stream.destroy(error);
      this.#end(connection, error.message);
    }
  }

  #take(connection: Connection, raw: Message): void {
    const message = checkWorkerMessage(raw);
    if (!connection.registered) {
      if (message.type === "inventory") this.#register(connection, message);
      else throw new CapstanError("PROTOCOL_ERROR", `${message.type} came before the inventory`);
      return;
    }
    connection.received++;
    this.#toAcknowledge.add(connection);
    const { index } = connection;
    const at = this.#context.at();
    if (this.#context.handle({ type: "worker-messaged", at, worker: index, message })) return;
    throw refusalOfBug();
  }

  #register(connection: Connection, inventory: HotMessageOf<"inventory">): void {
    const context = this.#context;
    const { hello, index, inventoryTimer } = connection;
    if (inventoryTimer !== null) clearTimeout(inventoryTimer);
    context.hold(() => {
      if (!connection.ended) this.#byIndex.set(index, connection);
    });
    if (!context.handle({ type: "worker-connected", at: context.at(), hello, inventory })) {
      throw refusalOfBug();
    }
    connection.registered = true;
    const { workerId, incarnation, address, slots } = hello;
    context.logger.info({ workerId, incarnation, address, slots }, "worker connected");
    this.#nextStranger(connection);
    if (context.workerIndexOf(workerId) !== index) {
      throw new CapstanError("PROTOCOL_ERROR", `worker ${workerId} was greeted as another one`);
    }
  }

  /** The stranger in the door is in, or gone: the next one is greeted, as whatever it is by now. */
  #nextStranger(connection: Connection): void {
    if (this.#stranger !== connection) return;
    this.#stranger = null;
    while (this.#stranger === null) {
      const next = this.#strangers.shift();
      if (next === undefined) return;
      this.open(next.hello, next.caller, next.answer);
    }
  }

  #send(connection: Connection, message: ToWorkerMessage): void {
    try {
      connection.stream.send(message);
    } catch (error) {
      if (!(error instanceof CapstanError)) throw error;
      connection.stream.destroy(error);
    }
  }

  #end(connection: Connection, reason: string): void {
    if (connection.ended) return;
    connection.ended = true;
    const { hello, index, stream, inventoryTimer } = connection;
    const { workerId, incarnation } = hello;
    if (inventoryTimer !== null) clearTimeout(inventoryTimer);
    if (!stream.closed) stream.destroy();
    this.#toAcknowledge.delete(connection);
    if (this.#current.get(workerId) === connection) this.#current.delete(workerId);
    if (this.#byIndex.get(index) === connection) this.#byIndex.delete(index);
    if (connection.registered) {
      const at = this.#context.at();
      this.#context.handle({ type: "worker-disconnected", at, worker: index });
      this.#context.logger.warn({ workerId, incarnation, reason }, "worker disconnected");
    }
    this.#nextStranger(connection);
  }
}

function tooManyStrangers(): CapstanError {
  return new CapstanError(
    "OVERLOADED",
    `${waitingStrangersMax} new workers wait to be registered: try again`,
  );
}
