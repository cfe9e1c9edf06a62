/**
 * The simulated cluster itself: the same seed does the same, what stands still is explained, what
 * is wrong is named.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import { connect, defineTask, gather } from "../../src/client/index.ts";
import {
  type CommandEnd,
  everySeed,
  type SeedError,
  type SimulateOptions,
  StandstillError,
  simulateCluster,
} from "../../src/testing/index.ts";
import { double, later, never, sum } from "./tasks.ts";

function numbers(count: number): [number][] {
  return Array.from({ length: count }, (_, i) => [i]);
}

/** A program with something of everything; returns its trace. */
async function traceOf(seed: number): Promise<string> {
  await using cluster = await simulateCluster({ seed, workers: 3, faults: "swarm" });
  cluster.taskTakes(double, ["1s", "20s"]);
  const client = await cluster.connect();
  const futures = [...client.map(double, numbers(60)), ...client.map(later, numbers(5))];
  await cluster.advance("5s");
  futures[10].cancel();
  cluster.killWorker("w2", { backAfter: "30s" });
  await gather(futures, { errors: "skip" });
  return `${cluster.traceText()}\n${cluster.now}`;
}

describe("one seed", () => {
  test("does the same, to the last event, whatever the machine does meanwhile", async () => {
    for (const seed of [1, 2, 3, 4, 5, 6]) {
      const first = await traceOf(seed);
      const busy = setInterval(() => performance.now(), 1);
      assert.equal(await traceOf(seed), first, `seed ${seed}`);
      clearInterval(busy);
    }
  });

  test("does something else than another", async () => {
    assert.notEqual(await traceOf(1), await traceOf(2));
  });

  test("tells what happened, in order of time", async () => {
    await using cluster = await simulateCluster({ workers: 1 });
    const client = await cluster.connect();
    cluster.failNext(double);
    await client.submit(double, [1], { retries: 1 }).result();
    const story = cluster.trace().map(({ who, what }) => `${who} ${what}`);
    assert.deepEqual(story, [
      "controller came up",
      "w1 came up",
      "w1 started double 1.1",
      "w1 failed double 1.1",
      "w1 started double 1.2",
      "w1 finished double 1.2",
    ]);
    assert.match(cluster.traceText().split("\n")[2], /^ +0\.00\d s {2}w1 {2}started double 1\.1$/);
  });
});

describe("a program that connects by itself", () => {
  test("reaches the cluster by its url, given or in the environment", async () => {
    await using cluster = await simulateCluster();
    const given = await connect(cluster.url, { user: "ada" });
    assert.equal(await given.submit(double, [1]).result(), 2);
    assert.match(given.jobId, /^\/ada\//);
    process.env.CAPSTAN_URL = cluster.url;
    try {
      await using found = await connect();
      assert.equal(await found.submit(double, [2]).result(), 4);
    } finally {
      delete process.env.CAPSTAN_URL;
    }
  });

  test("finds no cluster that was closed", async () => {
    const cluster = await simulateCluster();
    await cluster.close();
    const message = `connect: the cluster ${cluster.url} was closed`;
    assert.throws(() => connect(cluster.url), { code: "INVALID_ARGUMENT", message });
    const elsewhere = /^connect: the cluster simulated:999999 is not in this process/;
    assert.throws(() => connect("simulated:999999"), { message: elsewhere });
    assert.throws(() => connect("simulated:x"), { message: /is not a URL such as/ });
  });
});

describe("every seed", () => {
  test("of a good program ends well, faults and all", async () => {
    let faults = 0;
    await everySeed({ seeds: 60, workers: 3, takes: ["1s", "30s"] }, async (cluster) => {
      const client = await cluster.connect();
      const many = client.map(double, numbers(40));
      assert.equal(await client.submit(sum, [many]).result(), 1560);
      faults += cluster.faultCount;
    });
    assert.ok(faults > 100, `only ${faults} faults`);
  });

  test("the one that fails is named, with how to run it alone", async () => {
    const seen: number[] = [];
    const program = async (_: unknown, seed: number): Promise<void> => {
      seen.push(seed);
      if (seed === 12) throw new Error("one was lost");
    };
    const error = await everySeed({ first: 10 }, program).catch((reason: SeedError) => reason);
    assert.ok(error instanceof Error && error.name === "SeedError");
    assert.match(error.message, /^seed 12 fails \(.*CAPSTAN_SEED=12\): one was lost$/m);
    assert.equal((error.cause as Error).message, "one was lost");
    assert.deepEqual(seen, [10, 11, 12]);
    seen.length = 0;
    process.env.CAPSTAN_SEED = "11";
    await everySeed({ first: 10 }, program);
    delete process.env.CAPSTAN_SEED;
    assert.deepEqual(seen, [11]);
  });

  test("shows the end of its trace once, also to whoever prints the error", async () => {
    const program = (): Promise<void> => Promise.reject(new Error("one was lost"));
    const error = await everySeed({ workers: 1 }, program).catch((reason: SeedError) => reason);
    assert.ok(error instanceof Error);
    assert.equal(inspect(error).split("controller  came up").length - 1, 1, inspect(error));
    assert.match(error.trace, /controller {2}came up/);
  });

  test("is not run at all by a call that is wrong", async () => {
    let runs = 0;
    const program = async (): Promise<void> => void runs++;
    const wrong = everySeed as (...given: unknown[]) => Promise<void>;
    const cases: readonly (readonly [readonly unknown[], RegExp])[] = [
      [[{ seed: 7 }, program], /^seed: unknown name "seed"; did you mean "seeds"\?/],
      [[{ sedes: 7 }, program], /^sedes: unknown name "sedes"; did you mean "seeds"\?/],
      [[{ seeds: 0 }, program], /^seeds: 0 is not a whole number from 1/],
      [[{ first: "x" }, program], /^first: "x" is not a whole number/],
      [[program, { seeds: 7 }], /^options: a function is not a plain object/],
      [[program], /^options: a function is not a plain object/],
      [[{ seeds: 7 }], /^program: undefined is not a function/],
      [[{ seeds: 7 }, 7], /^program: 7 is not a function/],
    ];
    for (const [given, message] of cases) {
      await assert.rejects(wrong(...given), { code: "INVALID_ARGUMENT", message });
    }
    assert.equal(runs, 0);
  });
});

describe("what can never come", () => {
  test("is an error that says why, and no hanging test", async () => {
    await using cluster = await simulateCluster({ workers: [{ cpu: 2 }] });
    const client = await cluster.connect();
    const future = client.submit(double, [1], { resources: { cpu: 8 } });
    await assert.rejects(future.result(), (error: StandstillError) => {
      assert.ok(error instanceof StandstillError);
      assert.match(error.message, /^Nothing will ever end the wait for a task\./);
      assert.match(error.explanations[0], /^\/test\/graph-1\/0: .*8/);
      return true;
    });
    cluster.addWorker({ cpu: 8 });
    assert.equal(await future.result(), 2, "and it may still come, if somebody helps");
  });

  test("is told with the line of the program that waits, of several each its own", async () => {
    await using cluster = await simulateCluster({ workers: [{ cpu: 2 }] });
    const client = await cluster.connect();
    const options = { resources: { cpu: 8 } };
    const future = client.submit(double, [1], options);
    const job = await client.launchJob({ name: "big", command: ["true"], ...options });
    const waits = {
      forResult: async () => await future.result(),
      forAll: async () => await gather([future]),
      forJob: async () => void (await job.wait()),
    };
    for (const wait of Object.values(waits)) {
      await assert.rejects(wait(), ({ stack }: Error) => {
        assert.match(String(stack), /^StandstillError: Nothing will ever end the wait for a /);
        assert.match(String(stack), new RegExp(`at .*${wait.name} .*cluster\\.test\\.ts:\\d+`));
        return true;
      });
    }
    const all = await Promise.allSettled(Object.values(waits).map((wait) => wait()));
    const names = all.map((each) => {
      const { stack } = (each as PromiseRejectedResult).reason as Error;
      return /\bfor(?:Result|All|Job)\b/.exec(String(stack))?.[0];
    });
    assert.deepEqual(names, Object.keys(waits));
  });

  test("is known also when faults go on for ever", async () => {
    const faults = { workerCrash: "1m", connectionLoss: "10s" };
    await using cluster = await simulateCluster({ workers: 3, faults });
    const client = await cluster.connect();
    const future = client.submit(double, [1], { resources: { cpu: 8 } });
    await assert.rejects(future.result(), StandstillError);
  });

  test("is known of a cluster without workers, and of one without a controller", async () => {
    await using cluster = await simulateCluster({ workers: 1 });
    const client = await cluster.connect();
    cluster.killWorker("w1");
    const future = client.submit(double, [1]);
    await assert.rejects(future.result(), /no worker|workers/);
    cluster.startWorker("w1");
    assert.equal(await future.result(), 2);
    cluster.killController();
    await cluster.advance("1h");
    await assert.rejects(client.workers(), /The controller is down/);
    cluster.startController();
    assert.equal((await client.workers()).length, 1);
  });

  test("a function that does not return ends by its timeout, and holds nobody up", async () => {
    await using cluster = await simulateCluster({ patience: 10 });
    const client = await cluster.connect();
    const future = client.submit(never, [], { timeout: "1h" });
    await assert.rejects(future.result(), { code: "TASK_TIMED_OUT" });
    const stuck = client.submit(double, [1], { resources: { cpu: 64 } });
    await assert.rejects(stuck.result(), /need cpu=64/, "nobody waits for what was stopped");
  });
});

describe("what is wrong is named", () => {
  const wrong: readonly (readonly [string, unknown, RegExp])[] = [
    ["an unknown option", { sead: 1 }, /^sead: unknown name "sead"; did you mean "seed"\?/],
    ["a seed", { seed: -1 }, /^seed: -1 is not a whole number/],
    ["a number of workers", { workers: 1.5 }, /^workers: 1\.5 is not/],
    ["a worker's memory", { workers: [{ memory: "8x" }] }, /^workers\[0\]\.memory: "8x" is not/],
    ["a worker's option", { workers: [{}, { cpus: 4 }] }, /^workers\[1\]\.cpus: unknown name/],
    [
      "a worker's name",
      { workers: [{ name: "a" }] },
      /Known: id, attributes, threads, commandSlots, cpu/,
    ],
    ["two workers of one id", { workers: [{ id: "a" }, { id: "a" }] }, /^workers: the id a is/],
    ["an attribute", { workers: [{ attributes: { x: 1 } }] }, /^workers\[0\]\.attributes\.x: 1/],
    ["a run time", { takes: "soon" }, /^takes: "soon" is not a duration/],
    ["a range that is none", { takes: ["9s", "1s"] }, /^takes: the range ends before/],
    ["a kind of fault", { faults: { earthquake: "1m" } }, /^faults\.earthquake: unknown name/],
    ["a rate of faults", { faults: { workerCrash: 0 } }, /^faults\.workerCrash: 0 is not above 0/],
    ["a name of faults", { faults: "storm" }, /^faults: "storm" is not "none", "swarm" or/],
    ["a delay", { networkDelayMax: "1m" }, /^networkDelayMax: 60000 is not/],
  ];
  for (const [what, options, message] of wrong) {
    test(what, async () => {
      await assert.rejects(simulateCluster(options as SimulateOptions), (error: Error) => {
        assert.match(error.message, message);
        return true;
      });
    });
  }

  test("two functions of one name, of which a cluster would take one for the other", async () => {
    await using cluster = await simulateCluster();
    const client = await cluster.connect();
    const url = import.meta.url;
    const one = defineTask(url, () => 1, { name: "same" });
    const other = defineTask(url, () => 2, { name: "same" });
    assert.equal(await client.submit(one, []).result(), 1);
    assert.throws(() => client.submit(other, []), /task: "same" is not the only task of that name/);
  });

  test("what a test's own function returned, to whoever waits", async () => {
    await using first = await simulateCluster();
    first.taskTakes(double, () => "soon");
    const client = await first.connect();
    await assert.rejects(client.submit(double, [1]).result(), /taskTakes: its result: "soon"/);
    await using second = await simulateCluster();
    second.onCommand(() => ({ exit: 3 }) as CommandEnd);
    const other = await second.connect();
    const job = await other.launchJob({ name: "odd", command: ["true"] });
    await assert.rejects(job.wait(), /onCommand: its result\.exit: unknown name "exit"/);
  });

  test("what is asked of a cluster that has no such worker or duration", async () => {
    await using cluster = await simulateCluster();
    assert.throws(() => cluster.killWorker("w9"), /"w9" is no worker; there are w1, w2/);
    assert.throws(() => cluster.partition("w9"), /"w9" is no worker/);
    assert.throws(() => cluster.taskTakes(double, "x"), /^CapstanError: takes: "x" is not/);
    assert.throws(() => cluster.addWorker({ id: "w1" }), /there is a worker w1 already/);
    assert.throws(() => cluster.failNext(double, new Error("x"), 0), /count: 0 is not/);
    await assert.rejects(cluster.advance("-1s"), /advance: "-1s" is not a duration/);
  });

  test("what is asked of a cluster by options that it does not know: nothing is done", async () => {
    await using cluster = await simulateCluster();
    const wrong = cluster as unknown as Record<string, (...given: unknown[]) => unknown>;
    const before = cluster.traceText();
    const typo = /^backAftr: unknown name "backAftr"; did you mean "backAfter"\?/;
    const cases: readonly (readonly [string, readonly unknown[], RegExp])[] = [
      ["killWorker", ["w1", { backAftr: "1s" }], typo],
      ["killWorker", ["w1", "1s"], /^options: "1s" is not a plain object/],
      ["killWorker", ["w1", { backAfter: "soon" }], /^backAfter: "soon" is not a duration/],
      ["partition", ["w1", { backAftr: "1s" }], typo],
      ["killController", [{ backAftr: "1s" }], typo],
      ["connect", [{ usr: "bob" }], /^usr: unknown name "usr"; did you mean "user"\?/],
      ["connect", [{ user: 7 }], /^user: 7 is not a string/],
      ["connect", [{ onWarning: "x" }], /^onWarning: "x" is not a function/],
      ["onCommand", [{}], /^handler: an object is not a function/],
      ["addWorker", [{ cpus: 4 }], /^worker\.cpus: unknown name "cpus"; did you mean "cpu"\?/],
    ];
    for (const [method, given, message] of cases) {
      // What throws and what rejects are refusals alike.
      const call = async (): Promise<unknown> => await wrong[method](...given);
      await assert.rejects(call, { code: "INVALID_ARGUMENT", message }, method);
    }
    assert.equal(cluster.traceText(), before);
    assert.deepEqual(cluster.workers, ["w1", "w2"]);
  });

  test("whatever is asked of a cluster that was closed, but what happened in it", async () => {
    const cluster = await simulateCluster();
    const client = await cluster.connect();
    assert.equal(await client.submit(double, [1]).result(), 2);
    await cluster.close();
    await cluster.close();
    const acts: readonly (() => unknown)[] = [
      () => cluster.connect(),
      () => cluster.advance("1s"),
      () => cluster.taskTakes(double, "1s"),
      () => cluster.failNext(double),
      () => cluster.onCommand(() => ({})),
      () => cluster.killWorker("w1"),
      () => cluster.startWorker("w1"),
      () => cluster.addWorker(),
      () => cluster.partition("w1"),
      () => cluster.heal("w1"),
      () => cluster.killController(),
      () => cluster.startController(),
      () => cluster.restartController(),
      () => cluster.dropClients(),
    ];
    const message = `the cluster ${cluster.url} was closed`;
    for (const act of acts) {
      await assert.rejects(async () => await act(), { code: "CONFLICT", message }, String(act));
    }
    assert.equal(cluster.executionsOf(double), 1);
    assert.ok(cluster.now > 0 && cluster.trace().length > 0);
    assert.deepEqual(cluster.workers, ["w1", "w2"]);
  });
});
