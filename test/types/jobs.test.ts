/**
 * What compiles and what does not: commands and jobs. `tsc -p tsconfig.tests.json` is the judge;
 * the bodies are never run.
 *
 * @module
 */

import { test } from "node:test";
import {
  type Client,
  type Command,
  command,
  defineTask,
  type Future,
  getContext,
  type JobLogLine,
  type JobStatus,
  type JobTask,
  type TaskError,
  type TaskGang,
} from "../../src/client/index.ts";

interface Fit {
  readonly loss: number;
}

const simulate = defineTask(import.meta.url, function simulate(beta: number, name: string): Fit {
  return { loss: beta + name.length };
});
const nothing = defineTask(import.meta.url, function nothing(): void {});
const half = defineTask(import.meta.url, function half(x: number): number {
  return x / 2;
});

/** Compiles if and only if the two types are the same. */
function same<A, B>(
  ..._: (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? [] : [never]
): void {}

/** Checked by the compiler, never called. */
export async function acceptedCommands(client: Client): Promise<void> {
  const json = client.submit(command(["a"], { result: "json" }), []);
  same<typeof json, Future<unknown>>();
  const typed = client.submit(command<Fit>(["a"], { result: "json", env: { A: "b" } }), []);
  same<typeof typed, Future<Fit>>();
  const text = client.submit(command(["a"], { result: "text" }));
  same<typeof text, Future<string>>();
  const file = client.submit(command(["a"], { result: { file: "out" } }), [], { retries: 2 });
  same<typeof file, Future<Uint8Array>>();
  const none = client.submit(command(["a"], { workspace: ".", ports: ["http"] }));
  same<typeof none, Future<undefined>>();
  const many = client.map(command(["a"], { result: "text" }), [[], []]);
  same<typeof many, Future<string>[]>();
  const count = client.submit(command<number>(["wc"], { result: "json" }));
  same<ReturnType<typeof half>, number>();
  client.submit(half, [count]);
  const kept: Command<unknown> = command<Fit>(["a"], { result: "json" });
  client.submit(kept);
}

/** Each line must be refused by the compiler. */
export async function refusedCommands(client: Client): Promise<void> {
  // @ts-expect-error a command takes no arguments
  client.submit(command(["a"]), [1]);
  // @ts-expect-error argv is a list
  command("ls -l");
  // @ts-expect-error an unknown option
  command(["a"], { environment: {} });
  // @ts-expect-error not a kind of result
  command(["a"], { result: "yaml" });
  // @ts-expect-error variables are text
  command(["a"], { env: { A: 1 } });
  // @ts-expect-error a text is no number
  client.submit(half, [client.submit(command(["a"], { result: "text" }))]);
  // @ts-expect-error text of a command has no other type
  command<Fit>(["a"], { result: "text" });
  // @ts-expect-error a command of one type is not one of another
  const other: Command<number> = command(["a"], { result: "text" });
  client.submit(other);
}

/** Checked by the compiler, never called. */
export async function acceptedJobs(client: Client): Promise<void> {
  const job = await client.launchJob({
    name: "train_lm",
    command: ["python", "train.py"],
    replicas: 8,
    coscheduling: { groupBy: "tpu-name" },
    resources: { cpu: 32, memory: "128g", device: { kind: "tpu", count: 4 } },
    constraints: [{ key: "region", op: "in", values: ["eu-west4"] }],
    band: "production",
    maxRetriesFailure: 0,
    timeout: "12h",
    retryBackoff: { initial: "1s", max: "60s" },
    env: { A: "b" },
    ports: ["http"],
    workspace: ".",
    onExisting: "error",
  });
  await client.launchJob({ name: "a", task: simulate, args: [1, "b"], replicas: 2 });
  await client.launchJob({ name: "a", task: nothing }, { timeoutMs: 5_000 });
  const fits = await client.launchJob({ name: "a", task: simulate, args: [1, "b"] });
  same<Awaited<ReturnType<typeof fits.results>>, Fit[]>();
  same<Awaited<ReturnType<typeof job.results>>, unknown[]>();
  const coscheduling = { groupBy: "rack" };
  await client.launchJob({ name: "a", task: nothing, replicas: 2, coscheduling, ports: ["ring"] });
  const { gang } = getContext();
  same<typeof gang, TaskGang | undefined>();
  const status = await job.wait({ timeoutMs: 5, throwOnFailure: true });
  same<typeof status, JobStatus>();
  same<Awaited<ReturnType<typeof job.tasks>>, JobTask[]>();
  for await (const line of job.logs({ follow: true, tail: 5 })) same<typeof line, JobLogLine>();
  if (job.state === "SUCCEEDED") await client.job(job.id).cancel("done");
  const error = new Error() as TaskError;
  same<typeof error.exitCode, number | null>();
}

/** Each line must be refused by the compiler. */
export async function refusedJobs(client: Client): Promise<void> {
  // @ts-expect-error a job has a name
  await client.launchJob({ command: ["a"] });
  // @ts-expect-error a job runs something
  await client.launchJob({ name: "a" });
  // @ts-expect-error an unknown option
  await client.launchJob({ name: "a", command: ["b"], retries: 1 });
  // @ts-expect-error a command is a list
  await client.launchJob({ name: "a", command: "b" });
  // @ts-expect-error a wrong argument
  await client.launchJob({ name: "a", task: simulate, args: ["b", 1] });
  // @ts-expect-error a task has no environment
  await client.launchJob({ name: "a", task: nothing, env: {} });
  // @ts-expect-error a plain function is not a task
  await client.launchJob({ name: "a", task: () => 1 });
  // @ts-expect-error a future is not an argument of a job
  await client.launchJob({ name: "a", task: half, args: [client.submit(half, [1])] });
  // @ts-expect-error lines are chosen by a number
  client.job("a").logs({ taskIndex: "1" });
}

test("the types of commands and jobs accept what runs and refuse what does not", () => {});
