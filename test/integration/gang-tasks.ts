/**
 * What members of gangs of functions run on real workers.
 *
 * @module
 */

import { appendFileSync, existsSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { joinRing } from "../../examples/gang-training/ring.ts";
import { defineTask, getContext, type TaskGang } from "../../src/client/index.ts";

/** What each member notes when it begins, a line of JSON. */
export interface Begun {
  readonly rank: number;
  readonly size: number;
  readonly worker: string;
  readonly attempt: string;
  readonly pid: number;
  /** Of each member, by rank. */
  readonly ports: readonly number[];
}

/** Where members note that they began, what they wait for, and what their result is called. */
export interface Meeting {
  readonly begun: string;
  readonly go: string;
  readonly name: string;
}

/** What a member of `addAll` returns. */
export interface Added {
  readonly rank: number;
  readonly attempt: string;
  readonly sum: number;
}

/** Waits until it may go on, then adds up what all members bring; rank 0 publishes the sum. */
export const addAll = defineTask(
  import.meta.url,
  async function addAll({ begun, go, name }: Meeting, numbers: readonly number[]): Promise<Added> {
    const { gang, signal, client, attempt } = getContext();
    if (gang === undefined) throw new Error("it is of no gang");
    appendFileSync(begun, `${JSON.stringify(noteOf(gang))}\n`);
    const ring = await joinRing(gang, signal);
    while (!existsSync(go)) {
      signal.throwIfAborted();
      await pause(10);
    }
    const [sum] = await ring.sum(Float64Array.of(numbers[gang.rank]));
    ring.close();
    const added = { rank: gang.rank, attempt, sum };
    if (gang.rank !== 0) return added;
    const value = client.scatter(sum);
    await value.result();
    await client.publish(name, value);
    return added;
  },
);

function noteOf({ rank, size, peers }: TaskGang): Begun {
  const { worker, attempt } = getContext();
  const ports = peers.map(({ ports: { ring } }) => ring);
  return { rank, size, worker, attempt, pid: process.pid, ports };
}

/** What a task that runs on its own is told of gangs. */
export const gangOf = defineTask(import.meta.url, function gangOf(): string {
  return String(getContext().gang);
});
