/**
 * The auditor finds what is planted in a trace, and nothing in a right one.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { emptyBlobs } from "../../src/base/blobs.ts";
import type { Attributes } from "../../src/model/constraints.ts";
import { defaultRequest, noResources } from "../../src/model/resources.ts";
import { specDefaults, type TaskSpec } from "../../src/model/spec.ts";
import {
  type AttemptContext,
  type AttemptFailed,
  type HotMessageOf,
  reportKind,
  type ToWorkerMessage,
  type WorkerHello,
  type WorkerMessage,
} from "../../src/protocol/messages.ts";
import { Auditor } from "../../src/simulator/auditor.ts";
import { OutcomeLedger } from "../../src/simulator/outcome-ledger.ts";

const aFunction: TaskSpec = {
  run: { kind: "function", bundle: "b", functionName: "f", executor: "thread" },
  name: "f",
  resources: defaultRequest,
  constraints: [],
  ...specDefaults,
};
const aMember: TaskSpec = {
  ...aFunction,
  run: {
    ...{ kind: "command", argv: ["work"], env: {}, cwd: "", workspace: "", ports: [] },
    ...{ stdin: "", result: { type: "none" } },
  },
  groupBy: "slice",
};
/** What attributes a task asks for, in the order of the specs from 3 on. */
const askedFor: readonly TaskSpec[] = [
  { key: "region", op: "=", values: ["east"], mode: "REQUIRED" } as const,
  { key: "region", op: "=", values: ["east"], mode: "PREFERRED" } as const,
  { key: "cores", op: ">", values: ["9"], mode: "REQUIRED" } as const,
  { key: "worker-id", op: "in", values: ["v", "w"], mode: "REQUIRED" } as const,
  { key: "taint:spot", op: "!=", values: ["x"], mode: "REQUIRED" } as const,
].map((constraint) => ({ ...aFunction, constraints: [constraint] }));
const [inEast, ratherEast, large, here, tolerant] = askedFor.map((_unused, place) => place + 3);
const aPatientOne: TaskSpec = {
  ...aFunction,
  maxRetriesFailure: 1,
  retryBackoff: { initialMs: 1, maxMs: 1 },
};

interface Ordered {
  readonly attempt: number;
  readonly task: number;
  readonly spec?: number;
  readonly prefetched?: boolean;
  readonly inputs?: readonly number[];
  readonly context?: AttemptContext;
}

const aHello: WorkerHello = {
  ...{ role: "worker", protocolVersion: 1, workerId: "w", incarnation: "i1", clusterId: "sim" },
  ...{ epoch: 1, address: "w:1", pid: 1, capacity: noResources, slots: 2, commandSlots: 2 },
  attributes: {},
};

/** A trace of one worker with one CPU and two slots, written event by event. */
class Trace {
  readonly auditor = new Auditor();
  #at = 0;

  constructor() {
    this.registers();
    this.#ordered({ type: "define-spec", spec: 0, definition: aFunction });
    this.#ordered({ type: "define-spec", spec: 1, definition: aMember });
    this.#ordered({ type: "define-spec", spec: 2, definition: aPatientOne });
    for (const [place, definition] of askedFor.entries())
      this.#ordered({ type: "define-spec", spec: place + 3, definition });
  }

  #ordered(message: ToWorkerMessage): void {
    this.auditor.onTraffic({ type: "ordered", at: ++this.#at, workerId: "w", message });
  }

  #traffic(type: "said" | "heard", message: WorkerMessage): void {
    this.auditor.onTraffic({ type, at: ++this.#at, workerId: "w", message });
  }

  #execution(type: "started" | "ended", attempt: number): void {
    this.auditor.onTraffic({ type, at: ++this.#at, workerId: "w", attempt });
  }

  registers(attempts: readonly number[] = [], attributes: Attributes = {}): this {
    const capacity = { ...noResources, cpuMilli: 1000 };
    const inventory = {
      type: "inventory",
      attempts: Float64Array.from(attempts),
      attemptTasks: Float64Array.from(attempts),
      phases: new Uint8Array(attempts.length).fill(1),
      values: new Float64Array(0),
      valueSizes: new Float64Array(0),
    } as const;
    const hello = { ...aHello, capacity, attributes };
    this.auditor.onTraffic({ type: "registered", at: this.#at, hello, inventory });
    return this;
  }

  /** A client's retry: heard, or by now accepted. */
  retries(state: "asked-heard" | "told"): this {
    const clientId = "c";
    if (state === "told") {
      const message = { type: "accepted", sequence: 1 } as const;
      this.auditor.onTraffic({ type: "told", clientId, message });
    } else {
      const message = { type: "retry", sequence: 1, tasks: [1] } as const;
      this.auditor.onTraffic({ type: "asked-heard", clientId, message });
    }
    return this;
  }

  orders({ attempt, task, spec = 0, prefetched = false, inputs = [], context }: Ordered): this {
    const message: HotMessageOf<"compute"> = {
      type: "compute",
      attempts: Float64Array.of(attempt),
      tasks: Float64Array.of(task),
      specs: Uint32Array.of(spec),
      shapes: Uint32Array.of(spec),
      prefetched: Uint8Array.of(prefetched ? 1 : 0),
      args: emptyBlobs,
      contexts: context === undefined ? [] : [JSON.stringify(context)],
      inputCounts: Uint32Array.of(inputs.length),
      inputTasks: Float64Array.from(inputs),
      inputSources: Uint32Array.from(inputs, () => 0),
      inputSizes: new Float64Array(inputs.length),
      inputs: emptyBlobs,
    };
    this.#ordered(message);
    return this;
  }

  prepares(attempt: number, task: number): this {
    const member = { host: "w", ports: {} };
    this.#traffic("heard", { type: "attempt-prepared", attempt, task, member });
    return this;
  }

  startsGang(attempt: number, task: number, size: number): this {
    const members = Array.from({ length: size }, () => ({ host: "w", ports: {} }));
    this.#ordered({ type: "start-gang", attempt, task, members });
    return this;
  }

  starts(attempt: number): this {
    this.#execution("started", attempt);
    return this;
  }

  ends(attempt: number): this {
    this.#execution("ended", attempt);
    return this;
  }

  says(kind: number, attempt: number, task: number, successor = 0): this {
    const message: HotMessageOf<"reports"> = {
      type: "reports",
      kinds: Uint8Array.of(kind),
      attempts: Float64Array.of(attempt),
      tasks: Float64Array.of(task),
      reasons: new Uint8Array(1),
      successors: Float64Array.of(successor),
      others: new Float64Array(1),
      sizes: new Float64Array(1),
      durations: new Uint32Array(1),
      values: emptyBlobs,
    };
    this.#traffic("said", message);
    this.#traffic("heard", message);
    return this;
  }

  fails(attempt: number, task: number): this {
    const error = { name: "Error", message: "", stack: "", causes: [] };
    const failure = { error, exitCode: null, signal: null, oom: false, stderrTail: "" };
    const message: AttemptFailed = {
      ...{ type: "attempt-failed", attempt, task, successor: 0, cause: "failed", failure },
    };
    this.#traffic("said", message);
    this.#traffic("heard", message);
    return this;
  }

  /** Somebody is told that the job has been stopped, after it was perhaps asked for again. */
  stops(jobId: string, { isAskedAgain = false } = {}): this {
    this.auditor.onTraffic({ type: "stop-asked", jobId, call: 1 });
    if (isAskedAgain) this.auditor.onTraffic({ type: "launch-asked", jobId, call: 2 });
    this.auditor.onTraffic({ type: "stop-acknowledged", jobId, call: 1 });
    return this;
  }

  acknowledges(sequence: number): this {
    this.#ordered({ type: "acknowledge", sequence });
    return this;
  }

  rests(): this {
    this.auditor.atRest(this.#at);
    return this;
  }
}

function contextOf(index: number, replicas: number): AttemptContext {
  const ids = { taskId: `/ann/gang/${index}`, jobId: "/ann/gang", attemptId: "1.1" };
  return { ...ids, index, replicas, devices: [], token: "" };
}

const { finished, abandoned, handedBack } = reportKind;

const faults: readonly (readonly [string, RegExp, (trace: Trace) => unknown])[] = [
  [
    "a unit is given to two attempts",
    /no unit is given twice: cpu: 2000 of 1000/,
    (trace) => trace.orders({ attempt: 1, task: 1 }).orders({ attempt: 2, task: 2 }),
  ],
  [
    "a unit that an inventory shows in use is given away",
    /no unit is given twice/,
    (trace) =>
      trace
        .orders({ attempt: 1, task: 1 })
        .starts(1)
        .registers([1])
        .orders({ attempt: 2, task: 2 }),
  ],
  [
    "two run on what one of them holds",
    /no unit is used twice/,
    (trace) =>
      trace
        .orders({ attempt: 1, task: 1 })
        .orders({ attempt: 2, task: 2, prefetched: true })
        .starts(1)
        .starts(2),
  ],
  [
    "an attempt's number is not above the one before",
    /attempts of a task rise strictly/,
    (trace) =>
      trace.orders({ attempt: 5, task: 1 }).says(handedBack, 5, 1).orders({ attempt: 4, task: 1 }),
  ],
  [
    "an input has no value yet",
    /after all its inputs are committed/,
    (trace) => trace.orders({ attempt: 1, task: 1, inputs: [7] }),
  ],
  [
    "an end is told while the thing runs",
    /an end is told after it was observed/,
    (trace) => trace.orders({ attempt: 1, task: 1 }).starts(1).says(finished, 1, 1),
  ],
  [
    "an attempt is answered in two ways",
    /an attempt has one answer: finished, then abandoned/,
    (trace) =>
      trace
        .orders({ attempt: 1, task: 1 })
        .starts(1)
        .ends(1)
        .says(finished, 1, 1)
        .says(abandoned, 1, 1),
  ],
  [
    "something starts that nobody ordered",
    /nothing starts that was not ordered there/,
    (trace) => trace.starts(9),
  ],
  [
    "something starts that was answered for",
    /nothing starts that its worker has answered for/,
    (trace) => trace.orders({ attempt: 1, task: 1 }).says(handedBack, 1, 1).starts(1),
  ],
  [
    "something starts that was answered for, as was what took it over",
    /nothing starts that its worker has answered for/,
    (trace) =>
      trace
        .orders({ attempt: 1, task: 1 })
        .orders({ attempt: 2, task: 1 })
        .says(abandoned, 1, 1)
        .says(handedBack, 2, 1)
        .starts(1),
  ],
  [
    "a task runs twice on a machine",
    /a task runs once on a machine/,
    (trace) =>
      trace.orders({ attempt: 1, task: 1 }).orders({ attempt: 2, task: 1 }).starts(1).starts(2),
  ],
  [
    "a member starts before its gang",
    /a member of a gang starts when all are prepared/,
    (trace) => trace.orders({ attempt: 1, task: 1, spec: 1, context: contextOf(0, 2) }).starts(1),
  ],
  [
    "a gang starts in part",
    /a gang starts when all are prepared/,
    (trace) =>
      trace
        .orders({ attempt: 1, task: 1, spec: 1, context: contextOf(0, 2) })
        .prepares(1, 1)
        .startsGang(1, 1, 2),
  ],
  [
    "a gang is told of fewer members than it has",
    /a gang starts whole/,
    (trace) =>
      trace
        .orders({ attempt: 1, task: 1, spec: 1, context: contextOf(0, 2) })
        .prepares(1, 1)
        .startsGang(1, 1, 1),
  ],
  [
    "a task gets a try that its budget has not",
    /no more tries than its budget/,
    (trace) =>
      trace
        .orders({ attempt: 1, task: 1 })
        .starts(1)
        .ends(1)
        .fails(1, 1)
        .acknowledges(1)
        .orders({ attempt: 2, task: 1 }),
  ],
  [
    "a task gets a try that a retry of before its failure does not give it",
    /no more tries than its budget/,
    (trace) =>
      trace
        .orders({ attempt: 1, task: 1 })
        .starts(1)
        .ends(1)
        .retries("asked-heard")
        .retries("told")
        .fails(1, 1)
        .acknowledges(1)
        .orders({ attempt: 2, task: 1 }),
  ],
  [
    "a unit is given away that goes on being used, since the order that took it over was lost",
    /no unit is given twice/,
    (trace) =>
      trace
        .orders({ attempt: 1, task: 1 })
        .starts(1)
        .orders({ attempt: 2, task: 1 })
        .registers([1])
        .orders({ attempt: 3, task: 2 }),
  ],
  [
    "a retry does not wait",
    /a retry starts after its back-off and not before/,
    (trace) =>
      trace
        .orders({ attempt: 1, task: 1, spec: 2 })
        .starts(1)
        .ends(1)
        .fails(1, 1)
        .acknowledges(1)
        .orders({ attempt: 2, task: 1, spec: 2 }),
  ],
  [
    "a job goes on whose stop was acknowledged",
    /nothing starts of a job whose stop was acknowledged/,
    (trace) => trace.stops("/ann/gang").orders({ attempt: 1, task: 1, context: contextOf(0, 1) }),
  ],
  [
    "an order goes where its constraint does not hold",
    /a task goes where its constraints allow it: region = east/,
    (trace) =>
      trace.registers([], { region: "west" }).orders({ attempt: 1, task: 1, spec: inEast }),
  ],
  [
    "an order goes where what its constraint is about is not there",
    /a task goes where its constraints allow it: cores > 9/,
    (trace) => trace.orders({ attempt: 1, task: 1, spec: large }),
  ],
  [
    "numbers are compared as texts",
    /a task goes where its constraints allow it: cores > 9/,
    (trace) => trace.registers([], { cores: "9.0" }).orders({ attempt: 1, task: 1, spec: large }),
  ],
  [
    "an order goes where a taint keeps it out",
    /a task goes where its constraints allow it: taint:spot/,
    (trace) =>
      trace.registers([], { "taint:spot": "true" }).orders({ attempt: 1, task: 1, spec: here }),
  ],
  [
    "something ends twice",
    /what ends has started, and ends once/,
    (trace) => trace.orders({ attempt: 1, task: 1 }).starts(1).ends(1).ends(1),
  ],
  [
    "something runs at rest",
    /at rest nothing runs/,
    (trace) => trace.orders({ attempt: 1, task: 1 }).starts(1).rests(),
  ],
  [
    "something is held at rest",
    /at rest nothing is held/,
    (trace) => trace.orders({ attempt: 1, task: 1 }).rests(),
  ],
];

describe("the auditor", () => {
  for (const [fault, message, plant] of faults) {
    test(`sees that ${fault}`, () => {
      assert.throws(() => plant(new Trace()), { name: "InvariantError", message });
    });
  }

  test("lets a grant pass on, an input arrive and a gang start", () => {
    const trace = new Trace();
    trace.orders({ attempt: 1, task: 1 }).orders({ attempt: 2, task: 2, prefetched: true });
    trace.starts(1).ends(1).says(finished, 1, 1, 2).starts(2).ends(2).says(finished, 2, 2);
    trace
      .orders({ attempt: 3, task: 3, inputs: [1, 2] })
      .starts(3)
      .ends(3)
      .fails(3, 3);
    trace.orders({ attempt: 4, task: 4, spec: 1, context: contextOf(0, 1) });
    trace.prepares(4, 4).startsGang(4, 4, 1).starts(4).ends(4).says(finished, 4, 4).rests();
    assert.ok(trace.auditor.checked > 10);
  });

  test("lets a retry that has to wait give a try for a failure that comes meanwhile", () => {
    const trace = new Trace().orders({ attempt: 1, task: 1 }).starts(1).ends(1);
    trace.retries("asked-heard").fails(1, 1).acknowledges(1).orders({ attempt: 2, task: 1 });
    trace.retries("told");
  });

  test("lets what the next attempt of its task took over begin as that one", () => {
    const trace = new Trace().orders({ attempt: 1, task: 1 }).orders({ attempt: 2, task: 1 });
    trace.says(abandoned, 1, 1).starts(1).ends(1).says(finished, 2, 1).rests();
  });

  test("lets an order go where its constraints hold, and taints are named or false", () => {
    const attributes = { cores: "10", region: "west", "taint:spot": "true" };
    const trace = new Trace().registers([], { ...attributes, "taint:spot": "false" });
    for (const [place, spec] of [here, large, ratherEast, tolerant].entries()) {
      if (spec === tolerant) trace.registers([], attributes);
      trace.orders({ attempt: place + 1, task: place + 1, spec, prefetched: true });
    }
    assert.throws(() => trace.orders({ attempt: 9, task: 9, spec: inEast }), /region = east/);
  });

  test("lets a job go on that was asked for again", () => {
    const trace = new Trace().stops("/ann/gang", { isAskedAgain: true });
    trace.orders({ attempt: 1, task: 1, context: contextOf(0, 1) });
  });

  test("tells what it saw of the task", () => {
    const trace = new Trace().orders({ attempt: 1, task: 1 }).starts(1);
    assert.throws(() => trace.says(finished, 1, 1), /0\.1 ordered w\n.*0\.1 granted w\n/);
  });
});

describe("the ledger of outcomes", () => {
  const submit: HotMessageOf<"submit"> = {
    ...{
      type: "submit",
      sequence: 1,
      first: 0,
      args: { ...emptyBlobs, offsets: Uint32Array.of(0, 0, 0) },
    },
    ...{ groupSpecs: Uint32Array.of(0), groupCounts: Uint32Array.of(2) },
    ...{ dependencyCounts: new Uint32Array(0), dependencies: new Uint32Array(0), keys: [] },
  };

  test("sees who is owed an outcome", () => {
    const ledger = new OutcomeLedger();
    ledger.onTraffic({ type: "asked", clientId: "c", message: submit });
    ledger.onTraffic({
      type: "asked",
      clientId: "c",
      message: { type: "release", tasks: Uint32Array.of(0) },
    });
    assert.throws(() => ledger.atRest(["c"]), /every task has an outcome: c is owed task 1/);
    ledger.onTraffic({
      type: "told",
      clientId: "c",
      message: { type: "failures", tasks: [1], causes: [0], failures: [], states: [] },
    });
    ledger.atRest(["c"]);
  });

  test("owes nothing of what was refused", () => {
    const ledger = new OutcomeLedger();
    ledger.onTraffic({ type: "asked", clientId: "c", message: submit });
    const error = { code: "X", message: "", details: null };
    ledger.onTraffic({
      type: "told",
      clientId: "c",
      message: { type: "refused", sequence: 1, error },
    });
    ledger.atRest(["c"]);
  });
});
