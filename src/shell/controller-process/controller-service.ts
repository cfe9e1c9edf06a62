/**
 * The controller between its kernel and its peers: one loop, the sessions of clients and workers,
 * API calls, readiness. Sockets and files come in from outside.
 *
 * @module
 */

import { assertNever } from "../../base/assert.ts";
import type { ControllerEvent, ControllerSend } from "../../controller/events.ts";
import { CapstanError } from "../../model/errors.ts";
import type { ClientHello, WorkerHello } from "../../protocol/messages.ts";
import type { Readiness } from "../api/http-api.ts";
import type { Journal, JournalNotice } from "../journal/journal.ts";
import type { Logger } from "../logging/logger.ts";
import { ClientSessions } from "./client-sessions.ts";
import type { Clock } from "./clock.ts";
import type { Kernel } from "./kernel.ts";
import type { HelloAnswer, PeerContext } from "./peer-context.ts";
import { type PeerStatement, type Quarantine, statementOf } from "./quarantine.ts";
import { clusterInfoOf, parseWorkerExit, requireNoFields } from "./shell-methods.ts";
import { TurnLoop } from "./turn-loop.ts";
import { packageVersion } from "./version.ts";
import { WorkerSessions } from "./worker-sessions.ts";

export interface ControllerServiceOptions<State, Fact> {
  readonly kernel: Kernel<State, Fact>;
  readonly state: State;
  readonly journal: Journal<Fact>;
  readonly clock: Clock;
  readonly quarantine: Quarantine;
  readonly durable: boolean;
  readonly expectWorkers: number;
  readonly logger: Logger;
  readonly onFatal: (end: { readonly exitCode: number; readonly error: unknown }) => void;
}

export class ControllerService<State, Fact> {
  readonly #options: ControllerServiceOptions<State, Fact>;
  readonly #loop: TurnLoop<State, Fact>;
  readonly #clients: ClientSessions;
  readonly #workers: WorkerSessions;
  readonly #startedAt: number;
  #url = "";
  #serving = false;
  #degraded: string[] = [];

  constructor(options: ControllerServiceOptions<State, Fact>) {
    this.#options = options;
    const { kernel, state, journal, clock } = options;
    this.#startedAt = clock.now();
    const context = this.#contextOf(options);
    this.#clients = new ClientSessions(context);
    this.#workers = new WorkerSessions(context);
    this.#loop = new TurnLoop<State, Fact>({
      kernel,
      state,
      journal,
      clock,
      deliver: (send) => this.#deliver(send),
      onDelivered: () => this.#clients.relieve(),
      onTurnEnd: () => this.#workers.acknowledge(),
      onCrash: (error, event) => this.#crash(error, event),
    });
    journal.onFailure = (error) => this.#journalFailed(error);
    journal.onNotice = (notice) => this.#note(notice);
    if (options.quarantine.refusedCount > 0) {
      this.#degraded.push(`${options.quarantine.refusedCount} quarantined events are refused`);
    }
  }

  start(url: string): void {
    this.#url = url;
    this.#serving = true;
    this.#loop.start(this.#options.journal.epoch);
  }

  onHello(hello: ClientHello | WorkerHello, answer: HelloAnswer): void {
    if (hello.role === "client") this.#clients.open(hello, answer);
    else this.#workers.open(hello, answer);
  }

  readiness(): Readiness {
    const reasons: string[] = [];
    const { expectWorkers, journal } = this.#options;
    const registered = this.#workers.registeredCount;
    if (!this.#serving) reasons.push("the controller does not serve");
    if (registered < expectWorkers) {
      reasons.push(`${registered} of ${expectWorkers} workers have registered`);
    }
    const degraded = [...this.#degraded];
    if (journal.diskLow) degraded.push("the disk is nearly full: new submits are refused");
    return { ready: reasons.length === 0, reasons, degraded };
  }

  /** Answers an API method when what the answer reflects is durable. */
  callDurably(method: string, request: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const answer = this.#answer(method, request);
      if (!this.#serving) reject(new CapstanError("UNREACHABLE", "the controller is closing"));
      else this.#loop.hold(() => resolve(answer));
    });
  }

  /** Makes what was taken up durable, tells peers that it ends, stops the loop. */
  async close(): Promise<void> {
    if (this.#serving) {
      this.#serving = false;
      await new Promise<void>((resolve) => this.#loop.hold(() => resolve()));
    }
    this.#clients.close();
    this.#workers.close();
    this.#loop.stop();
  }

  #contextOf(options: ControllerServiceOptions<State, Fact>): PeerContext {
    const { kernel, state, journal, logger } = options;
    return {
      clusterId: journal.clusterId,
      epoch: journal.epoch,
      logger,
      at: () => this.#loop.at(),
      handle: (event) => this.#handle(event),
      hold: (act) => this.#loop.hold(act),
      sessionOf: (clientId) => kernel.sessionOf(state, clientId),
      workerIndexOf: (workerId) => kernel.workerIndexOf(state, workerId),
      nextWorkerIndex: () => kernel.nextWorkerIndex(state),
      admitWorker: (hello) => kernel.admitWorker(state, hello),
      call: (method, request) => this.#answer(method, request),
      overload: () => this.#overload(),
      congested: () => journal.congested,
    };
  }

  #handle(event: ControllerEvent): boolean {
    const { quarantine } = this.#options;
    if (quarantine.refusedCount > 0) {
      const statement = this.#statementOf(event);
      if (statement !== null && quarantine.refuses(statement)) return false;
    }
    this.#loop.handle(event);
    return true;
  }

  #deliver(send: ControllerSend): void {
    switch (send.type) {
      case "send-to-client":
      case "disconnect-client":
        this.#clients.deliver(send);
        break;
      case "send-to-worker":
      case "disconnect-worker":
        this.#workers.deliver(send);
        break;
      default:
        assertNever(send);
    }
  }

  #answer(method: string, request: unknown): unknown {
    if (method === "ReportWorkerExit") {
      this.#workers.reportExit(parseWorkerExit(request));
      return {};
    }
    const { kernel } = this.#options;
    const { state } = this.#loop;
    if (method === "GetDoctorReport") return this.#doctorReport(request);
    if (method !== "GetClusterInfo") return kernel.answerCall(state, method, request);
    requireNoFields(method, request);
    return clusterInfoOf(kernel.summaryOf(state), {
      journal: this.#options.journal,
      url: this.#url,
      startedAt: this.#startedAt,
      durable: this.#options.durable,
      clientCount: this.#clients.count,
      readiness: this.readiness(),
    });
  }

  /** The kernel audits its state; what it cannot know about the process is added. */
  #doctorReport(request: unknown): unknown {
    const { kernel, journal } = this.#options;
    const report = kernel.answerCall(this.#loop.state, "GetDoctorReport", request);
    const lastTickAgoMs = Math.round(performance.now() - this.#loop.lastTurnAtMs);
    return {
      ...(report as object),
      journalSeq: journal.sequence,
      loops: [{ name: "controller", lastTickAgoMs }],
      version: packageVersion,
    };
  }

  #overload(): CapstanError | null {
    if (!this.#options.journal.diskLow) return null;
    return new CapstanError(
      "OVERLOADED",
      "the disk of the controller's data directory is nearly full: free some space there; " +
        "accepted work goes on",
    );
  }

  #statementOf(event: ControllerEvent): PeerStatement | null {
    const { kernel, state } = this.#options;
    return statementOf(event, {
      client: (index) => kernel.clientIdOf(state, index),
      worker: (index) => kernel.workerIdOf(state, index),
    });
  }

  #crash(error: unknown, event: ControllerEvent): void {
    const { quarantine, journal, logger, onFatal } = this.#options;
    this.#serving = false;
    const { sequence, epoch } = journal;
    const statement = this.#statementOf(event);
    const record = quarantine.record({ event, statement, error, sequence, epoch });
    logger.fatal({ err: error, event: event.type, sequence, record }, "a promise was broken");
    onFatal({ exitCode: 70, error });
  }

  #journalFailed(error: CapstanError): void {
    this.#serving = false;
    this.#loop.stop();
    this.#options.logger.fatal({ code: error.code }, error.message);
    this.#options.onFatal({ exitCode: 74, error });
  }

  #note(notice: JournalNotice): void {
    const { logger } = this.#options;
    const { type, ...fields } = notice;
    if (type === "snapshot-written" || type === "disk-recovered") logger.info(fields, type);
    else logger.warn(fields, type);
  }
}
