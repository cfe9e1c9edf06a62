/**
 * New workers on which a queue must find its place at once: they have what its constraints ask for,
 * and so much room that nobody who goes first can use it up.
 *
 * @module
 */

import type { ControllerEvent } from "../controller/events.ts";
import { launchOfGang } from "../controller/gang-placement.ts";
import type { ControllerState, Shape } from "../controller/state.ts";
import { anyVariant } from "../model/canonical-resources.ts";
import type { Attributes, Constraint } from "../model/constraints.ts";
import type { Resources } from "../model/resources.ts";
import type { HotMessageOf, WorkerHello } from "../protocol/messages.ts";
import { satisfiesAll } from "../scheduler/fit.ts";

/** More than all that waits in a simulated cluster asks for together. */
const slots = 10_000;
const plenty = 1e12;
const devicesMilli = 1e6;

const emptyInventory: HotMessageOf<"inventory"> = {
  type: "inventory",
  attempts: new Float64Array(0),
  attemptTasks: new Float64Array(0),
  phases: new Uint8Array(0),
  values: new Float64Array(0),
  valueSizes: new Float64Array(0),
};

/** One worker, or one for each member of a gang; null if no new worker can be what it asks for. */
export function roomyWorkers(state: ControllerState, shape: Shape): ControllerEvent[] | null {
  const launch = launchOfGang(state, shape);
  const groupBy = launch?.spec.task.groupBy ?? null;
  const attributes = attributesFor(shape.constraints, groupBy);
  const events: ControllerEvent[] = [];
  for (let i = 0; i < (launch?.rows.length ?? 1); i++) {
    const hello = helloOf(`roomy-${i}`, attributes, capacityFor(shape.resources));
    const all = { ...attributes, "worker-id": hello.workerId };
    if (!satisfiesAll(all, shape.constraints)) return null;
    events.push({ type: "worker-connected", at: state.at, hello, inventory: emptyInventory });
  }
  return events;
}

/** Attributes that satisfy the required constraints, as far as any do. */
function attributesFor(constraints: readonly Constraint[], groupBy: string | null): Attributes {
  const attributes: { [key: string]: string } = {};
  const keys = new Set(constraints.map(({ key }) => key));
  for (const key of groupBy === null ? keys : keys.add(groupBy)) {
    const own = constraints.filter((one) => one.key === key && one.mode === "REQUIRED");
    if (key !== groupBy && satisfiesAll({}, own)) continue;
    const values = own.flatMap((one) => one.values);
    const beside = values.flatMap((value) => [`${Number(value) - 1}`, `${Number(value) + 1}`]);
    const fitting = [...values, ...beside, "new"].find((value) =>
      satisfiesAll({ [key]: value }, own),
    );
    if (fitting !== undefined) attributes[key] = fitting;
  }
  return attributes;
}

function capacityFor({ devices, custom }: Resources): Resources {
  return {
    ...{ cpuMilli: plenty, memoryBytes: plenty, diskBytes: plenty },
    devices: devices.map(({ kind, variant }) => ({
      ...{ kind, countMilli: devicesMilli, indices: [] },
      variant: variant === anyVariant ? "new" : variant,
    })),
    custom: Object.fromEntries(Object.keys(custom).map((name) => [name, plenty])),
  };
}

function helloOf(workerId: string, attributes: Attributes, capacity: Resources): WorkerHello {
  return {
    ...{ role: "worker", protocolVersion: 1, workerId, incarnation: `${workerId}-1` },
    ...{ clusterId: "", epoch: 0, address: `${workerId}:1`, pid: 1 },
    ...{ capacity, slots, commandSlots: slots, attributes },
  };
}
