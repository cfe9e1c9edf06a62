/**
 * The case `placement`: what one change costs the controller's real kernel on a large cluster that
 * is full, with a long queue; and beside it a cold pass, requests in eight dimensions, requests
 * that fit one worker, gangs, and `why`.
 *
 * Every measured event is played three times from the same seed, and the fastest of the three
 * counts: what else the machine does at that moment is not the scheduler's.
 *
 * @module
 */

import { explain } from "../src/controller/explain.ts";
import { noSlot } from "../src/controller/tables/task-table.ts";
import { noResources } from "../src/model/resources.ts";
import type { BenchCase, Prepared } from "./cases.ts";
import { quantile } from "./measure.ts";
import { Fleet, machineAt, plainRequest, richRequest, type Wanted } from "./placement-fleet.ts";

const workerCount = 10_000;
const queuedCount = 1_000_000;
const userCount = 10;
const shapesPerUser = 10;
const replays = 3;
const gangSize = 512;

type Request = (random: Fleet["random"]) => Wanted;

/** Milliseconds by kind of event, each event by itself. */
type Times = Map<string, number[]>;

/** A cluster on which everything is full and the rest waits, and what filling it took. */
function fullFleet(request: Request): { fleet: Fleet; cold: ColdFill; placed: number } {
  const fleet = new Fleet(1);
  for (let index = 0; index < workerCount; index++) fleet.joins(machineAt(index));
  fleet.closes();
  for (let user = 0; user < userCount; user++) {
    const shapes = Array.from({ length: shapesPerUser }, () => request(fleet.random));
    const client = fleet.client(`user-${user}`, shapes);
    for (let spec = 0; spec < shapesPerUser; spec++) {
      fleet.submits(client, spec, queuedCount / userCount / shapesPerUser);
    }
  }
  const firstMs = fleet.opens();
  const firstPlaced = fleet.placed;
  const rest = fleet.turns();
  const cold = {
    ...{ firstMs, firstPlaced, longestMs: Math.max(firstMs, ...rest), turns: 1 + rest.length },
    fillMs: rest.reduce((sum, ms) => sum + ms, firstMs),
  };
  return { fleet, cold, placed: fleet.placed };
}

/** A fleet that was empty, filled in turns. */
interface ColdFill {
  readonly firstMs: number;
  readonly firstPlaced: number;
  readonly longestMs: number;
  readonly turns: number;
  readonly fillMs: number;
}

/** Changes of every kind, one after the other. */
function change(fleet: Fleet, times: Times): void {
  const { random } = fleet;
  let name = 0;
  const kinds: readonly [string, number, () => number][] = [
    ["end", 1_000, () => fleet.ends(fleet.anyAttempt())],
    ["submit", 200, () => fleet.submits(random.below(userCount), random.below(shapesPerUser), 1)],
    ["cancel", 200, () => fleet.cancels(random.below(userCount), 1)],
    ["launch", 100, () => fleet.launches(`/ann/job-${name++}`, plainRequest(random), 10)],
    ["join", 100, () => fleet.joins(machineAt(random.below(workerCount)))],
    ["leave", 100, () => fleet.leaves(name++)],
    ["drain", 100, () => fleet.drains(name++)],
    ["preempt", 100, () => fleet.submits(userCount, random.below(shapesPerUser), 1)],
  ];
  const urgent = (): Wanted => ({ ...plainRequest(random), band: "production" });
  fleet.client("urgent", Array.from({ length: shapesPerUser }, urgent));
  for (const [kind, count, play] of kinds) note(times, kind, count, play);
}

function note(times: Times, kind: string, count: number, play: () => number): void {
  const list = times.get(kind) ?? [];
  times.set(kind, list);
  for (let i = 0; i < count; i++) list.push(play());
}

/** `why` of tasks all over the queues. */
function explainSome(fleet: Fleet, times: Times): void {
  const { tasks, jobs } = fleet.state;
  note(times, "explain", 40, () => {
    let row = fleet.random.below(tasks.length);
    while (tasks.attempt[row] !== noSlot || tasks.state[row] !== 0) row = (row + 1) % tasks.length;
    const startedAt = performance.now();
    explain(fleet.state, `${jobs[tasks.job[row]].id}/${tasks.index[row]}`);
    return performance.now() - startedAt;
  });
}

/** On an idle cluster: requests that fit one worker each, and gangs. */
function findNeedles(times: Times): void {
  const fleet = new Fleet(1);
  const mebibyte = 1024 ** 2;
  for (let index = 0; index < workerCount; index++) {
    const { capacity, attributes } = machineAt(index);
    fleet.joins({ capacity: { ...capacity, memoryBytes: (index + 1) * mebibyte }, attributes });
  }
  const count = 200;
  const byAmount = Array.from({ length: count }, (_unused, i) => ({
    resources: { ...noResources, cpuMilli: 1_000, memoryBytes: (workerCount - i) * mebibyte },
  }));
  const byName = Array.from({ length: count }, (_unused, i) => {
    const values = [`w-${i * 7}`];
    const constraint = { key: "worker-id", op: "=", values, mode: "REQUIRED" } as const;
    return { resources: { ...noResources, cpuMilli: 1_000 }, constraints: [constraint] };
  });
  const client = fleet.client("ann", [...byAmount, ...byName]);
  let spec = 0;
  note(times, "needle by amount", count, () => fleet.submits(client, spec++, 1));
  note(times, "needle by name", count, () => fleet.submits(client, spec++, 1));
  if (fleet.placed !== 2 * count) throw new Error(`${fleet.placed} needles were found`);
  const member = { resources: { ...noResources, cpuMilli: 1_000 } };
  let gang = 0;
  note(times, "gang", 10, () => fleet.launches(`/ann/g-${gang++}`, member, gangSize, "slice"));
  if (fleet.placed !== 2 * count + 10 * gangSize) throw new Error("a gang was not placed");
}

/** Ends while gangs wait for whole groups, and hold what comes free there. */
function waitForGangs(fleet: Fleet, times: Times): void {
  const member = { resources: { ...noResources, cpuMilli: 16_000 } };
  let gang = 0;
  note(times, "gang that waits", 5, () => {
    return fleet.launches(`/ann/w-${gang++}`, member, gangSize, "slice");
  });
  note(times, "end beside gangs", 200, () => fleet.ends(fleet.anyAttempt()));
}

/** Of equal events the fastest play counts. */
function fastest(plays: readonly Times[]): Times {
  const best: Times = new Map();
  for (const [kind, first] of plays[0]) {
    const times = first.map((_time, i) =>
      Math.min(...plays.map((play) => play.get(kind)?.[i] ?? 0)),
    );
    best.set(kind, times);
  }
  return best;
}

const changes = ["end", "submit", "cancel", "launch", "join", "leave", "drain", "preempt"];

/** One run: the 99th percentile of all changes, milliseconds. */
function measure(): { p99: number; details: { readonly [name: string]: number } } {
  const plays: Times[] = [];
  const rates = { plain: 0, rich: 0 };
  let best: ColdFill | null = null;
  let fullMs = Number.POSITIVE_INFINITY;
  let placedFromCold = 0;
  for (let play = 0; play < replays; play++) {
    const times: Times = new Map();
    plays.push(times);
    findNeedles(times);
    const rich = fullFleet(richRequest);
    rates.rich = Math.max(rates.rich, (rich.placed / rich.cold.fillMs) * 1_000);
    const { fleet, cold, placed } = fullFleet(plainRequest);
    rates.plain = Math.max(rates.plain, (placed / cold.fillMs) * 1_000);
    placedFromCold = placed;
    fullMs = Math.min(fullMs, ...Array.from({ length: 5 }, () => fleet.opens()));
    if (best === null || cold.longestMs < best.longestMs) best = cold;
    explainSome(fleet, times);
    change(fleet, times);
    waitForGangs(fleet, times);
  }
  const times = fastest(plays);
  const all = changes.flatMap((kind) => times.get(kind) ?? []);
  const quantiles = [...times].flatMap(([kind, list]) => [
    [`${kind} p50`, quantile(list, 0.5)],
    [`${kind} p99`, quantile(list, 0.99)],
  ]);
  const details = {
    "cold, full ms": fullMs,
    "cold, empty: all turns ms": best?.fillMs ?? 0,
    "cold, empty: turns": best?.turns ?? 0,
    "cold, empty: longest turn ms": best?.longestMs ?? 0,
    "cold, empty: first turn ms": best?.firstMs ?? 0,
    "cold, empty: placed in the first turn": best?.firstPlaced ?? 0,
    "placed from cold": placedFromCold,
    "placed/s plain": rates.plain,
    "placed/s in 8 dimensions": rates.rich,
    "all p50": quantile(all, 0.5),
    ...Object.fromEntries(quantiles),
  };
  return { p99: quantile(all, 0.99), details };
}

async function prepare(): Promise<Prepared> {
  let details: { readonly [name: string]: number } = {};
  const run = async () => {
    const measured = measure();
    details = measured.details;
    return measured.p99;
  };
  return { run, pids: [], close: async () => undefined, details: () => details };
}

const size = `${workerCount} workers x ${queuedCount} queued x ${userCount * shapesPerUser} shapes`;

export const placementCase: BenchCase = {
  name: "placement",
  unit: "ms",
  what: `one change in the controller's kernel, 99th percentile: ${size}`,
  prepare,
};
