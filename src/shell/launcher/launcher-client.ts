/**
 * The worker's side: finds or starts the launcher of a state directory, and speaks with it.
 *
 * The worker may end at any time: what it launched goes on, and the next `openLauncher` finds it.
 * It must not start programs itself, because a fork costs in proportion to its memory.
 *
 * @module
 */

import type { ChildProcess } from "node:child_process";
import { connect, type Socket } from "node:net";
import { resolve as resolvePath } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { assertNever, present } from "../../base/assert.ts";
import { CapstanError } from "../../model/errors.ts";
import type { Logger } from "../logging/logger.ts";
import { type Claim, findLauncher } from "./claims.ts";
import type { ExitRecord } from "./exit-record.ts";
import { encodeLine, gatherWrites, JsonLineReader } from "./json-lines.ts";
import { type LaunchOrder, parseAttemptId, parseLaunchOrder } from "./launch-order.ts";
import { launcherEndMs, launcherGoneMs, launcherLookMs, launcherStartMs } from "./limits.ts";
import {
  type FromLauncher,
  type LauncherCapabilities,
  parseFromLauncher,
  type Survivor,
  type ToLauncher,
} from "./messages.ts";
import { isAlive } from "./process-table.ts";
import { launcherLogTail, startLauncher } from "./start-launcher.ts";

export type { ExitRecord } from "./exit-record.ts";
export type { LaunchOrder } from "./launch-order.ts";
export type { LauncherCapabilities, Survivor } from "./messages.ts";

/** What the launcher tells of attempts, in the order in which it happened. */
export interface LauncherSink {
  /** Its process runs. Not called for one that failed to start. */
  started(attemptId: string, pid: number): void;
  /** Repeated after every reconnect until `acknowledge`. */
  ended(record: ExitRecord): void;
  /**
   * There is no connection any more, nor will there be: open the launcher again. It finds what
   * survived; an attempt that is then neither a survivor nor reported as ended never started.
   * Not called after `close` or `shutdown`.
   */
  lost(error: CapstanError): void;
}

export interface LauncherOptions {
  /** Of this worker alone; on a local disk. Created with the rights of its owner only. */
  readonly stateDirectory: string;
  readonly sink: LauncherSink;
  readonly logger: Logger;
  /**
   * Default true: use control groups where the machine allows it. False: leave them to whoever else
   * manages them; trees are then found by looking, and memory is watched. It counts only when a
   * launcher is started by this call.
   */
  readonly useCgroups?: boolean;
}

export interface Launcher {
  /** What ran when we connected; what had ended comes through `sink.ended`. */
  readonly survivors: readonly Survivor[];
  readonly pid: number;
  readonly capabilities: LauncherCapabilities;
  /** Throws INVALID_ARGUMENT naming the field. An id that the launcher has already is ignored. */
  launch(order: LaunchOrder): void;
  /** SIGTERM to the group, after `graceMs` SIGKILL to everything. An unknown id is ignored. */
  stop(attemptId: string, graceMs: number): void;
  /** The exit record may be dropped. The log directory is the worker's to remove. */
  acknowledge(attemptId: string): void;
  /** Call it often enough for the shortest `leaseMs`. */
  renewLeases(): void;
  /** Disconnects; everything goes on. */
  close(): Promise<void>;
  /** Stops every attempt with the grace of its order, and ends the launcher. */
  shutdown(): Promise<void>;
}

/**
 * Connects to the launcher of `stateDirectory`, starting one if none lives. Throws UNREACHABLE if
 * none comes up, with what it logged; VERSION_MISMATCH if the one that lives speaks otherwise.
 */
export async function openLauncher(options: LauncherOptions): Promise<Launcher> {
  const stateDirectory = resolvePath(options.stateDirectory);
  const deadlineAt = performance.now() + launcherStartMs;
  let child: ChildProcess | null = null;
  while (performance.now() < deadlineAt) {
    child ??= ensureStarted(stateDirectory, options);
    const claim = findLauncher(stateDirectory);
    const connection = claim === null ? null : await tryConnect(claim, options);
    if (connection !== null) return connection;
    if (child !== null && child.exitCode !== null) {
      if (child.exitCode !== 0) break;
      child = null; // It found another one alive, which may have ended since.
    }
    await delay(launcherLookMs);
  }
  throw cannotStart(stateDirectory);
}

/** Null if one lives already. */
function ensureStarted(stateDirectory: string, options: LauncherOptions): ChildProcess | null {
  if (findLauncher(stateDirectory) !== null) return null;
  const child = startLauncher(stateDirectory, options.useCgroups ?? true);
  options.logger.info({ launcher: child.pid, stateDirectory }, "launcher started");
  return child;
}

function cannotStart(stateDirectory: string): CapstanError {
  const tail = launcherLogTail(stateDirectory);
  const message =
    `the launcher of ${stateDirectory} does not answer; ` +
    (tail === "" ? "it logged nothing" : `the end of launcher.log there: ${tail}`);
  return new CapstanError("UNREACHABLE", message, { details: { stateDirectory } });
}

/** Null if it cannot be reached or goes away before it has said what it has. */
function tryConnect(claim: Claim, options: LauncherOptions): Promise<Connection | null> {
  return new Promise((resolve, reject) => {
    const connection: Connection = new Connection(claim, options, (error) => {
      if (error === null) resolve(connection);
      else if (error.code === "UNREACHABLE") resolve(null);
      else reject(error);
    });
  });
}

class Connection implements Launcher {
  survivors: readonly Survivor[] = [];
  capabilities: LauncherCapabilities = {
    tracking: "scan",
    memory: "watch",
    cpu: false,
    pids: false,
  };
  readonly #claim: Claim;
  readonly #sink: LauncherSink;
  readonly #logger: Logger;
  readonly #socket: Socket;
  readonly #closed: Promise<void>;
  /** Called once: with null when the inventory is here, else with the reason. */
  #onOpened: ((error: CapstanError | null) => void) | null;
  #isOurEnd = false;
  #error: CapstanError | null = null;

  constructor(
    claim: Claim,
    { sink, logger }: LauncherOptions,
    onOpened: (error: CapstanError | null) => void,
  ) {
    this.#claim = claim;
    this.#sink = sink;
    this.#logger = logger;
    this.#onOpened = onOpened;
    this.#socket = connect(claim.socketPath);
    const reader = new JsonLineReader((value) => this.#onMessage(parseFromLauncher(value)));
    this.#socket.on("data", (chunk: Buffer) => this.#read(reader, chunk));
    this.#socket.on("error", (cause) => {
      this.#error ??= new CapstanError("UNREACHABLE", this.#lostText(), { cause });
    });
    this.#closed = new Promise((resolve) => {
      this.#socket.on("close", () => {
        resolve();
        this.#onClosed();
      });
    });
  }

  get pid(): number {
    return this.#claim.pid;
  }

  launch(order: LaunchOrder): void {
    this.#send({ type: "launch", order: parseLaunchOrder(order) });
  }

  stop(attemptId: string, graceMs: number): void {
    this.#send({ type: "stop", attemptId: parseAttemptId(attemptId), graceMs });
  }

  acknowledge(attemptId: string): void {
    this.#send({ type: "acknowledge", attemptId: parseAttemptId(attemptId) });
  }

  renewLeases(): void {
    this.#send({ type: "renew-leases" });
  }

  async close(): Promise<void> {
    this.#isOurEnd = true;
    this.#socket.end();
    await this.#closed;
  }

  async shutdown(): Promise<void> {
    this.#isOurEnd = true;
    this.#send({ type: "shutdown" });
    await this.#closed;
    const deadlineAt = performance.now() + launcherEndMs;
    while (isAlive(this.#claim)) {
      if (performance.now() > deadlineAt) {
        const message = `the launcher with pid ${this.pid} does not end; look at launcher.log`;
        throw new CapstanError("TIMED_OUT", message);
      }
      await delay(launcherLookMs);
    }
  }

  #send(message: ToLauncher): void {
    if (!this.#socket.writable) return;
    gatherWrites(this.#socket);
    this.#socket.write(encodeLine(message));
  }

  #read(reader: JsonLineReader, chunk: Buffer): void {
    try {
      reader.push(chunk);
    } catch (error) {
      if (!(error instanceof CapstanError)) throw error; // The sink's own.
      this.#error = error;
      this.#socket.destroy();
    }
  }

  #onMessage(message: FromLauncher): void {
    switch (message.type) {
      case "inventory":
        this.survivors = message.running;
        this.capabilities = message.capabilities;
        return this.#opened();
      case "started":
        return this.#sink.started(message.attemptId, message.pid);
      case "ended":
        return this.#sink.ended(message.record);
      default:
        return assertNever(message);
    }
  }

  #opened(): void {
    const onOpened = present(this.#onOpened, "the launcher sends its inventory once");
    this.#onOpened = null;
    onOpened(null);
  }

  #onClosed(): void {
    const error = this.#error ?? new CapstanError("UNREACHABLE", this.#lostText());
    const onOpened = this.#onOpened;
    this.#onOpened = null;
    if (onOpened !== null) onOpened(error);
    else if (!this.#isOurEnd) void this.#tellLoss();
  }

  /** A process that is killed closes its sockets a moment before it is gone. */
  async #tellLoss(): Promise<void> {
    const deadlineAt = performance.now() + launcherGoneMs;
    while (isAlive(this.#claim) && performance.now() < deadlineAt) await delay(launcherLookMs);
    const error = this.#error ?? new CapstanError("UNREACHABLE", this.#lostText());
    this.#logger.warn({ launcher: this.pid, code: error.code }, error.message);
    this.#sink.lost(error);
  }

  #lostText(): string {
    const { pid } = this.#claim;
    return isAlive(this.#claim)
      ? `the launcher with pid ${pid} closed the connection; its log says why`
      : `the launcher with pid ${pid} is gone`;
  }
}
