/**
 * The controller kernel under test: its real `step`, fed by clients and workers that a test plays.
 *
 * Every message travels through the codec, and none is empty. After every event the invariants
 * hold, the state is the fold of the journaled facts, and its snapshot stands for it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { apply } from "../../src/controller/apply.ts";
import { nextDeadline } from "../../src/controller/deadlines.ts";
import type { ApiRequest, ControllerEvent, ControllerSend } from "../../src/controller/events.ts";
import { type DurableFact, type Fact, isDurable } from "../../src/controller/facts.ts";
import { checkInvariants } from "../../src/controller/invariants.ts";
import { jobState } from "../../src/controller/job-state.ts";
import { isPlacementPaused } from "../../src/controller/placement-budget.ts";
import { answerCall } from "../../src/controller/queries.ts";
import { durableText, snapshotOf, stateOf } from "../../src/controller/snapshot.ts";
import { type ControllerState, newControllerState } from "../../src/controller/state.ts";
import { step } from "../../src/controller/step.ts";
import { stage } from "../../src/controller/tables/task-table.ts";
import { admitWorker } from "../../src/controller/workers.ts";
import type { TaskRef } from "../../src/model/ids.ts";
import {
  budgetDefaults,
  type JobSpec,
  type Principal,
  type UserBudget,
} from "../../src/model/job.ts";
import { defaultRequest, type Resources } from "../../src/model/resources.ts";
import { specDefaults, type TaskSpec } from "../../src/model/spec.ts";
import { taskStates } from "../../src/model/states.ts";
import type { ClientMessage, WorkerMessage } from "../../src/protocol/messages.ts";
import {
  checkClientMessage,
  checkToClientMessage,
  checkToWorkerMessage,
  checkWorkerMessage,
} from "../../src/protocol/validate.ts";
import { decodePlain, encodePlain } from "../../src/shell/journal/fact-codec.ts";
import { askOf, checkAnswers } from "../../src/simulator/answer-rules.ts";
import type { FactLines } from "./fact-lines.ts";
import { type ClientSurroundings, FakeClient } from "./fake-client.ts";
import { FakeWorker, type WorkerOptions, type WorkerSurroundings } from "./fake-worker.ts";
import { checkFleet } from "./fleet-check.ts";
import { messageLine } from "./message-lines.ts";
import { overTheWire } from "./wire.ts";

export interface HarnessOptions {
  /** How often each message of a worker arrives; default 1. */
  readonly deliveries?: number;
  /** False: check only when a test asks for it. For graphs that are large. */
  readonly checks?: boolean;
}

const stageNames = Object.keys(stage);

export class ControllerHarness implements WorkerSurroundings, ClientSurroundings {
  state = newControllerState();
  at = 1_000_000_000;
  readonly workers: FakeWorker[] = [];
  readonly clients: FakeClient[] = [];
  readonly facts: DurableFact[] = [];
  readonly labels = new Map<TaskRef, string>();
  /** What the last call of the API that changes something was answered. */
  answered: Pick<Extract<ControllerSend, { type: "reply-to-call" }>, "result" | "error"> = {
    result: null,
    error: null,
  };
  /** Shows what each step decides, before what it sends. */
  factLines: FactLines | null = null;
  /** Shows each message with all that it says. */
  showsMessages = false;
  /** Milliseconds of CPU time that the kernel itself took, all events together. */
  kernelMs = 0;
  #fold = newControllerState();
  #epoch = 0;
  readonly #refs = new Map<string, TaskRef>();
  readonly #deliveries: number;
  readonly #checks: boolean;
  #checkCount = 0;

  constructor({ deliveries = 1, checks = true }: HarnessOptions = {}) {
    this.#deliveries = deliveries;
    this.#checks = checks;
    this.#start();
  }

  /** A connected worker, `w1` and so on. */
  aWorker(options: WorkerOptions = {}): FakeWorker {
    this.joins(options);
    return this.workers[this.workers.length - 1];
  }

  /** The same, and what it is sent. */
  joins(options: WorkerOptions = {}): string[] {
    const worker = new FakeWorker(`w${this.workers.length + 1}`, options, this);
    this.workers.push(worker);
    return worker.connects();
  }

  /** A connected client, `c1` and so on. */
  aClient(user = "ann"): FakeClient {
    this.opens(user);
    return this.clients[this.clients.length - 1];
  }

  /** The same, and what it is sent. */
  opens(user = "ann"): string[] {
    const client = new FakeClient(`c${this.clients.length + 1}`, user, this);
    this.clients.push(client);
    return client.connects();
  }

  /** One event; what is sent comes back as lines, `w1 < compute a`. */
  happens(event: ControllerEvent): string[] {
    const startedAt = cpuMs();
    const { facts, sends } = step(this.state, event);
    this.kernelMs += cpuMs() - startedAt;
    for (const fact of facts) assertSaysSomething(fact);
    if (event.type === "tick") this.#assertNoSpin(facts);
    const isJournaled = this.#journal(facts);
    this.#learnLabels();
    if (this.#checks) this.check(isJournaled);
    const decided = this.factLines?.linesOf(facts, this) ?? [];
    return [...decided, ...sends.flatMap((send) => this.#deliver(send))];
  }

  /** A tick that decides nothing is not asked for again at once: the shell would spin. */
  #assertNoSpin(facts: readonly Fact[]): void {
    if (facts.some(({ type }) => type !== "time-passed")) return;
    if (this.state.shared.restarting.size > 0) return; // A part of its walk may end nothing.
    const next = nextDeadline(this.state);
    assert.ok(next === null || next > this.state.at, "a tick that decides nothing is due again");
  }

  /** All that must hold after every event; of its image and answers where facts may change them. */
  check(isJournaled = true): void {
    checkInvariants(this.state);
    // Not each time: what has changed since a look must pile up for it too.
    if (this.#checkCount++ % 3 === 0) checkFleet(this.state);
    if (!isJournaled) return;
    assert.equal(this.state.journaled, this.facts.length, "every durable fact is counted once");
    const text = durableText(this.state);
    assertSameText(durableText(this.#fold), text, "the state is the fold of the journaled facts");
    const image = decodePlain(encodePlain(snapshotOf(this.state)));
    assertSameText(durableText(stateOf(image)), text, "a snapshot stands for its state");
    checkAnswers(askOf(this.state), {
      look: this.facts.length,
      isPaused: isPlacementPaused(this.state),
    });
  }

  /** Time passes: every deadline is kept, and connected workers say that they live. */
  after(ms: number, { silent = false }: { silent?: boolean } = {}): string[] {
    const lines: string[] = [];
    const begin = this.at;
    const end = begin + ms * 1000;
    while (this.at < end) {
      const due = Math.max(nextDeadline(this.state) ?? end, this.at + 1);
      this.at = Math.min(end, due, this.at + 1_000_000);
      const told = silent ? [] : this.#heartbeats();
      told.push(...this.happens({ type: "tick", at: this.at }));
      if (this.factLines !== null && told.length > 0)
        lines.push(`after ${(this.at - begin) / 1000} ms:`);
      lines.push(...told);
    }
    return lines;
  }

  #heartbeats(): string[] {
    return this.workers.flatMap((one) => (one.connected ? one.heartbeats() : []));
  }

  /** The controller ends at once and another one begins with what the journal has. */
  restarts(from: "facts" | "snapshot" = "facts"): string[] {
    for (const peer of [...this.workers, ...this.clients]) peer.connected = false;
    const image = decodePlain(encodePlain(snapshotOf(this.#fold)));
    this.state = from === "facts" ? foldOf(this.facts) : stateOf(image);
    return this.#start();
  }

  #start(): string[] {
    this.at += 10;
    return this.happens({ type: "controller-started", at: this.at, epoch: ++this.#epoch });
  }

  /** Launches a job of commands; its tasks are labelled `name/0`, `name/1`, … */
  launch(name: string, options: JobOverrides = {}): string[] {
    const { user = "ann", ...overrides } = options;
    const jobId = `/${user}/${name}`;
    const spec = aJobSpec(jobId, overrides);
    return this.asks({ type: "launch-job", spec, token: `secret-of-${name}`, tokenHash: jobId });
  }

  /** A call of an administrator; its answer is the line `reply …`. */
  asks(request: ApiRequest, principal: Principal = anAdmin): string[] {
    this.at += 10;
    return this.happens({ type: "api-called", at: this.at, call: 1, principal, request });
  }

  /** An administrator sets what a user may use; the rest is as by default. */
  limits(user: string, limits: Partial<UserBudget>): string[] {
    return this.asks({ type: "set-user-budget", budget: { user, ...budgetDefaults, ...limits } });
  }

  /** The process stood still for so long. */
  pauses(ms: number): string[] {
    this.at += ms * 1000;
    return this.happens({ type: "controller-paused", at: this.at, pausedUs: ms * 1000 });
  }

  cancel(jobId: string): string[] {
    return this.asks({ type: "terminate-job", jobId, reason: "" });
  }

  /** `RUNNING`, `SUCCEEDED`, … of a launched job. */
  jobState(name: string, user = "ann"): string {
    const job = this.state.jobs[this.state.jobsById.get(`/${user}/${name}`) ?? -1];
    return job === undefined ? "unknown" : jobState(job);
  }

  call(method: string, request: unknown = {}, principal?: Principal): unknown {
    return answerCall(this.state, method, request, principal);
  }

  /** The row of a labelled task, or -1 once it was forgotten. */
  rowOf(label: string): number {
    return this.state.tasks.find(this.refOf(label));
  }

  /** `RUNNING`, `PENDING waiting`, …, or `forgotten`. */
  stateOf(label: string): string {
    const row = this.rowOf(label);
    if (row < 0) return "forgotten";
    const name = taskStates[this.state.tasks.state[row]];
    return name === "PENDING" ? `PENDING ${stageNames[this.state.tasks.stage[row]]}` : name;
  }

  /** The states of several labels, in one line. */
  statesOf(...labels: readonly string[]): string {
    return labels.map((label) => this.stateOf(label)).join(", ");
  }

  /** What a worker is charged, by dimension; nothing that is zero. */
  usedBy(worker: FakeWorker): { readonly [dimension: string]: number } {
    const { used } = this.state.workers[worker.index];
    const names = this.state.dimensions.names;
    return Object.fromEntries(
      [...used.entries()].filter(([, n]) => n > 0).map(([i, n]) => [names[i], n]),
    );
  }

  refOf(label: string): TaskRef {
    const ref = this.#refs.get(label);
    assert.ok(ref !== undefined, `no task ${label} was ever submitted`);
    return ref;
  }

  labelOf(ref: TaskRef): string {
    return this.labels.get(ref) ?? `?${ref}`;
  }

  workerIdAt(index: number): string {
    return this.state.workers[index].workerId;
  }

  workerConnects(worker: FakeWorker): string[] {
    const hello = worker.hello();
    const refusal = admitWorker(this.state, hello);
    if (refusal !== null) return [`refused ${refusal.code}`];
    const inventory = overTheWire(worker.inventory(), checkWorkerMessage);
    assert.equal(inventory.type, "inventory");
    // The orders that answer a hello arrive after it.
    worker.index = this.state.workersById.get(worker.workerId) ?? this.state.workers.length;
    worker.connected = true;
    return this.happens({ type: "worker-connected", at: this.#now(), hello, inventory });
  }

  workerSays({ index: worker }: FakeWorker, message: WorkerMessage): string[] {
    const lines: string[] = [];
    const count = message.type === "heartbeat" ? 1 : this.#deliveries;
    const at = this.#now();
    for (let i = 0; i < count; i++) {
      const arrived = overTheWire(message, checkWorkerMessage);
      lines.push(...this.happens({ type: "worker-messaged", at, worker, message: arrived }));
    }
    return lines;
  }

  workerDisconnects(worker: FakeWorker): string[] {
    worker.connected = false;
    return this.happens({ type: "worker-disconnected", at: this.#now(), worker: worker.index });
  }

  workerExits(
    { workerId, incarnation }: FakeWorker,
    signal: string,
    launcherLives: boolean,
  ): string[] {
    const exit = { workerId, incarnation, exitCode: null, signal, launcherLives };
    return this.happens({ type: "worker-exited", at: this.#now(), ...exit });
  }

  clientConnects(client: FakeClient): string[] {
    const { clientId, user } = client;
    client.index = this.state.clientsById.get(clientId) ?? this.state.clients.length;
    client.connected = true;
    return this.happens({ type: "client-connected", at: this.#now(), clientId, user });
  }

  clientSays({ index: client }: FakeClient, message: ClientMessage): string[] {
    const arrived = overTheWire(message, checkClientMessage);
    assert.ok(arrived.type !== "call", "calls are not for the kernel");
    return this.happens({ type: "client-messaged", at: this.#now(), client, message: arrived });
  }

  clientDisconnects(client: FakeClient): string[] {
    client.connected = false;
    const { index } = client;
    return this.happens({ type: "client-disconnected", at: this.#now(), client: index });
  }

  #now(): number {
    this.at += 10;
    return this.at;
  }

  /** Keeps what is durable of these facts; whether there was any. */
  #journal(facts: readonly Fact[]): boolean {
    const durable = facts.filter(isDurable);
    if (durable.length === 0) return false;
    const written = decodePlain(encodePlain(durable)) as DurableFact[];
    for (const fact of written) {
      this.facts.push(fact);
      apply(this.#fold, fact);
    }
    return true;
  }

  #learnLabels(): void {
    for (const { id, launch, pruned } of this.state.jobs) {
      if (launch === null || pruned) continue;
      const name = id.slice(id.indexOf("/", 1) + 1);
      for (const [index, row] of launch.rows.entries()) {
        const ref = this.state.tasks.ref(row);
        if (this.labels.has(ref)) continue; // A label is that of the latest job of its name.
        this.labels.set(ref, `${name}/${index}`);
        this.#refs.set(`${name}/${index}`, ref);
      }
    }
    for (const client of this.clients) {
      const handles = this.state.clients[client.index]?.handles;
      if (handles === undefined) continue;
      for (const [label, number] of client.numbers) {
        const row = handles.get(number);
        if (row < 0 || this.#refs.has(label)) continue;
        const ref = this.state.tasks.ref(row);
        this.#refs.set(label, ref);
        if (!this.labels.has(ref)) this.labels.set(ref, label);
      }
    }
  }

  #deliver(send: ControllerSend): string[] {
    if ("message" in send) assertSaysSomething(send.message);
    switch (send.type) {
      case "send-to-worker": {
        const worker = this.workers.find((one) => one.index === send.worker);
        assert.ok(worker?.connected === true, "only a connected worker is sent anything");
        const lines = worker.order(overTheWire(send.message, checkToWorkerMessage));
        const { workerId } = worker;
        if (this.showsMessages) {
          const labelOf = (ref: TaskRef) => this.labelOf(ref);
          return [`${workerId} : ${messageLine(send.message, labelOf)}`];
        }
        return lines.map((line) => `${workerId} < ${line}`);
      }
      case "send-to-client": {
        const client = this.clients.find((one) => one.index === send.client);
        assert.ok(client?.connected === true, "only a connected client is sent anything");
        const lines = client.receive(overTheWire(send.message, checkToClientMessage));
        const { clientId } = client;
        if (this.showsMessages) return [`${clientId} : ${messageLine(send.message, null)}`];
        return lines.map((line) => `${clientId} < ${line}`);
      }
      case "reply-to-call": {
        const { result, error } = send;
        this.answered = { result, error };
        if (error === null) return [`reply ${JSON.stringify(result)}`];
        return [`refused ${error.code}${this.factLines === null ? "" : `: ${error.message}`}`];
      }
      case "disconnect-worker": {
        const worker = this.workers.find((one) => one.index === send.worker);
        if (worker !== undefined) worker.connected = false;
        return [`disconnect ${worker?.workerId}: ${send.reason}`];
      }
      default: {
        const client = this.clients.find((one) => one.index === send.client);
        if (client !== undefined) client.connected = false;
        return [`disconnect ${client?.clientId}: ${send.reason}`];
      }
    }
  }
}

export const anAdmin: Principal = { user: "root", role: "admin", jobId: "" };

/** What a test says of a job; the rest is as small as it can be. */
export type JobOverrides = Partial<
  Pick<JobSpec, "replicas" | "maxTaskFailures" | "onExisting" | "children">
> &
  Partial<Omit<TaskSpec, "resources">> & {
    readonly user?: string;
    readonly resources?: Partial<Resources>;
  };

export function aJobSpec(jobId: string, overrides: Omit<JobOverrides, "user"> = {}): JobSpec {
  const { replicas = 1, maxTaskFailures = 0, onExisting = "ERROR", children = "AUTO" } = overrides;
  const { resources, ...task } = overrides;
  const fields: Partial<TaskSpec> = {};
  for (const [name, value] of Object.entries(task)) {
    if (name in specDefaults) Object.assign(fields, { [name]: value });
  }
  return {
    ...{ jobId, replicas, maxTaskFailures, onExisting, children },
    args: new Uint8Array(0),
    task: {
      ...specDefaults,
      maxRetriesPreemption: 100,
      name: jobId.slice(jobId.lastIndexOf("/") + 1),
      run: overrides.run ?? aCommand,
      constraints: overrides.constraints ?? [],
      ...fields,
      resources: { ...defaultRequest, ...resources },
    },
  };
}

const aCommand = {
  kind: "command",
  argv: ["true"],
  env: {},
  cwd: "",
  workspace: "",
  ports: [],
  stdin: "",
  result: { type: "none" },
} as const;

/** A fact or a message about several of a kind is about one at least. */
function assertSaysSomething(said: { readonly type: string }): void {
  const { attempts, jobs, numbers, tasks } = said as { readonly [column: string]: unknown };
  for (const column of [attempts, jobs, numbers, tasks]) {
    if (Array.isArray(column) || ArrayBuffer.isView(column))
      assert.notEqual((column as Uint32Array).length, 0, `${said.type} is about nothing`);
  }
}

/** CPU time of this thread so far: what else the machine does is no fault of the kernel. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

/** Equal, or an error that shows the first place where two long texts part. */
export function assertSameText(actual: string, expected: string, message: string): void {
  if (actual === expected) return;
  let at = 0;
  while (actual[at] === expected[at]) at++;
  const from = Math.max(0, at - 80);
  const parts = [actual.slice(from, at + 80), expected.slice(from, at + 80)];
  assert.fail(`${message}, but one has\n  ${parts[0]}\nwhere the other has\n  ${parts[1]}`);
}

/** The state that these facts make. */
export function foldOf(facts: readonly DurableFact[]): ControllerState {
  const state = newControllerState();
  for (const fact of facts) apply(state, fact);
  return state;
}
