/**
 * Resources as the auditor counts them: amounts by name, and each device by itself.
 *
 * @module
 */

import type { Resources } from "../model/resources.ts";
import { partOf, type TaskRun, type TaskSpec } from "../model/spec.ts";
import type { AttemptContext } from "../protocol/messages.ts";

/** Amounts by name; of `unit …`, which is one device, there are 1000. */
export type Amounts = ReadonlyMap<string, number>;

/** What a worker declared when it registered. */
export interface DeclaredWorker {
  readonly capacity: Resources;
  readonly slots: number;
  readonly commandSlots: number;
}

/** What an attempt takes; which devices, its context says. */
export function amountsOf({ run, resources }: TaskSpec, context: AttemptContext | null): Amounts {
  const amounts = new Map<string, number>();
  const slot = slotOf(run);
  if (slot !== null) amounts.set(slot, 1);
  addPlain(amounts, resources);
  for (const { kind, variant, countMilli, indices } of context?.devices ?? []) {
    for (const [place, index] of indices.entries())
      amounts.set(`unit ${kind}:${variant}:${index}`, Math.min(1000, countMilli - place * 1000));
  }
  return amounts;
}

/** An actor has a place for processes, and its calls run there. */
function slotOf(run: TaskRun): string | null {
  const part = partOf(run);
  if (part === "call") return null;
  return run.kind === "command" || part === "actor" ? "command slots" : "slots";
}

/** What a worker has. */
export function capacityOf({ capacity, slots, commandSlots }: DeclaredWorker): Map<string, number> {
  const amounts = new Map([
    ["slots", slots],
    ["command slots", commandSlots],
  ]);
  addPlain(amounts, capacity);
  return amounts;
}

function addPlain(amounts: Map<string, number>, resources: Resources): void {
  const { cpuMilli, memoryBytes, diskBytes, custom } = resources;
  const plain = { cpu: cpuMilli, memory: memoryBytes, disk: diskBytes };
  for (const [name, amount] of Object.entries(plain)) if (amount > 0) amounts.set(name, amount);
  for (const [name, amount] of Object.entries(custom)) amounts.set(`custom ${name}`, amount);
}

/** How much there is of something. */
export function mostOf(capacity: Amounts, name: string): number {
  return name.startsWith("unit ") ? 1000 : (capacity.get(name) ?? 0);
}
