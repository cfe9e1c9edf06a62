/**
 * What compiles and what does not: the SDK's types. `tsc -p tsconfig.tests.json` is the judge; the
 * bodies are never run.
 *
 * @module
 */

import { test } from "node:test";
import {
  asCompleted,
  type Client,
  defineTask,
  type Future,
  gather,
  wait,
} from "../../src/client/index.ts";

interface Params {
  readonly beta: number;
  readonly gamma: number;
}

type Curve = number[];

const simulate = defineTask(import.meta.url, function simulate(p: Params, seed: number): Curve {
  return [p.beta, seed];
});
const score = defineTask(import.meta.url, function score(...curves: Curve[]): number {
  return curves.length;
});
const sum = defineTask(import.meta.url, function sum(values: readonly number[]): number {
  return values.length;
});
const pair = defineTask(import.meta.url, function pair(both: [number, string]): string {
  return both[1];
});
const later = defineTask(import.meta.url, async function later(x?: boolean): Promise<string> {
  return String(x);
});
const nothing = defineTask(import.meta.url, function nothing(): void {});

/** Compiles if and only if the two types are the same. */
function same<A, B>(
  ..._: (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? [] : [never]
): void {}

/** Checked by the compiler, never called. */
export async function acceptedCalls(client: Client, p: Params): Promise<void> {
  const curve = client.submit(simulate, [p, 7], { resources: { cpu: 1 }, retries: 2 });
  same<typeof curve, Future<Curve>>();
  const loss = client.submit(score, [curve, [1, 2], curve]);
  same<typeof loss, Future<number>>();
  same<Awaited<ReturnType<typeof loss.result>>, number>();
  const curves: Future<Curve>[] = client.map(
    simulate,
    [1, 2, 3].map((seed) => [p, seed]),
  );
  client.submit(score, curves);
  client.submit(score, [...curves, curve]);
  client.submit(simulate, [p, client.submit(score, curves)]);
  client.submit(sum, [[1, client.submit(score, [])]]);
  client.submit(sum, [curve]);
  client.submit(pair, [[loss, client.submit(later, [])]]);
  client.submit(pair, [[1, "b"]]);
  const text = client.submit(later, [true]);
  same<typeof text, Future<string>>();
  client.submit(later, []);
  client.submit(later, [client.submit(later, []) as Future<never>]);
  const none = client.submit(nothing, []);
  same<typeof none, Future<void>>();
  client.submit(simulate, [p, 1], {
    constraints: [{ key: "region", op: "in", values: ["eu"] }],
    timeout: "90s",
  });

  const [a, b] = await gather([loss, text]);
  same<typeof a, number>();
  same<typeof b, string>();
  const all = await gather(curves);
  same<typeof all, Curve[]>();
  const some = await gather([loss, loss], { errors: "skip" });
  same<typeof some, number[]>();
  for await (const future of asCompleted(curves)) same<typeof future, Future<Curve>>();
  const { done } = await wait(curves, { count: "first" });
  same<typeof done, readonly Future<Curve>[]>();
  same<ReturnType<typeof simulate>, Curve>();
}

/** Each line must be refused by the compiler. */
export async function refusedCalls(client: Client, p: Params): Promise<void> {
  const loss = client.submit(score, []);
  const curve = client.submit(simulate, [p, 7]);
  // @ts-expect-error the second argument is a number
  client.submit(simulate, [p, "7"]);
  // @ts-expect-error an argument is missing
  client.submit(simulate, [p]);
  // @ts-expect-error there is no third argument
  client.submit(simulate, [p, 7, 8]);
  // @ts-expect-error a future of another type
  client.submit(simulate, [p, curve]);
  // @ts-expect-error a field is missing
  client.submit(simulate, [{ beta: 1 }, 7]);
  // @ts-expect-error one of the spread arguments is wrong
  client.submit(score, [curve, loss]);
  // @ts-expect-error an element of the array argument is wrong
  client.submit(sum, [["1"]]);
  // @ts-expect-error a future of a wrong element
  client.submit(sum, [[curve]]);
  // @ts-expect-error the tuple's elements are the other way round
  client.submit(pair, [["b", 1]]);
  // @ts-expect-error a wrong argument in a list of many
  client.map(simulate, [[p, "2"]]);
  // @ts-expect-error an unknown option
  client.submit(score, [], { resurces: { cpu: 1 } });
  // @ts-expect-error an unknown resource
  client.submit(score, [], { resources: { cpus: 1 } });
  // @ts-expect-error a key names one task
  client.map(score, [[]], { key: "a" });
  // @ts-expect-error a plain function is not a task
  client.submit(() => 1, []);
  // @ts-expect-error the limit of a wait is timeoutMs
  await loss.result({ timeout: 5 });
  // @ts-expect-error a future is not its value
  const value: number = loss;
  // @ts-expect-error a future is not thenable
  await loss.then(() => value);
}

test("the SDK's types accept what runs and refuse what does not", () => {});
