/**
 * The moves of a cluster: what can happen next in a state, and doing it.
 *
 * A move is *calm* when nothing goes wrong by it: the world going on. The first calm move of the
 * list is the one that a fair world would take next. Faults and timers that fire early are paid
 * for from the budget.
 *
 * @module
 */

import { InvariantError } from "../../base/assert.ts";
import { lostAfterUs } from "../../controller/limits.ts";
import { budgetFields, type FaultBudget } from "./configuration.ts";
import { budgetLeft, clientSlot, linkState, slot, workerSlot } from "./layout.ts";
import { type Kind, kindOf, type Move, pack, whichOf, whoOf } from "./move-kinds.ts";
import type { RunChoice, WorkerMove } from "./worker-node.ts";
import type { Tuple, World } from "./world.ts";

/** What can happen next. */
export interface Moves {
  /** In the order in which a fair world prefers them. */
  readonly calm: readonly Move[];
  /** Faults and early timers. */
  readonly rough: readonly Move[];
}

/** Which failing choice of a run needs a budget. */
function fieldOfChoice({ type }: RunChoice): keyof FaultBudget | null {
  return type === "fail" || type === "break" || type === "exit-failing" ? "failures" : null;
}

const jumpUs = 2 * lostAfterUs;

/** Lists what can happen in one state. */
export function movesOf(world: World, tuple: Tuple): Moves {
  const calm: Move[] = [];
  const rough: Move[] = [];
  const isUp = tuple[slot.isUp] === 1;
  const { workerCount, clientCount } = world.layout;
  if (isUp) addHearing(world, tuple, calm);
  else calm.push(pack("controller starts"));
  for (let place = 0; place < workerCount; place++) addWorker(world, tuple, place, { calm, rough });
  for (let place = 0; place < clientCount; place++) addClient(world, tuple, place, { calm, rough });
  if (isUp && world.controllerOf(tuple).isDue) calm.push(pack("controller timer"));
  for (let place = 0; place < clientCount; place++) {
    if (world.clientOf(tuple, place).next !== "") calm.push(pack("client asks", place));
  }
  if (isUp) addControllerFaults(world, tuple, rough);
  return { calm, rough };
}

interface Lists {
  readonly calm: Move[];
  readonly rough: Move[];
}

function addHearing(world: World, tuple: Tuple, calm: Move[]): void {
  if (tuple[slot.pending] !== 0) calm.push(pack("sync"));
  for (let place = 0; place < world.layout.workerCount; place++) {
    const at = world.layout.worker(place);
    if (tuple[at + workerSlot.unnoticed] !== 0) {
      calm.push(pack("controller notices the loss of", place));
    }
    if (tuple[at + workerSlot.there] !== 0) calm.push(pack("controller hears", place));
    if (tuple[at + workerSlot.exit] !== 0) {
      calm.push(pack("controller learns the end of", place));
    }
  }
  for (let place = 0; place < world.layout.clientCount; place++) {
    if (tuple[world.layout.client(place) + clientSlot.there] !== 0) {
      calm.push(pack("controller hears client", place));
    }
  }
}

function addWorker(world: World, tuple: Tuple, place: number, { calm, rough }: Lists): void {
  const at = world.layout.worker(place);
  const budget = tuple[slot.budget];
  const view = world.workerOf(tuple, place);
  const link = tuple[at + workerSlot.link];
  const mayFail = budgetLeft(budget, "failures") > 0;
  if (tuple[at + workerSlot.back] !== 0) calm.push(pack("hears the controller", place));
  for (const [which, choice] of view.choices.entries()) {
    if (fieldOfChoice(choice) === null) calm.push(pack("run", place, which));
    else if (mayFail) rough.push(pack("run", place, which));
  }
  for (const which of view.fetches.keys()) {
    calm.push(pack("fetch", place, which));
    if (mayFail) rough.push(pack("fetch fails", place, which));
  }
  if (!view.isAlive) {
    calm.push(pack("process starts", place));
    return;
  }
  if (link === linkState.none && tuple[slot.isUp] === 1 && world.isAdmitted(tuple, place)) {
    calm.push(pack("connects", place));
  }
  if (view.isDue) calm.push(pack("worker timer", place));
  else if (view.dueAt !== null && budgetLeft(budget, "workerTicks") > 0) {
    rough.push(pack("worker timer", place));
  }
  if (link !== linkState.none && budgetLeft(budget, "losses") > 0) {
    rough.push(pack("loses its connection", place));
  }
  if (budgetLeft(budget, "workerCrashes") > 0) {
    for (const which of world.configuration.launchers.keys()) {
      rough.push(pack("crashes", place, which));
    }
  }
}

function addClient(world: World, tuple: Tuple, place: number, { calm, rough }: Lists): void {
  const at = world.layout.client(place);
  const budget = tuple[slot.budget];
  const link = tuple[at + clientSlot.link];
  if (tuple[at + clientSlot.back] !== 0) calm.push(pack("client hears the controller", place));
  if (link === linkState.none && tuple[slot.isUp] === 1) calm.push(pack("client connects", place));
  if (link !== linkState.none && budgetLeft(budget, "losses") > 0) {
    rough.push(pack("client loses its connection", place));
  }
  if (world.clientOf(tuple, place).canRepeat && budgetLeft(budget, "repeats") > 0) {
    rough.push(pack("client repeats", place));
  }
}

function addControllerFaults(world: World, tuple: Tuple, rough: Move[]): void {
  const budget = tuple[slot.budget];
  const { dueAt, isDue } = world.controllerOf(tuple);
  if (dueAt !== null && !isDue && budgetLeft(budget, "controllerTicks") > 0) {
    rough.push(pack("controller timer"));
  }
  if (budgetLeft(budget, "jumps") > 0) rough.push(pack("controller clock jumps"));
  if (budgetLeft(budget, "controllerCrashes") === 0) return;
  const { length } = world.queues.items(tuple[slot.pending]);
  for (let kept = 0; kept <= length; kept++) rough.push(pack("controller crashes", 0, kept));
}

/** The timer that is due first of all, in a world where nothing else happens; -1 for none. */
export function nextTimer(world: World, tuple: Tuple): Move {
  let first = Number.POSITIVE_INFINITY;
  let move = -1;
  const offer = (dueAt: number | null, timer: Move): void => {
    if (dueAt === null || dueAt >= first) return;
    first = dueAt;
    move = timer;
  };
  for (let place = 0; place < world.layout.workerCount; place++) {
    offer(world.workerOf(tuple, place).dueAt, pack("worker timer", place));
  }
  if (tuple[slot.isUp] === 1) offer(world.controllerOf(tuple).dueAt, pack("controller timer"));
  return move;
}

/** How a move is applied. */
export interface Application {
  /** A timer that fires early costs nothing; default false. */
  readonly isFree?: boolean;
  /** Where the new state is written; default: a new tuple. */
  readonly into?: Tuple;
}

/** What a move makes of a state. Throws `Broken`. */
export function apply(world: World, before: Tuple, move: Move, how: Application = {}): Tuple {
  const { isFree = false, into: tuple = new Int32Array(before.length) } = how;
  tuple.set(before);
  makeMove(world, tuple, move, isFree);
  world.countOrdersAnew(tuple);
  return tuple;
}

function makeMove(world: World, tuple: Tuple, move: Move, isFree: boolean): void {
  const kind = kindOf(move);
  const who = whoOf(move);
  const which = whichOf(move);
  switch (kind) {
    case "run":
      applyRun(world, tuple, who, which);
      break;
    case "worker timer":
      if (!isFree && !world.workerOf(tuple, who).isDue) world.spend(tuple, "workerTicks");
      world.stepWorker(tuple, who, { type: "tick" }, "tick");
      break;
    case "controller timer":
      if (!isFree && !world.controllerOf(tuple).isDue) world.spend(tuple, "controllerTicks");
      world.stepController(tuple, { type: "tick", jumpUs: 0 }, "tick");
      break;
    case "fetch":
      applyFetch(world, tuple, who, which);
      break;
    case "fetch fails": {
      world.spend(tuple, "failures");
      const { transfer } = world.workerOf(tuple, who).fetches[which];
      world.stepWorker(tuple, who, { type: "fetch-failed", transfer }, `unfetched ${transfer}`);
      break;
    }
    case "process starts": {
      tuple[world.layout.worker(who) + workerSlot.incarnation]++;
      world.stepWorker(tuple, who, { type: "start-process" }, "start");
      break;
    }
    case "controller starts":
      tuple[slot.isUp] = 1;
      world.stepController(tuple, { type: "serve" }, "serve");
      break;
    case "client asks":
      world.stepClient(tuple, who, { type: "request" }, "request");
      break;
    default:
      applyTraffic(world, tuple, { kind, who, which });
  }
}

function applyTraffic(
  world: World,
  tuple: Tuple,
  { kind, who, which }: { readonly kind: Kind; readonly who: number; readonly which: number },
): void {
  switch (kind) {
    case "controller notices the loss of":
      return world.noticeLoss(tuple, who);
    case "controller hears":
      return world.hearWorker(tuple, who);
    case "hears the controller":
      return world.orderWorker(tuple, who);
    case "controller hears client":
      return world.hearClient(tuple, who);
    case "client hears the controller":
      return world.answerClient(tuple, who);
    case "controller learns the end of":
      return world.learnExit(tuple, who);
    case "connects":
      return world.connectWorker(tuple, who);
    case "client connects":
      return world.connectClient(tuple, who);
    case "sync":
      return world.sync(tuple);
    case "loses its connection":
      world.spend(tuple, "losses");
      return world.breakWorkerLink(tuple, who);
    case "client loses its connection":
      world.spend(tuple, "losses");
      return world.breakClientLink(tuple, who);
    case "crashes":
      world.spend(tuple, "workerCrashes");
      return world.crashWorker(tuple, who, world.configuration.launchers[which]);
    case "controller crashes":
      world.spend(tuple, "controllerCrashes");
      return world.crashController(tuple, which);
    case "client repeats":
      world.spend(tuple, "repeats");
      return world.stepClient(tuple, who, { type: "repeat" }, "repeat");
    case "controller clock jumps":
      world.spend(tuple, "jumps");
      return world.stepController(tuple, { type: "tick", jumpUs }, "jump");
    default:
      throw new InvariantError(`no move is called "${kind}"`);
  }
}

function applyRun(world: World, tuple: Tuple, who: number, which: number): void {
  const choice = world.workerOf(tuple, who).choices[which];
  const field = fieldOfChoice(choice);
  if (field !== null) world.spend(tuple, field);
  if (choice.type === "finish" && choice.begins !== undefined)
    world.beginCall(tuple, choice.begins);
  const subject = "execution" in choice ? choice.execution : choice.attempt;
  world.stepWorker(tuple, who, choice, `${choice.type} ${subject}`);
}

/** The peer answers with what it holds at this moment; if it is gone, with nothing. */
function applyFetch(world: World, tuple: Tuple, who: number, which: number): void {
  const { transfer, peer, tasks } = world.workerOf(tuple, who).fetches[which];
  let move: WorkerMove = { type: "fetch-failed", transfer };
  let text = `unfetched ${transfer}`;
  const { workers } = world.controllerOf(tuple);
  for (const [place, { workerId }] of world.configuration.workers.entries()) {
    const view = world.workerOf(tuple, place);
    if (workers.get(workerId)?.index !== peer || !view.isAlive) continue;
    const got = tasks.filter((task) => view.stored.has(task));
    const absent = tasks.filter((task) => !view.stored.has(task));
    move = { type: "fetched", transfer, got, absent };
    text = `fetched ${transfer} ${got.join()} ${absent.join()}`;
  }
  world.stepWorker(tuple, who, move, text);
}

/** Whether anything may still go wrong but timers that fire early. */
export function isEndangered(tuple: Tuple): boolean {
  return budgetFields.some(
    (field) => !field.endsWith("Ticks") && budgetLeft(tuple[slot.budget], field) > 0,
  );
}
