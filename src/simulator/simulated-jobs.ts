/**
 * Users and an administrator as the simulator sees them: they launch jobs of all kinds, cancel
 * them, cordon and drain workers, and change budgets; what they were told was done must be so.
 *
 * @module
 */

import { assert } from "../base/assert.ts";
import type { ApiRequest } from "../controller/events.ts";
import { budgetDefaults, type JobSpec, type Principal } from "../model/job.ts";
import { defaultRequest, type Resources } from "../model/resources.ts";
import { functionExecutors, jobDefaults, type TaskRun, type TaskSpec } from "../model/spec.ts";
import type { Draws } from "./draws.ts";

/** Makes a call; what comes back is told later, or never if the controller dies. */
export type Ask = (
  request: ApiRequest,
  principal: Principal,
  onReply: (result: unknown) => void,
) => void;

/** Scheduling timeouts, milliseconds. */
const patiences = { short: [500, 20_000], long: [20_000, 120_000] } as const;

const users = ["ann", "bob", "cid"];
const administrator: Principal = { user: "root", role: "admin", jobId: "" };

/** What the seed draws from. */
export interface JobDraws {
  readonly draws: Draws;
  /** For what jobs run. */
  readonly runs: Draws;
  readonly patience: keyof typeof patiences;
}

export class SimulatedJobs {
  /** Jobs whose launch was acknowledged: they must exist and end. */
  readonly acknowledged = new Set<string>();
  readonly #names: string[] = [];
  readonly #draws: Draws;
  /** For what jobs run. */
  readonly #runs: Draws;
  /** How often they are functions. */
  readonly #functions: number;
  readonly #patience: keyof typeof patiences;
  readonly #ask: Ask;
  #count = 0;

  constructor({ draws, runs, patience }: JobDraws, ask: Ask) {
    this.#draws = draws;
    this.#runs = runs;
    this.#functions = runs.pick([0, 0.5, 1]);
    this.#patience = patience;
    this.#ask = ask;
  }

  launch(): void {
    const draws = this.#draws;
    const again = this.#names.length > 0 && draws.chance(0.15);
    const jobId = again ? draws.pick(this.#names) : this.#newName();
    if (!again) this.#names.push(jobId);
    const token = `token-${++this.#count}`;
    const spec = this.#drawSpec(jobId);
    const request = { type: "launch-job", spec, token, tokenHash: token } as const;
    this.#ask(request, administrator, (result) => {
      assert(result !== null, "a launch that is answered names its job");
      this.acknowledged.add(jobId);
    });
  }

  cancel(): void {
    if (this.#names.length === 0) return;
    const jobId = this.#draws.pick(this.#names);
    this.#ask({ type: "terminate-job", jobId, reason: "" }, administrator, () => {});
  }

  /** A person asks for another try of a job, or of one of these tasks. */
  retry(taskIds: readonly string[]): void {
    const draws = this.#draws;
    if (taskIds.length > 0 && draws.chance(0.5)) {
      const request = { type: "retry-task", taskId: draws.pick(taskIds) } as const;
      return this.#ask(request, administrator, () => {});
    }
    if (this.#names.length === 0) return;
    const jobId = draws.pick(this.#names);
    const token = `token-${++this.#count}`;
    const request = { type: "retry-job", jobId, token, tokenHash: token } as const;
    this.#ask(request, administrator, () => {});
  }

  /** Cordons, drains or opens a worker, or changes what a user may use. */
  administer(workerId: string): void {
    const draws = this.#draws;
    const draw = draws.below(4);
    if (draw === 3) return this.#changeBudget();
    const on = draws.chance(0.5);
    const deadlineMs = draws.chance(0.5) ? 20 : 0;
    const request: ApiRequest =
      draw === 0
        ? { type: "cordon-worker", workerId, cordon: on }
        : { type: "drain-worker", workerId, drain: on, deadlineMs };
    this.#ask(request, administrator, () => {});
  }

  restartCluster(): void {
    this.#ask({ type: "restart-cluster", reason: "simulated" }, administrator, () => {});
  }

  rebalance(): void {
    this.#ask({ type: "rebalance-values" }, administrator, () => {});
  }

  /** Drains a worker without a deadline, or takes it back. */
  drain(workerId: string, drain: boolean): void {
    const request = { type: "drain-worker", workerId, drain, deadlineMs: 0 } as const;
    this.#ask(request, administrator, () => {});
  }

  /** What runs as an attempt of a task can be reached somewhere, and says how far it is. */
  register(taskId: string, attemptId: string): void {
    const endpointId = `endpoint-${attemptId}`;
    const place = { name: "here", address: "host:1", leaseMs: 60_000, metadata: {} };
    const request = { type: "register-endpoint", endpointId, taskId, attemptId, ...place } as const;
    this.#ask(request, administrator, () => {});
    const progress = { type: "report-progress", fraction: 0.5, note: taskId } as const;
    this.#ask({ ...progress, taskId, attemptId }, administrator, () => {});
  }

  /** Everything is open again, so that what waits can end. */
  open(workerId: string): void {
    this.#ask({ type: "cordon-worker", workerId, cordon: false }, administrator, () => {});
    this.drain(workerId, false);
  }

  #changeBudget(): void {
    const draws = this.#draws;
    const user = draws.pick(users);
    const cap = draws.chance(0.5) ? { ...defaultRequest, cpuMilli: 4_000 } : null;
    const budget = { ...budgetDefaults, user, weight: 1 + draws.below(3), cap };
    const limited = { ...budget, budget: draws.pick([0, 5, 20]) };
    this.#ask({ type: "set-user-budget", budget: limited }, administrator, () => {});
  }

  #newName(): string {
    const draws = this.#draws;
    const isChild = this.#names.length > 0 && draws.chance(0.2);
    const above = isChild ? draws.pick(this.#names) : `/${draws.pick(users)}`;
    const parent = above.split("/").length > 4 ? `/${above.split("/")[1]}` : above;
    return `${parent}/j${this.#names.length}`;
  }

  #drawSpec(jobId: string): JobSpec {
    const draws = this.#draws;
    const isGang = draws.chance(0.35);
    return {
      jobId,
      task: this.#drawTask(jobId, isGang),
      args: new Uint8Array(0),
      replicas: isGang ? 1 + draws.below(3) : draws.pick([1, 1, 2, 5]),
      maxTaskFailures: draws.pick([0, 0, 1]),
      onExisting: draws.pick(["ERROR", "KEEP", "RECREATE"]),
      children: draws.pick(["AUTO", "TERMINATE", "PRESERVE"]),
    };
  }

  #drawTask(name: string, isGang: boolean): TaskSpec {
    const draws = this.#draws;
    return {
      ...jobDefaults,
      run: this.#drawRun(),
      name,
      resources: this.#drawResources(),
      constraints: draws.chance(0.1) ? [eastOnly] : [],
      band: draws.pick(["production", "interactive", "interactive", "batch"]),
      priority: draws.pick([0, 0, 1]),
      maxRetriesFailure: draws.below(3),
      maxRetriesPreemption: draws.pick([0, 2, 100]),
      retryBackoff: { initialMs: draws.pick([0, 20]), maxMs: 100 },
      timeoutMs: draws.chance(0.2) ? 1 + draws.below(200) : 0,
      // What may never fit must not be owed for ever.
      schedulingTimeoutMs: draws.pick(patiences[this.#patience]),
      graceMs: 10,
      groupBy: isGang ? "slice" : "",
    };
  }

  #drawRun(): TaskRun {
    const runs = this.#runs;
    if (!runs.chance(this.#functions)) return aCommand;
    const executor = runs.pick(functionExecutors);
    return { kind: "function", bundle: "b", functionName: "member", executor };
  }

  #drawResources(): Resources {
    const draws = this.#draws;
    const cpuMilli = draws.pick([0, 300, 1000, 1000, 2000]);
    if (!draws.chance(0.25)) return { ...defaultRequest, cpuMilli };
    const variant = draws.pick(["auto", "a100", "h100"]);
    const countMilli = draws.pick([500, 1000, 2000]);
    const devices = [{ kind: "gpu", variant, countMilli, indices: [] }];
    return { ...defaultRequest, cpuMilli, devices };
  }
}

const eastOnly = { key: "region", op: "=", values: ["east"], mode: "REQUIRED" } as const;

/** What jobs of the simulator run: how it goes is the behaviour's. */
export const aCommand = {
  kind: "command",
  argv: ["work"],
  env: {},
  cwd: "",
  workspace: "",
  ports: [],
  stdin: "",
  result: { type: "none" },
} as const;
