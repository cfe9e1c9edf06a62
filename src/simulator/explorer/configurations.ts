/**
 * The configurations that must close: X1 to X11 of the reliability plan, each with its bounds.
 *
 * @module
 */

import { defaultRequest } from "../../model/resources.ts";
import { specDefaults, type TaskSpec } from "../../model/spec.ts";
import type { Program } from "./client-node.ts";
import { type Configuration, noFaults } from "./configuration.ts";
import type { WorkerIdentity } from "./worker-node.ts";

const echo: TaskSpec = {
  run: { kind: "function", bundle: "b", functionName: "echo" },
  name: "echo",
  resources: defaultRequest,
  constraints: [],
  ...specDefaults,
};

function workers(count: number, fields: Partial<WorkerIdentity> = {}): WorkerIdentity[] {
  return Array.from({ length: count }, (_unused, place) => ({
    ...{ workerId: `w${place}`, slots: 1, cpuMilli: 1000, commandSlots: 0, slice: "s" },
    ...{ announcesStarts: false },
    ...fields,
  }));
}

function program(fields: Omit<Program, "clientId"> & Partial<Program>): Program {
  return { clientId: "c0", ...fields };
}

const base = { separateSync: false, launchers: [false], exitsAreSeen: false } as const;

export const configurations: readonly Configuration[] = [
  {
    ...base,
    name: "X1",
    about: "1 worker of 1 slot, 2 tasks",
    workers: workers(1),
    programs: [
      program({
        specs: [echo],
        requests: [{ type: "submit", tasks: [{ spec: 0, inputs: [] }, { spec: 0, inputs: [] }] }],
      }),
    ],
    faults: { ...noFaults, workerCrashes: 1, controllerCrashes: 1, losses: 1, repeats: 1 },
  },
];
