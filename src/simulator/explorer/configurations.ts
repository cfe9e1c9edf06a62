/**
 * The configurations that must close: X1 to X11 of the reliability plan, actors and
 * restarts, each with its bounds.
 *
 * @module
 */

import type { ApiRequest } from "../../controller/events.ts";
import { defaultRequest, noResources, type Resources } from "../../model/resources.ts";
import { jobDefaults, specDefaults, type TaskSpec } from "../../model/spec.ts";
import type { Band } from "../../model/states.ts";
import type { Program, Request } from "./client-node.ts";
import { type Configuration, type FaultBudget, noFaults } from "./configuration.ts";
import type { WorkerIdentity } from "./worker-node.ts";

const echo: TaskSpec = {
  run: { kind: "function", bundle: "b", functionName: "echo", executor: "thread" },
  name: "echo",
  resources: defaultRequest,
  constraints: [],
  ...specDefaults,
};

/** Its value stays with its worker, and can be lost. */
const large: TaskSpec = { ...echo, name: "large" };

/** An object that may be made anew once, and the calls of its methods. */
const actor: TaskSpec = {
  ...echo,
  ...{ name: "actor", resources: noResources, maxRetriesPreemption: 1 },
  run: { kind: "function", bundle: "b", functionName: "A", executor: "thread", part: "actor" },
};
const call: TaskSpec = {
  ...echo,
  ...{ name: "call", resources: noResources, maxRetriesPreemption: 0 },
  run: { kind: "function", bundle: "b", functionName: "A", executor: "thread", part: "call" },
};

const command: TaskSpec = {
  ...echo,
  ...jobDefaults,
  run: {
    ...{ kind: "command", argv: ["work"], env: {}, cwd: "", workspace: "", ports: [], stdin: "" },
    result: { type: "none" },
  },
  name: "command",
  graceMs: 10,
};

function workers(count: number, fields: Partial<WorkerIdentity> = {}): WorkerIdentity[] {
  return Array.from({ length: count }, (_unused, place) => ({
    ...{ workerId: `w${place}`, slots: 1, cpuMilli: 1000, commandSlots: 4, slice: "s" },
    ...{ announcesStarts: false, devices: [] },
    ...fields,
  }));
}

function client(specs: readonly TaskSpec[], ...requests: readonly Request[]): Program {
  return { clientId: "c0", specs, requests };
}

/** A submit of tasks of the first spec; `inputs[i]` are what task `i` reads. */
function submit(...inputs: readonly (readonly number[])[]): Request {
  return { type: "submit", tasks: inputs.map((one) => ({ spec: 0, inputs: one })) };
}

function launch(
  jobId: string,
  options: {
    readonly replicas?: number;
    readonly band?: Band;
    readonly resources?: Resources;
  } = {},
): Request {
  const { replicas = 1, band = "interactive", resources = defaultRequest } = options;
  const groupBy = replicas > 1 ? "slice" : "";
  const task: TaskSpec = { ...command, name: jobId, band, groupBy, resources };
  const token = `token of ${jobId}`;
  const request: ApiRequest = {
    ...{ type: "launch-job", token, tokenHash: token },
    spec: {
      ...{ jobId, task, args: new Uint8Array(0), replicas, maxTaskFailures: 0 },
      ...{ onExisting: "KEEP", children: "AUTO" },
    },
  };
  return { type: "call", request };
}

const oneGpu = { kind: "gpu", variant: "h100", countMilli: 1000, indices: [] };

/** Of which two fit a CPU, but not one device. */
const halfCpuAndGpu: Resources = { ...defaultRequest, cpuMilli: 500, devices: [oneGpu] };

const base = { separateSync: false, launchers: [false], exitsAreSeen: false } as const;

/** All of them, in order. */
export const configurations: readonly Configuration[] = [
  {
    ...base,
    name: "X1",
    about: "1 worker of 1 slot, 2 tasks",
    workers: workers(1),
    programs: [client([echo], submit([], []))],
    faults: { ...noFaults, workerCrashes: 1, controllerCrashes: 1, losses: 1, repeats: 1 },
  },
  {
    ...base,
    name: "X2",
    about: "2 workers of 1 slot, 2 tasks",
    workers: workers(2),
    programs: [client([echo], submit([], []))],
    faults: { ...noFaults, workerCrashes: 1, controllerCrashes: 1, losses: 1 },
  },
  {
    ...base,
    name: "X3",
    about: "2 workers, a gang of 2 and 1 single job",
    workers: workers(2),
    programs: [client([], launch("/ann/gang", { replicas: 2 }), launch("/ann/one"))],
    faults: { ...noFaults, workerCrashes: 1, losses: 1 },
    launchers: [false, true],
  },
  {
    ...base,
    name: "X4",
    about: "2 gangs of 2 on 2 workers of 1 device",
    workers: workers(2, { devices: [oneGpu] }),
    programs: [
      client(
        [],
        launch("/ann/first", { replicas: 2, resources: halfCpuAndGpu }),
        launch("/bob/second", { replicas: 2, resources: halfCpuAndGpu }),
      ),
    ],
    faults: { ...noFaults, workerCrashes: 1 },
    launchers: [false, true],
  },
  {
    ...base,
    name: "X5",
    about: "values that stay with 2 workers: two, one of both, one of that",
    workers: workers(2),
    programs: [
      client([large], submit([], [], [0, 1], [2]), { type: "release", tasks: [0, 1, 2, 3] }),
    ],
    faults: { ...noFaults, workerCrashes: 1, failures: 2 },
    exitsAreSeen: true,
  },
  {
    ...base,
    name: "X6",
    about: "cancel, completion, timeout and retry of 2 tasks on 1 worker",
    workers: workers(1, { announcesStarts: true }),
    programs: [
      client(
        [{ ...echo, timeoutMs: 50 }],
        submit([], []),
        { type: "cancel", tasks: [0] },
        { type: "retry", task: 0 },
      ),
    ],
    faults: { ...noFaults, losses: 2, workerTicks: 1 },
  },
  {
    ...base,
    name: "X7",
    about: "a gang of 2 in band batch makes room for one in production",
    workers: workers(2),
    programs: [
      client(
        [],
        launch("/ann/low", { replicas: 2, band: "batch" }),
        launch("/bob/high", { replicas: 2, band: "production" }),
      ),
    ],
    faults: { ...noFaults, workerCrashes: 1 },
    launchers: [false, true],
  },
  {
    ...base,
    name: "X8",
    about: "the controller crashes in every phase of a commit",
    workers: workers(1),
    programs: [client([echo], submit([], []))],
    faults: { ...noFaults, workerCrashes: 1, controllerCrashes: 3 },
    separateSync: true,
  },
  {
    ...base,
    name: "X9",
    about: "the controller's clock runs ahead of its workers'",
    workers: workers(2),
    programs: [client([echo], submit([], []))],
    faults: { ...noFaults, jumps: 1, workerTicks: 1 },
  },
  {
    ...base,
    name: "X10",
    about: "2 processes with one identity, 2 tasks",
    workers: [...workers(1), ...workers(1)],
    programs: [client([echo], submit([], []))],
    faults: { ...noFaults, workerCrashes: 1, losses: 3, repeats: 1 },
  },
  {
    ...base,
    name: "X11",
    about: "1 task with a budget of 1 failure and 1 loss, on 2 workers",
    workers: workers(2),
    programs: [client([{ ...echo, maxRetriesFailure: 1, maxRetriesPreemption: 1 }], submit([]))],
    faults: { ...noFaults, workerCrashes: 2, failures: 2 },
    exitsAreSeen: true,
  },
  {
    ...base,
    name: "X12",
    about: "an actor that may begin anew once, and 2 calls, on 2 workers",
    workers: workers(2),
    programs: [
      client(
        [actor, call],
        { type: "submit", tasks: [{ spec: 0, inputs: [] }] },
        { type: "submit", tasks: [{ spec: 1, inputs: [0] }] },
        { type: "submit", tasks: [{ spec: 1, inputs: [0] }] },
        { type: "release", tasks: [0], anyTime: true },
        { type: "release", tasks: [1, 2] },
      ),
    ],
    faults: { ...noFaults, workerCrashes: 1, losses: 1, failures: 1 },
  },
  {
    ...base,
    name: "X13",
    about: "a session of 2 tasks, one of which reads the other, restarts, and submits 1 more",
    workers: workers(1),
    programs: [
      client([echo], submit([], [0]), { type: "restart" }, submit([]), {
        ...{ type: "release", tasks: [0, 1, 2] },
      }),
    ],
    faults: { ...noFaults, controllerCrashes: 1, losses: 1 },
  },
];

const smallFaults: { readonly [name: string]: Partial<FaultBudget> } = {
  X2: { workerCrashes: 1, losses: 1 },
  X3: { losses: 1 },
  X12: { losses: 1, failures: 1 },
};

/** Closed in seconds as they are. */
const wholeInTests = new Set(["X1", "X4"]);

/** What `npm test` closes: some as they are, and some with less going wrong. */
export const smallConfigurations: readonly Configuration[] = configurations
  .filter(({ name }) => wholeInTests.has(name) || name in smallFaults)
  .map((one) => ({ ...one, faults: { ...one.faults, ...lessFaults(one.name) } }));

function lessFaults(name: string): Partial<FaultBudget> {
  const few = smallFaults[name];
  return few === undefined ? {} : { ...noFaults, ...few };
}
