/**
 * `capstan demo gang`, first half: gangs start whole or wait, and one that fails ends whole, gives
 * back what it had, once, and makes room for the next.
 *
 * @module
 */

import { describe } from "../commands/why.ts";
import type { Explanation } from "../responses.ts";
import { placeOf } from "./demo-cluster.ts";
import {
  failingRank,
  type Gang,
  type GangSight,
  memberCpu,
  savingRank,
  sliceNames,
} from "./gang-cluster.ts";
import { committedOf, describeRanks, type GangDemo, msOf } from "./gang-demo.ts";
import { shownHoldersMax } from "./limits.ts";

/** Two gangs run, one on each slice. */
export async function startTwo(demo: GangDemo): Promise<void> {
  demo.narrator.step("Two gangs, one on each slice");
  const slices: number[] = [];
  for (const gang of [await demo.launch(), await demo.launch()]) {
    const seen = await demo.watch(gang, ({ runs }) => runs);
    slices.push(checkPlaces(demo, gang, seen));
  }
  const isEach = slices[0] !== slices[1];
  demo.narrator.check(isEach, "they do not share a slice", slices);
  const workers = await demo.cluster.workers();
  const isCharged = committedOf(workers).every((cpuMilli) => cpuMilli === memberCpu * 1_000);
  const claim = `every worker has given away ${memberCpu} CPUs, and no more`;
  demo.narrator.check(isCharged, claim, committedOf(workers));
}

/** All ranks on one slice, each on the host with its number. Gives the slice. */
function checkPlaces(demo: GangDemo, gang: Gang, seen: GangSight): number {
  const slice = Math.floor(seen.places[0] / demo.hostCount);
  const expected = seen.tasks.map((_, rank) => slice * demo.hostCount + rank);
  const isWhole = seen.runs && String(seen.places) === String(expected);
  const ranks = `ranks 0 to ${demo.hostCount - 1} on hosts 0 to ${demo.hostCount - 1}`;
  const claim = `${gang.name} runs on ${sliceNames[slice] ?? "no slice"}: ${ranks}`;
  demo.narrator.check(isWhole, claim, describeRanks(seen));
  return slice;
}

/** A third waits, and the controller says what for, and who has it. */
export async function explainThird(demo: GangDemo): Promise<void> {
  const { narrator, cluster } = demo;
  narrator.step("A third gang waits, and says why");
  const holders = (await Promise.all(demo.gangs.map((gang) => gang.look()))).flatMap(({ tasks }) =>
    tasks.map(({ taskId }) => taskId),
  );
  const third = await demo.launch();
  const why = await cluster.call("Explain", { id: third.jobId });
  quote(demo, why);
  const need = "need cpu=32, memory=137438953472";
  narrator.check(why.state === "PENDING", `${third.name} is PENDING`, why.state);
  narrator.check(why.summary.includes(need), `why says "${need}"`, why.summary);
  const named = why.holders.map(({ taskId }) => taskId).sort(compareTexts);
  const isAll = String(named) === String(holders.sort(compareTexts));
  narrator.check(isAll, `why names all ${holders.length} who hold it`, named);
  narrator.check(!why.canRunNow && why.canEverRun, "it can run here, but not now", why.canEverRun);
}

function quote({ narrator }: GangDemo, why: Explanation): void {
  const holders = why.holders.slice(0, shownHoldersMax);
  const more = why.holders.length - holders.length;
  narrator.note(`$ capstan why ${why.id}`, ...describe(narrator.paint, { ...why, holders }));
  if (more > 0) narrator.note(`(and ${more} more hold it)`);
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** One member fails: its gang ends whole, and the next gang takes the slice. */
export async function failOne(demo: GangDemo): Promise<void> {
  const { narrator } = demo;
  const [failing, , waiting] = demo.gangs;
  narrator.step(`Rank ${failingRank} of ${failing.name} exits 1`);
  const before = await failing.look();
  failing.signal("diverges");
  const failed = await demo.watch(failing, ({ job }) => job.state === "FAILED");
  checkFailure(demo, failed);
  await checkStillStopping(demo, failing);
  narrator.check((await waiting.look()).job.state === "PENDING", `${waiting.name} still waits`);
  failing.signal("saved");
  const next = await demo.watch(waiting, ({ runs }) => runs);
  await checkSuccession(demo, { before, failing, next });
}

function checkFailure({ narrator }: GangDemo, { job, tasks }: GangSight): void {
  const states = tasks.map(({ state }) => state);
  const isCause = states[failingRank] === "FAILED" && job.state === "FAILED";
  const exit = tasks[failingRank].attempts[0].exitCode;
  narrator.check(isCause && exit === 1, "its task is FAILED with exit code 1, so is the job", [
    job.state,
    exit,
  ]);
  const others = states.filter((_, rank) => rank !== failingRank);
  const isWhole = others.every((state) => state === "COSCHED_FAILED");
  const siblings = `its ${others.length} siblings are COSCHED_FAILED at once`;
  narrator.check(isWhole, siblings, others);
  const budgets = `one failure is charged, and no preemption`;
  narrator.check(job.failureCount === 1 && job.preemptionCount === 0, budgets, [
    job.failureCount,
    job.preemptionCount,
  ]);
}

/** Rank 0 has not ended: nobody may have its place, although its task is over. */
export async function checkStillStopping(demo: GangDemo, gang: Gang): Promise<void> {
  const isAlone = ({ living }: GangSight) =>
    living.length === 1 && living.every(({ rank }) => rank === savingRank);
  const alone = await demo.watch(gang, isAlone);
  const only = `all processes but that of rank ${savingRank}, which saves a checkpoint, are gone`;
  demo.narrator.check(isAlone(alone), only, alone.living);
  const places = alone.tasks.map(({ attempts }) => placeOf(attempts[0].workerId));
  const expected = places.map((_, rank) => (rank === savingRank ? memberCpu * 1_000 : 0));
  const isRight = (committed: readonly number[]) => String(committed) === String(expected);
  const workers = await demo.watchWorkers((all) => isRight(committedOf(pick(all, places))));
  const seen = committedOf(pick(workers, places));
  const claim = `its worker keeps its ${memberCpu} CPUs; on the others committed is zero`;
  demo.narrator.check(isRight(seen), claim, seen);
}

function pick<T>(all: readonly T[], places: readonly number[]): readonly T[] {
  return places.map((place) => all[place]);
}

/** One gang ended and another came: what is true of each, and of the books between them. */
export interface Succession {
  /** The gang that failed, while it ran. */
  readonly before: GangSight;
  readonly failing: Gang;
  /** The gang that came after it. */
  readonly next: GangSight;
}

/** The next gang is there, and everything came back exactly once. */
export async function checkSuccession(
  demo: GangDemo,
  { before, failing, next }: Succession,
): Promise<void> {
  const { narrator } = demo;
  const ended = await failing.look();
  const lastEndMs = Math.max(...ended.attempts.map(({ endedAt }) => msOf(endedAt)));
  const begunMs = next.attempts.map(({ assignedAt }) => msOf(assignedAt));
  const delayMs = Math.max(...begunMs) - lastEndMs;
  const isPlaced = next.runs && String(next.places) === String(before.places);
  const placed = `${next.job.jobId} runs in its place, assigned ${delayMs} ms after the last end`;
  narrator.check(isPlaced && delayMs >= 0, placed, describeRanks(next));
  narrator.check(ended.living.length === 0, `every process of ${failing.name} is gone`);
  const ledger = await demo.ledgerOf(demo.gangs);
  const places = ended.tasks.map(({ attempts }) => attempts[0].workerId);
  const books = places.map((workerId) => ledger.books.get(workerId)?.levels ?? []);
  const isOnce = books.every((levels) => levels.slice(-3).join() === "1,0,1");
  const zero = "on each of its workers committed came back to zero, once, before it was given away";
  narrator.check(isOnce, zero, books);
  const noTwice = "no attempt ended twice";
  narrator.check(ledger.wrongEnds.length === 0, noTwice, ledger.wrongEnds);
  checkLateReport(demo, ended);
}

/** Rank 0 ended well, after its task was over: the report came too late, and changed nothing. */
function checkLateReport({ narrator }: GangDemo, { job, tasks }: GangSight): void {
  const { state, attempts } = tasks[savingRank];
  const { exitCode, endedAt } = attempts[0];
  const isLate = exitCode === 0 && msOf(endedAt) > msOf(job.finishedAt);
  const isSame = state === "COSCHED_FAILED" && job.state === "FAILED" && job.failureCount === 1;
  const lateMs = msOf(endedAt) - msOf(job.finishedAt);
  const claim = `rank ${savingRank} reported exit code 0 ${lateMs} ms after that: nothing changed`;
  narrator.check(isLate && isSame, claim, { state, exitCode, job: job.state });
}
