/**
 * What the steps of `capstan demo gang` share: the cluster, who narrates, and how they look.
 *
 * @module
 */

import type { EventView, WorkerView } from "../responses.ts";
import { type DemoCluster, lookUntil } from "./demo-cluster.ts";
import { Gang, type GangSight } from "./gang-cluster.ts";
import { keepLedger, type Ledger } from "./grant-ledger.ts";
import type { Narrator } from "./narrator.ts";

export class GangDemo {
  readonly cluster: DemoCluster;
  readonly narrator: Narrator;
  /** Hosts of each slice, and ranks of each gang. */
  readonly hostCount: number;
  readonly gangs: Gang[] = [];

  constructor(cluster: DemoCluster, narrator: Narrator, hostCount: number) {
    this.cluster = cluster;
    this.narrator = narrator;
    this.hostCount = hostCount;
  }

  /** Launches `train_lm-1`, `train_lm-2`, and so on. */
  async launch(): Promise<Gang> {
    const gang = new Gang(this.cluster, `train_lm-${this.gangs.length + 1}`, this.hostCount);
    this.gangs.push(gang);
    await gang.launch();
    return gang;
  }

  /** Looks at a gang until it is as it should be, or for too long. */
  watch(gang: Gang, isRight: (seen: GangSight) => boolean): Promise<GangSight> {
    return lookUntil(() => gang.look(), isRight);
  }

  /** Looks at the workers until they are as they should be, or for too long. */
  watchWorkers(
    isRight: (workers: readonly WorkerView[]) => boolean,
  ): Promise<readonly WorkerView[]> {
    return lookUntil(() => this.cluster.workers(), isRight);
  }

  /** What the stories of these gangs' tasks say of the workers. */
  async ledgerOf(gangs: readonly Gang[]): Promise<Ledger> {
    const stories: (readonly EventView[])[] = [];
    for (const gang of gangs) {
      for (const { taskId } of (await gang.look()).tasks) {
        stories.push((await this.cluster.call("GetStory", { id: taskId })).events);
      }
    }
    return keepLedger(stories);
  }
}

/** What these workers have given away, in thousandths of a CPU. */
export function committedOf(workers: readonly WorkerView[]): readonly number[] {
  return workers.map(({ committed }) => committed.cpuMilli);
}

/** Whether a worker has given nothing away, of anything. */
export function isIdle({ committed, held, runningTaskIds }: WorkerView): boolean {
  const amounts = [committed, held].flatMap((each) => [
    each.cpuMilli,
    each.memoryBytes,
    each.diskBytes,
    ...each.devices.map(({ countMilli }) => countMilli),
    ...Object.values(each.custom),
  ]);
  return runningTaskIds.length === 0 && amounts.every((amount) => amount === 0);
}

/** How each rank stands, for evidence: `0 RUNNING 1.7 local-2`. */
export function describeRanks({ tasks }: GangSight): string {
  return tasks
    .map(({ index, state, attempts }) => {
      const last = attempts.at(-1);
      return `${index} ${state} ${last?.attemptId ?? "-"} ${last?.workerId ?? "-"}`;
    })
    .join(", ");
}

/** Milliseconds of a time of the API; NaN for one that is not there. */
export function msOf(time: string | null | undefined): number {
  return Date.parse(time ?? "");
}
