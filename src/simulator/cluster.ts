/**
 * A whole cluster in memory: both real kernels, a journal that can lose what was not synced, a
 * network, clients. One seed, one run, bit for bit.
 *
 * After every event the invariants of the kernel that took it are checked; at the end the faults
 * stop, everybody comes back, and everything that is owed must arrive: `finish` says what did not.
 *
 * @module
 */

import { assert, InvariantError } from "../base/assert.ts";
import { Prng } from "../base/prng.ts";
import { apply } from "../controller/apply.ts";
import { nextDeadline } from "../controller/deadlines.ts";
import type { ControllerEvent, ControllerSend } from "../controller/events.ts";
import { type DurableFact, isDurable } from "../controller/facts.ts";
import { InvariantChecker } from "../controller/invariant-checker.ts";
import { durableText, snapshotOf, stateOf } from "../controller/snapshot.ts";
import { type ControllerState, newControllerState, taskIdOf } from "../controller/state.ts";
import { step } from "../controller/step.ts";
import { admitWorker } from "../controller/workers.ts";
import { taskStates } from "../model/states.ts";
import type { ClientMessage, HotMessageOf, WorkerMessage } from "../protocol/messages.ts";
import { Auditor } from "./auditor.ts";
import { type Behaviour, DrawnBehaviour } from "./behaviour.ts";
import { calmed, drawFaults, type Faults } from "./faults.ts";
import { Link } from "./link.ts";
import { OutcomeLedger } from "./outcome-ledger.ts";
import { SimulatedClient } from "./simulated-client.ts";
import { drawHost, SimulatedHost } from "./simulated-host.ts";
import { SimulatedJobs } from "./simulated-jobs.ts";
import { SimulatedWorker } from "./simulated-worker.ts";
import { Timeline } from "./timeline.ts";

/** What a run is made of. */
export interface ClusterOptions {
  readonly seed: number;
  readonly workerCount?: number;
  readonly clientCount?: number;
  readonly slots?: number;
  readonly faults?: Faults;
  /** What executions do; default {@link DrawnBehaviour}. */
  readonly behaviour?: (cluster: SimulatedCluster) => Behaviour;
  /** Check every invariant after every event; default true. */
  readonly checks?: boolean;
  /** Fold every fact a second time and compare after every event; slow, default false. */
  readonly foldChecks?: boolean;
}

/** How a run went. */
export interface RunReport {
  readonly events: number;
  readonly executions: number;
  readonly faultsInjected: number;
  readonly virtualSeconds: number;
}

interface Connection {
  readonly link: Link;
  /** A worker's index, once it is registered. */
  index: number;
}

export class SimulatedCluster {
  readonly timeline = new Timeline();
  readonly workers: SimulatedWorker[] = [];
  readonly clients: SimulatedClient[] = [];
  readonly hosts = new Map<string, SimulatedHost>();
  readonly jobs: SimulatedJobs;
  readonly auditor = new Auditor();
  readonly outcomes = new OutcomeLedger();
  state: ControllerState = newControllerState();
  faults: Faults;
  readonly #prng: Prng;
  readonly #behaviour: Behaviour;
  readonly #checks: boolean;
  readonly #checker = new InvariantChecker();
  /** The fold of all facts of this controller, journaled or not yet; null unless compared. */
  #fold: ControllerState | null;
  readonly #slots: number;
  #journal: DurableFact[] = [];
  #unsynced: { facts: DurableFact[]; after: (() => void)[] }[] = [];
  #syncing = false;
  #epoch = 0;
  #calls = 0;
  readonly #replies = new Map<number, (result: unknown) => void>();
  #controllerUp = false;
  #incarnations = 0;
  #timerAt = Number.POSITIVE_INFINITY;
  readonly #workerConnections = new Map<SimulatedWorker, Connection>();
  readonly #clientLinks = new Map<SimulatedClient, Link>();
  events = 0;
  executions = 0;
  faultsInjected = 0;

  constructor(options: ClusterOptions) {
    this.#prng = new Prng(options.seed);
    this.faults = options.faults ?? drawFaults(this.#prng);
    this.#behaviour =
      options.behaviour?.(this) ?? new DrawnBehaviour(this.timeline, this.#prng, this.faults);
    this.#checks = options.checks ?? true;
    this.#fold = options.foldChecks === true ? newControllerState() : null;
    this.#slots = options.slots ?? 1 + this.#prng.below(3);
    this.jobs = new SimulatedJobs(this.#prng, (request, principal, onReply) => {
      if (!this.#controllerUp) return;
      const call = ++this.#calls;
      this.#replies.set(call, onReply);
      this.#take({ type: "api-called", at: this.timeline.now, call, principal, request });
    });
    this.startController();
    const workerCount = options.workerCount ?? 1 + this.#prng.below(4);
    for (let i = 0; i < workerCount; i++) this.startWorker(`w${i}`);
    const clientCount = options.clientCount ?? 1 + this.#prng.below(2);
    for (let i = 0; i < clientCount; i++) {
      const client = new SimulatedClient(`c${i}`, this.#prng, (from, message) =>
        this.#fromClient(from, message),
      );
      this.clients.push(client);
      this.#connectClient(client);
    }
  }

  startController(): void {
    this.#epoch++;
    this.state = newControllerState();
    for (const fact of this.#journal) apply(this.state, fact);
    if (this.#fold !== null) this.#fold = stateOf(snapshotOf(this.state));
    // From the facts alone, or from a snapshot of what they make.
    if (this.#prng.chance(0.5)) this.state = stateOf(snapshotOf(this.state));
    this.#controllerUp = true;
    this.#timerAt = Number.POSITIVE_INFINITY;
    const at = Math.max(this.timeline.now, this.state.at);
    this.#take({ type: "controller-started", at, epoch: this.#epoch });
  }

  /** Ends the controller at once: what was not synced never happened, and nobody heard of it. */
  crashController(): void {
    this.#controllerUp = false;
    this.#unsynced = [];
    this.#syncing = false;
    this.faultsInjected++;
    for (const worker of this.workers) this.#dropWorker(worker);
    for (const client of this.clients) this.#dropClient(client);
  }

  startWorker(workerId: string): void {
    const incarnation = `i${++this.#incarnations}`;
    const host = this.#hostOf(workerId);
    const worker = new SimulatedWorker(
      { workerId, incarnation, slots: this.#slots },
      {
        timeline: this.timeline,
        prng: this.#prng,
        faults: this.faults,
        behaviour: this.#behaviour,
        checks: this.#checks,
        auditor: this.auditor,
        send: (from, message) => this.#fromWorker(from, message),
        peerAt: (index) => this.#peerAt(index),
        onExecution: () => {
          this.executions++;
        },
        host,
      },
    );
    this.workers.push(worker);
    this.#connectWorker(worker);
  }

  #hostOf(workerId: string): SimulatedHost {
    const known = this.hosts.get(workerId);
    if (known !== undefined) return known;
    const around = {
      timeline: this.timeline,
      prng: this.#prng,
      faults: this.faults,
      behaviour: this.#behaviour,
      auditor: this.auditor,
    };
    const host = new SimulatedHost(drawHost(workerId, this.hosts.size, this.#slots), around);
    this.hosts.set(workerId, host);
    return host;
  }

  /**
   * Kills one live worker, or its whole machine, and starts it again a little later under the same
   * id.
   */
  crashWorker(): void {
    const live = this.workers.filter((worker) => worker.alive);
    if (live.length === 0) return;
    const worker = this.#prng.pick(live);
    this.#dropWorker(worker);
    worker.kill();
    const host = this.#hostOf(worker.workerId);
    const launcherLives = this.#prng.chance(this.faults.launcherSurvives);
    if (launcherLives) host.agent = null;
    else host.die();
    this.workers.splice(this.workers.indexOf(worker), 1);
    this.faultsInjected++;
    const { workerId, incarnation } = worker;
    if (this.#prng.chance(0.5)) {
      this.timeline.after(this.#prng.below(2_000), () => {
        const at = this.timeline.now;
        const ended = { exitCode: null, signal: "SIGKILL", launcherLives };
        const exit = { workerId, incarnation, ...ended };
        if (!launcherLives) this.auditor.onGone(workerId);
        if (this.#controllerUp) this.#take({ type: "worker-exited", at, ...exit });
      });
    }
    this.timeline.after(this.#prng.below(100_000), () => this.startWorker(workerId));
  }

  /** One step of the workload, faults included. */
  act(): void {
    const { faults } = this;
    const draw = (probability: number) => this.#prng.chance(probability);
    const client = this.#prng.pick(this.clients);
    if (draw(0.3)) client.submit(1 + this.#prng.below(12));
    if (draw(faults.cancel)) client.cancelSome();
    if (draw(faults.retry)) client.retrySome();
    if (draw(faults.release)) client.releaseSome();
    if (draw(faults.connectionLoss)) this.#loseConnection();
    if (draw(faults.clientLoss)) this.#dropClient(client);
    if (draw(faults.workerCrash)) this.crashWorker();
    if (draw(faults.jobLaunch)) this.jobs.launch();
    if (draw(faults.jobCancel)) this.jobs.cancel();
    if (draw(faults.administration)) this.jobs.administer(`w${this.#prng.below(4)}`);
    if (draw(faults.sickness)) this.#sicken();
    if (draw(faults.controllerCrash) && this.#controllerUp) {
      this.crashController();
      this.timeline.after(this.#prng.below(50_000), () => this.startController());
    }
  }

  /** A worker finds trouble, and is well again a little later. */
  #sicken(): void {
    if (this.workers.length === 0) return;
    const worker = this.#prng.pick(this.workers);
    this.faultsInjected++;
    worker.feels("its disk is full");
    this.timeline.after(this.#prng.below(60_000), () => worker.feels(""));
  }

  /** Runs `actions` steps of the workload, then without faults until all is settled. */
  run(actions: number): RunReport {
    for (let i = 0; i < actions; i++) {
      this.timeline.after(this.#prng.below(20_000) + i * 3_000, () => this.act());
    }
    this.runUntil(this.timeline.now + actions * 3_000 + 40_000);
    this.finish();
    return this.report();
  }

  report(): RunReport {
    const { events, executions, faultsInjected } = this;
    return { events, executions, faultsInjected, virtualSeconds: this.timeline.now / 1_000_000 };
  }

  runUntil(end: number): void {
    while (this.timeline.now < end && this.timeline.runNext()) {
      // Everything happens in there.
    }
  }

  /** Stops the faults and runs until nothing is owed; throws when something never comes. */
  finish(): void {
    Object.assign(this.faults as { -readonly [F in keyof Faults]: Faults[F] }, calmed(this.faults));
    const deadline = this.timeline.now + 400_000_000;
    this.#openWorkers();
    while (this.#owed() !== null && this.timeline.now < deadline) {
      assert(this.timeline.runNext(), "the cluster stands still with work owed");
    }
    const owed = this.#owed();
    if (owed !== null) throw new InvariantError(`owed for ever: ${owed}`, this.#openTasks());
    for (const client of this.clients) client.close();
    this.runUntil(this.timeline.now + 30_000_000);
    this.#assertEmpty();
    this.#assertFold();
  }

  /** Once the controller is back, every worker may take work again. */
  #openWorkers(): void {
    if (!this.#controllerUp) {
      this.timeline.after(100_000, () => this.#openWorkers());
      return;
    }
    for (const { workerId } of this.state.workers) this.jobs.open(workerId);
  }

  #owed(): string | null {
    for (const client of this.clients) {
      if (!client.connected) return `${client.clientId} is not connected`;
      if (client.openCount > 0) return `${client.clientId} waits for ${client.openCount} outcomes`;
    }
    const { tasks } = this.state;
    for (let task = 0; task < tasks.length; task++) {
      if (!tasks.isLive(task) || tasks.state[task] >= 4) continue;
      return `${taskIdOf(this.state, task)} is ${taskStates[tasks.state[task]]}`;
    }
    return this.state.attempts.live > 0 ? `${this.state.attempts.live} attempts` : null;
  }

  #openTasks(): string[] {
    const { tasks } = this.state;
    const lines: string[] = [];
    for (let task = 0; task < tasks.length && lines.length < 20; task++) {
      if (!tasks.isLive(task) || tasks.state[task] >= 4) continue;
      const story = this.state.story
        .ofTask(tasks.ref(task))
        .slice(-8)
        .map((entry) => `${entry.kind}@${entry.worker}`);
      const name = taskStates[tasks.state[task]];
      lines.push(
        `${taskIdOf(this.state, task)} ${name} stage ${tasks.stage[task]}: ${story.join(" ")}`,
      );
    }
    for (const worker of this.state.workers) {
      lines.push(
        `${worker.workerId} connected ${worker.connected} used ${[...worker.used].join()}`,
      );
    }
    return lines;
  }

  /** With every session closed, nothing is held anywhere. */
  #assertEmpty(): void {
    if (this.#checks) this.#checker.checkAll(this.state);
    this.auditor.atRest();
    this.outcomes.atRest();
    let remembered = 0;
    for (const job of this.state.jobs) {
      if (!job.pruned && job.launch !== null) remembered += job.launch.rows.length;
    }
    const { live } = this.state.tasks;
    assert(live === remembered, `${live - remembered} tasks are remembered for nobody`);
    for (const host of this.hosts.values()) {
      assert(host.processCount === 0, `${host.workerId} runs ${host.processCount} processes`);
    }
    for (const jobId of this.jobs.acknowledged) {
      const job = this.state.jobs[this.state.jobsById.get(jobId) ?? -1];
      const isEnded = job?.launch?.ended !== undefined && job.launch.ended !== null;
      assert(isEnded, `${jobId} was acknowledged and is not known as ended`);
    }
    for (const worker of this.state.workers) {
      assert(
        worker.used.every((amount) => amount === 0),
        `${worker.workerId} is still charged`,
      );
    }
    for (const worker of this.workers) {
      assert(
        worker.values.size === 0,
        `${worker.workerId} still holds ${worker.values.size} values`,
      );
    }
  }

  /** The durable state is the fold of the journal. */
  #assertFold(): void {
    const folded = newControllerState();
    for (const fact of this.#journal) apply(folded, fact);
    assert(this.#unsynced.length === 0, "the journal is synced at rest");
    assertSameText(durableText(this.state), durableText(folded));
  }

  #loseConnection(): void {
    const live = this.workers.filter((worker) => worker.alive);
    if (live.length === 0) return;
    this.faultsInjected++;
    this.#dropWorker(this.#prng.pick(live));
  }

  #connectWorker(worker: SimulatedWorker): void {
    if (!worker.alive || this.#workerConnections.has(worker)) return;
    const again = () => this.timeline.after(20_000, () => this.#connectWorker(worker));
    if (!this.#controllerUp || admitWorker(this.state, worker.hello("sim")) !== null)
      return again();
    const link = new Link(this.timeline, this.#prng, this.faults.delayUsMax);
    const known = this.state.workersById.get(worker.workerId);
    const stale = this.workers.find(
      (one) => one !== worker && this.#workerConnections.get(one)?.index === (known ?? -1),
    );
    if (stale !== undefined) return again();
    // A new worker's place is the next one; two strangers at once would both be told the same.
    if (known === undefined && this.#greeting !== null) return again();
    if (known === undefined) this.#greeting = worker;
    const index = known ?? this.state.workers.length;
    this.#workerConnections.set(worker, { link, index });
    const epoch = this.#epoch;
    link.carry("back", () => worker.connect(index, epoch));
  }

  #greeting: SimulatedWorker | null = null;

  #dropWorker(worker: SimulatedWorker): void {
    const connection = this.#workerConnections.get(worker);
    if (connection === undefined) return;
    connection.link.cut();
    this.#workerConnections.delete(worker);
    if (this.#greeting === worker) this.#greeting = null;
    worker.disconnect();
    const { index } = connection;
    this.timeline.after(this.#prng.below(1_000), () => {
      const back = [...this.#workerConnections.values()].some((one) => one.index === index);
      if (!this.#controllerUp || back || this.state.workers[index] === undefined) return;
      this.#take({ type: "worker-disconnected", at: this.timeline.now, worker: index });
    });
    this.timeline.after(2_000 + this.#prng.below(30_000), () => this.#connectWorker(worker));
  }

  #fromWorker(worker: SimulatedWorker, message: WorkerMessage): void {
    const connection = this.#workerConnections.get(worker);
    this.auditor.onSaid(worker.workerId, message, this.timeline.now);
    connection?.link.carry("there", () => {
      if (!this.#controllerUp) return;
      const at = this.timeline.now;
      if (message.type === "inventory") return this.#register(worker, message);
      this.auditor.onHeard(worker.workerId, message, at);
      this.#take({ type: "worker-messaged", at, worker: connection.index, message });
      this.#acknowledge(worker, connection);
    });
  }

  #register(worker: SimulatedWorker, inventory: HotMessageOf<"inventory">): void {
    const hello = worker.hello("sim");
    this.auditor.onRegistered(worker.workerId, hello, inventory);
    this.#take({ type: "worker-connected", at: this.timeline.now, hello, inventory });
    if (this.#greeting === worker) this.#greeting = null;
  }

  /** As the shell does: when the facts of the worker's last message are durable. */
  #acknowledge(worker: SimulatedWorker, connection: Connection): void {
    const sequence = this.state.workers[connection.index].receivedCount;
    this.#afterSync(() => {
      if (this.#workerConnections.get(worker) !== connection) return;
      const message = { type: "acknowledge", sequence } as const;
      this.auditor.onOrdered(worker.workerId, message, this.timeline.now);
      connection.link.carry("back", () => worker.order(message));
    });
  }

  #connectClient(client: SimulatedClient): void {
    if (this.#clientLinks.has(client)) return;
    if (!this.#controllerUp) {
      this.timeline.after(20_000, () => this.#connectClient(client));
      return;
    }
    const link = new Link(this.timeline, this.#prng, this.faults.delayUsMax);
    this.#clientLinks.set(client, link);
    const { clientId } = client;
    this.#take({ type: "client-connected", at: this.timeline.now, clientId, user: "sim" });
    const index = this.state.clientsById.get(clientId) ?? -1;
    const sequence = this.state.clients[index]?.lastSequence ?? 0;
    this.#afterSync(() => link.carry("back", () => client.onConnected(index, sequence)));
  }

  #dropClient(client: SimulatedClient): void {
    const link = this.#clientLinks.get(client);
    if (link === undefined) return;
    link.cut();
    this.#clientLinks.delete(client);
    client.connected = false;
    this.faultsInjected++;
    const index = this.state.clientsById.get(client.clientId);
    if (this.#controllerUp && index !== undefined) {
      this.#take({ type: "client-disconnected", at: this.timeline.now, client: index });
    }
    this.timeline.after(this.#prng.below(20_000), () => this.#connectClient(client));
  }

  #fromClient(client: SimulatedClient, message: ClientMessage): void {
    const link = this.#clientLinks.get(client);
    link?.carry("there", () => {
      if (!this.#controllerUp || message.type === "call") return;
      const at = this.timeline.now;
      this.outcomes.onAsked(client.clientId, message);
      if (message.type === "retry") this.auditor.onRetryAsked();
      this.#take({ type: "client-messaged", at, client: client.index, message });
    });
  }

  #peerAt(index: number): SimulatedWorker | null {
    const workerId = this.state.workers[index]?.workerId;
    return this.workers.find((worker) => worker.alive && worker.workerId === workerId) ?? null;
  }

  /** Steps the controller, journals its facts, and lets its sends go when they are durable. */
  #take(event: ControllerEvent): void {
    this.events++;
    const { facts, sends } = step(this.state, event);
    if (this.#checks) this.#checker.check(this.state, facts);
    const durable = facts.filter(isDurable);
    if (this.#fold !== null) {
      for (const fact of durable) apply(this.#fold, fact);
      assertSameText(durableText(this.state), durableText(this.#fold));
    }
    const links = sends.map((send) => this.#linkFor(send));
    const go = () => {
      for (const [i, send] of sends.entries()) this.#deliver(send, links[i]);
    };
    if (durable.length > 0) this.#unsynced.push({ facts: durable, after: [go] });
    else this.#afterSync(go);
    this.#sync();
    this.#arm();
  }

  #afterSync(action: () => void): void {
    const last = this.#unsynced.at(-1);
    if (last === undefined) action();
    else last.after.push(action);
  }

  #sync(): void {
    if (this.#syncing || this.#unsynced.length === 0) return;
    this.#syncing = true;
    const epoch = this.#epoch;
    this.timeline.after(this.#prng.below(this.faults.syncUsMax), () => {
      if (!this.#controllerUp || epoch !== this.#epoch) return;
      this.#syncing = false;
      const synced = this.#unsynced;
      this.#unsynced = [];
      for (const { facts } of synced) this.#journal.push(...facts);
      for (const { after } of synced) for (const action of after) action();
      this.#sync();
    });
  }

  #arm(): void {
    const due = nextDeadline(this.state);
    if (due === null || due >= this.#timerAt) return;
    this.#timerAt = due;
    const epoch = this.#epoch;
    this.timeline.at(due, () => {
      if (!this.#controllerUp || epoch !== this.#epoch || this.#timerAt !== due) return;
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.#take({ type: "tick", at: this.timeline.now });
    });
  }

  #workerAt(index: number): [SimulatedWorker, Connection] | undefined {
    return [...this.#workerConnections].find(([, one]) => one.index === index);
  }

  /** The connection that a send was decided for: on a later one it means something else. */
  #linkFor(send: ControllerSend): Link | undefined {
    if (send.type === "send-to-worker") return this.#workerAt(send.worker)?.[1].link;
    if (send.type !== "send-to-client") return undefined;
    const client = this.clients.find((one) => one.index === send.client);
    return client === undefined ? undefined : this.#clientLinks.get(client);
  }

  #deliver(send: ControllerSend, link: Link | undefined): void {
    switch (send.type) {
      case "send-to-worker": {
        const [worker] = this.#workerAt(send.worker) ?? [];
        if (worker === undefined || link?.isUp !== true) return;
        this.auditor.onOrdered(worker.workerId, send.message, this.timeline.now);
        link.carry("back", () => worker.order(send.message));
        return;
      }
      case "send-to-client": {
        const client = this.clients.find((one) => one.index === send.client);
        if (client === undefined) return;
        this.outcomes.onTold(client.clientId, send.message);
        link?.carry("back", () => client.receive(send.message));
        return;
      }
      case "reply-to-call": {
        const onReply = this.#replies.get(send.call);
        this.#replies.delete(send.call);
        if (send.error === null) onReply?.(send.result);
        return;
      }
      case "disconnect-worker": {
        const entry = this.#workerAt(send.worker);
        if (entry !== undefined) this.#dropWorker(entry[0]);
        return;
      }
      case "disconnect-client":
        return; // The session is over; the client closed it.
    }
  }
}

/** The durable state is the fold of the journal; if not, where they part. */
function assertSameText(actual: string, folded: string): void {
  if (actual === folded) return;
  let at = 0;
  while (actual[at] === folded[at]) at++;
  const near = (text: string) => text.slice(Math.max(0, at - 200), at + 60);
  throw new InvariantError("the state is not the fold of its journal", [
    near(actual),
    near(folded),
  ]);
}
