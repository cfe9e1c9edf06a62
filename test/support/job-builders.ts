/**
 * What tests of launched jobs share: slices of workers, gangs that run, and what a job says of
 * itself.
 *
 * @module
 */

import assert from "node:assert/strict";
import { explainTask } from "../../src/controller/explain.ts";
import type { Constraint } from "../../src/model/constraints.ts";
import { parseConstraint } from "../../src/model/parse-constraints.ts";
import type { ControllerHarness } from "./controller-builders.ts";
import type { FakeWorker, WorkerOptions } from "./fake-worker.ts";

/** Connected workers that share the attribute `slice`; the first is host 0. */
export function aSlice(
  harness: ControllerHarness,
  slice: string,
  options: WorkerOptions & { readonly hosts: number },
): FakeWorker[] {
  return Array.from({ length: options.hosts }, (_, host) =>
    harness.aWorker({
      ...options,
      attributes: { slice, "tpu-worker-id": String(host), ...options.attributes },
    }),
  );
}

/** Every member of a gang is prepared by its host. */
export function prepareAll(name: string, hosts: readonly FakeWorker[]): string[] {
  return hosts.flatMap((host, index) => host.prepares(`${name}/${index}`));
}

/** Every member of a gang is prepared, then started; `hosts[i]` has member `i`. */
export function runGang(name: string, hosts: readonly FakeWorker[]): void {
  prepareAll(name, hosts);
  for (const [index, host] of hosts.entries()) host.starts(`${name}/${index}`);
}

/** What was told to stop has ended everywhere. */
export function obeyAll(hosts: readonly FakeWorker[]): void {
  for (const host of hosts) if (host.connected) host.obeys();
}

/** No worker is charged anything. */
export function assertAllFree(harness: ControllerHarness): void {
  for (const worker of harness.workers) {
    assert.deepEqual(harness.usedBy(worker), {}, `${worker.workerId} is free`);
  }
}

/** What the workers have, each by its orders: `w1: a/0+, w2: `. */
export function ordersOf(...workers: readonly FakeWorker[]): string {
  return workers.map(({ workerId, orders }) => `${workerId}: ${orders}`).join(", ");
}

/** `failures/losses` that a job was charged. */
export function chargesOf(harness: ControllerHarness, name: string, user = "ann"): string {
  const { job } = harness.call("GetJobStatus", { jobId: `/${user}/${name}` }) as JobStatus;
  return `${job.failureCount}/${job.preemptionCount}`;
}

/** How the attempts of a task ended, oldest first; what has not is null. */
export function causesOf(harness: ControllerHarness, label: string, user = "ann") {
  const name = label.slice(0, label.lastIndexOf("/"));
  const status = harness.call("GetJobStatus", { jobId: `/${user}/${name}` }) as JobStatus;
  const index = Number(label.slice(label.lastIndexOf("/") + 1));
  return status.tasks[index].attempts.map(({ cause }) => cause);
}

interface JobStatus {
  readonly job: { readonly failureCount: number; readonly preemptionCount: number };
  readonly tasks: readonly {
    readonly attempts: readonly { readonly cause: string | null }[];
  }[];
}

/** Why a task is where it is. */
export function why(harness: ControllerHarness, label: string) {
  return explainTask(harness.state, harness.rowOf(label));
}

/** Workers that are kept for somebody now: `w1 w2`. */
export function keptWorkers(harness: ControllerHarness): string {
  const kept = harness.state.workers.filter(({ reservations }) => reservations.length > 0);
  return kept.map(({ workerId }) => workerId).join(" ");
}

/** `region = west`, required unless it says otherwise. */
export function clause(key: string, op: string, ...values: readonly string[]): Constraint {
  return parseConstraint("constraints", { key, op, values });
}

export function preferred(key: string, op: string, ...values: readonly string[]): Constraint {
  return { ...clause(key, op, ...values), mode: "PREFERRED" };
}

/** `count` devices of a kind, whole or in part. */
export function devices(kind: string, variant: string, count: number) {
  return [{ kind, variant, countMilli: Math.round(count * 1000), indices: [] }];
}
