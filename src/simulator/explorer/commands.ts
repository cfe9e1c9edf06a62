/**
 * The launcher of one machine and the commands that it runs: they outlive the agent, and a new
 * agent finds them. When each gets on is the explorer's choice.
 *
 * @module
 */

import { assert } from "../../base/assert.ts";
import type { AttemptFailure } from "../../model/failure.ts";
import type { AttemptId } from "../../model/ids.ts";
import type { TaskSpec } from "../../model/spec.ts";
import type { AttemptContext, GangMember } from "../../protocol/messages.ts";
import type { ExecutionId, StartedExecution, Survivor, WorkerEvent } from "../../worker/events.ts";
import type { RunChoice, WorkerNode } from "./worker-node.ts";

/** A command that was started and has not been answered for. */
export interface MachineProcess {
  readonly order: StartedExecution;
  readonly definition: TaskSpec;
  /** Its number with the agent that lives. */
  execution: ExecutionId;
  readonly isGang: boolean;
  member: GangMember | null;
  startedAt: number;
  phase: "preparing" | "prepared" | "running" | "ended";
  isAborting: boolean;
  end: "exit" | "exit-failing" | "die";
}

type CommandChoice = Extract<RunChoice, { attempt: AttemptId }>;

export class Commands {
  readonly #node: WorkerNode;

  constructor(node: WorkerNode) {
    this.#node = node;
  }

  isCommand(spec: number): boolean {
    return this.#node.specs.get(spec)?.definition.run.kind === "command";
  }

  /** Makes the work directory; a member of a gang then waits to be released. */
  begin(order: StartedExecution & { readonly type: string }): void {
    const { processes, specs } = this.#node;
    const definition = specs.get(order.spec)?.definition;
    assert(definition !== undefined, "a command is started by its spec");
    assert(!processes.has(order.attempt), "an attempt is started once");
    const { type, ...bare } = order;
    processes.set(order.attempt, {
      ...{ order: bare, definition, execution: order.execution },
      ...{ isGang: type === "prepare-execution", member: null, startedAt: 0 },
      ...{ phase: "preparing", isAborting: false, end: "exit" },
    });
  }

  release(execution: ExecutionId, members: readonly GangMember[], answers: WorkerEvent[]): void {
    const running = this.#find(execution);
    if (running === undefined || running.isAborting) return;
    const { index, replicas } = JSON.parse(running.order.context) as AttemptContext;
    assert(members.length === replicas, "a gang is told of all its members");
    const { workerId } = this.#node.identity;
    assert(members[index].host === workerId, "a member's own address is its own");
    answers.push(...this.#run(running));
  }

  abort(execution: ExecutionId): void {
    const running = this.#find(execution);
    if (running !== undefined && running.phase !== "ended") running.isAborting = true;
  }

  choices(): RunChoice[] {
    const choices: RunChoice[] = [];
    const hasAgent = this.#node.kernel !== null;
    for (const [attempt, { phase, isAborting, isGang }] of this.#node.processes) {
      if (phase === "preparing" && !isAborting && hasAgent) {
        choices.push({ type: isGang ? "prepare" : "run", attempt }, { type: "break", attempt });
      } else if (phase === "running") {
        choices.push({ type: "exit", attempt }, { type: "exit-failing", attempt });
      }
      if (isAborting && phase !== "ended") choices.push({ type: "die", attempt });
    }
    return choices;
  }

  happen({ type, attempt }: CommandChoice): readonly WorkerEvent[] {
    const running = this.#node.processes.get(attempt);
    assert(running !== undefined, "only what runs gets on");
    switch (type) {
      case "prepare":
        return [this.#prepare(running)];
      case "run":
        return this.#run(running);
      case "break":
        return [this.#break(running)];
      default:
        running.phase = "ended";
        running.end = type;
        return this.#node.kernel === null ? [] : this.#tellEnd(running);
    }
  }

  /** A new agent: what runs, or ended while nobody listened, is its own. */
  recover(): WorkerEvent | null {
    const { processes, now } = this.#node;
    const survivors: Survivor[] = [];
    for (const running of [...processes.values()]) {
      const { order, phase, definition, startedAt, member } = running;
      if (phase !== "running" && phase !== "ended") {
        processes.delete(order.attempt);
        continue;
      }
      const { attempt, task, spec, shape, context } = order;
      running.isAborting = false;
      survivors.push({ attempt, task, spec, definition, shape, context, startedAt, member });
      running.execution = survivors.length;
    }
    if (survivors.length === 0) return null;
    return { type: "recovered", at: now, firstExecution: 1, survivors };
  }

  endsThatNobodyHeard(): readonly WorkerEvent[] {
    const ended = [...this.#node.processes.values()].filter(({ phase }) => phase === "ended");
    return ended.flatMap((running) => this.#tellEnd(running));
  }

  #find(execution: ExecutionId): MachineProcess | undefined {
    return [...this.#node.processes.values()].find((one) => one.execution === execution);
  }

  #prepare(running: MachineProcess): WorkerEvent {
    running.phase = "prepared";
    const member = { host: this.#node.identity.workerId, ports: {} };
    running.member = member;
    const { execution } = running;
    return { type: "execution-prepared", at: this.#node.now, execution, member };
  }

  #run(running: MachineProcess): readonly WorkerEvent[] {
    running.phase = "running";
    running.startedAt = this.#node.now;
    const { execution } = running;
    if (this.#node.kernel === null) return [];
    return [{ type: "execution-started", at: this.#node.now, execution }];
  }

  #break({ order, execution }: MachineProcess): WorkerEvent {
    this.#node.processes.delete(order.attempt);
    const failure = failureOf("no such archive");
    const at = this.#node.now;
    return { type: "execution-failed", at, execution, cause: "build-failed", failure };
  }

  #tellEnd({ order, execution, end, startedAt }: MachineProcess): readonly WorkerEvent[] {
    this.#node.processes.delete(order.attempt);
    const at = this.#node.now;
    const signal = end === "die" ? "SIGTERM" : null;
    const exitCode = end === "exit" ? 0 : end === "exit-failing" ? 1 : null;
    const measured = { oom: false, peakRssBytes: 0, cpuMs: 0, droppedLogBytes: 0, stderrTail: "" };
    const usage = { ...measured, exitCode, signal };
    return [
      { type: "execution-measured", at, execution, usage },
      this.#endEvent(execution, end, at - startedAt),
    ];
  }

  #endEvent(execution: ExecutionId, end: MachineProcess["end"], durationUs: number): WorkerEvent {
    const at = this.#node.now;
    if (end === "die") return { type: "execution-aborted", at, execution };
    if (end === "exit-failing") {
      const failure = { ...failureOf("it exited with 1"), exitCode: 1 };
      return { type: "execution-failed", at, execution, cause: "failed", failure };
    }
    const inline = new Uint8Array(0);
    return { type: "execution-finished", at, execution, sizeBytes: 0, durationUs, inline };
  }
}

function failureOf(message: string): AttemptFailure {
  const error = { name: "ExitError", message, stack: "", causes: [] };
  return { error, exitCode: null, signal: null, oom: false, stderrTail: "" };
}
