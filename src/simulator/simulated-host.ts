/**
 * A machine as the simulator sees it: its launcher and the processes that it runs. They outlive the
 * agent, and a new agent finds them; they end with the machine.
 *
 * It checks what no scheduler may get wrong: that nothing on the machine is used twice at once.
 *
 * @module
 */

import { assert, InvariantError } from "../base/assert.ts";
import type { Attributes } from "../model/constraints.ts";
import type { AttemptId } from "../model/ids.ts";
import { noResources, type Resources } from "../model/resources.ts";
import type { TaskSpec } from "../model/spec.ts";
import type { AttemptContext, GangMember } from "../protocol/messages.ts";
import type {
  ExecutionId,
  StartedExecution,
  Survivor,
  WorkerEvent,
  WorkerSend,
} from "../worker/events.ts";
import {
  type Behaviour,
  type Ending,
  failureOf,
  noValue,
  type RunningExecution,
} from "./behaviour.ts";
import { devicesIn } from "./device-use.ts";
import type { Draws } from "./draws.ts";
import type { Faults } from "./faults.ts";
import type { Observer } from "./observer.ts";
import { drawStopUs } from "./stop-times.ts";
import type { Timeline } from "./timeline.ts";

/** A command that was started and has not been answered for. */
interface HostProcess {
  readonly order: StartedExecution;
  readonly definition: TaskSpec;
  /** Its number with the agent that lives. */
  execution: ExecutionId;
  member: GangMember | null;
  /** All of its gang, once it was released. */
  gang: readonly GangMember[];
  startedAt: number;
  phase: "preparing" | "prepared" | "running" | "ended";
  aborting: boolean;
  /** Once it has. */
  end: Ending | { readonly type: "aborted" };
}

type AbortExecution = Extract<WorkerSend, { type: "abort-execution" }>;

/** Who hears of what happens on the machine; null while no agent lives. */
export type Agent = (event: WorkerEvent) => void;

export interface HostOptions {
  readonly workerId: string;
  /** Which machine of the cluster it is: what it has and where it stands follow from it. */
  readonly place: number;
  readonly capacity: Resources;
  readonly attributes: Attributes;
  readonly commandSlots: number;
}

export interface HostSurroundings {
  readonly timeline: Timeline;
  readonly draws: Draws;
  readonly faults: Faults;
  readonly behaviour: Behaviour;
  readonly observer: Required<Observer>;
}

export class SimulatedHost {
  readonly workerId: string;
  readonly place: number;
  readonly fullCapacity: Resources;
  /** Of the machine as it is now: it may come back with more or less. */
  #capacity: Resources;
  /** The most that it ever had. */
  largestCapacity: Resources;
  readonly attributes: Attributes;
  readonly commandSlots: number;
  agent: Agent | null = null;
  readonly #processes = new Map<AttemptId, HostProcess>();
  readonly #timeline: Timeline;
  readonly #draws: Draws;
  readonly #faults: Faults;
  readonly #behaviour: Behaviour;
  readonly #observer: Required<Observer>;
  /** Rises with each death of the machine: what was due before is not any more. */
  #life = 0;

  constructor(options: HostOptions, around: HostSurroundings) {
    this.workerId = options.workerId;
    this.place = options.place;
    this.fullCapacity = options.capacity;
    this.#capacity = options.capacity;
    this.largestCapacity = options.capacity;
    this.attributes = options.attributes;
    this.commandSlots = options.commandSlots;
    this.#timeline = around.timeline;
    this.#draws = around.draws;
    this.#faults = around.faults;
    this.#behaviour = around.behaviour;
    this.#observer = around.observer;
  }

  get capacity(): Resources {
    return this.#capacity;
  }

  set capacity(capacity: Resources) {
    this.#capacity = capacity;
    if (capacity.cpuMilli > this.largestCapacity.cpuMilli) this.largestCapacity = capacity;
  }

  /** It stands in for a machine that is gone for good: in the end it must have what that had. */
  replace({ largestCapacity }: SimulatedHost): void {
    const isLarger = largestCapacity.cpuMilli > this.largestCapacity.cpuMilli;
    if (isLarger) this.largestCapacity = largestCapacity;
  }

  get processCount(): number {
    return this.#processes.size;
  }

  /** The machine ends with all that runs on it. */
  die(): void {
    this.#life++;
    this.#observer.onTraffic({ type: "died", workerId: this.workerId, which: "all" });
    this.#processes.clear();
    this.agent = null;
  }

  /**
   * A new agent: what runs, or ended while nobody listened, is its own. What was not launched is
   * stillborn.
   */
  recover(agent: Agent): Extract<WorkerEvent, { type: "recovered" }> | null {
    this.agent = agent;
    const started = [...this.#processes.values()].filter(
      ({ phase }) => phase === "running" || phase === "ended",
    );
    this.#processes.clear();
    const survivors: Survivor[] = [];
    for (const [index, running] of started.entries()) {
      running.execution = index + 1;
      running.aborting = false;
      this.#processes.set(running.order.attempt, running);
      survivors.push(survivorOf(running));
    }
    if (survivors.length === 0) return null;
    return { type: "recovered", at: this.#timeline.now, firstExecution: 1, survivors };
  }

  /** What ended while no agent lived is told now. */
  tellEnded(): void {
    for (const running of [...this.#processes.values()]) {
      if (running.phase === "ended") this.#tellEnd(running);
    }
  }

  start(order: StartedExecution, definition: TaskSpec): void {
    const running = this.#add(order, definition);
    this.#sayBuilding(running);
    this.#later(this.#buildUs(2_000), () => {
      const isRefused = this.#draws.chance(this.#faults.buildFailure);
      if (isRefused && this.#isLive(running) && !running.aborting) this.#failBuild(running);
      else this.#run(running);
    });
  }

  /** How long a work directory takes. */
  #buildUs(most: number): number {
    return 200 + this.#draws.below(Math.max(most, this.#faults.buildUsMax));
  }

  /** Some work directories take long enough to be said to be made. */
  #sayBuilding(running: HostProcess): void {
    if (!this.#draws.chance(0.2)) return;
    this.#later(150, () => {
      if (!this.#isLive(running) || running.phase !== "preparing") return;
      const { execution } = running;
      this.agent?.({ type: "execution-building", at: this.#timeline.now, execution });
    });
  }

  prepare(order: StartedExecution, definition: TaskSpec): void {
    const running = this.#add(order, definition);
    this.#sayBuilding(running);
    this.#later(this.#buildUs(5_000), () => {
      if (!this.#isLive(running) || running.aborting) return;
      if (this.#draws.chance(this.#faults.buildFailure)) return this.#failBuild(running);
      running.phase = "prepared";
      running.member = { host: this.workerId, ports: {} };
      const { execution, member } = running;
      const at = this.#timeline.now;
      this.agent?.({ type: "execution-prepared", at, execution, member });
    });
  }

  release(execution: ExecutionId, members: readonly GangMember[]): void {
    const running = this.#byExecution(execution);
    if (running === undefined || running.aborting) return;
    const { index, replicas } = JSON.parse(running.order.context) as AttemptContext;
    assert(members.length === replicas, "a gang is told of all its members");
    assert(members[index].host === this.workerId, "a member's own address is its own");
    running.gang = members;
    this.#run(running);
  }

  abort({ execution, reason, graceMs }: AbortExecution): void {
    const running = this.#byExecution(execution);
    if (running === undefined || running.aborting || running.phase === "ended") return;
    running.aborting = true;
    if (running.phase !== "running") return this.#withdraw(running);
    this.#behaviour.abort?.(running.order.attempt, reason);
    this.#later(this.#stopUs(running, graceMs), () => {
      if (!this.#isLive(running) || running.phase === "ended") return;
      const endsByItself = this.#draws.chance(this.#faults.endAtStop);
      if (endsByItself) this.#observer.onFault("end at the instant of a stop", this.workerId);
      this.#end(running, endsByItself ? { type: "finished", value: noValue } : { type: "aborted" });
    });
  }

  #stopUs({ order }: HostProcess, graceMs: number): number {
    const { workerId } = this;
    const around = {
      ...{ draws: this.#draws, faults: this.#faults },
      ...{ behaviour: this.#behaviour, observer: this.#observer },
    };
    const { attempt } = order;
    return drawStopUs(around, { workerId, attempt, graceMs, promptUsMax: 5_000 });
  }

  /** What was not launched yet is taken back at once: there is no process that could survive. */
  #withdraw(running: HostProcess): void {
    this.#processes.delete(running.order.attempt);
    const { execution } = running;
    const { agent } = this;
    this.#later(0, () => {
      const at = this.#timeline.now;
      if (this.agent === agent) agent?.({ type: "execution-aborted", at, execution });
    });
  }

  #add(order: StartedExecution, definition: TaskSpec): HostProcess {
    assert(!this.#processes.has(order.attempt), "an attempt is started once");
    const { execution } = order;
    const running: HostProcess = {
      ...{ order, definition, execution, member: null, gang: [], startedAt: 0 },
      ...{ phase: "preparing", aborting: false, end: { type: "aborted" } },
    };
    this.#processes.set(order.attempt, running);
    return running;
  }

  #run(running: HostProcess): void {
    if (!this.#isLive(running) || running.aborting) return;
    running.phase = "running";
    running.startedAt = this.#timeline.now;
    this.#tell("started", running);
    this.#assertNothingIsUsedTwice(running);
    const { execution } = running;
    this.agent?.({ type: "execution-started", at: this.#timeline.now, execution });
    const life = this.#life;
    this.#behaviour.begin(this.#runningOf(running), (ending) => {
      const isOver = life !== this.#life || !this.#isLive(running) || running.phase === "ended";
      if (!isOver) this.#end(running, ending);
    });
  }

  #runningOf({ order, definition, gang: members }: HostProcess): RunningExecution {
    const { task, attempt, context, args } = order;
    const { workerId } = this;
    return { workerId, task, attempt, definition, context, args, members, inputs: [] };
  }

  /**
   * Of what runs now, the requests fit the machine, and no device is in two hands. A machine that
   * came back with less may be overfull of what survived: then nothing is added to it.
   */
  #assertNothingIsUsedTwice(added: HostProcess): void {
    let cpuMilli = 0;
    const devices = new Map<string, number>();
    for (const running of this.#processes.values()) {
      if (running.phase !== "running") continue;
      cpuMilli += running.definition.resources.cpuMilli;
      for (const [name, milli] of devicesIn(running.order.context)) {
        devices.set(name, (devices.get(name) ?? 0) + milli);
      }
    }
    const fits = cpuMilli <= this.capacity.cpuMilli || added.definition.resources.cpuMilli === 0;
    assert(fits, `${this.workerId} runs ${cpuMilli} milli-CPU`);
    for (const name of devicesIn(added.order.context).keys()) {
      const milli = devices.get(name) ?? 0;
      assert(milli <= 1000, `${this.workerId}: ${name} is used ${milli} of 1000`);
    }
  }

  #tell(type: "started" | "ended", { order }: HostProcess): void {
    const { workerId } = this;
    const { attempt } = order;
    this.#observer.onTraffic({ type, at: this.#timeline.now, workerId, attempt });
  }

  #end(running: HostProcess, end: HostProcess["end"]): void {
    if (running.phase === "running") this.#tell("ended", running);
    running.phase = "ended";
    running.end = end;
    if (this.agent !== null) this.#tellEnd(running);
  }

  #failBuild(running: HostProcess): void {
    this.#observer.onFault("build failed", this.workerId);
    this.#processes.delete(running.order.attempt);
    const { execution } = running;
    const failure = failureOf("no such archive", null);
    const cause = "build-failed";
    const at = this.#timeline.now;
    this.agent?.({ type: "execution-failed", at, execution, cause, failure });
  }

  #tellEnd(running: HostProcess): void {
    this.#processes.delete(running.order.attempt);
    const { execution, end } = running;
    const at = this.#timeline.now;
    const exitCode =
      end.type === "finished" ? 0 : end.type === "failed" ? end.failure.exitCode : null;
    const signal = end.type === "killed" ? "SIGKILL" : end.type === "aborted" ? "SIGTERM" : null;
    const usage = { ...noUsage, exitCode, signal };
    this.agent?.({ type: "execution-measured", at, execution, usage });
    this.agent?.(endEvent(running, at));
  }

  #byExecution(execution: ExecutionId): HostProcess | undefined {
    return [...this.#processes.values()].find((running) => running.execution === execution);
  }

  #isLive(running: HostProcess): boolean {
    return this.#processes.get(running.order.attempt) === running;
  }

  #later(delayUs: number, action: () => void): void {
    const life = this.#life;
    this.#timeline.after(delayUs, () => {
      if (life === this.#life) action();
    });
  }
}

const noUsage = { oom: false, peakRssBytes: 0, cpuMs: 0, droppedLogBytes: 0, stderrTail: "" };

function endEvent({ execution, end, startedAt }: HostProcess, at: number): WorkerEvent {
  switch (end.type) {
    case "finished": {
      const { sizeBytes, bytes: inline } = end.value;
      const durationUs = at - startedAt;
      return { type: "execution-finished", at, execution, sizeBytes, durationUs, inline };
    }
    case "aborted":
      return { type: "execution-aborted", at, execution };
    case "failed": {
      const { failure } = end;
      return { type: "execution-failed", at, execution, cause: "failed", failure };
    }
    case "killed": {
      const failure = failureOf("the process was killed", null);
      return { type: "execution-failed", at, execution, cause: "killed", failure };
    }
    case "rescheduled":
    case "setup-failed":
    case "input-failed":
      throw new InvariantError("a command has no inputs and no plugins, and asks for nothing");
  }
}

function survivorOf({ order, definition, startedAt, member }: HostProcess): Survivor {
  const { attempt, task, spec, shape, context } = order;
  return { attempt, task, spec, definition, shape, context, startedAt, member };
}

/** Machines of two slices, some with devices: what jobs in the simulator ask for. */
export function drawHost(workerId: string, place: number, slots: number): HostOptions {
  const devices =
    place % 2 === 0
      ? [{ kind: "gpu", variant: place % 4 === 0 ? "a100" : "h100", countMilli: 2000, indices: [] }]
      : [];
  return {
    workerId,
    place,
    capacity: { ...noResources, cpuMilli: slots * 1000, memoryBytes: 2 ** 33, devices },
    attributes: {
      slice: `s${place % 2}`,
      "tpu-worker-id": String(Math.floor(place / 2)),
      region: place === 0 ? "east" : "west",
    },
    commandSlots: 8,
  };
}
