/**
 * Where an order may go, by what the worker said of itself and by the task's definition as the
 * worker was told it. It is read here a second time, on purpose: who places reads it elsewhere.
 *
 * What a worker has been found unable to set up is not known here: so much is missed.
 *
 * @module
 */

import type { Attributes, Constraint, ConstraintOperator } from "../model/constraints.ts";
import { partOf, type TaskSpec } from "../model/spec.ts";
import type { WorkerHello } from "../protocol/messages.ts";

/** Whether a clause holds of a value that the worker has. */
type Holds = (value: string, values: readonly string[]) => boolean;

const holds: { readonly [O in ConstraintOperator]: Holds } = {
  "=": (value, [wanted]) => value === wanted,
  "!=": (value, [unwanted]) => value !== unwanted,
  in: (value, values) => values.includes(value),
  exists: () => true,
  "not-exists": () => false,
  ">": (value, [bound]) => Number(value) > Number(bound),
  ">=": (value, [bound]) => Number(value) >= Number(bound),
  "<": (value, [bound]) => Number(value) < Number(bound),
  "<=": (value, [bound]) => Number(value) <= Number(bound),
};

export class PlaceRules {
  /** By worker, as it registered last. */
  readonly #attributes = new Map<string, ReadonlyMap<string, string>>();

  onRegistered({ workerId, attributes }: Pick<WorkerHello, "workerId" | "attributes">): void {
    this.#attributes.set(workerId, withId(attributes, workerId));
  }

  /** What keeps the task from this worker: a clause, or a taint; "" if nothing does. */
  obstacle(workerId: string, { constraints, run }: TaskSpec): string {
    const attributes = this.#attributes.get(workerId);
    // A call goes to where its actor is, whatever became of that place.
    if (attributes === undefined || partOf(run) === "call") return "";
    for (const one of constraints) {
      if (one.mode === "REQUIRED" && !isMet(attributes, one))
        return [one.key, one.op, ...one.values].join(" ");
    }
    for (const [key, value] of attributes) {
      const isTaint = key.startsWith("taint:") && value !== "false";
      if (isTaint && !constraints.some((one) => one.key === key)) return key;
    }
    return "";
  }
}

function withId(attributes: Attributes, workerId: string): ReadonlyMap<string, string> {
  return new Map(Object.entries(attributes)).set("worker-id", workerId);
}

function isMet(attributes: ReadonlyMap<string, string>, { key, op, values }: Constraint): boolean {
  const value = attributes.get(key);
  if (value === undefined) return op === "!=" || op === "not-exists";
  return holds[op](value, values);
}
