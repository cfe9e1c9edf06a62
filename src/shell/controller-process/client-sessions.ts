/**
 * The connections of clients. A client is greeted when the facts of its `client-connected` are
 * durable; the greeting waits in the same queue as the kernel's sends, in front of those that the
 * connection caused, so the client reads the hello first and misses nothing after it.
 *
 * A client that does not read, or that submits faster than the disk takes, is not read from: the
 * network holds it back. Results of what it submitted before go on piling up, to a bound; past it
 * the client is cut off, and asks for what it wants when it is back.
 *
 * @module
 */

import type { ControllerSend } from "../../controller/events.ts";
import { CapstanError } from "../../model/errors.ts";
import {
  type ApiCall,
  type ClientHello,
  type ClientMessage,
  type Message,
  protocolVersion,
  type ToClientMessage,
} from "../../protocol/messages.ts";
import { checkClientMessage } from "../../protocol/validate.ts";
import type { MessageStream } from "../transport/message-stream.ts";
import { type Caller, tokenHasEnded } from "./authentication.ts";
import { refusalOfBug, wireError } from "./errors-on-wire.ts";
import type { ClientSession } from "./kernel.ts";
import {
  clientBufferedBytesMax,
  clientUnreadBytesMax,
  heartbeatMs,
  openCallsMax,
  shutdownFlushMs,
  unacknowledgedSubmitsMax,
} from "./limits.ts";
import type { HelloAnswer, PeerContext } from "./peer-context.ts";

/** One connection of one client, from its greeting to its end. */
interface Connection {
  readonly clientId: string;
  readonly caller: Caller;
  readonly index: number;
  stream: MessageStream | null;
  /** The sequence of the last submit taken up, and of the last one answered. */
  taken: number;
  answered: number;
  /** Calls whose answers have not left, and those that wait for one of them to leave. */
  openCalls: number;
  readonly waitingCalls: ApiCall[];
  /** Drops the answers that nobody will read. */
  readonly dropCalls: Set<() => void>;
  ended: boolean;
}

export class ClientSessions {
  readonly #context: PeerContext;
  /** The one connection that speaks for each client. */
  readonly #current = new Map<string, Connection>();
  /** Where sends for a client's index go: set by the greeting, so that order holds. */
  readonly #byIndex = new Map<number, Connection>();
  readonly #paused = new Set<Connection>();

  constructor(context: PeerContext) {
    this.#context = context;
  }

  get count(): number {
    return this.#current.size;
  }

  /** `caller` may be a client: its role was looked at. */
  open(hello: ClientHello, caller: Caller, { accept, refuse }: HelloAnswer): void {
    const { clientId } = hello;
    const { user } = caller.principal;
    const context = this.#context;
    const stolen = this.#sessionOfAnother(clientId, caller);
    if (stolen !== null) {
      refuse(stolen);
      return;
    }
    const previous = this.#current.get(clientId);
    if (previous !== undefined) this.#end(previous, "replaced by a new connection");
    let greet = (): void => refuse(refusalOfBug());
    context.hold(() => greet());
    if (!context.handle({ type: "client-connected", at: context.at(), clientId, user })) return;
    const session = context.sessionOf(clientId);
    if (session === null) {
      greet = () => refuse(new CapstanError("OVERLOADED", "no more clients are taken at present"));
      return;
    }
    const connection = newConnection(clientId, caller, session);
    this.#current.set(clientId, connection);
    greet = () => {
      const { clusterId, epoch, dataToken } = context;
      const cluster = { clusterId, epoch, heartbeatMs, dataToken, logToken: "" };
      const role = { role: "controller", protocolVersion, ...cluster } as const;
      this.#begin(
        connection,
        accept({ ...role, index: 0, jobId: session.jobId, sequence: session.sequence }),
      );
    };
    context.logger.info({ clientId, user }, "client connected");
  }

  /** Cuts clients whose token was revoked or has expired. */
  cutUnwelcome(): void {
    for (const connection of this.#current.values()) {
      if (this.#context.renew(connection.caller) === null) this.#dismiss(connection);
    }
  }

  /** Carries out one order of the kernel; what is for a client that has gone is dropped. */
  deliver(send: Extract<ControllerSend, { type: "send-to-client" | "disconnect-client" }>): void {
    const connection = this.#byIndex.get(send.client);
    if (connection === undefined) return;
    if (send.type === "send-to-client") this.#send(connection, send.message);
    else {
      connection.stream?.close();
      this.#end(connection, send.reason);
    }
  }

  /** Reads again from clients whose answers have left. */
  relieve(): void {
    for (const connection of this.#paused) this.#regulate(connection);
  }

  /** Closes every stream; what was sent has a bounded time to leave. */
  close(): void {
    for (const { stream } of this.#current.values()) {
      stream?.close();
      setTimeout(() => stream?.destroy(), shutdownFlushMs).unref();
    }
  }

  /** A session is its user's: knowing its id is not enough to take it over. */
  #sessionOfAnother(clientId: string, { principal }: Caller): CapstanError | null {
    const session = this.#context.sessionOf(clientId);
    if (session === null || principal.role === "admin") return null;
    if (session.jobId.startsWith(`/${principal.user}/`)) return null;
    return new CapstanError("FORBIDDEN", "this client id is a session of another user");
  }

  #begin(connection: Connection, stream: MessageStream): void {
    if (connection.ended) {
      stream.destroy();
      return;
    }
    connection.stream = stream;
    this.#byIndex.set(connection.index, connection);
    stream.onMessages = (messages) => this.#hear(connection, messages);
    stream.onDrain = () => this.#regulate(connection);
    stream.onClose = (error) => this.#end(connection, error?.message ?? "closed");
  }

  #hear(connection: Connection, messages: readonly Message[]): void {
    try {
      for (const message of messages) {
        if (connection.ended) return;
        const checked = this.#check(connection, message);
        if (checked !== null) this.#take(connection, checked);
      }
    } catch (error) {
      if (!(error instanceof CapstanError)) throw error;
      connection.stream?.destroy(error);
      this.#end(connection, error.message);
    }
    this.#regulate(connection);
  }

  /**
   * Null of a request that is not understood, which is refused: cut off, its client would come back
   * with the same one for ever.
   */
  #check(connection: Connection, message: Message): ClientMessage | null {
    try {
      return checkClientMessage(message);
    } catch (error) {
      const sequence = "sequence" in message ? message.sequence : null;
      if (!(error instanceof CapstanError) || !Number.isSafeInteger(sequence)) throw error;
      connection.taken = Math.max(connection.taken, sequence as number);
      this.#refuse(connection, sequence as number, error);
      return null;
    }
  }

  #take(connection: Connection, message: ClientMessage): void {
    if (message.type === "call") {
      connection.waitingCalls.push(message);
      this.#answerCalls(connection);
      return;
    }
    const context = this.#context;
    const overload = message.type === "submit" ? context.overload() : null;
    const sequence = "sequence" in message ? message.sequence : null;
    connection.taken = Math.max(connection.taken, sequence ?? 0);
    if (overload !== null) {
      this.#refuse(connection, sequence, overload);
      return;
    }
    const at = context.at();
    const { index } = connection;
    if (!context.handle({ type: "client-messaged", at, client: index, message })) {
      this.#refuse(connection, sequence, refusalOfBug());
    }
  }

  #refuse(connection: Connection, sequence: number | null, error: CapstanError): void {
    if (sequence === null) return;
    this.#context.hold(() =>
      this.#send(connection, { type: "refused", sequence, error: wireError(error) }),
    );
  }

  /** Answers may be large: what a small question costs is bounded before it is asked again. */
  #answerCalls(connection: Connection): void {
    const { waitingCalls, stream } = connection;
    if (stream === null) return;
    while (connection.openCalls < openCallsMax && stream.bufferedBytes <= clientBufferedBytesMax) {
      const call = waitingCalls.shift();
      if (call === undefined || connection.ended) return;
      this.#answerCall(connection, call);
    }
  }

  #answerCall(connection: Connection, { id, method, request }: ApiCall): void {
    const principal = this.#context.renew(connection.caller);
    if (principal === null) {
      this.#dismiss(connection);
      return;
    }
    connection.openCalls++;
    const drop = this.#context.call({ principal, method, request }, ({ result, error }) => {
      connection.openCalls--;
      connection.dropCalls.delete(drop);
      const wired = error === null ? null : wireError(error);
      this.#send(connection, { type: "reply", id, result, error: wired });
      this.#regulate(connection);
    });
    connection.dropCalls.add(drop);
  }

  #send(connection: Connection, message: ToClientMessage): void {
    if (message.type === "accepted" || message.type === "refused") {
      connection.answered = Math.max(connection.answered, message.sequence);
    }
    const { stream } = connection;
    if (stream !== null && stream.bufferedBytes > clientUnreadBytesMax) {
      stream.destroy(new CapstanError("OVERLOADED", "the client does not read what it is sent"));
    }
    try {
      if (message.type === "accepted") stream?.sendLater(message);
      else stream?.send(message);
    } catch (error) {
      if (!(error instanceof CapstanError)) throw error;
      connection.stream?.destroy(error);
    }
  }

  /** Stops or starts reading, by what waits to be written and to be answered. */
  #regulate(connection: Connection): void {
    const { stream } = connection;
    if (stream === null || connection.ended) return;
    this.#answerCalls(connection);
    if (this.#mustWait(connection, stream)) {
      this.#paused.add(connection);
      stream.pause();
    } else if (this.#paused.delete(connection)) stream.resume();
  }

  #mustWait(connection: Connection, stream: MessageStream): boolean {
    if (connection.waitingCalls.length > 0) return true;
    if (stream.bufferedBytes > clientBufferedBytesMax) return true;
    return (
      connection.taken - connection.answered > unacknowledgedSubmitsMax || this.#context.congested()
    );
  }

  #dismiss(connection: Connection): void {
    connection.stream?.destroy(tokenHasEnded());
    this.#end(connection, "its token was revoked or has expired");
  }

  #end(connection: Connection, reason: string): void {
    if (connection.ended) return;
    connection.ended = true;
    const { clientId, index, stream, dropCalls } = connection;
    for (const drop of dropCalls) drop();
    dropCalls.clear();
    if (stream?.closed === false) stream.destroy();
    this.#paused.delete(connection);
    if (this.#current.get(clientId) === connection) this.#current.delete(clientId);
    if (this.#byIndex.get(index) === connection) this.#byIndex.delete(index);
    const at = this.#context.at();
    this.#context.handle({ type: "client-disconnected", at, client: index });
    this.#context.logger.info({ clientId, reason }, "client disconnected");
  }
}

function newConnection(
  clientId: string,
  caller: Caller,
  { index, sequence }: ClientSession,
): Connection {
  return {
    clientId,
    caller,
    index,
    stream: null,
    taken: sequence,
    answered: sequence,
    openCalls: 0,
    waitingCalls: [],
    dropCalls: new Set(),
    ended: false,
  };
}
