/**
 * GPU allocation on the trace of Alibaba, 2023, by the protocol of "Beware of Fragmentation": GPU
 * nodes only; tasks in random order, drawn from the trace until they ask for 130 % of the GPUs;
 * each is placed at once or dropped; what counts is the part of the GPUs that is allocated.
 *
 * Everything goes through the controller's real kernel. Another ledger, kept here in integers from
 * what the workers are ordered, checks at every placement that nothing is given out twice.
 *
 * @module
 */

import { Prng } from "../../src/base/prng.ts";
import { Drive } from "../../src/planning/drive.ts";
import { readOpenbNodes, readOpenbPods } from "../../src/planning/read-openb.ts";
import type { MachineClass, PlannedTask } from "../../src/planning/workload.ts";
import { readData } from "./data.ts";

export interface OpenbRun {
  /** GPU allocation in percent when the demand that arrived was 100 % and 130 % of the GPUs. */
  readonly at100: number;
  readonly at130: number;
  readonly placed: number;
  readonly placementsPerSecond: number;
}

const demandPercent = 130;

export function readNodes(): readonly MachineClass[] {
  return readOpenbNodes("nodes", readData("openb/openb_node_list_gpu_node.csv")).machines;
}

export function readPods(trace: string): readonly PlannedTask[] {
  const { tasks } = readOpenbPods(trace, readData(`openb/openb_pod_list_${trace}.csv`));
  return tasks.map((task) => ({ ...task, submitUs: 0, runUs: Number.POSITIVE_INFINITY }));
}

export function gpuMilli({ resources }: Pick<PlannedTask, "resources">): number {
  return resources.devices.reduce((sum, { countMilli }) => sum + countMilli, 0);
}

/** The arrivals of one seed. */
export function arrivalsOf(
  pods: readonly PlannedTask[],
  gpuMilliTotal: number,
  seed: number,
): PlannedTask[] {
  const random = new Prng(seed);
  const limit = (gpuMilliTotal * demandPercent) / 100;
  const arrivals = pods.slice();
  for (let i = arrivals.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [arrivals[i], arrivals[j]] = [arrivals[j], arrivals[i]];
  }
  let demand = arrivals.reduce((sum, pod) => sum + gpuMilli(pod), 0);
  while (demand > limit) {
    const [dropped] = arrivals.splice(random.below(arrivals.length), 1);
    demand -= gpuMilli(dropped);
  }
  for (;;) {
    const pod = random.pick(pods);
    if (demand + gpuMilli(pod) > limit) return arrivals;
    demand += gpuMilli(pod);
    arrivals.push(pod);
  }
}

export function runOpenb(
  nodes: readonly MachineClass[],
  pods: readonly PlannedTask[],
  seed: number,
): OpenbRun {
  const total = nodes.reduce((sum, { capacity }) => sum + gpuMilli({ resources: capacity }), 0);
  const arrivals = arrivalsOf(pods, total, seed);
  const ledger = new Ledger(nodes);
  const placed = new Set<number>();
  const drive = new Drive(arrivals, {
    onStart: (task, worker) => {
      placed.add(task);
      ledger.place(arrivals[task], worker);
    },
    onEnd: () => undefined,
  });
  for (const node of nodes) drive.addMachines(node);
  let demand = 0;
  let at100 = -1;
  const startedAt = process.cpuUsage();
  for (const [index, pod] of arrivals.entries()) {
    drive.submit([index]);
    if (!placed.has(index)) drive.cancel(index);
    demand += gpuMilli(pod);
    if (at100 < 0 && demand >= total) at100 = (ledger.gpuMilli / total) * 100;
  }
  const { user, system } = process.cpuUsage(startedAt);
  const at130 = (ledger.gpuMilli / total) * 100;
  const placementsPerSecond = arrivals.length / ((user + system) / 1e6);
  return { at100, at130, placed: placed.size, placementsPerSecond };
}

/** What every node has given out: it throws when that is more than the node has. */
class Ledger {
  gpuMilli = 0;
  readonly #free: { cpuMilli: number; memoryBytes: number; gpuMilli: number }[];

  constructor(nodes: readonly MachineClass[]) {
    this.#free = nodes.map(({ capacity }) => ({
      cpuMilli: capacity.cpuMilli,
      memoryBytes: capacity.memoryBytes,
      gpuMilli: gpuMilli({ resources: capacity }),
    }));
  }

  place(pod: PlannedTask, worker: number): void {
    const free = this.#free[worker];
    const milli = gpuMilli(pod);
    free.cpuMilli -= pod.resources.cpuMilli;
    free.memoryBytes -= pod.resources.memoryBytes;
    free.gpuMilli -= milli;
    this.gpuMilli += milli;
    const least = Math.min(free.cpuMilli, free.memoryBytes, free.gpuMilli);
    if (least < 0 || !Number.isInteger(least)) throw new Error(`node ${worker} is oversubscribed`);
  }
}
