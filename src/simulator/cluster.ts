/**
 * A whole cluster in memory: both real kernels, a journal that can lose what was not synced, a
 * network, clients. One seed, one run, bit for bit.
 *
 * After every event the invariants of the kernel that took it are checked; at the end the faults
 * stop, everybody comes back, and everything that is owed must arrive: `finish` says what did not.
 *
 * @module
 */

import { InvariantError } from "../base/assert.ts";
import type { ApiRequest, ControllerSend } from "../controller/events.ts";
import { clientGraceUs } from "../controller/limits.ts";
import type { ControllerState } from "../controller/state.ts";
import type { CapstanError } from "../model/errors.ts";
import type { Principal } from "../model/job.ts";
import { setupFailedPrefix } from "../model/spec.ts";
import type { ClientMessage } from "../protocol/messages.ts";
import type { Upload } from "../protocol/shared-messages.ts";
import { Auditor } from "./auditor.ts";
import { type Behaviour, DrawnBehaviour } from "./behaviour.ts";
import { CallLedger } from "./call-ledger.ts";
import { type DrawStream, Randomness, type ZeroedStretch } from "./draws.ts";
import { type FaultKind, faultKinds } from "./fault-kinds.ts";
import { calm, drawMemory, type Faults, slowestTaskUs } from "./faults.ts";
import { HistoryRules } from "./history-rules.ts";
import { settleBoundUs } from "./liveness.ts";
import { LockLedger } from "./lock-ledger.ts";
import { actOn, crashOne } from "./mischief.ts";
import { combineObservers, type Observer } from "./observer.ts";
import { OutcomeLedger } from "./outcome-ledger.ts";
import { drawProfile, type Profile } from "./profiles.ts";
import { Sessions } from "./sessions.ts";
import { abstractOf, assertEmpty, isEmpty, openTasks, owedBy, standstillOf } from "./settlement.ts";
import { type Bringer, type ClusterClient, SimulatedClient } from "./simulated-client.ts";
import { SimulatedController } from "./simulated-controller.ts";
import {
  drawHost,
  type HostOptions,
  type HostSurroundings,
  SimulatedHost,
} from "./simulated-host.ts";
import { SimulatedJobs } from "./simulated-jobs.ts";
import { SimulatedWorker } from "./simulated-worker.ts";
import { Timeline } from "./timeline.ts";
import { TraceHash } from "./trace-hash.ts";
import { Watchdog } from "./watchdog.ts";

/** What a run is made of. */
export interface ClusterOptions {
  readonly seed: number;
  readonly workerCount?: number;
  readonly clientCount?: number;
  readonly slots?: number;
  /** Instead of those that the profile draws. */
  readonly faults?: Faults;
  /** Which faults are drawn; default "swarm": any. */
  readonly profile?: Profile;
  /** Faults that this run does not have, whatever was drawn. */
  readonly without?: readonly (keyof Faults)[];
  /** Steps of the workload that are left out, by number. */
  readonly skip?: ReadonlySet<number>;
  /** Draws that read as zero. */
  readonly zeroed?: readonly ZeroedStretch[];
  /** Keep every draw, for `randomness.tape()`; default false. */
  readonly record?: boolean;
  /** What `randomness.tape()` of an earlier run said: read instead of the seed's draws. */
  readonly tape?: ReadonlyMap<string, Uint32Array>;
  /** What executions do; default {@link DrawnBehaviour}. */
  readonly behaviour?: (cluster: SimulatedCluster) => Behaviour;
  /** Who watches. */
  readonly observers?: readonly Observer[];
  /** Check every invariant after every event; default true. */
  readonly checks?: boolean;
  /** Look for lost wake-ups and repair them: see `watchdog.fired`; default false. */
  readonly watchdog?: boolean;
  /** Fold every fact a second time and compare after every event; slow, default false. */
  readonly foldChecks?: boolean;
}

/** How a run went. */
export interface RunReport {
  /** Steps of the controller's kernel and of the workers' kernels, together. */
  readonly events: number;
  readonly controllerEvents: number;
  readonly executions: number;
  readonly faultsInjected: number;
  readonly virtualSeconds: number;
  /** Of everything that every kernel took up and sent: equal for equal runs. */
  readonly traceHash: number;
}

/** What a call was answered: a result, or why not. */
type CallReply = (result: unknown, error: CapstanError | null) => void;

function isRetry({ type }: ApiRequest): boolean {
  return type === "retry-task" || type === "retry-job";
}

/** Between two steps of the workload, microseconds. */
const actionUs = 3_000;

/** When a calm cluster looks again for machines to mend. */
const mendAgainUs = 25_000_000;

export class SimulatedCluster {
  readonly timeline = new Timeline();
  readonly randomness: Randomness;
  readonly workers: SimulatedWorker[] = [];
  readonly clients: SimulatedClient[] = [];
  /** Those of `clients`, and those that somebody else plays. */
  readonly everyClient: ClusterClient[] = [];
  readonly hosts = new Map<string, SimulatedHost>();
  readonly jobs: SimulatedJobs;
  readonly controller: SimulatedController;
  readonly sessions: Sessions;
  readonly faultCounts = new Map<FaultKind, number>();
  readonly traceHash = new TraceHash();
  readonly auditor = new Auditor();
  readonly outcomes = new OutcomeLedger();
  readonly watchdog = new Watchdog();
  faults: Faults;
  readonly #options: ClusterOptions;
  readonly #behaviour: Behaviour;
  readonly #observer: Required<Observer>;
  readonly #slots: number;
  readonly #crash: DrawStream;
  #calls = 0;
  readonly #replies = new Map<number, CallReply>();
  #incarnations = 0;
  #finishedWorkerEvents = 0;
  #isSettling = false;
  #actions = 0;
  executions = 0;
  faultsInjected = 0;

  constructor(options: ClusterOptions) {
    this.#options = options;
    const { timeline } = this;
    this.randomness = new Randomness(options);
    const draws = this.randomness.stream("run");
    this.#crash = this.randomness.stream("machines");
    this.faults = this.#drawFaults(draws);
    this.#observer = combineObservers([
      this.#counter(),
      this.traceHash,
      ...(options.checks === false
        ? []
        : [this.auditor, this.outcomes, new LockLedger(), new CallLedger()]),
      ...(options.checks === false ? [] : [new HistoryRules(() => this.#liveWorkers())]),
      ...(options.watchdog === true ? [this.watchdog] : []),
      ...(options.observers ?? []),
    ]);
    this.#behaviour =
      options.behaviour?.(this) ??
      new DrawnBehaviour(
        {
          ...{ timeline, faults: this.faults, draws: this.randomness.stream("behaviour") },
          waits: this.randomness.stream("waits"),
          progress: this.randomness.stream("progress"),
          reschedules: this.randomness.stream("reschedules"),
        },
        (kind, what) => this.onFault(kind, what),
      );
    this.#slots = options.slots ?? 1 + draws.below(3);
    this.controller = new SimulatedController({
      ...{ timeline, randomness: this.randomness, faults: this.faults, observer: this.#observer },
      ...{ checks: options.checks ?? true, foldChecks: options.foldChecks ?? false },
      deliver: (send) => this.#deliver(send),
      onDeath: (byFault) => this.#onControllerDeath(byFault),
    });
    const { controller, randomness, faults } = this;
    const observer = this.#observer;
    this.sessions = new Sessions({ timeline, randomness, faults, controller, observer });
    this.jobs = this.#newJobs();
    this.startController();
    const workerCount = options.workerCount ?? 1 + draws.below(4);
    for (let i = 0; i < workerCount; i++) this.startWorker(`w${i}`);
    const clientCount = options.clientCount ?? 1 + draws.below(2);
    for (let i = 0; i < clientCount; i++) this.#addClient(`c${i}`);
  }

  get state(): ControllerState {
    return this.controller.state;
  }

  /** Steps of all kernels so far. */
  get events(): number {
    let events = this.controller.events + this.#finishedWorkerEvents;
    for (const worker of this.workers) events += worker.events;
    return events;
  }

  #drawFaults(draws: DrawStream): Faults {
    const { profile = "swarm", faults, without = [] } = this.#options;
    const memory = profile === "calm" ? {} : drawMemory(this.randomness.stream("memory"));
    const drawn = {
      ...drawProfile(profile, draws, this.randomness.stream("sharing")),
      ...memory,
    };
    const none = Object.fromEntries(without.map((fault) => [fault, 0]));
    // Given ones are the caller's own object, to be changed while the run goes on.
    return faults ?? { ...drawn, ...none };
  }

  #counter(): Observer {
    return {
      onFault: (kind) => {
        this.faultsInjected++;
        this.faultCounts.set(kind, (this.faultCounts.get(kind) ?? 0) + 1);
      },
    };
  }

  /** Counts a fault that is being injected. */
  onFault(kind: FaultKind, what: string): void {
    this.#observer.onFault(kind, what);
  }

  #liveWorkers(): readonly SimulatedWorker[] {
    return this.workers.filter((worker) => worker.alive);
  }

  #newJobs(): SimulatedJobs {
    const draws = this.randomness.stream("jobs");
    const runs = this.randomness.stream("runs of jobs");
    const patience = this.faults.paceUs > 0 ? "long" : "short";
    return new SimulatedJobs({ draws, runs, patience }, (request, principal, onReply) =>
      this.call(request, principal, (result, error) => {
        if (error === null) onReply(result);
      }),
    );
  }

  /** Makes a call of the API; nobody answers while no controller is up. */
  call(request: ApiRequest, principal: Principal, onReply: CallReply): void {
    const { controller } = this;
    if (!controller.isUp) return;
    const call = ++this.#calls;
    this.#replies.set(call, this.#overheard(request, call, onReply));
    controller.whenAwake(() => {
      const at = controller.now();
      if (isRetry(request)) this.#observer.onTraffic({ type: "retry-heard" });
      controller.take({ type: "api-called", at, call, principal, request });
    });
  }

  /** Tells who watches of calls about jobs, and of the answer. */
  #overheard(request: ApiRequest, call: number, onReply: CallReply): CallReply {
    const { onTraffic } = this.#observer;
    if (request.type === "launch-job") {
      onTraffic({ type: "launch-asked", jobId: request.spec.jobId, call });
    }
    if (request.type === "retry-job") {
      onTraffic({ type: "launch-asked", jobId: request.jobId, call });
    }
    if (request.type !== "terminate-job") return onReply;
    const { jobId } = request;
    onTraffic({ type: "stop-asked", jobId, call });
    return (result, error) => {
      if (error === null) onTraffic({ type: "stop-acknowledged", jobId, call });
      onReply(result, error);
    };
  }

  #addClient(clientId: string): void {
    const draws = this.randomness.stream(`client ${clientId}`);
    const client = new SimulatedClient(clientId, draws, {
      exclusive: this.randomness.stream(`exclusive ${clientId}`),
      send: (from, message) => this.sessions.fromClient(from, message),
      bring: (from, upload) => this.bring(from, upload),
    });
    this.clients.push(client);
    this.addClient(client);
  }

  /** A client brings a value to workers; if none has taken it, it asks again where to. */
  bring(client: Bringer, { task, ref, workers }: Upload): void {
    const { timeline, faults } = this;
    const draws = this.randomness.stream(`uploads ${client.clientId}`);
    let open = workers.length;
    let taken = 0;
    for (const index of workers) {
      timeline.after(100 + draws.below(Math.max(2_000, faults.fetchUsMax)), () => {
        open--;
        const fails = draws.chance(faults.fetchFailure);
        if (fails) this.onFault("upload failed", client.clientId);
        const worker = fails || client.gone ? null : this.#peerAt(index);
        if (worker !== null) taken++;
        worker?.bring(ref, client.valueOf(task));
        if (open > 0 || taken > 0) return;
        timeline.after(10_000, () => client.wantAgain(task));
      });
    }
  }

  /** Connects a client, and again whenever its connection is lost, until it has gone. */
  addClient(client: ClusterClient): void {
    this.everyClient.push(client);
    this.sessions.connectClient(client);
  }

  /** Sends what a client says, if it is connected. */
  receive(client: ClusterClient, message: ClientMessage): void {
    this.sessions.fromClient(client, message);
  }

  get controllerUp(): boolean {
    return this.controller.isUp;
  }

  startController(): void {
    this.controller.start();
    if (this.#isSettling) this.#openWorkers();
  }

  /** Ends the controller at once: what was not synced never happened, and nobody heard of it. */
  crashController(): void {
    if (!this.controller.isUp) return;
    this.onFault("controller killed", "controller");
    this.controller.die();
  }

  #onControllerDeath(byFault: boolean): void {
    this.#replies.clear();
    this.sessions.onControllerDeath();
    if (byFault) this.timeline.after(this.#crash.below(50_000), () => this.startController());
  }

  /** Starts an agent on the machine of that name, which is drawn unless `hosts` has it. */
  startWorker(workerId: string, slots = this.#slots): SimulatedWorker {
    const incarnation = `i${++this.#incarnations}`;
    const host = this.hostOf(workerId);
    // What ran must fit again.
    if (this.#isSettling) host.capacity = host.largestCapacity;
    const worker = new SimulatedWorker(
      { workerId, incarnation, slots },
      {
        timeline: this.timeline,
        draws: this.randomness.stream(`worker ${workerId}`),
        faults: this.faults,
        behaviour: this.#behaviour,
        checks: this.#options.checks ?? true,
        observer: this.#observer,
        send: (from, message) => this.sessions.fromWorker(from, message),
        peerAt: (index) => this.#peerAt(index),
        onExecution: () => {
          this.executions++;
        },
        onLeft: (left) => this.#onLeft(left),
        host,
      },
    );
    this.workers.push(worker);
    this.sessions.connectWorker(worker);
    return worker;
  }

  /** Sets a machine up, in place of the one that had its name. */
  addMachine(options: HostOptions): void {
    const { workerId } = options;
    this.hosts.set(workerId, new SimulatedHost(options, this.#aroundHost(workerId)));
  }

  #aroundHost(workerId: string): HostSurroundings {
    return {
      timeline: this.timeline,
      draws: this.randomness.stream(`host ${workerId}`),
      faults: this.faults,
      behaviour: this.#behaviour,
      observer: this.#observer,
    };
  }

  /** The machine of a worker; one that is not known yet is set up, as those at `place` are. */
  hostOf(workerId: string, place = this.hosts.size): SimulatedHost {
    const known = this.hosts.get(workerId);
    if (known !== undefined) return known;
    const drawn = drawHost(workerId, place, this.#slots);
    const host = new SimulatedHost(drawn, this.#aroundHost(workerId));
    this.hosts.set(workerId, host);
    return host;
  }

  /** Ends the process of a worker; its machine is the caller's to end. */
  removeWorker(worker: SimulatedWorker): void {
    this.sessions.forgetWorker(worker);
    worker.kill();
    this.#finishedWorkerEvents += worker.events;
    this.workers.splice(this.workers.indexOf(worker), 1);
  }

  /** It went on purpose, with all that it ran; another process comes in its place. */
  #onLeft(worker: SimulatedWorker): void {
    const { workerId, slots } = worker;
    this.removeWorker(worker);
    this.hostOf(workerId).die();
    this.timeline.after(this.#crash.below(100_000), () => this.startWorker(workerId, slots));
  }

  /**
   * Kills one live worker, or its whole machine, and starts it again a little later, as a rule
   * under the same id.
   */
  crashWorker(draws: DrawStream = this.#crash): void {
    crashOne(this, draws);
  }

  /** Kills a worker with its machine, or only its agent. It stays away until somebody starts it. */
  killWorker(worker: SimulatedWorker, { launcherLives = false } = {}): void {
    const host = this.hostOf(worker.workerId);
    this.removeWorker(worker);
    if (launcherLives) host.agent = null;
    else host.die();
    this.onFault(launcherLives ? "worker agent killed" : "machine died", worker.workerId);
  }

  /** Whoever started that worker says that its process has ended. */
  proveExit(exit: { workerId: string; incarnation: string; launcherLives: boolean }): void {
    const { controller } = this;
    const ended = { ...exit, exitCode: null, signal: "SIGKILL" };
    controller.whenAwake(() => {
      const type = exit.launcherLives ? "agent-gone" : "gone";
      this.#observer.onTraffic({ type, ...exit });
      controller.take({ type: "worker-exited", at: controller.now(), ...ended });
    });
  }

  /** Breaks a connection; it is made again by itself a little later. */
  loseConnectionOf(worker: SimulatedWorker): void {
    this.onFault("connection lost", worker.workerId);
    this.sessions.loseWorker(worker);
  }

  loseClient(client: ClusterClient): void {
    this.onFault("client lost", client.clientId);
    this.sessions.loseClient(client);
  }

  /** One step of the workload, faults included; by default the next one. */
  act(action = this.#actions): void {
    this.#actions = action + 1;
    if (!this.#options.skip?.has(action)) actOn(this, action);
  }

  /** Runs `actions` steps of the workload, then without faults until all is settled. */
  run(actions: number): RunReport {
    const draws = this.randomness.stream("pace");
    const paceUs = Math.max(actionUs, this.faults.paceUs);
    for (let i = 0; i < actions; i++) {
      this.timeline.after(draws.below(20_000) + i * paceUs, () => this.act(i));
    }
    this.runUntil(this.timeline.now + actions * paceUs + 40_000);
    this.finish();
    return this.report();
  }

  report(): RunReport {
    const { events, executions, faultsInjected } = this;
    const virtualSeconds = this.timeline.now / 1_000_000;
    const traceHash = this.traceHash.value;
    const controllerEvents = this.controller.events;
    return { events, controllerEvents, executions, faultsInjected, virtualSeconds, traceHash };
  }

  runUntil(end: number): void {
    while (this.timeline.now < end && this.timeline.runNext()) {
      // Everything happens in there.
    }
  }

  /** Settles, ends all sessions, and checks that nothing is held; throws if anything is. */
  finish(): void {
    this.settle();
    const present = this.everyClient.filter(({ gone }) => !gone);
    if (this.#options.checks !== false)
      this.outcomes.atRest(present.map(({ clientId }) => clientId));
    for (const client of this.everyClient) if (!client.gone) client.close();
    this.#unpublishAll();
    this.#runUntilEmpty();
    assertEmpty(this);
    this.auditor.atRest(this.timeline.now);
    this.controller.assertSound();
  }

  /** Names want their values for ever: the last that they are asked for is to end. */
  #unpublishAll(): void {
    for (const { user, name } of this.state.shared.published.values()) this.unpublish(user, name);
  }

  /** Frees the name of a published value. */
  unpublish(user: string, name: string): void {
    const principal: Principal = { user, role: "user", jobId: "" };
    this.call({ type: "unpublish-value", user, name }, principal, () => {});
  }

  /** Stops the faults and runs until nothing is owed; throws when something never comes. */
  settle(): void {
    calm(this.faults);
    this.#isSettling = true;
    this.controller.spare();
    this.controller.resume();
    // A copy: whoever goes on may leave at once.
    for (const worker of [...this.workers]) worker.resume();
    this.#mendMachines();
    // What was on its way may say so later.
    this.timeline.after(mendAgainUs, () => this.#mendMachines());
    this.#openWorkers();
    for (const client of this.clients) client.releaseActors(1);
    const { now } = this.timeline;
    const slowestUs = slowestTaskUs(this.faults);
    const boundUs = () => settleBoundUs(this.state, slowestUs, this.faults.timerLateUsMax);
    let deadline = now + boundUs();
    let owed = owedBy(this);
    while (owed !== null && this.timeline.now < deadline) {
      // To look after each event costs more than the events.
      for (let i = 0; i < 32 && this.timeline.now < deadline; i++) {
        if (!this.timeline.runNext())
          throw new InvariantError(standstillOf(this, owed, false), openTasks(this.state));
      }
      owed = owedBy(this);
      // What a client had said and nobody had heard is work as well, and shrinks as it is done.
      deadline = Math.max(deadline, now + boundUs());
    }
    if (owed !== null) throw new InvariantError(this.#whyOwed(owed), openTasks(this.state));
  }

  /** Looks on for a while: does the same come again and again? */
  #whyOwed(owed: string): string {
    const seen = new Set<string>();
    let last = abstractOf(this.state);
    for (let i = 0; i < 2_000 && this.timeline.runNext(); i++) {
      const next = abstractOf(this.state);
      if (next !== last && seen.has(next)) return standstillOf(this, owed, true);
      seen.add(last);
      last = next;
    }
    return standstillOf(this, owed, false);
  }

  /**
   * Machines that came back with less are started again, with what they once had; and those where a
   * plugin could not be set up, for good.
   */
  #mendMachines(): void {
    for (const worker of [...this.workers]) {
      const host = this.hostOf(worker.workerId);
      const isSmaller = host.capacity.cpuMilli < host.largestCapacity.cpuMilli;
      if (!worker.alive || !(isSmaller || this.#failsPlugins(worker))) continue;
      this.removeWorker(worker);
      host.die();
      this.timeline.after(1_000, () => this.startWorker(worker.workerId));
    }
  }

  #failsPlugins({ workerId }: SimulatedWorker): boolean {
    const index = this.state.workersById.get(workerId) ?? -1;
    const attributes = Object.keys(this.state.workers[index]?.attributes ?? {});
    return attributes.some((name) => name.startsWith(setupFailedPrefix));
  }

  /** What nobody wants any more goes: at once, but a connection may break again on the way. */
  #runUntilEmpty(): void {
    const isWaiting = this.everyClient.some(({ gone }) => gone);
    const graceUs = isWaiting ? clientGraceUs : 0;
    // A session ends in steps, at most one for each handle, and each may be late.
    const handles = this.state.clients.reduce((sum, one) => sum + (one?.handles.size ?? 0), 0);
    const stepsUs = handles * this.faults.timerLateUsMax;
    const deadline = this.timeline.now + graceUs + stepsUs + 30_000_000;
    do {
      this.runUntil(Math.min(deadline, this.timeline.now + 200_000));
    } while (this.timeline.now < deadline && !(isEmpty(this) && this.controller.isIdle));
  }

  /** Once the controller is back, every worker may take work again. */
  #openWorkers(): void {
    if (!this.controller.isUp || this.controller.isPaused) {
      this.timeline.after(100_000, () => this.#openWorkers());
      return;
    }
    for (const { workerId } of this.state.workers) this.jobs.open(workerId);
  }

  #peerAt(index: number): SimulatedWorker | null {
    const workerId = this.state.workers[index]?.workerId;
    return this.workers.find((worker) => worker.alive && worker.workerId === workerId) ?? null;
  }

  #deliver(send: ControllerSend): void {
    if (send.type !== "reply-to-call") return this.sessions.deliver(send);
    const onReply = this.#replies.get(send.call);
    this.#replies.delete(send.call);
    onReply?.(send.result, send.error);
  }
}

/** How often each kind of fault was injected, by kind. */
export function faultTable(counts: ReadonlyMap<FaultKind, number>): [FaultKind, number][] {
  return faultKinds.map((kind) => [kind, counts.get(kind) ?? 0]);
}
