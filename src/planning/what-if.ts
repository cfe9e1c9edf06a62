/**
 * Another cluster to compare with: `+10xh100` adds ten machines like the first that has such a
 * device, or of that name; `-3xold` takes three away.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import type { MachineClass, PlannedCluster } from "./workload.ts";

export function changeCluster(cluster: PlannedCluster, change: string): PlannedCluster {
  const match = /^([+-])(\d+)x(.+)$/i.exec(change);
  if (match === null) {
    const message = `--what-if ${change}: expected +COUNTxMACHINE or -COUNTxMACHINE, as +10xh100`;
    throw new CapstanError("INVALID_ARGUMENT", message);
  }
  const [, sign, digits, name] = match;
  const count = Number(digits);
  const wanted = name.toLowerCase();
  const like = cluster.machines.filter((machines) => isLike(machines, wanted));
  if (like.length === 0) {
    const known = [...new Set(cluster.machines.flatMap(namesOf))].slice(0, 20).join(", ");
    const message = `--what-if ${change}: no machine is called ${name}, or has one; there are ${known}`;
    throw new CapstanError("INVALID_ARGUMENT", message);
  }
  const changed = `${cluster.name} ${change}`;
  if (sign === "+") {
    const added = { ...like[0], name: `what-if-${wanted}`, count };
    return { name: changed, machines: [...cluster.machines, added] };
  }
  return { name: changed, machines: withoutSome(cluster.machines, { wanted, count, change }) };
}

function withoutSome(
  machines: readonly MachineClass[],
  { wanted, count, change }: { wanted: string; count: number; change: string },
): MachineClass[] {
  let left = count;
  const kept: MachineClass[] = [];
  for (const one of machines) {
    const taken = isLike(one, wanted) ? Math.min(left, one.count) : 0;
    left -= taken;
    if (one.count > taken) kept.push({ ...one, count: one.count - taken });
  }
  if (left === 0 && kept.length > 0) return kept;
  const message = `--what-if ${change}: that is more than there are, or all of them`;
  throw new CapstanError("INVALID_ARGUMENT", message);
}

function namesOf({ name, capacity }: MachineClass): string[] {
  return [name, ...capacity.devices.map(({ variant }) => variant)];
}

function isLike(machines: MachineClass, wanted: string): boolean {
  return namesOf(machines).some((name) => name.toLowerCase() === wanted);
}
