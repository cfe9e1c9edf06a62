/**
 * An auditor that knows nothing of either kernel: it sees what is said on the wire and what starts
 * and ends on the machines, keeps its own ledger of who holds what, and throws where the two do not
 * go together.
 *
 * What it cannot see it does not guess: after a lost connection it begins with the worker's
 * inventory, and whoever it has no order of it leaves alone. So it may miss, and never cries wolf.
 *
 * @module
 */

import { assertNever, InvariantError } from "../base/assert.ts";
import type { Micros } from "../base/time.ts";
import { type AttemptId, epochOfAttempt, formatAttemptId, type TaskRef } from "../model/ids.ts";
import { partOf, type TaskSpec } from "../model/spec.ts";
import {
  type AttemptContext,
  type AttemptFailed,
  type ClientMessage,
  type HotMessageOf,
  reportKind,
  type StartGang,
  type ToClientMessage,
  type ToWorkerMessage,
  type WorkerHello,
  type WorkerMessage,
} from "../protocol/messages.ts";
import { type Amounts, amountsOf, capacityOf, mostOf } from "./audit-amounts.ts";
import type { Observer, Traffic } from "./observer.ts";
import { PlaceRules } from "./place-rules.ts";
import { StoppedJobs } from "./stopped-jobs.ts";

/** An attempt as it was ordered, and what became of it since. */
interface Order {
  readonly attempt: AttemptId;
  readonly task: TaskRef;
  readonly workerId: string;
  readonly definition: TaskSpec;
  readonly amounts: Amounts;
  /** Of a command. */
  readonly context: AttemptContext | null;
  isStopped: boolean;
  /** What it held is its successor's, also while it still runs. */
  isSuperseded: boolean;
  /** The next attempt of its task, if it was ordered of the same worker. */
  next: Order | null;
  /** Its worker was silent for long: what it holds may be somebody else's since. */
  isGivenUp: boolean;
  isPrepared: boolean;
  mayStart: boolean;
  /** The worker let its answer go. */
  isAnswered: boolean;
  /** The answer that the controller heard, or "". */
  heard: string;
  /** It gave its slot and CPU to others on its machine; and the controller heard of it. */
  hasYielded: boolean;
  isYieldHeard: boolean;
  /** The worker came back and did not name it: the order is given again. */
  isLost: boolean;
}

interface Host {
  readonly capacity: Amounts;
  /** Attempts that hold a grant, by the wire. */
  readonly held: Map<AttemptId, Order>;
  /** Messages of the worker that the controller heard on this connection. */
  heardCount: number;
  heardAt: Micros;
  /** It was silent for so long that it may have been given up; what comes late changes nothing. */
  isGivenUp: boolean;
  /** Nothing died on it since it registered. */
  isUp: boolean;
  readonly incarnation: string;
  /** Attempts that failed by themselves, which is not acknowledged yet. */
  readonly failed: { readonly sequence: number; readonly order: Order; readonly at: Micros }[];
}

/** Somebody who was silent for longer may have been given up: well below the lease. */
const silenceUs = 5_000_000;

/** What an attempt gives back while it waits for tasks of its own. */
const yieldedDimensions: ReadonlySet<string> = new Set(["cpu", "slots"]);

/** What an inventory says of an attempt that has yielded. */
const phaseYielded = 3;

const answerNames: { readonly [kind: number]: string } = {
  [reportKind.finished]: "finished",
  [reportKind.handedBack]: "handed-back",
  [reportKind.abandoned]: "abandoned",
};

export class Auditor implements Observer {
  readonly #specs = new Map<number, TaskSpec>();
  readonly #orders = new Map<AttemptId, Order>();
  readonly #lastOrder = new Map<TaskRef, AttemptId>();
  readonly #committed = new Set<TaskRef>();
  /** Failures that a task was charged with since somebody last asked for another try. */
  readonly #failures = new Map<TaskRef, number>();
  /** By client, the sequence of a retry that was heard and not accepted yet. */
  readonly #openRetries = new Map<string, number>();
  /** When a task may be tried again, by its spec, and which attempt of it failed. */
  readonly #backOffs = new Map<TaskRef, { until: Micros; order: Order }>();
  /** Exclusive tasks that have begun. */
  readonly #begun = new Set<TaskRef>();
  readonly #stops = new StoppedJobs();
  readonly #places = new PlaceRules();
  readonly #hosts = new Map<string, Host>();
  readonly #running = new Map<string, Map<AttemptId, Order>>();
  readonly #story: { at: Micros; what: string; attempt: AttemptId; peer: string }[] = [];
  /** Messages and starts that were looked at. */
  checked = 0;

  /** Throws InvariantError if what was seen does not go together with what was seen before. */
  onTraffic(traffic: Traffic): void {
    this.checked++;
    switch (traffic.type) {
      case "registered":
        return this.#onRegistered(traffic.hello, traffic.inventory, traffic.at);
      case "ordered":
        return this.#onOrdered(traffic.workerId, traffic.message, traffic.at);
      case "said":
        return this.#onSaid(traffic.workerId, traffic.message, traffic.at);
      case "heard":
        return this.#onHeard(traffic.workerId, traffic.message, traffic.at);
      case "started":
        return this.#onStart(traffic.workerId, traffic.attempt, traffic.at);
      case "yielded":
        return this.#onYielded(traffic.attempt);
      case "ended":
        return this.#onEnd(traffic.workerId, traffic.attempt, traffic.at);
      case "never-ran":
        this.#begun.delete(this.#orders.get(traffic.attempt)?.task ?? 0);
        return;
      case "died":
        return this.#onDied(traffic.workerId, traffic.which);
      case "gone":
        this.#hosts.delete(traffic.workerId);
        return;
      case "agent-gone":
        return this.#onAgentGone(traffic.workerId, traffic.incarnation);
      case "asked-heard":
        return this.#onAsked(traffic.clientId, traffic.message);
      case "retry-heard":
        return this.#onRetryAsked();
      case "launch-asked":
      case "stop-asked":
      case "stop-acknowledged":
        return this.#stops.onCall(traffic);
      case "told":
        return this.#onTold(traffic.clientId, traffic.message);
      case "asked":
        return;
      default:
        return assertNever(traffic);
    }
  }

  /** From here on it holds what its inventory says. */
  #onRegistered(hello: WorkerHello, inventory: HotMessageOf<"inventory">, at: Micros): void {
    const { workerId } = hello;
    this.#places.onRegistered(hello);
    const known = this.#hosts.get(workerId);
    // What was given up in silence runs on against nobody's ledger until it is stopped.
    const isGivenUp = known !== undefined && (known.isGivenUp || at - known.heardAt > silenceUs);
    const before = isGivenUp ? undefined : known?.held;
    const held = new Map<AttemptId, Order>();
    for (const task of inventory.values) this.#committed.add(task);
    const named = new Set(inventory.attempts);
    for (const order of this.#orders.values()) {
      if (order.workerId === workerId && !named.has(order.attempt)) order.isLost = true;
    }
    for (const [i, attempt] of inventory.attempts.entries()) {
      const order = this.#orders.get(attempt);
      if (order !== undefined && isGivenUp) order.isGivenUp = true;
      if (order !== undefined && inventory.phases[i] === phaseYielded) order.isYieldHeard = true;
      if (order !== undefined && this.#isNextLost(order)) order.isSuperseded = false;
      const runs = inventory.phases[i] > 0 && order?.isSuperseded === false;
      const isGranted = runs || before?.has(attempt) === true;
      // What was answered, and not acknowledged, is listed as well, and answered again.
      if (order?.isAnswered === false && !order.isGivenUp && isGranted) held.set(attempt, order);
    }
    this.#hosts.set(workerId, {
      ...{ capacity: capacityOf(hello), held, heardCount: 0, heardAt: at, failed: [] },
      ...{ isGivenUp: false, isUp: true, incarnation: hello.incarnation },
    });
  }

  /** Whether the latest order of its task never came to where this one was: it holds on. */
  #isNextLost({ task, workerId }: Order): boolean {
    const next = this.#orders.get(this.#lastOrder.get(task) ?? 0);
    return next?.isLost === true && next.workerId === workerId;
  }

  /** The controller orders something; it leaves now. */
  #onOrdered(workerId: string, message: ToWorkerMessage, at: Micros): void {
    switch (message.type) {
      case "define-spec":
        this.#specs.set(message.spec, message.definition);
        return;
      case "compute":
        return this.#onCompute(workerId, message, at);
      case "grant":
        for (const attempt of message.attempts) this.#grant(workerId, attempt, at);
        return;
      case "stop":
        for (const attempt of message.attempts) this.#noteStop(attempt, at);
        return;
      case "start-gang":
        return this.#onStartGang(message, at);
      case "acknowledge":
        return this.#onAcknowledged(workerId, message.sequence);
      default: // Values and addresses: nobody holds anything by them.
    }
  }

  /** A worker says something; it leaves now. */
  #onSaid(workerId: string, message: WorkerMessage, at: Micros): void {
    if (message.type === "attempt-failed") return this.#onAnswer(workerId, message.attempt, at);
    if (message.type !== "reports") return;
    for (const [i, kind] of message.kinds.entries()) {
      if (kind in answerNames) this.#onAnswer(workerId, message.attempts[i], at);
    }
  }

  /** The controller hears what a worker said. */
  #onHeard(workerId: string, message: WorkerMessage, at: Micros): void {
    // It has ended all it ran. An order that was decided before may still leave.
    if (message.type === "leaving") this.#hosts.delete(workerId);
    const host = this.#hosts.get(workerId);
    if (host !== undefined) {
      host.heardCount++;
      if (at - host.heardAt > silenceUs) host.isGivenUp = true;
      host.heardAt = at;
    }
    if (message.type === "attempt-failed") return this.#onFailed(workerId, message, at);
    if (message.type === "attempt-prepared") {
      const order = this.#orders.get(message.attempt);
      if (order !== undefined) order.isPrepared = true;
    }
    if (message.type !== "reports") return;
    for (const [i, kind] of message.kinds.entries()) {
      const attempt = message.attempts[i];
      if (kind in answerNames)
        this.#release(workerId, { attempt, how: answerNames[kind], at }, message.successors[i]);
      // What a client brought is committed by the worker that has it.
      const isValue = kind === reportKind.finished || kind === reportKind.have;
      if (isValue) this.#committed.add(message.tasks[i]);
      const order = this.#orders.get(attempt);
      if (kind === reportKind.yielded && order !== undefined) order.isYieldHeard = true;
    }
  }

  /** What has yielded once shares its thread, and so its CPU, with whatever runs there since. */
  #onYielded(attempt: AttemptId): void {
    const order = this.#orders.get(attempt);
    if (order !== undefined) order.hasYielded = true;
  }

  /** An execution really begins on a machine. */
  #onStart(workerId: string, attempt: AttemptId, at: Micros): void {
    this.#note(at, "started", attempt, workerId);
    const order = this.#orders.get(attempt);
    if (order === undefined || order.workerId !== workerId)
      return this.#broken("nothing starts that was not ordered there", attempt);
    if (isOver(order)) this.#broken("nothing starts that its worker has answered for", attempt);
    if (!order.mayStart) this.#broken("a member of a gang starts when all are prepared", attempt);
    if (order.definition.exclusive === true) {
      if (this.#begun.has(order.task))
        this.#broken("an exclusive task begins at most once", attempt, order.task);
      this.#begun.add(order.task);
    }
    const running = this.#runningOn(workerId);
    for (const other of running.values()) {
      if (other.task === order.task) this.#broken("a task runs once on a machine", attempt);
    }
    running.set(attempt, order);
    const capacity = this.#hosts.get(workerId)?.capacity;
    if (capacity !== undefined)
      this.#checkFits(running.values(), capacity, {
        ...{ order, rule: "no unit is used twice" },
        sharesCpu: ({ hasYielded }) => hasYielded,
      });
  }

  /** It has really ended. */
  #onEnd(workerId: string, attempt: AttemptId, at: Micros): void {
    this.#note(at, "ended", attempt, workerId);
    if (!this.#runningOn(workerId).delete(attempt))
      this.#broken("what ends has started, and ends once", attempt);
  }

  /** Processes that die without a word: all on a machine, or all that its agent ran itself. */
  #onDied(workerId: string, which: "functions" | "all"): void {
    const running = this.#runningOn(workerId);
    const host = this.#hosts.get(workerId);
    if (host !== undefined) host.isUp = false;
    for (const [attempt, { definition }] of running) {
      if (which === "all" || definition.run.kind === "function") running.delete(attempt);
    }
  }

  /** It may have registered, on paper, after it had died. */
  #onAgentGone(workerId: string, incarnation: string): void {
    const host = this.#hosts.get(workerId);
    if (host?.incarnation === incarnation) host.isUp = false;
  }

  #onAsked(clientId: string, message: ClientMessage): void {
    if (message.type !== "retry") return;
    this.#openRetries.set(clientId, message.sequence);
    this.#onRetryAsked();
  }

  /** What a restart of the session kept waiting is done only now. */
  #onTold(clientId: string, message: ToClientMessage): void {
    if (message.type !== "accepted") return;
    if (message.sequence < (this.#openRetries.get(clientId) ?? Infinity)) return;
    this.#openRetries.delete(clientId);
    this.#onRetryAsked();
  }

  /** Somebody asks for another try: of which task is not said on the wire. */
  #onRetryAsked(): void {
    this.#failures.clear();
    this.#backOffs.clear();
    for (const { failed } of this.#hosts.values()) failed.length = 0;
  }

  /** Nothing moves any more: nothing runs, and on workers that are heard nothing is held. */
  atRest(at: Micros): void {
    for (const [workerId, running] of this.#running) {
      for (const attempt of running.keys())
        this.#broken(`at rest nothing runs, and on ${workerId} something does`, attempt);
    }
    for (const [workerId, { held, isUp, heardAt }] of this.#hosts) {
      if (!isUp || at - heardAt > silenceUs) continue;
      for (const attempt of held.keys())
        this.#broken(`at rest nothing is held, and on ${workerId} something is`, attempt);
    }
  }

  #onCompute(workerId: string, message: HotMessageOf<"compute">, at: Micros): void {
    let input = 0;
    for (const [i, attempt] of message.attempts.entries()) {
      const task = message.tasks[i];
      const definition = this.#specs.get(message.specs[i]);
      this.#note(at, "ordered", attempt, workerId);
      if (definition === undefined) return this.#broken("specs come before their use", attempt);
      const obstacle = this.#places.obstacle(workerId, definition);
      if (obstacle !== "")
        this.#broken(`a task goes where its constraints allow it: ${obstacle}`, attempt, task);
      const again = this.#orders.get(attempt);
      const isAgain = again?.isLost === true && again.workerId === workerId;
      if (attempt < (this.#lastOrder.get(task) ?? 0) + (isAgain ? 0 : 1))
        this.#broken("attempts of a task rise strictly", attempt, task);
      const count = message.inputCounts[i];
      for (let left = count; left > 0; left--, input++) {
        // The actor of a call comes first, and is only named.
        if (left === count && partOf(definition.run) === "call") continue;
        if (!this.#committed.has(message.inputTasks[input]))
          this.#broken("a task starts after all its inputs are committed", attempt, task);
      }
      if ((this.#failures.get(task) ?? 0) > definition.maxRetriesFailure && isAlone(definition))
        this.#broken("a task has no more tries than its budget", attempt, task);
      this.#checkBackOff(task, attempt, at);
      const text = message.contexts[i] ?? "";
      const context = text === "" ? null : (JSON.parse(text) as AttemptContext);
      if (context !== null && this.#stops.has(context.jobId))
        this.#broken("nothing starts of a job whose stop was acknowledged", attempt, task);
      const order = newOrder({ attempt, task, workerId, definition, context });
      this.#supersede(workerId, task);
      const before = this.#orders.get(this.#lastOrder.get(task) ?? 0);
      if (before?.workerId === workerId && before.attempt < attempt) before.next = order;
      this.#orders.set(attempt, order);
      this.#lastOrder.set(task, attempt);
      if (message.prefetched[i] === 0) this.#grant(workerId, attempt, at);
    }
  }

  /** By the clock of one controller: another one's may have been set. */
  #checkBackOff(task: TaskRef, attempt: AttemptId, at: Micros): void {
    const known = this.#backOffs.get(task);
    if (known === undefined) return;
    this.#backOffs.delete(task);
    const { until, order } = known;
    if (at >= until || order.isStopped || epochOfAttempt(order.attempt) !== epochOfAttempt(attempt))
      return;
    this.#broken("a retry starts after its back-off and not before", attempt, task);
  }

  /** A task's stopping attempt hands what it holds to the task's next one on the same worker. */
  #supersede(workerId: string, task: TaskRef): void {
    const held = this.#hosts.get(workerId)?.held;
    for (const [attempt, order] of held ?? []) {
      if (order.task !== task) continue;
      order.isSuperseded = true;
      held?.delete(attempt);
    }
  }

  #grant(workerId: string, attempt: AttemptId, at: Micros): void {
    const host = this.#hosts.get(workerId);
    const order = this.#orders.get(attempt);
    if (host === undefined || order === undefined || order.isAnswered) return;
    if (order.isGivenUp) return; // What it inherits is on nobody's ledger either.
    this.#note(at, "granted", attempt, workerId);
    host.held.set(attempt, order);
    this.#checkFits(host.held.values(), host.capacity, {
      ...{ order, rule: "no unit is given twice" },
      sharesCpu: ({ isYieldHeard }) => isYieldHeard,
    });
  }

  #checkFits(
    holders: Iterable<Order>,
    capacity: Amounts,
    {
      order,
      rule,
      sharesCpu,
    }: {
      readonly order: Order;
      readonly rule: string;
      readonly sharesCpu: (holder: Order) => boolean;
    },
  ): void {
    const all = [...holders];
    for (const dimension of order.amounts.keys()) {
      let sum = 0;
      for (const holder of all) {
        const isFree = yieldedDimensions.has(dimension) && sharesCpu(holder);
        if (!isFree) sum += holder.amounts.get(dimension) ?? 0;
      }
      const most = mostOf(capacity, dimension);
      if (sum > most) this.#broken(`${rule}: ${dimension}: ${sum} of ${most}`, order.attempt);
    }
  }

  #noteStop(attempt: AttemptId, at: Micros): void {
    const order = this.#orders.get(attempt);
    if (order === undefined) return;
    this.#note(at, "stop-ordered", attempt, order.workerId);
    order.isStopped = true;
  }

  #onStartGang({ attempt, members }: StartGang, at: Micros): void {
    const order = this.#orders.get(attempt);
    if (order === undefined || order.context === null) return;
    const { jobId, replicas } = order.context;
    this.#note(at, "gang-started", attempt, order.workerId);
    if (members.length !== replicas) this.#broken("a gang starts whole", attempt);
    const places = new Set<number>();
    for (const { context, isPrepared, task, attempt: other } of this.#orders.values()) {
      const isCurrent = context?.jobId === jobId && this.#lastOrder.get(task) === other;
      if (isCurrent && isPrepared) places.add(context.index);
    }
    if (places.size < replicas) this.#broken("a gang starts when all are prepared", attempt);
    order.mayStart = true;
  }

  #onAnswer(workerId: string, attempt: AttemptId, at: Micros): void {
    const order = this.#orders.get(attempt);
    if (order === undefined) return;
    this.#note(at, "answered", attempt, workerId);
    order.isAnswered = true;
    // What the next attempt of its task took over goes on as that one.
    const isLast = this.#lastOrder.get(order.task) === attempt;
    if (isLast && this.#runningOn(workerId).has(attempt))
      this.#broken("an end is told after it was observed", attempt);
  }

  #onFailed(workerId: string, message: AttemptFailed, at: Micros): void {
    const { attempt, cause, successor, task } = message;
    const host = this.#hosts.get(workerId);
    const order = this.#orders.get(attempt);
    const isCurrent = order?.isStopped === false && this.#lastOrder.get(task) === attempt;
    const isFirst = order?.heard === "";
    this.#release(workerId, { attempt, how: "failed", at }, successor);
    // Killed from outside, kept from running or gone by its own will: no failure of its own.
    const isOwn = !["killed", "setup-failed", "rescheduled"].includes(cause);
    if (isCurrent && isFirst && isOwn) host?.failed.push({ sequence: host.heardCount, order, at });
  }

  /** What is acknowledged is durable: only then has a try been spent for certain. */
  #onAcknowledged(workerId: string, upTo: number): void {
    const host = this.#hosts.get(workerId);
    while (host !== undefined && host.failed.length > 0 && host.failed[0].sequence <= upTo) {
      const first = host.failed.shift();
      // A stop that was decided before the failure was heard makes it no try.
      if (first === undefined || first.order.isStopped) continue;
      if (this.#openRetries.size > 0) continue; // The retry may be of this one, and come after it.
      const { order, at } = first;
      const tries = this.#failures.get(order.task) ?? 0;
      this.#failures.set(order.task, tries + 1);
      if (!isAlone(order.definition)) continue;
      const until = at + backOffUs(order.definition, tries) * (1 - clockErrorMax);
      this.#backOffs.set(order.task, { until, order });
    }
  }

  /** An attempt is over for the controller: what it held is free, or its successor's. */
  #release(
    workerId: string,
    {
      attempt,
      how,
      at,
    }: { readonly attempt: AttemptId; readonly how: string; readonly at: Micros },
    successor: AttemptId,
  ): void {
    const order = this.#orders.get(attempt);
    if (order === undefined) return;
    this.#note(at, how, attempt, workerId);
    if (order.heard !== "" && order.heard !== how)
      this.#broken(`an attempt has one answer: ${order.heard}, then ${how}`, attempt);
    const isRepeated = order.heard !== "";
    order.heard = how;
    if (isRepeated) return;
    this.#hosts.get(workerId)?.held.delete(attempt);
    if (successor !== 0) this.#grant(workerId, successor, at);
  }

  #runningOn(workerId: string): Map<AttemptId, Order> {
    const known = this.#running.get(workerId);
    if (known !== undefined) return known;
    const running = new Map<AttemptId, Order>();
    this.#running.set(workerId, running);
    return running;
  }

  #note(at: Micros, what: string, attempt: AttemptId, peer: string): void {
    this.#story.push({ at, what, attempt, peer });
    if (this.#story.length > 20_000) this.#story.splice(0, 10_000);
  }

  #broken(
    rule: string,
    attempt: AttemptId,
    task: TaskRef | undefined = this.#orders.get(attempt)?.task,
  ): never {
    const lines = this.#story
      .filter((one) => one.attempt === attempt || this.#orders.get(one.attempt)?.task === task)
      .slice(-12)
      .map(({ at, what, attempt: of, peer }) => `${at} ${formatAttemptId(of)} ${what} ${peer}`);
    throw new InvariantError(`${rule} (attempt ${formatAttemptId(attempt)})`, lines);
  }
}

/**
 * Whether nothing of it may begin. What has been given to an executor may be taken over by the next
 * attempt of its task there before it begins: it is answered for, and begins as that one.
 */
function isOver(order: Order): boolean {
  if (!order.isAnswered) return false;
  return order.next === null || isOver(order.next);
}

/** Clocks gain less than this. */
const clockErrorMax = 0.001;

/** How long a task waits after a failure that so many others came before, microseconds. */
function backOffUs({ retryBackoff }: TaskSpec, tries: number): Micros {
  return Math.min(retryBackoff.initialMs * 2 ** tries, retryBackoff.maxMs) * 1_000;
}

/** Tasks that are judged by themselves; a gang's budget is that of all its members. */
function isAlone({ groupBy }: TaskSpec): boolean {
  return groupBy === "";
}

function newOrder(
  fields: Pick<Order, "attempt" | "task" | "workerId" | "definition" | "context">,
): Order {
  const { definition, context } = fields;
  return {
    ...fields,
    amounts: amountsOf(definition, context),
    isStopped: false,
    isSuperseded: false,
    next: null,
    isGivenUp: false,
    isPrepared: false,
    mayStart: isAlone(definition),
    isAnswered: false,
    heard: "",
    ...{ hasYielded: false, isYieldHeard: false },
    isLost: false,
  };
}
