/**
 * `capstan demo gang`, second half: hosts, agents and controllers are killed under running gangs.
 *
 * @module
 */

import { placeOf } from "./demo-cluster.ts";
import { areStillAlive, failingRank, type Gang, type GangSight } from "./gang-cluster.ts";
import { committedOf, describeRanks, type GangDemo, isIdle, msOf } from "./gang-demo.ts";
import { checkStillStopping, checkSuccession } from "./gang-steps.ts";

/** A host dies with all that runs on it: the gang is bounced whole, and runs again whole. */
export async function killHost(demo: GangDemo): Promise<void> {
  const { narrator, cluster } = demo;
  const [, gang, other] = demo.gangs;
  narrator.step(`A host of ${gang.name} dies: agent, launcher and program`);
  const before = await gang.look();
  const otherBefore = await other.look();
  gang.signal("saved");
  const place = before.places.at(-1) ?? 0;
  const killedAt = performance.now();
  await cluster.processes.killHost(place);
  const isBack = (seen: GangSight) =>
    seen.runs && seen.tasks.every(({ attempts }) => attempts.length === 2);
  const after = await demo.watch(gang, isBack);
  const seconds = ((performance.now() - killedAt) / 1_000).toFixed(1);
  const again = `the gang was bounced as a whole and runs again, whole, after ${seconds} s`;
  narrator.check(isBack(after), again, describeRanks(after));
  checkBounce(demo, before, after);
  const isUndisturbed = isUnchanged(otherBefore, await other.look());
  narrator.check(isUndisturbed, `${other.name}, on the other slice, noticed nothing`);
}

function checkBounce({ narrator }: GangDemo, before: GangSight, after: GangSight): void {
  const firsts = after.tasks.map(({ attempts }) => attempts[0]);
  const causes = firsts.map(({ cause }) => cause);
  const isRight =
    causes.at(-1) === "worker-lost" && causes.slice(0, -1).every((each) => each !== "worker-lost");
  const claim = `one attempt ended worker-lost, ${causes.length - 1} because of it`;
  narrator.check(isRight, claim, causes);
  const lastEndMs = Math.max(...firsts.map(({ endedAt }) => msOf(endedAt)));
  const assigned = new Set(after.attempts.map(({ assignedAt }) => assignedAt));
  const isAtOnce = assigned.size === 1 && msOf([...assigned][0]) >= lastEndMs;
  narrator.check(isAtOnce, "all were assigned again at one moment, after the last had ended", [
    ...assigned,
  ]);
  const { failureCount, preemptionCount, spec } = after.job;
  const budget = `${preemptionCount} of ${spec?.maxRetriesPreemption} preemptions`;
  const spent = `budgets: ${failureCount} of ${spec?.maxRetriesFailure} failures, ${budget}`;
  narrator.check(failureCount === 0 && preemptionCount === 1, spent);
  const left = before.living.length;
  narrator.check(left === 0, "no process of the first try is left", before.living);
}

/** Same attempts, same processes, same counts. */
function isUnchanged(before: GangSight, after: GangSight): boolean {
  return (
    after.runs &&
    String(after.attemptIds) === String(before.attemptIds) &&
    areStillAlive(before.living) &&
    after.repeatedStarts === 0 &&
    after.job.failureCount === before.job.failureCount &&
    after.job.preemptionCount === before.job.preemptionCount
  );
}

/** Only the agent of a worker dies: the next one takes over what its launcher runs. */
export async function killAgent(demo: GangDemo): Promise<void> {
  const { narrator, cluster } = demo;
  const gang = demo.gangs[2];
  narrator.step(`An agent dies alone, under ${gang.name}`);
  const before = await gang.look();
  const workerId = before.attempts[0].workerId;
  const { incarnation } = (await cluster.workers())[placeOf(workerId)];
  await cluster.processes.killWorker(placeOf(workerId));
  const workers = await demo.watchWorkers((all) => {
    const worker = all[placeOf(workerId)];
    return worker.incarnation !== incarnation && worker.state === "HEALTHY";
  });
  const worker = workers[placeOf(workerId)];
  const isNew = worker.incarnation !== incarnation && worker.state === "HEALTHY";
  narrator.check(isNew, `${workerId} is back with another incarnation`, worker.state);
  const after = await gang.look();
  checkUndisturbed(demo, gang, before, after);
  const isCharged = committedOf([worker])[0] === after.attempts[0].granted.cpuMilli;
  narrator.check(isCharged, "what it runs is charged to it, once", worker.committed);
}

function checkUndisturbed(
  { narrator }: GangDemo,
  gang: Gang,
  before: GangSight,
  after: GangSight,
): void {
  const [first, last] = [after.attemptIds[0], after.attemptIds.at(-1)];
  const same = `${gang.name}: the same attempts (${first} to ${last}), the same processes`;
  narrator.check(
    isUnchanged(before, after),
    `${same}, nobody charged`,
    `${describeRanks(before)} → ${describeRanks(after)}`,
  );
}

/** The controller is killed and started again: everything that ran goes on. */
export async function killController(demo: GangDemo): Promise<void> {
  const { narrator } = demo;
  const gangs = demo.gangs.slice(1, 3);
  narrator.step("The controller is killed (-9) and started again");
  const before = await Promise.all(gangs.map((gang) => gang.look()));
  await restartController(demo);
  for (const [index, gang] of gangs.entries()) {
    checkUndisturbed(demo, gang, before[index], await gang.look());
  }
}

/** Kills it, starts it, and waits until every worker is back. */
async function restartController(demo: GangDemo): Promise<void> {
  const { narrator, cluster } = demo;
  const { epoch } = await cluster.call("GetClusterInfo", {});
  const startedAt = performance.now();
  await cluster.processes.killController();
  await cluster.processes.startController();
  const workers = await demo.watchWorkers((all) => all.every(({ state }) => state === "HEALTHY"));
  const healthy = workers.filter(({ state }) => state === "HEALTHY").length;
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  const after = await cluster.call("GetClusterInfo", {});
  const claim = `epoch ${after.epoch}: all ${workers.length} workers are back after ${seconds} s`;
  const isBack = healthy === workers.length && after.epoch === epoch + 1;
  narrator.check(isBack, claim, `${healthy} are healthy`);
}

/** The controller is killed while a gang ends: what is still owed is still owed afterwards. */
export async function killControllerMidway(demo: GangDemo): Promise<void> {
  const { narrator } = demo;
  const failing = demo.gangs[2];
  narrator.step(`Rank ${failingRank} of ${failing.name} exits 1, and then the controller dies`);
  const waiting = await demo.launch();
  const before = await failing.look();
  failing.signal("diverges");
  const failed = await demo.watch(failing, ({ job }) => job.state === "FAILED");
  narrator.check(failed.job.state === "FAILED", `${failing.name} is FAILED`, failed.job.state);
  await checkStillStopping(demo, failing);
  await restartController(demo);
  await checkStillStopping(demo, failing);
  failing.signal("saved");
  const next = await demo.watch(waiting, ({ runs }) => runs);
  await checkSuccession(demo, { before, failing, next });
}

/** Everything is cancelled: nothing is left, and the audit finds nothing. */
export async function endAll(demo: GangDemo): Promise<void> {
  const { narrator, cluster } = demo;
  narrator.step("Everything is cancelled");
  for (const gang of demo.gangs) {
    gang.signal("saved");
    await cluster.call("TerminateJob", { jobId: gang.jobId });
  }
  const workers = await demo.watchWorkers((all) => all.every(isIdle));
  const busy = workers.filter((worker) => !isIdle(worker));
  narrator.check(busy.length === 0, `all ${workers.length} workers are at zero`, busy);
  const sights = await Promise.all(demo.gangs.map((gang) => gang.look()));
  const states = sights.map(({ job }) => job.state);
  const isOver = states.join() === "FAILED,KILLED,FAILED,KILLED";
  narrator.check(isOver, `the gangs ended ${states.join(", ")}`, states);
  const left = workers.reduce(
    (sum, { workerId }) => sum + cluster.commandsIn(placeOf(workerId)),
    0,
  );
  narrator.check(left === 0, "no process is left", `${left} processes`);
  const starts = sights.reduce((sum, sight) => sum + sight.starts.length, 0);
  const repeated = sights.reduce((sum, sight) => sum + sight.repeatedStarts, 0);
  narrator.check(repeated === 0, `${starts} attempts began, each once`, `${repeated} repeated`);
  const report = await cluster.call("GetDoctorReport", {});
  const checked = `${report.invariantsChecked} invariants checked`;
  narrator.check(report.ok, `doctor: healthy, ${checked}`, report);
}
