/**
 * The end of a session: what only it wanted is killed and forgotten.
 *
 * A session of few handles ends in one step. One of many ends step by step, its last handles first:
 * what depends on a task has a higher number, so that nothing is killed that is needed afterwards.
 * In between everybody else is heard; `nextDeadline` asks for the next step at once.
 *
 * @module
 */

import type { Micros } from "../base/time.ts";
import type { ClientIndex } from "./events.ts";
import { handlesPerStepMax } from "./limits.ts";
import { leaveAllLocks } from "./locks.ts";
import type { Outbox } from "./outbox.ts";
import { type Client, type ControllerState, openClient } from "./state.ts";
import { killUnwanted } from "./unwanted.ts";
import { dropWants } from "./values.ts";

/** How far the end of a session has come. */
export interface Closing {
  readonly why: string;
  /** Handles of this number and above are gone. */
  readonly below: number;
}

/** Sessions that end step by step. */
export interface ClosingState {
  readonly sessions: Map<ClientIndex, Closing>;
  /** Handles that one step lets go of; volatile. */
  handlesPerStep: number;
}

export function newClosingState(): ClosingState {
  return { sessions: new Map(), handlesPerStep: handlesPerStepMax };
}

/**
 * Ends a session: what only it wanted is killed and forgotten. At once if it is little; else step
 * by step, and in between everybody else is heard.
 */
export function closeSession(
  state: ControllerState,
  out: Outbox,
  { client, why, at }: { client: Client; why: string; at: Micros },
): void {
  leaveAllLocks(state, out, { client: client.index, at });
  if (client.connected) {
    out.sends.push({ type: "disconnect-client", client: client.index, reason: why });
  }
  if (client.handles.size > state.closing.handlesPerStep) {
    const below = client.nextNumber;
    out.record(state, { type: "client-closing", at, client: client.index, why, below });
    closeOn(state, out, at);
  } else closeWhole(state, out, { client, why, at });
}

/** Goes on with the sessions that end. */
export function closeOn(state: ControllerState, out: Outbox, at: Micros): void {
  for (const [index, { why, below }] of state.closing.sessions) {
    const client = openClient(state, index);
    if (client.handles.size > state.closing.handlesPerStep)
      letGo(state, out, { client, why, below, at });
    else closeWhole(state, out, { client, why, at });
  }
}

interface Leaving {
  readonly client: Client;
  readonly why: string;
  readonly at: Micros;
}

/** The last of its handles, which nothing of what comes before them needs. */
function letGo(
  state: ControllerState,
  out: Outbox,
  { client, why, below: end, at }: Leaving & { readonly below: number },
): void {
  const { index, handles, job } = client;
  const numbers: number[] = [];
  const start = Math.max(0, end - numbersPerHandle * state.closing.handlesPerStep);
  let below = end;
  while (below > start && numbers.length < state.closing.handlesPerStep) {
    if (handles.get(--below) >= 0) numbers.push(below);
  }
  const among = new Set(numbers.map((number) => handles.get(number)));
  dropWants(state, out, { client: index, numbers: Uint32Array.from(numbers) });
  killUnwanted(state, out, { job, among, why, at });
  out.record(state, { type: "client-closing", at, client: index, why, below });
}

/** To look whether a number has a handle takes so much less than to let go of one. */
const numbersPerHandle = 16;

function closeWhole(state: ControllerState, out: Outbox, { client, why, at }: Leaving): void {
  const { index, handles, job } = client;
  const numbers: number[] = [];
  handles.forEach((number) => {
    numbers.push(number);
  });
  dropWants(state, out, { client: index, numbers: Uint32Array.from(numbers) });
  killUnwanted(state, out, { job, among: state.tasks.rows(), why, at });
  out.record(state, { type: "client-closed", at, client: index });
}
