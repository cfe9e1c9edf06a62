/**
 * The last things that happened in a run, one line each, for people: what a kernel took up, what it
 * decided, what it sent. Beats and acknowledgements are left out.
 *
 *     12.034567 ms  controller  worker-messaged reports from w1  ⇒ attempts-ended, tasks-failed
 *
 * @module
 */

import type { ControllerEvent, ControllerSend } from "../controller/events.ts";
import type { Output } from "../controller/outbox.ts";
import type { WorkerEvent, WorkerSend } from "../worker/events.ts";
import type { WorkerStep } from "../worker/step.ts";
import type { FaultKind } from "./fault-kinds.ts";
import type { Observer } from "./observer.ts";
import type { SimulatedController } from "./simulated-controller.ts";
import type { SimulatedWorker } from "./simulated-worker.ts";

/** Lines that are kept unless said otherwise. */
export const traceLinesMax = 30;

const dullFacts: ReadonlySet<string> = new Set([
  ...[
    "time-passed",
    "worker-heard",
    "traffic-told",
    "progress-told",
    "silence-checked",
    "deadlines-passed",
  ],
  ...["placement-passed", "placement-paused"],
  ...["order-applied", "message-sent", "heartbeat-sent", "answers-acknowledged", "answers-kept"],
  ...["value-travelled", "memory-measured", "values-used"],
]);

const dullSends: ReadonlySet<string> = new Set(["→ heartbeat", "→ traffic", "→ progress"]);

export class TraceRecorder implements Observer {
  readonly #lines: string[] = [];
  readonly #linesMax: number;
  /** Virtual time, microseconds. */
  readonly #now: () => number;
  /** Everything that would have been a line. */
  count = 0;

  constructor(now: () => number, linesMax = traceLinesMax) {
    this.#now = now;
    this.#linesMax = linesMax;
  }

  /** Oldest first. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  onControllerStep(controller: SimulatedController, event: ControllerEvent, output: Output): void {
    const facts = output.facts.map(({ type }) => type).filter((type) => !dullFacts.has(type));
    if (facts.length === 0 && output.sends.length === 0) return;
    const { state } = controller;
    const nameOf = (worker: number) => state.workers[worker]?.workerId ?? `worker ${worker}`;
    const sends = output.sends.map((send) => describeSend(send, nameOf));
    this.#add("controller", describeEvent(event, nameOf), [...facts, ...sends]);
  }

  onWorkerStep(
    { workerId }: SimulatedWorker,
    events: readonly WorkerEvent[],
    output: WorkerStep,
  ): void {
    const facts = output.facts.map(({ type }) => type).filter((type) => !dullFacts.has(type));
    const sends = output.sends.map(describeOrder).filter((text) => !dullSends.has(text));
    if (facts.length + sends.length === 0) return;
    const names = events.map((event) =>
      event.type === "ordered" ? `ordered ${event.message.type}` : event.type,
    );
    this.#add(workerId, names.join(" + "), [...facts, ...sends]);
  }

  onFault(kind: FaultKind, what: string): void {
    this.#add("FAULT", `${kind}: ${what}`, []);
  }

  #add(who: string, what: string, results: readonly string[]): void {
    this.count++;
    const ms = (this.#now() / 1_000).toFixed(3).padStart(12);
    const follows = results.length === 0 ? "" : `  ⇒ ${results.join(", ")}`;
    this.#lines.push(`${ms} ms  ${who.padEnd(10)}  ${what}${follows}`);
    if (this.#lines.length > this.#linesMax) this.#lines.shift();
  }
}

type NameOf = (worker: number) => string;

function describeEvent(event: ControllerEvent, nameOf: NameOf): string {
  switch (event.type) {
    case "worker-messaged":
      return `${event.message.type} from ${nameOf(event.worker)}`;
    case "client-messaged":
      return `${event.message.type} from client ${event.client}`;
    case "worker-connected":
      return `worker-connected ${event.hello.workerId}/${event.hello.incarnation}`;
    case "worker-exited":
      return `worker-exited ${event.workerId}/${event.incarnation}`;
    case "api-called":
      return `api-called ${event.request.type}`;
    default:
      return event.type;
  }
}

function describeSend(send: ControllerSend, nameOf: NameOf): string {
  switch (send.type) {
    case "send-to-worker":
      return `→ ${nameOf(send.worker)} ${send.message.type}`;
    case "send-to-client":
      return `→ client ${send.client} ${send.message.type}`;
    case "disconnect-worker":
      return `→ ${nameOf(send.worker)} disconnect (${send.reason})`;
    default:
      return send.type;
  }
}

function describeOrder(send: WorkerSend): string {
  if (send.type === "send-message") return `→ ${send.message.type}`;
  return "execution" in send ? `${send.type} ${send.execution}` : send.type;
}
