/**
 * The actors of one worker: each keeps an object in a thread of its own and takes its calls one by
 * one, in the order in which it was given them. When each gets on is the explorer's choice.
 *
 * @module
 */

import { assert } from "../../base/assert.ts";
import { partOf } from "../../model/spec.ts";
import type { ExecutionId, StartedExecution, WorkerEvent } from "../../worker/events.ts";
import type { RunChoice, WorkerNode } from "./worker-node.ts";

/** An actor that has been started and has not ended. */
export interface ActorObject {
  readonly order: StartedExecution;
  /** The first one may have begun. */
  readonly calls: StartedExecution[];
  /** The number of the call that began last: later ones are higher. */
  latest: number;
}

type RunMove = Extract<RunChoice, { execution: ExecutionId }>;

export class Objects {
  readonly #node: WorkerNode;

  constructor(node: WorkerNode) {
    this.#node = node;
  }

  partOf(spec: number): "actor" | "call" | null {
    const definition = this.#node.specs.get(spec)?.definition;
    return definition === undefined ? null : partOf(definition.run);
  }

  begin(order: StartedExecution): void {
    this.#node.objects.push({ order, calls: [], latest: -1 });
  }

  /** Gives a call to its actor; what is answered at once, if that is gone. */
  call(order: StartedExecution): readonly WorkerEvent[] {
    const [{ task }] = order.inputs;
    const object = this.#node.objects.find((one) => one.order.task === task);
    if (object === undefined) return [this.#lost(order.execution)];
    object.calls.push(order);
    return [];
  }

  /** Whether it is one of these. What has not begun ends at once. */
  abort(execution: ExecutionId, answers: WorkerEvent[]): boolean {
    const { objects, aborting, now } = this.#node;
    for (const { order, calls } of objects) {
      const place = calls.findIndex((call) => call.execution === execution);
      if (order.execution !== execution && place < 0) continue;
      if (place > 0) {
        calls.splice(place, 1);
        answers.push({ type: "execution-aborted", at: now, execution });
      } else aborting.add(execution);
      return true;
    }
    return false;
  }

  choices(): RunChoice[] {
    const { objects, announced, aborting } = this.#node;
    const choices: RunChoice[] = [];
    for (const { order, calls } of objects) {
      const { execution } = order;
      const isMade = announced.has(execution);
      if (aborting.has(execution)) choices.push({ type: "obey", execution });
      else if (!isMade) choices.push({ type: "start", execution });
      choices.push({ type: "fail", execution });
      const [head] = calls;
      if (!isMade || head === undefined) continue;
      const begins = numberOf(head);
      choices.push({ type: "finish", execution: head.execution, begins });
      if (aborting.has(head.execution)) choices.push({ type: "obey", execution: head.execution });
    }
    return choices;
  }

  /** An actor, or the first call of one, is over; null if the execution is neither. */
  end({ type, execution }: RunMove): readonly WorkerEvent[] | null {
    const { objects, aborting, announced, now: at } = this.#node;
    for (const [place, object] of objects.entries()) {
      const { order, calls } = object;
      const [head] = calls;
      if (order.execution !== execution && head?.execution !== execution) continue;
      aborting.delete(execution);
      const aborted = { type: "execution-aborted", at, execution } as const;
      if (head?.execution === execution) {
        calls.shift();
        if (type === "obey") return [aborted];
        assert(numberOf(head) > object.latest, "calls begin in the order of submission");
        object.latest = numberOf(head);
        const { args: inline } = head;
        const [sizeBytes, durationUs] = [inline.length, 0];
        return [{ type: "execution-finished", at, execution, sizeBytes, durationUs, inline }];
      }
      objects.splice(place, 1);
      announced.delete(execution);
      const lost = calls.map((call) => this.#lost(call.execution));
      return [...lost, type === "obey" ? aborted : this.#failed(execution, "killed")];
    }
    return null;
  }

  #lost(execution: ExecutionId): WorkerEvent {
    this.#node.aborting.delete(execution);
    return this.#failed(execution, "actor-lost");
  }

  #failed(execution: ExecutionId, cause: "actor-lost" | "killed"): WorkerEvent {
    const error = { name: "Error", message: "explored", stack: "", causes: [] };
    const failure = { error, exitCode: null, signal: null, oom: false, stderrTail: "" };
    return { type: "execution-failed", at: this.#node.now, execution, cause, failure };
  }
}

/** Which of its client's tasks a call is: its client says so in its arguments. */
function numberOf({ args }: StartedExecution): number {
  return args[1];
}
