/**
 * Members of gangs that are functions of a simulated worker: each is prepared, and waits in its
 * lane for the others before anything of it begins. They end with their worker.
 *
 * @module
 */

import { assert } from "../base/assert.ts";
import type { AttemptContext, GangMember } from "../protocol/messages.ts";
import type { ExecutionId, WorkerEvent, WorkerSend } from "../worker/events.ts";
import { failureOf } from "./behaviour.ts";
import type { Draws } from "./draws.ts";
import type { Faults } from "./faults.ts";
import type { Observer } from "./observer.ts";

type StartExecution = Extract<WorkerSend, { type: "start-execution" }>;
type PrepareExecution = Extract<WorkerSend, { type: "prepare-execution" }>;

interface Member {
  readonly order: StartExecution;
  isPrepared: boolean;
  /** All of its gang, once it was released. */
  gang: readonly GangMember[];
}

/** What the members of gangs on a worker need of it. */
export interface MemberSurroundings {
  readonly workerId: string;
  readonly draws: Draws;
  readonly faults: Faults;
  readonly observer: Required<Observer>;
  /** What happens later, while the worker lives; null for nothing. */
  later(delayUs: number, event: () => WorkerEvent | null): void;
}

/** Of a worker; nobody listens on any of them. */
const firstPort = 20_000;

export class SimulatedMembers {
  readonly #around: MemberSurroundings;
  readonly #byExecution = new Map<ExecutionId, Member>();
  #nextPort = firstPort;

  constructor(around: MemberSurroundings) {
    this.#around = around;
  }

  /** The worker is gone, and they with it. */
  clear(): void {
    this.#byExecution.clear();
  }

  prepare(order: PrepareExecution, portNames: readonly string[]): void {
    const { draws, faults, workerId } = this.#around;
    const { execution } = order;
    const started = { ...order, type: "start-execution" } as const;
    const member: Member = { order: started, isPrepared: false, gang: [] };
    this.#byExecution.set(execution, member);
    this.#around.later(200 + draws.below(Math.max(5_000, faults.buildUsMax)), () => {
      if (this.#byExecution.get(execution) !== member) return null;
      if (draws.chance(faults.buildFailure)) return this.#failBuild(execution);
      member.isPrepared = true;
      const ports = Object.fromEntries(portNames.map((name) => [name, this.#nextPort++]));
      const address = { host: workerId, ports };
      return { type: "execution-prepared", at: 0, execution, member: address };
    });
  }

  #failBuild(execution: ExecutionId): WorkerEvent {
    this.#byExecution.delete(execution);
    this.#around.observer.onFault("build failed", this.#around.workerId);
    const failure = failureOf("no such bundle", null);
    return { type: "execution-failed", at: 0, execution, cause: "build-failed", failure };
  }

  /** The order that begins now; null if it is none of these, or was stopped meanwhile. */
  release(execution: ExecutionId, gang: readonly GangMember[]): StartExecution | null {
    const member = this.#byExecution.get(execution);
    if (member === undefined) return null;
    assert(member.isPrepared && member.gang.length === 0, "what is prepared is released once");
    const { index, replicas } = JSON.parse(member.order.context) as AttemptContext;
    assert(gang.length === replicas, "a gang is told of all its members");
    assert(gang[index].host === this.#around.workerId, "a member's own address is its own");
    member.gang = gang;
    return member.order;
  }

  /** True if it had not begun: it ends at once. */
  abort(execution: ExecutionId): boolean {
    const member = this.#byExecution.get(execution);
    if (member === undefined || member.gang.length > 0) return false;
    this.#byExecution.delete(execution);
    this.#around.later(0, () => ({ type: "execution-aborted", at: 0, execution }));
    return true;
  }

  /** Its gang, in rank order; empty for what is of none. */
  gangOf(execution: ExecutionId): readonly GangMember[] {
    return this.#byExecution.get(execution)?.gang ?? [];
  }

  /** It has ended. */
  end(execution: ExecutionId): void {
    this.#byExecution.delete(execution);
  }
}
