/**
 * Members of gangs that are functions: what each has before its function begins, and keeps while
 * it runs.
 *
 *     preparing ─▶ prepared ─▶ released ─▶ over
 *         └────────────┴── withdrawn
 *
 * Prepared, its bundle is here and its ports are chosen. No thread and no process has heard of it,
 * so it can be taken back at once.
 *
 * @module
 */

import type { AttemptContext, GangMember } from "../../protocol/messages.ts";
import type { ExecutionId, StartedExecution } from "../../worker/events.ts";
import { parseAttemptContext } from "./command-context.ts";
import type { NamedPorts, PortBook } from "./command-ports.ts";
import type { TaskGang } from "./context.ts";

export interface FunctionMembersOptions {
  /** Under which members of a gang reach this worker. */
  readonly host: string;
  /** Shared with commands: no two have one port. */
  readonly ports: PortBook;
}

interface FunctionMember {
  readonly order: StartedExecution;
  readonly context: AttemptContext;
  stage: "preparing" | "prepared" | "released";
  ports: NamedPorts;
  gang: TaskGang | undefined;
}

export class FunctionMembers {
  readonly #options: FunctionMembersOptions;
  readonly #byExecution = new Map<ExecutionId, FunctionMember>();

  constructor(options: FunctionMembersOptions) {
    this.#options = options;
  }

  /**
   * Waits for what the function needs, and has its ports chosen. Null if it was withdrawn
   * meanwhile; rejects as `needs` does, and with OVERLOADED when the machine has no port left.
   *
   * @throws CapstanError PROTOCOL_ERROR for an order without a context
   */
  async prepare(
    order: StartedExecution,
    {
      portNames,
      needs,
    }: { readonly portNames: readonly string[]; readonly needs: Promise<unknown> },
  ): Promise<GangMember | null> {
    const { execution } = order;
    const context = parseAttemptContext(order.context, order.attempt, order.task);
    const member: FunctionMember = {
      ...{ order, context, stage: "preparing", ports: {}, gang: undefined },
    };
    this.#byExecution.set(execution, member);
    try {
      await needs;
      if (portNames.length > 0) member.ports = await this.#options.ports.choose(portNames);
    } catch (error) {
      if (!this.end(execution)) return null;
      throw error;
    }
    if (this.#byExecution.get(execution) !== member) {
      this.#options.ports.release(member.ports);
      return null;
    }
    member.stage = "prepared";
    return { host: this.#options.host, ports: member.ports };
  }

  /** All are prepared, in rank order: the order to start now; null if it is none of these. */
  release(execution: ExecutionId, members: readonly GangMember[]): StartedExecution | null {
    const member = this.#byExecution.get(execution);
    if (member?.stage !== "prepared") return null;
    member.stage = "released";
    member.gang = { rank: member.context.index, size: members.length, peers: members };
    return member.order;
  }

  /** True if it had not been released: then nothing more is told of it. */
  withdraw(execution: ExecutionId): boolean {
    const member = this.#byExecution.get(execution);
    return member !== undefined && member.stage !== "released" && this.end(execution);
  }

  /** What its function is told; undefined for what is of no gang. */
  gangOf(execution: ExecutionId): TaskGang | undefined {
    return this.#byExecution.get(execution)?.gang;
  }

  /** It is over, however that came: its ports may be given again. False if it was none of these. */
  end(execution: ExecutionId): boolean {
    const member = this.#byExecution.get(execution);
    if (member === undefined) return false;
    this.#byExecution.delete(execution);
    this.#options.ports.release(member.ports);
    return true;
  }
}
