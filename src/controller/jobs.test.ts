/**
 * Launched jobs: names, trees, states, budgets, ends.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import type { FactOf } from "./facts.ts";
import { type PruneBounds, pruneJobs } from "./jobs.ts";
import { Outbox } from "./outbox.ts";

describe("a job", () => {
  test("goes from pending to running to succeeded, and its worker is free", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    const lines = harness.launch("one");
    assert.match(lines.join("\n"), /w1 < compute one\/0/);
    assert.equal(harness.jobState("one"), "RUNNING");
    worker.starts("one/0");
    assert.equal(harness.stateOf("one/0"), "RUNNING");
    worker.finishes("one/0");
    assert.equal(harness.jobState("one"), "SUCCEEDED");
    assert.deepEqual(harness.usedBy(worker), {});
  });

  test("that no worker can take is PENDING", () => {
    const harness = new ControllerHarness();
    harness.launch("one");
    assert.equal(harness.jobState("one"), "PENDING");
  });

  test("whose task fails without retries is FAILED, with the failure and its count", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("one");
    worker.starts("one/0");
    worker.fails("one/0", { failure: { ...exit(3) } });
    const { job } = harness.call("GetJobStatus", { jobId: "/ann/one" }) as Status;
    assert.equal(job.state, "FAILED");
    assert.equal(job.failureCount, 1);
    assert.match(job.error?.message ?? "", /exit code 3/);
  });

  test("retries exactly as often as its budget says", () => {
    for (const [retries, expected] of [
      [1, "FAILED"],
      [2, "SUCCEEDED"],
    ] as const) {
      const harness = new ControllerHarness();
      const worker = harness.aWorker();
      harness.launch("one", { maxRetriesFailure: retries });
      for (let tries = 0; tries < 2; tries++) {
        worker.starts("one/0");
        worker.fails("one/0");
      }
      if (harness.stateOf("one/0") === "ASSIGNED") worker.finishes("one/0");
      assert.equal(harness.jobState("one"), expected, `${retries} retries`);
    }
  });

  test("does not retry an exit code that is never worth it, whatever its budget", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("one", { maxRetriesFailure: 5, noRetryExitCodes: [3] });
    worker.starts("one/0");
    worker.fails("one/0", { failure: exit(3) });
    assert.equal(harness.jobState("one"), "FAILED");
  });

  test("retries only the exit codes that are worth it, if it names any", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("one", { maxRetriesFailure: 5, retryExitCodes: [3] });
    worker.starts("one/0");
    worker.fails("one/0", { failure: exit(3) });
    assert.equal(harness.jobState("one"), "RUNNING");
    worker.fails("one/0", { failure: exit(4) });
    assert.equal(harness.jobState("one"), "FAILED");
  });

  test("counts what a lost worker cost as done again, and a retry of a failure not", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("one", { maxRetriesFailure: 5 });
    worker.starts("one/0");
    worker.fails("one/0", { failure: exit(3) });
    assert.equal(harness.state.recomputedCount, 0);
    worker.starts("one/0");
    worker.exits();
    assert.equal(harness.state.recomputedCount, 1);
  });

  test("tolerates as many failed tasks as it says, and fails with one more", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 3 });
    harness.launch("many", { replicas: 4, maxTaskFailures: 1 });
    for (const label of ["many/0", "many/1", "many/2"]) worker.starts(label);
    worker.fails("many/0");
    assert.equal(harness.jobState("many"), "RUNNING");
    worker.fails("many/1");
    assert.equal(harness.jobState("many"), "FAILED");
    assert.equal(harness.statesOf("many/2", "many/3"), "KILLED, KILLED");
    worker.reports({ kind: "abandoned", label: "many/2" });
    worker.reports({ kind: "abandoned", label: "many/3" });
    assert.deepEqual(harness.usedBy(worker), {});
  });

  test("is SUCCEEDED with the failures that it allowed for", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 2 });
    harness.launch("many", { replicas: 2, maxTaskFailures: 1 });
    worker.fails("many/0");
    worker.finishes("many/1");
    assert.equal(harness.jobState("many"), "SUCCEEDED");
  });

  test("whose scheduling timeout passes is UNSCHEDULABLE, and no worker was touched", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("big", { resources: { cpuMilli: 9_999_000 }, schedulingTimeoutMs: 2_000 });
    harness.after(1_900);
    assert.equal(harness.jobState("big"), "PENDING");
    harness.after(200);
    assert.equal(harness.jobState("big"), "UNSCHEDULABLE");
    assert.equal(worker.orders, "");
  });

  test("without a scheduling timeout waits for ever", () => {
    const harness = new ControllerHarness();
    harness.aWorker();
    harness.launch("big", { resources: { cpuMilli: 9_999_000 } });
    harness.after(3_600_000);
    assert.equal(harness.jobState("big"), "PENDING");
  });

  test("may have the name that the job of a session had, once that has ended", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    const client = harness.aClient();
    client.submits({ a: {} });
    client.closes();
    worker.obeys();
    harness.launch("graph-1");
    assert.equal(worker.orders, "graph-1/0");
  });

  test("of a session has not ended while its client is there, whatever it still holds", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    const client = harness.aClient();
    client.submits({ a: {} });
    worker.finishes("a");
    client.releases("a");
    assert.equal(harness.stateOf("a"), "forgotten");
    const finishedAt = () => {
      const { jobs } = harness.call("ListJobs") as { jobs: { finishedAt: string | null }[] };
      return jobs[0].finishedAt;
    };
    assert.equal(finishedAt(), null);
    client.closes();
    assert.notEqual(finishedAt(), null);
  });

  test("that cannot run now does not block one behind it that can", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 4 });
    harness.launch("big", { resources: { cpuMilli: 8_000 } });
    harness.launch("small");
    assert.equal(worker.orders, "small/0");
  });

  test("whose task is killed from outside is tried again, at the cost of its preemptions", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("one", { maxRetriesPreemption: 1 });
    worker.starts("one/0");
    worker.fails("one/0", { cause: "killed" });
    assert.equal(harness.stateOf("one/0"), "ASSIGNED");
    worker.starts("one/0");
    worker.fails("one/0", { cause: "killed" });
    assert.equal(harness.jobState("one"), "WORKER_FAILED");
  });

  test("ends with the out-of-memory of its task as a failure, not as a loss", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("one");
    worker.starts("one/0");
    worker.fails("one/0", { cause: "oom" });
    assert.equal(harness.jobState("one"), "FAILED");
  });

  test("that timed out is not tried again", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("one", { maxRetriesFailure: 5 });
    worker.starts("one/0");
    worker.fails("one/0", { cause: "timeout" });
    assert.equal(harness.jobState("one"), "FAILED");
  });

  test("keeps what its attempts used and how they ended", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("one", { maxRetriesFailure: 1 });
    worker.starts("one/0");
    worker.measures("one/0", { exitCode: 3, peakRssBytes: 77 });
    worker.fails("one/0", { failure: exit(3) });
    harness.restarts("snapshot");
    const { tasks } = harness.call("GetJobStatus", { jobId: "/ann/one" }) as Status;
    const [first] = tasks[0].attempts;
    assert.deepEqual([first.exitCode, first.peakRssBytes, first.cause], [3, 77, "failed"]);
  });
});

describe("a cancelled job", () => {
  test("is KILLED at once, and holds its capacity until what ran has stopped", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 2 });
    harness.launch("two", { replicas: 2 });
    worker.starts("two/0", "two/1");
    const lines = harness.cancel("/ann/two");
    assert.match(lines.join("\n"), /stop two\/0 two\/1|stop two\/0/);
    assert.equal(harness.jobState("two"), "KILLED");
    assert.equal(harness.usedBy(worker).cpu, 2000);
    worker.reports({ kind: "abandoned", label: "two/0" }, { kind: "abandoned", label: "two/1" });
    assert.deepEqual(harness.usedBy(worker), {});
  });

  test("takes its whole tree along, and leaves other trees alone", () => {
    const harness = new ControllerHarness();
    harness.aWorker({ slots: 4 });
    harness.launch("a");
    harness.launch("a/b");
    harness.launch("a/b/c");
    harness.launch("other");
    harness.cancel("/ann/a");
    assert.deepEqual(
      ["a", "a/b", "a/b/c", "other"].map((name) => harness.jobState(name)),
      ["KILLED", "KILLED", "KILLED", "RUNNING"],
    );
  });

  test("stays what it was when a late report comes", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("one");
    worker.starts("one/0");
    harness.cancel("/ann/one");
    worker.starts("one/0");
    worker.finishes("one/0");
    assert.equal(harness.jobState("one"), "KILLED");
    assert.deepEqual(harness.usedBy(worker), {});
  });
});

test("the graph of a session is cancelled like a job: what is open of it is killed", () => {
  const harness = new ControllerHarness();
  const worker = harness.aWorker();
  harness.aClient().submits({ a: {}, b: {}, c: { on: ["b"] } });
  harness.aClient("bob").submits({ other: {} });
  worker.finishes("a");
  worker.starts("b");
  const lines = harness.cancel("/ann/graph-1");
  assert.ok(lines.includes("w1 < stop b"), lines.join("\n"));
  assert.equal(harness.statesOf("a", "b", "c"), "SUCCEEDED, KILLED, KILLED");
  assert.match(harness.stateOf("other"), /ASSIGNED|PENDING/);
});

describe("a name", () => {
  test("that is taken by an open job is refused, and nothing changes", () => {
    const harness = new ControllerHarness();
    harness.launch("one");
    assert.deepEqual(harness.launch("one"), ["refused ALREADY_EXISTS"]);
  });

  test("with KEEP answers with the open job", () => {
    const harness = new ControllerHarness();
    harness.launch("one");
    assert.match(harness.launch("one", { onExisting: "KEEP" })[0], /"created":false/);
  });

  test("of a job that has ended is free", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("one");
    worker.finishes("one/0");
    assert.match(harness.launch("one").join(" "), /"created":true/);
  });

  test("with RECREATE ends the old job, and the new one begins when that has stopped", () => {
    const harness = new ControllerHarness();
    const [w1, w2] = [harness.aWorker(), harness.aWorker()];
    harness.launch("one");
    w1.starts("one/0");
    const old = w1.attemptOf("one/0");
    harness.launch("one", { onExisting: "RECREATE" });
    assert.equal(harness.stateOf("one/0"), "PENDING held");
    assert.equal(w2.orders, "", "the old attempt still runs");
    w1.reports({ kind: "abandoned", label: "one/0", attempt: old.id });
    assert.equal(harness.stateOf("one/0"), "ASSIGNED");
  });

  test("that is replaced twice while the first stops waits for the first, and once", () => {
    const harness = new ControllerHarness();
    const [w1, w2] = [harness.aWorker(), harness.aWorker()];
    harness.launch("one");
    w1.starts("one/0");
    const old = w1.attemptOf("one/0");
    harness.launch("one", { onExisting: "RECREATE" });
    harness.launch("one", { onExisting: "RECREATE" });
    assert.equal(harness.stateOf("one/0"), "PENDING held");
    w1.reports({ kind: "abandoned", label: "one/0", attempt: old.id });
    assert.equal(harness.stateOf("one/0"), "ASSIGNED");
    assert.equal([w1, w2].filter(({ orders }) => orders === "one/0").length, 1);
  });

  test("below that of a session is the root of its own tree, and outlives the session", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    harness.launch("graph-1/x");
    harness.launch("graph-1/x/y");
    const parents = () => {
      const { jobs } = harness.call("ListJobs", { orderBy: "name" }) as { jobs: JobShown[] };
      return jobs.map(({ jobId, parentJobId }) => `${jobId} of ${parentJobId}`);
    };
    const named = ["/ann/graph-1/x of null", "/ann/graph-1/x/y of /ann/graph-1/x"];
    assert.deepEqual(parents(), ["/ann/graph-1 of null", ...named]);
    client.closes();
    harness.at += 7 * 24 * 3_600_000_000;
    harness.after(1_000);
    assert.deepEqual(parents(), named);
    assert.match(harness.launch("graph-1").join(" "), /"created":true/);
    assert.equal(harness.jobState("graph-1/x"), "PENDING");
  });

  test("may be given without its user where that leaves no doubt", () => {
    const harness = new ControllerHarness();
    harness.launch("one");
    harness.launch("two", { user: "bob" });
    harness.launch("two", { user: "cid" });
    const { job } = harness.call("GetJobStatus", { jobId: "one" }) as Status;
    assert.equal(job.state, "PENDING");
    assert.throws(() => harness.call("GetJobStatus", { jobId: "two" }), /no job "two"/);
    harness.asks({ type: "terminate-job", jobId: "one", reason: "" });
    assert.equal(harness.jobState("one"), "KILLED");
  });

  test("below a job that does not run is refused", () => {
    const harness = new ControllerHarness();
    assert.deepEqual(harness.launch("none/child"), ["refused NOT_FOUND"]);
  });
});

describe("a parent that ends", () => {
  test("by success ends its children", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 2 });
    harness.launch("a", { children: "PRESERVE" });
    harness.launch("a/b");
    worker.finishes("a/0");
    assert.equal(harness.jobState("a/b"), "KILLED");
  });

  test("by failure keeps them if it is told to", () => {
    for (const [children, expected] of [
      ["PRESERVE", "RUNNING"],
      ["TERMINATE", "KILLED"],
    ] as const) {
      const harness = new ControllerHarness();
      const worker = harness.aWorker({ slots: 2 });
      harness.launch("a", { children });
      harness.launch("a/b");
      worker.fails("a/0");
      assert.equal(harness.jobState("a/b"), expected);
    }
  });

  test("and starts anew keeps them only if it has several tasks", () => {
    for (const [replicas, expected] of [
      [1, "KILLED"],
      [2, "RUNNING"],
    ] as const) {
      const harness = new ControllerHarness();
      const [w1] = [harness.aWorker(), harness.aWorker({ slots: 4 })];
      harness.launch("a", { replicas, constraints: [] });
      harness.launch("a/b");
      const label = w1.orders.split(" ")[0];
      if (label.startsWith("a/b")) w1.starts(label);
      const host = harness.workers.find((one) => /\ba\/0/.test(one.orders));
      host?.starts("a/0");
      host?.fails("a/0", { cause: "killed" });
      assert.equal(harness.jobState("a/b"), expected, `${replicas} replicas`);
    }
  });
});

describe("a worker that dies", () => {
  test("under a running task sends it elsewhere, charged once", () => {
    const harness = new ControllerHarness();
    const [w1, w2] = [harness.aWorker(), harness.aWorker()];
    harness.launch("one");
    w1.starts("one/0");
    w1.exits();
    assert.equal(w2.orders, "one/0");
    const { job } = harness.call("GetJobStatus", { jobId: "/ann/one" }) as Status;
    assert.equal(job.preemptionCount, 1);
  });

  test("before a task had started costs it nothing", () => {
    const harness = new ControllerHarness();
    const [w1] = [harness.aWorker(), harness.aWorker()];
    harness.launch("one");
    w1.exits();
    const { job } = harness.call("GetJobStatus", { jobId: "/ann/one" }) as Status;
    assert.deepEqual([job.state, job.preemptionCount], ["RUNNING", 0]);
  });

  test("while its launcher lives may come back with what runs, uncharged", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("one");
    worker.starts("one/0");
    const { id } = worker.attemptOf("one/0");
    worker.exits("SIGKILL", { launcherLives: true });
    assert.equal(harness.stateOf("one/0"), "RUNNING");
    worker.connected = false;
    worker.adopts();
    assert.equal(worker.attemptOf("one/0").id, id);
    assert.equal(harness.usedBy(worker).cpu, 1000);
    worker.finishes("one/0");
    assert.equal(harness.jobState("one"), "SUCCEEDED");
    const { job } = harness.call("GetJobStatus", { jobId: "/ann/one" }) as Status;
    assert.equal(job.preemptionCount, 0);
  });
});

describe("what has ended", () => {
  test("is forgotten after its retention, with all its tasks", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("one");
    worker.finishes("one/0");
    harness.at += 7 * 24 * 3_600_000_000;
    harness.after(1_000);
    assert.equal(harness.jobState("one"), "unknown");
    assert.equal(harness.state.tasks.live, 0);
    harness.launch("two");
    assert.equal(harness.jobState("two"), "RUNNING");
  });

  test("leaves no spec behind with the workers that know it", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker();
    harness.launch("one");
    worker.finishes("one/0");
    harness.at += 7 * 24 * 3_600_000_000;
    worker.connects();
    harness.launch("two");
    worker.finishes("two/0");
    harness.at += 7 * 24 * 3_600_000_000 - 5_000_000;
    assert.deepEqual(worker.heartbeats(), []);
    assert.deepEqual(harness.after(10_000), ["w1 < drop-spec"]);
    assert.equal(harness.jobState("two"), "unknown");
  });

  test("is forgotten sooner where there is more than is kept: the oldest first", () => {
    const forgottenWithin = (jobsMax: number, tasksMax: number) => {
      const harness = new ControllerHarness();
      const worker = harness.aWorker({ slots: 9 });
      for (const name of ["a", "b", "c"]) harness.launch(name, { replicas: 2 });
      harness.launch("open", { replicas: 3 });
      worker.finishes("b/0", "b/1", "c/0", "c/1");
      harness.after(1_000);
      worker.finishes("a/0", "a/1");
      return forgottenOf(harness, { endedBefore: 0, jobsMax, tasksMax });
    };
    assert.deepEqual(forgottenWithin(3, 6), []);
    assert.deepEqual(forgottenWithin(2, 6), ["/ann/b"], "of two that ended at once the older one");
    assert.deepEqual(forgottenWithin(1, 6), ["/ann/c", "/ann/b"]);
    assert.deepEqual(forgottenWithin(3, 5), ["/ann/b"]);
    assert.deepEqual(forgottenWithin(3, 2), ["/ann/c", "/ann/b"]);
    assert.deepEqual(forgottenWithin(0, 6), ["/ann/a", "/ann/c", "/ann/b"]);
  });

  test("is forgotten when its time has come, and not before", () => {
    const forgottenAt = (moment: number) => {
      const harness = new ControllerHarness();
      const worker = harness.aWorker({ slots: 2 });
      harness.launch("a");
      harness.launch("b");
      worker.finishes("a/0");
      const endedBefore = harness.state.jobs[0].finishedAt + moment;
      worker.finishes("b/0");
      return forgottenOf(harness, { endedBefore, jobsMax: 9, tasksMax: 9 });
    };
    assert.deepEqual(forgottenAt(-1), []);
    assert.deepEqual(forgottenAt(0), ["/ann/a"]);
  });

  test("is a parent no more to a child that was kept", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 2 });
    harness.launch("a", { children: "PRESERVE" });
    harness.launch("a/b");
    worker.fails("a/0");
    const roots = () => {
      const request = { filter: { rootsOnly: true }, orderBy: "name" };
      const { jobs } = harness.call("ListJobs", request) as { jobs: { jobId: string }[] };
      return jobs.map(({ jobId }) => jobId);
    };
    assert.deepEqual(roots(), ["/ann/a"]);
    harness.at += 7 * 24 * 3_600_000_000;
    harness.after(1_000);
    assert.deepEqual(roots(), ["/ann/a/b"]);
    assert.notEqual(harness.jobState("a/b"), "unknown");
  });

  test("leaves nothing of itself with its user, nor with a parent that goes on", () => {
    const harness = new ControllerHarness();
    const worker = harness.aWorker({ slots: 2 });
    harness.launch("a");
    harness.launch("a/b", { resources: { cpuMilli: 7 } });
    const [user] = harness.state.users;
    assert.equal(user.shapes.size, 2);
    worker.finishes("a/b/0");
    harness.at += 7 * 24 * 3_600_000_000;
    harness.after(1_000);
    assert.equal(user.shapes.size, 1);
    assert.equal(harness.state.jobs[0].launch?.children.size, 0);
  });
});

/** The names of the jobs that are forgotten within these bounds; where there are none, no fact. */
function forgottenOf(harness: ControllerHarness, bounds: PruneBounds): string[] {
  const out = new Outbox();
  pruneJobs(harness.state, out, bounds);
  return out.facts.flatMap((fact) => {
    assert.equal(fact.type, "jobs-pruned");
    const { jobs } = fact as FactOf<"jobs-pruned">;
    assert.notEqual(jobs.length, 0, "a fact says something");
    return Array.from(jobs, (index) => harness.state.jobs[index].id);
  });
}

function exit(exitCode: number) {
  const message = `exit code ${exitCode}`;
  const error = { name: "ExitError", message, stack: "", causes: [] };
  return { error, exitCode, signal: null, oom: false, stderrTail: "" };
}

interface JobShown {
  readonly jobId: string;
  readonly parentJobId: string | null;
}

interface Status {
  readonly job: {
    readonly state: string;
    readonly failureCount: number;
    readonly preemptionCount: number;
    readonly error: { readonly message: string } | null;
  };
  readonly tasks: readonly {
    readonly attempts: readonly {
      readonly exitCode: number | null;
      readonly peakRssBytes: number;
      readonly cause: string | null;
    }[];
  }[];
}
