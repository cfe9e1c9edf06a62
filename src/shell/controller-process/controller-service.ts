/**
 * The controller between its kernel and its peers: one loop, the sessions of clients and workers,
 * API calls, readiness. Sockets and files come in from outside.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import { assertNever } from "../../base/assert.ts";
import type { Micros } from "../../base/time.ts";
import type { ControllerEvent, ControllerSend } from "../../controller/events.ts";
import type { StackTarget } from "../../controller/stack-target.ts";
import { CapstanError } from "../../model/errors.ts";
import type { Principal } from "../../model/job.ts";
import type { ClientHello, WorkerHello } from "../../protocol/messages.ts";
import type { QueuePolicy } from "../../scheduler/queue-policy.ts";
import { reportBug } from "../api/http-answers.ts";
import type { CallOrder, PastOrder, Readiness } from "../api/http-api.ts";
import type { LiveBackend } from "../api/live-connection.ts";
import { formatMetrics } from "../api/metrics.ts";
import { streamAccess } from "../api/route-access.ts";
import type { MethodName, ParsedRequests } from "../api/schemas.ts";
import { encodePlain } from "../journal/fact-codec.ts";
import type { Journal, JournalNotice } from "../journal/journal.ts";
import type { Logger } from "../logging/logger.ts";
import { type Dump, DumpMaker } from "../past/make-dump.ts";
import { type PastAnswer, PastReader } from "../past/past-reader.ts";
import type { LiveState } from "../past/write-dump.ts";
import { type AnswerCall, ApiCalls, type ApiContext, type ReadSteps } from "./api-calls.ts";
import {
  Authentication,
  type Caller,
  dataTokenOf,
  logTokenOf,
  speakingAs,
} from "./authentication.ts";
import { ClientSessions } from "./client-sessions.ts";
import type { Clock } from "./clock.ts";
import { ControllerMetrics, type LiveCounts } from "./controller-metrics.ts";
import { LogFetcher } from "./fetch-logs.ts";
import type { Kernel } from "./kernel.ts";
import { lateShownMs, throughputLookMs, tokenCheckMs } from "./limits.ts";
import type { HelloAnswer, PeerContext } from "./peer-context.ts";
import { type PeerStatement, type Quarantine, statementOf } from "./quarantine.ts";
import { readStack } from "./read-stack.ts";
import {
  clusterInfoOf,
  doctorReportOf,
  type KernelOverview,
  type KernelReport,
  overviewOf,
  problemsOfProcess,
} from "./shell-methods.ts";
import { Throughput } from "./throughput.ts";
import { TurnLoop } from "./turn-loop.ts";
import { WorkerHttp } from "./worker-http.ts";
import { WorkerLogs } from "./worker-logs.ts";
import { WorkerSessions } from "./worker-sessions.ts";

export interface ControllerServiceOptions<State, Fact> {
  readonly kernel: Kernel<State, Fact>;
  readonly state: State;
  readonly journal: Journal<Fact>;
  readonly clock: Clock;
  readonly quarantine: Quarantine;
  readonly durable: boolean;
  /** Null without a journal on a disk. */
  readonly journalFile: string | null;
  /** The secret that opens everything; undefined on loopback without one. */
  readonly token: string | undefined;
  readonly expectWorkers: number;
  readonly policy: QueuePolicy;
  readonly logger: Logger;
  readonly onFatal: (end: { readonly exitCode: number; readonly error: unknown }) => void;
}

export class ControllerService<State, Fact> {
  readonly #options: ControllerServiceOptions<State, Fact>;
  readonly #loop: TurnLoop<State, Fact>;
  readonly #clients: ClientSessions;
  readonly #workers: WorkerSessions;
  readonly #calls: ApiCalls;
  readonly #authentication: Authentication;
  readonly #metrics: ControllerMetrics;
  readonly #throughput = new Throughput();
  readonly #http: WorkerHttp;
  readonly #logs: LogFetcher;
  readonly #dataToken: string;
  readonly #logToken: string;
  /** Null without a journal on a disk. */
  readonly #past: PastReader | null;
  readonly #dumps = new DumpMaker();
  readonly #startedAt: number;
  /** Set by whoever serves them. */
  liveCounts: () => LiveCounts = () => noLive;
  #url = "";
  #serving = false;
  #degraded: string[] = [];
  #tokenTimer: NodeJS.Timeout | null = null;
  #lookTimer: NodeJS.Timeout | null = null;

  constructor(options: ControllerServiceOptions<State, Fact>) {
    this.#options = options;
    const { kernel, state, journal, clock, logger } = options;
    this.#metrics = new ControllerMetrics((lateMs) =>
      logger.warn({ lateMs: Math.round(lateMs) }, "the event loop stood still"),
    );
    this.#startedAt = clock.now();
    this.#past = options.journalFile === null ? null : new PastReader(options.journalFile);
    this.#dataToken = dataTokenOf(options.token, journal.clusterId);
    this.#logToken = logTokenOf(options.token, journal.clusterId);
    this.#authentication = new Authentication({
      token: options.token,
      principalOf: (hash) => kernel.principalOf(state, hash, clock.now()),
      now: () => clock.now(),
    });
    const context = this.#contextOf(options);
    this.#clients = new ClientSessions(context);
    this.#workers = new WorkerSessions(context);
    this.#http = new WorkerHttp((workerId) => this.#logSecretOf(workerId));
    this.#logs = new LogFetcher(new WorkerLogs(this.#http), Date.now);
    this.#calls = new ApiCalls(this.#apiContextOf(options));
    this.#loop = new TurnLoop<State, Fact>({
      kernel,
      state,
      journal,
      clock,
      deliver: (send, sequence) => this.#deliver(send, sequence),
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
    this.#loop.start(this.#options.journal.epoch, this.#options.policy);
    this.#lookTimer = setInterval(() => {
      const { kernel, clock } = this.#options;
      this.#throughput.observe(clock.now() / 1000, kernel.endedTasks(this.#loop.state));
    }, throughputLookMs);
    this.#tokenTimer = setInterval(() => {
      this.#clients.cutUnwelcome();
      this.#workers.cutUnwelcome();
    }, tokenCheckMs);
  }

  /** Who sends the request, or why nobody who is known. */
  identify(request: IncomingMessage): Caller | CapstanError {
    return this.#authentication.identify(request);
  }

  /** The same caller now; null once its token has ended. */
  renew(caller: Caller): Principal | null {
    return this.#authentication.renew(caller);
  }

  /** What live queries read. */
  liveBackend(): LiveBackend {
    const { journal, clock } = this.#options;
    const at = (): string => timeOf(clock.now());
    return {
      at,
      sequence: () => journal.sequence,
      clock: () => ({
        ...{ sequence: journal.durableSequence, at: at(), live: true },
        oldestSequence: journal.oldest?.sequence ?? null,
        oldestAt: journal.oldest === null ? null : timeOf(journal.oldest.at),
      }),
      read: (order, answer) => this.call(order, answer),
      past: (order, signal) => this.past(order, signal),
    };
  }

  /** The answer of a read method at an instant of the past. Rejects with CapstanError. */
  async past({ at, ...order }: PastOrder, signal: AbortSignal): Promise<PastAnswer> {
    const request = this.#calls.checkRead(order);
    if (this.#past !== null) return await this.#past.read({ ...order, request, at }, signal);
    const why = "at: this controller keeps no journal on a disk, so it has no past";
    throw new CapstanError("INVALID_ARGUMENT", why);
  }

  /** A file of everything, without secrets. Throws OVERLOADED, DISK_FAILED. */
  async dump(): Promise<Dump> {
    const { journal, journalFile, kernel, clock } = this.#options;
    const { clusterId, epoch } = journal;
    const live = (): LiveState => {
      // What is in memory alone is copied by the loop: it stands still for as long.
      const image = encodePlain(kernel.snapshotOf(this.#loop.state));
      return { sequence: journal.sequence, at: clock.now(), image };
    };
    return await this.#dumps.make({ clusterId, epoch, journal: journalFile ?? live });
  }

  /** A peer has said who it is; `request` is the upgrade that it came in by. */
  onHello(hello: ClientHello | WorkerHello, answer: HelloAnswer, request: IncomingMessage): void {
    const caller = this.identify(request);
    if (caller instanceof CapstanError) {
      answer.refuse(caller);
      return;
    }
    const refusal = checkPeerRole(hello.role, caller);
    if (refusal !== null) answer.refuse(refusal);
    else if (hello.role === "worker") this.#workers.open(hello, caller, answer);
    else this.#clients.open(hello, speakingAs(caller, hello.user), answer);
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

  /** Why no new work is taken at present, or null. */
  overload(): CapstanError | null {
    if (!this.#options.journal.diskLow) return null;
    return new CapstanError(
      "OVERLOADED",
      "the disk of the controller's data directory is nearly full: free some space there; " +
        "accepted work goes on",
    );
  }

  /**
   * Carries out a call of the API; the function that it returns drops the answer. It never answers
   * before it returns: whoever asks cannot drop what it has not got yet.
   */
  call(order: CallOrder, answer: AnswerCall): () => void {
    if (this.#serving) return this.#calls.call(order, answer);
    const error = new CapstanError("UNREACHABLE", "the controller is closing");
    const { durableSequence: sequence } = this.#options.journal;
    const refusal = setImmediate(() => answer({ result: null, error, sequence }));
    return () => clearImmediate(refusal);
  }

  /** What `/metrics` shows, in the format of Prometheus. */
  metrics(): string {
    const { kernel, journal } = this.#options;
    const metrics = this.#metrics.collect(kernel.summaryOf(this.#loop.state), {
      journalSequence: journal.sequence,
      durableSequence: journal.durableSequence,
      epoch: journal.epoch,
      clientCount: this.#clients.count,
      workerSessionCount: this.#workers.registeredCount,
      openChangeCount: this.#calls.openCount,
      ended: kernel.endedTasks(this.#loop.state),
      live: this.liveCounts(),
    });
    return formatMetrics(metrics);
  }

  /** Makes what was taken up durable, tells peers that it ends, stops the loop. */
  async close(): Promise<void> {
    if (this.#serving) {
      this.#serving = false;
      await new Promise<void>((resolve) => this.#loop.hold(() => resolve()));
    }
    if (this.#tokenTimer !== null) clearInterval(this.#tokenTimer);
    if (this.#lookTimer !== null) clearInterval(this.#lookTimer);
    this.#clients.close();
    this.#workers.close();
    this.#loop.stop();
    this.#http.close();
    await this.#past?.close();
    this.#metrics.close();
    this.#refuseOpenCalls(new CapstanError("UNREACHABLE", "the controller has closed"));
  }

  #contextOf(options: ControllerServiceOptions<State, Fact>): PeerContext {
    const { kernel, state, journal, logger } = options;
    return {
      clusterId: journal.clusterId,
      epoch: journal.epoch,
      dataToken: this.#dataToken,
      logToken: this.#logToken,
      logger,
      at: () => this.#loop.at(),
      handle: (event) => this.#handle(event),
      hold: (act) => this.#loop.hold(act),
      sessionOf: (clientId) => kernel.sessionOf(state, clientId),
      workerIndexOf: (workerId) => kernel.workerIndexOf(state, workerId),
      nextWorkerIndex: () => kernel.nextWorkerIndex(state),
      admitWorker: (hello) => kernel.admitWorker(state, hello),
      call: (order, answer) => this.call(order, answer),
      renew: (caller) => this.renew(caller),
      overload: () => this.overload(),
      congested: () => journal.congested,
    };
  }

  #apiContextOf({ kernel, state, logger }: ControllerServiceOptions<State, Fact>): ApiContext {
    return {
      logger,
      at: () => this.#loop.at(),
      handle: (event) => this.#handle(event),
      hold: (act) => this.#loop.hold(act),
      overload: () => this.overload(),
      authorise: (principal, method, request) =>
        kernel.authorise(state, principal, method, request),
      budgetOf: (user) => kernel.budgetOf(state, user),
      logSources: (question, principal) => kernel.logSources(state, question, principal),
      read: (method, request, principal) => this.#read(method, request, principal),
      fetchLogs: (request, selection) => this.#logs.fetch(request, selection),
      readStack: ({ taskId }, principal) => {
        const target = kernel.answerCall(state, "StackTarget", { taskId }, principal);
        return () => readStack(this.#http, target as StackTarget);
      },
      count: (method, code, seconds) => this.#metrics.calls.count(method, code, seconds),
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

  #deliver(send: ControllerSend, sequence: number): void {
    switch (send.type) {
      case "send-to-client":
      case "disconnect-client":
        this.#clients.deliver(send);
        break;
      case "send-to-worker":
      case "disconnect-worker":
        this.#workers.deliver(send);
        break;
      case "reply-to-call":
        this.#calls.deliver(send, sequence);
        break;
      default:
        assertNever(send);
    }
  }

  *#read(method: MethodName, request: ParsedRequests[MethodName], principal: Principal): ReadSteps {
    const { kernel } = this.#options;
    const { state } = this.#loop;
    switch (method) {
      case "ReportWorkerExit":
        this.#workers.reportExit(request as ParsedRequests["ReportWorkerExit"]);
        return {};
      case "GetTaskCredentials":
        return this.#taskCredentials(request, principal);
      case "GetClusterInfo":
        return this.#clusterInfo();
      case "GetDoctorReport":
        return this.#doctorReport(yield* this.#kernelSays("GetDoctorReport", principal));
      case "GetOverview":
        return this.#overview(yield* this.#kernelSays("GetOverview", principal));
      default:
        return yield* kernel.answerInSteps(state, method, request, principal);
    }
  }

  /** A task speaks as its user, and so that no secret need travel with every order. */
  #taskCredentials(request: ParsedRequests[MethodName], principal: Principal): unknown {
    const { kernel, clock } = this.#options;
    const { state } = this.#loop;
    const answer = kernel.answerCall(state, "GetTaskCredentials", request, principal);
    const { user } = answer as { readonly user: string };
    return { user, token: this.#authentication.taskToken(user, clock.now()) };
  }

  #kernelSays(method: MethodName, principal: Principal): ReadSteps {
    const { kernel } = this.#options;
    return kernel.answerInSteps(this.#loop.state, method, {}, principal);
  }

  /** What the kernel sees, and what only the process knows. */
  #overview(seen: unknown): unknown {
    const { kernel, clock, journal } = this.#options;
    const { state } = this.#loop;
    const nowMs = clock.now() / 1000;
    this.#throughput.observe(nowMs, kernel.endedTasks(state));
    return overviewOf(seen as KernelOverview, {
      clusterId: journal.clusterId,
      startedAt: this.#startedAt,
      series: this.#throughput.series(nowMs),
      problems: problemsOfProcess(this.readiness(), this.#metrics.lately(lateShownMs)),
    });
  }

  #clusterInfo(): unknown {
    return clusterInfoOf(this.#options.kernel.summaryOf(this.#loop.state), {
      journal: this.#options.journal,
      url: this.#url,
      startedAt: this.#startedAt,
      durable: this.#options.durable,
      clientCount: this.#clients.count,
      readiness: this.readiness(),
    });
  }

  /** Without a secret to share a worker demands, at most, what it presented. */
  #logSecretOf(workerId: string): string | null {
    return this.#logToken === "" ? this.#workers.secretOf(workerId) : this.#logToken;
  }

  /** The kernel audits its state; what it cannot know about the process is added. */
  #doctorReport(report: unknown): unknown {
    const { journal } = this.#options;
    const lastTickAgoMs = Math.round(performance.now() - this.#loop.lastTurnAtMs);
    return doctorReportOf(report as KernelReport, {
      journalSeq: journal.sequence,
      loops: [{ name: "controller", lastTickAgoMs }],
    });
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
    this.#refuseOpenCalls(reportBug(logger, error, event.type));
    onFatal({ exitCode: 70, error });
  }

  #journalFailed(error: CapstanError): void {
    this.#serving = false;
    this.#loop.stop();
    this.#options.logger.fatal({ code: error.code }, error.message);
    this.#refuseOpenCalls(error);
    this.#options.onFatal({ exitCode: 74, error });
  }

  #refuseOpenCalls(error: CapstanError): void {
    this.#calls.refuseAll(error, this.#options.journal.durableSequence);
  }

  #note(notice: JournalNotice): void {
    const { logger } = this.#options;
    const { type, ...fields } = notice;
    if (type === "snapshot-written" || type === "disk-recovered") logger.info(fields, type);
    else logger.warn(fields, type);
  }
}

const noLive: LiveCounts = { connectionCount: 0, queryCount: 0, readCount: 0, busyMs: 0 };

function timeOf(at: Micros): string {
  return new Date(at / 1000).toISOString();
}

function checkPeerRole(peer: "client" | "worker", { principal }: Caller): CapstanError | null {
  const allowed = streamAccess[peer];
  if (allowed.includes(principal.role)) return null;
  return new CapstanError(
    "FORBIDDEN",
    `a stream of a ${peer} needs role ${allowed.join(" or ")}; this token has role ` +
      principal.role,
  );
}
