/**
 * What of a submission may depend on an actor: its calls, and nothing else. An actor has no value.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import type { ActorPart } from "../model/spec.ts";
import type { HotMessageOf } from "../protocol/messages.ts";
import { type Client, type ControllerState, type Shape, shapeOf, specRecord } from "./state.ts";

type Submit = HotMessageOf<"submit">;

/** Why the parts of actors in a submission cannot be what they claim to be, or null. */
export function partsRefusal(
  state: ControllerState,
  client: Client,
  submit: Submit,
): CapstanError | null {
  if (!state.calls.hasParts) return null;
  const parts = partsOf(state, client, submit);
  const partOfInput = (number: number): ActorPart | null => {
    const inner = number - submit.first;
    if (inner >= 0 && inner < parts.length) return parts[inner];
    return shapeOf(state, client.handles.get(number)).part;
  };
  let edge = 0;
  for (const [entry, part] of parts.entries()) {
    const number = submit.first + entry;
    const count = submit.dependencyCounts[entry] ?? 0;
    const inputs = submit.dependencies.subarray(edge, edge + count);
    edge += count;
    if (part !== null && (submit.keys[entry] ?? "") !== "") return keyed(number, part);
    const [first] = inputs;
    const isCalling = part === "call";
    if (isCalling && (count === 0 || partOfInput(first) !== "actor")) return strayCall(number);
    const values = isCalling ? inputs.subarray(1) : inputs;
    const actor = values.find((input) => partOfInput(input) === "actor");
    if (actor !== undefined) return readsActor(number, actor);
  }
  return null;
}

function partOfSpec(state: ControllerState, spec: number): Shape["part"] {
  return state.shapes[specRecord(state, spec).shape].part;
}

function partsOf(state: ControllerState, client: Client, submit: Submit): (ActorPart | null)[] {
  const parts: (ActorPart | null)[] = [];
  for (const [group, number] of submit.groupSpecs.entries()) {
    const spec = client.specs.get(number);
    const part = spec === undefined ? null : partOfSpec(state, spec);
    for (let left = submit.groupCounts[group]; left > 0; left--) parts.push(part);
  }
  return parts;
}

function keyed(task: number, part: ActorPart): CapstanError {
  return new CapstanError("INVALID_SPEC", `task ${task}: an actor's ${part} cannot have a key`);
}

function strayCall(task: number): CapstanError {
  return new CapstanError(
    "INVALID_SPEC",
    `task ${task} is a call: the first task that it depends on must be its actor`,
  );
}

function readsActor(task: number, actor: number): CapstanError {
  return new CapstanError(
    "INVALID_SPEC",
    `task ${task} depends on task ${actor}, an actor, which has no value: call it instead`,
    { details: { task, actor } },
  );
}
