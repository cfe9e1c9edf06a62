/**
 * What a scenario is played in: a simulated cluster, and the names that the text gives to its
 * workers, clients, jobs and tasks.
 *
 * @module
 */

import { present } from "../base/assert.ts";
import type { ApiRequest } from "../controller/events.ts";
import { taskIdOf } from "../controller/state.ts";
import type { CapstanError } from "../model/errors.ts";
import type { AttemptId, TaskRef } from "../model/ids.ts";
import type { JobSpec, Principal } from "../model/job.ts";
import { encodeUtf8 } from "../protocol/utf8.ts";
import { SimulatedCluster } from "./cluster.ts";
import type { Faults } from "./faults.ts";
import { ScenarioError } from "./scenario-words.ts";
import { ScriptedBehaviour } from "./scripted-behaviour.ts";
import { ScriptedClient } from "./scripted-client.ts";
import type { HostOptions } from "./simulated-host.ts";
import type { SimulatedWorker } from "./simulated-worker.ts";

/** A machine of the script. */
export interface Machine extends HostOptions {
  /** How many functions may run at once. */
  readonly slots: number;
}

const administrator: Principal = { user: "root", role: "admin", jobId: "" };

export class ScenarioWorld {
  readonly cluster: SimulatedCluster;
  readonly behaviour: ScriptedBehaviour;
  readonly clients = new Map<string, ScriptedClient>();
  readonly machines = new Map<string, Machine>();
  /** Names of launched jobs → their ids. */
  readonly jobIds = new Map<string, string>();
  /** Codes of the calls that were refused, oldest first. */
  readonly refusals: string[] = [];
  readonly #refs = new Map<string, TaskRef>();
  readonly #labels = new Map<TaskRef, string>();
  readonly #attempts = new Map<string, Set<AttemptId>>();
  readonly #arguments = new Map<string, Uint8Array>();
  readonly #faults: Faults;
  #calls = 0;

  constructor(seed: number, faults: Faults) {
    this.#faults = faults;
    let behaviour: ScriptedBehaviour | undefined;
    const makeBehaviour = (cluster: SimulatedCluster) => {
      behaviour = new ScriptedBehaviour({
        timeline: cluster.timeline,
        labelOf: (task) => this.labelOf(task),
        argsOf: (label) => this.argsOf(label),
        refOf: (label) => this.refOf(label),
        crash: (workerId) => this.crashAndReplace(workerId),
      });
      return behaviour;
    };
    const counts = { workerCount: 0, clientCount: 0 };
    this.cluster = new SimulatedCluster({ seed, faults, ...counts, behaviour: makeBehaviour });
    this.behaviour = present(behaviour, "a cluster makes its behaviour at once");
  }

  /** Learns the names of what has appeared; called after everything that happens. */
  observe(): void {
    const { tasks, attempts } = this.cluster.state;
    for (let row = 0; row < attempts.length; row++) {
      if (attempts.id[row] === 0) continue;
      const ref = tasks.ref(attempts.task[row]);
      const label = this.labelOf(ref);
      this.#remember(label, ref);
      const known = this.#attempts.get(label);
      if (known === undefined) this.#attempts.set(label, new Set([attempts.id[row]]));
      else known.add(attempts.id[row]);
    }
  }

  addClient(clientId: string, user: string): void {
    const client = new ScriptedClient(clientId, user, {
      says: (from, message) => this.cluster.receive(from, message),
      bring: (from, upload) => this.cluster.bring(from, upload),
    });
    this.clients.set(clientId, client);
    this.cluster.addClient(client);
  }

  /** Starts an agent on a machine of the script, new or known. */
  startWorker(machine: Machine): void {
    const { workerId } = machine;
    const known = this.cluster.hosts.get(workerId);
    if (known === undefined || known.processCount === 0) {
      this.cluster.addMachine(machine);
    }
    this.machines.set(workerId, machine);
    this.cluster.startWorker(workerId, machine.slots);
  }

  /** The agent that lives on that machine, if one does. */
  agentOf(workerId: string): SimulatedWorker | undefined {
    return this.cluster.workers.find((one) => one.alive && one.workerId === workerId);
  }

  #livingAgent(workerId: string): SimulatedWorker {
    const agent = this.agentOf(workerId);
    if (agent === undefined) throw new ScenarioError(`no agent lives on ${workerId}`);
    return agent;
  }

  crash(workerId: string, { launcherLives }: { readonly launcherLives: boolean }): void {
    const agent = this.#livingAgent(workerId);
    this.cluster.killWorker(agent, { launcherLives });
    this.behaviour.dies(workerId, { commandsLive: launcherLives });
  }

  /** A machine dies; whoever started it proves that, and starts it anew. */
  crashAndReplace(workerId: string): void {
    const { incarnation } = this.#livingAgent(workerId);
    this.crash(workerId, { launcherLives: false });
    const { timeline } = this.cluster;
    timeline.after(500, () =>
      this.cluster.proveExit({ workerId, incarnation, launcherLives: false }),
    );
    const machine = present(this.machines.get(workerId), `${workerId} is of the script`);
    timeline.after(10_000, () => {
      if (this.agentOf(workerId) === undefined) this.startWorker(machine);
    });
  }

  /** Every transfer, or every making of a work directory, fails from now on, or none. */
  fail(what: "fetchFailure" | "buildFailure", always: boolean): void {
    const faults = this.#faults as { -readonly [F in keyof Faults]: Faults[F] };
    faults[what] = always ? 1 : 0;
  }

  /** From now on each fetch, or each turn of a worker's loop, takes up to so long. */
  slow(what: "fetchUsMax" | "turnUsMax", us: number): void {
    const faults = this.#faults as { -readonly [F in keyof Faults]: Faults[F] };
    faults[what] = us;
  }

  /** Ends all faults: whoever left a launcher behind is back, and what holds goes on. */
  heal(): void {
    if (!this.cluster.controllerUp) this.cluster.startController();
    for (const [workerId, host] of this.cluster.hosts) {
      const machine = this.machines.get(workerId);
      const isOrphaned = host.processCount > 0 && this.agentOf(workerId) === undefined;
      if (isOrphaned && machine !== undefined) this.startWorker(machine);
    }
    for (const { mishaps } of this.cluster.workers) mishaps.end();
    this.behaviour.calm();
  }

  /** Calls as an administrator; a refusal is kept. */
  call(request: ApiRequest): void {
    this.cluster.call(request, administrator, (_, error: CapstanError | null) => {
      if (error !== null) this.refusals.push(error.code);
    });
  }

  launch(name: string, spec: JobSpec): void {
    this.jobIds.set(name, spec.jobId);
    this.call({ type: "launch-job", spec, ...this.#newToken() });
  }

  retryJob(jobId: string): void {
    this.call({ type: "retry-job", jobId, ...this.#newToken() });
  }

  #newToken() {
    const token = `token-${++this.#calls}`;
    return { token, tokenHash: token };
  }

  isTask(label: string): boolean {
    return this.#clientOf(label) !== undefined || this.#jobIdOf(label) !== undefined;
  }

  /** The task of a label, or undefined before the controller had it. */
  refOf(label: string): TaskRef | undefined {
    const row = this.#rowByName(label);
    if (row >= 0) this.#remember(label, this.cluster.state.tasks.ref(row));
    return this.#refs.get(label);
  }

  /** Its row; -1 if it was forgotten or is not known yet. */
  rowOf(label: string): number {
    const ref = this.refOf(label);
    return ref === undefined ? -1 : this.cluster.state.tasks.find(ref);
  }

  /** The first name of a task: two clients with one key have two. */
  labelOf(task: TaskRef): string {
    const row = this.cluster.state.tasks.find(task);
    const name = row < 0 ? undefined : this.#nameOf(row);
    return name ?? this.#labels.get(task) ?? `?${task}`;
  }

  /** The label under which a task's executions are kept. */
  ownLabel(label: string): string {
    const ref = this.refOf(label);
    return ref === undefined ? label : this.labelOf(ref);
  }

  attemptCount(label: string): number {
    return this.#attempts.get(this.ownLabel(label))?.size ?? 0;
  }

  setArgs(label: string, text: string): void {
    this.#arguments.set(label, encodeUtf8(text));
  }

  argsOf(label: string): Uint8Array {
    return this.#arguments.get(label) ?? encodeUtf8(label);
  }

  idOf(label: string): string | undefined {
    const row = this.rowOf(label);
    return row < 0 ? undefined : taskIdOf(this.cluster.state, row);
  }

  #remember(label: string, ref: TaskRef): void {
    this.#refs.set(label, ref);
    const row = this.cluster.state.tasks.find(ref);
    const name = row < 0 ? undefined : this.#nameOf(row);
    this.#labels.set(ref, name ?? this.#labels.get(ref) ?? label);
  }

  /** By the client or job that it is of; undefined once that session is over. */
  #nameOf(row: number): string | undefined {
    const { tasks, jobs, clients } = this.cluster.state;
    const job = jobs[tasks.job[row]];
    if (job.launch !== null) return `${nameOfJob(job.id)}/${tasks.index[row]}`;
    const client = this.clients.get(clients[job.client]?.clientId ?? "");
    return client?.labelAt(tasks.index[row]);
  }

  #rowByName(label: string): number {
    const { state } = this.cluster;
    const jobId = this.#jobIdOf(label);
    if (jobId !== undefined) {
      const job = state.jobs[state.jobsById.get(jobId) ?? -1];
      return job?.launch?.rows[Number(label.slice(label.lastIndexOf("/") + 1))] ?? -1;
    }
    const owner = this.#clientOf(label);
    const client = state.clients[state.clientsById.get(owner?.clientId ?? "") ?? -1];
    return client?.handles.get(owner?.numberOf(label) ?? -1) ?? -1;
  }

  #clientOf(label: string): ScriptedClient | undefined {
    return [...this.clients.values()].find((client) => client.numberOf(label) !== undefined);
  }

  #jobIdOf(label: string): string | undefined {
    const [, job] = /^(.+)\/\d+$/.exec(label) ?? [];
    return job === undefined ? undefined : this.jobIds.get(job);
  }
}

/** `/ann/train/eval` is `train/eval` to a script. */
export function nameOfJob(jobId: string): string {
  return jobId.split("/").slice(2).join("/");
}
