/**
 * What each side may say, and how precisely everything else is refused.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { blobsOf } from "../base/blobs.ts";
import { Prng } from "../base/prng.ts";
import { CapstanError } from "../model/errors.ts";
import { replicasMax } from "../model/limits.ts";
import { noResources } from "../model/resources.ts";
import type { CommandRun, TaskSpec } from "../model/spec.ts";
import { FrameReader } from "./codec.ts";
import { contextCharsMax, wantRowsMax } from "./limits.ts";
import {
  type AttemptFailed,
  type ClientHello,
  type ControllerHello,
  type Failures,
  type HotMessage,
  type HotMessageOf,
  hotMessages,
  type Message,
  type WorkerHello,
} from "./messages.ts";
import {
  checkClientMessage,
  checkToClientMessage,
  checkToWorkerMessage,
  checkWorkerMessage,
  helloRefusal,
  parseClientHello,
  parseControllerHello,
  parsePeerHello,
  parseWorkerHello,
} from "./validate.ts";

type Check = (message: Message) => Message;

const golden: { readonly [type: string]: string } = JSON.parse(
  readFileSync(new URL("golden-frames.json", import.meta.url), "utf8"),
);

const noCold = {
  encode: () => assert.fail("no cold message here"),
  decode: () => assert.fail("no cold message here"),
};

function aHot<T extends HotMessage["type"]>(
  type: T,
  overrides: Partial<HotMessageOf<T>> = {},
): HotMessageOf<T> {
  const reader = new FrameReader(noCold);
  reader.feed(Buffer.from(golden[type], "hex"));
  const [message] = reader.takeMessages();
  return { ...(message as HotMessageOf<T>), ...overrides };
}

function aSpec(overrides: { readonly [field: string]: unknown } = {}): TaskSpec {
  const spec: TaskSpec = {
    run: {
      kind: "function",
      bundle: "ab".repeat(32),
      functionName: "simulate",
      executor: "thread",
    },
    name: "simulate",
    resources: {
      ...noResources,
      cpuMilli: 500,
      devices: [{ kind: "gpu", variant: "auto", countMilli: 1000, indices: [] }],
      custom: { license: 1000 },
    },
    constraints: [{ key: "region", op: "in", values: ["eu", "us"], mode: "REQUIRED" }],
    band: "interactive",
    priority: -3,
    maxRetriesFailure: 0,
    maxRetriesPreemption: 3,
    noRetryExitCodes: [2],
    retryExitCodes: [75, 255],
    retryBackoff: { initialMs: 0, maxMs: 60_000 },
    timeoutMs: 0,
    schedulingTimeoutMs: 0,
    graceMs: 1000,
    groupBy: "rack",
  };
  return { ...spec, ...overrides } as TaskSpec;
}

function aDefinition(overrides: { readonly [field: string]: unknown } = {}): Message {
  return { type: "define-spec", spec: 1, definition: aSpec(overrides) };
}

function aCommand(overrides: { readonly [field: string]: unknown } = {}): CommandRun {
  const run: CommandRun = {
    kind: "command",
    argv: ["python", "train.py", ""],
    env: { EPOCHS: "3", EMPTY: "" },
    cwd: "src",
    workspace: "cd".repeat(32),
    ports: ["http", "grpc-1"],
    stdin: "größe\n",
    result: { type: "file", path: "out/model.bin" },
  };
  return { ...run, ...overrides } as CommandRun;
}

const failure = {
  error: { name: "TypeError", message: "no", stack: "at f", causes: [{ name: "E", message: "m" }] },
  exitCode: null,
  signal: null,
  oom: false,
  stderrTail: "",
};

const attemptFailed: AttemptFailed = {
  type: "attempt-failed",
  attempt: 5,
  task: 6,
  successor: 0,
  cause: "failed",
  failure,
};

const member = { host: "10.0.0.7", ports: { http: 1, grpc: 65_535 } };

const usage = {
  exitCode: 3,
  signal: null,
  oom: false,
  peakRssBytes: 2 ** 33,
  cpuMs: 12,
  droppedLogBytes: 0,
  stderrTail: "no\n",
};

const failures: Failures = {
  type: "failures",
  tasks: [1, 2],
  causes: [0, 0],
  failures: [
    { code: "TASK_FAILED", message: "no", blame: "/u/g/1", workerId: "w", attempts: 1, failure },
  ],
  states: ["FAILED", "UPSTREAM_FAILED"],
};

function refusal(check: Check, message: unknown): CapstanError {
  try {
    check(message as Message);
  } catch (error) {
    assert.ok(error instanceof CapstanError, String(error));
    assert.equal(error.code, "PROTOCOL_ERROR");
    return error;
  }
  return assert.fail("the message was accepted");
}

const accepted: readonly (readonly [string, Check, readonly Message[]])[] = [
  [
    "a client",
    checkClientMessage,
    [
      aHot("submit"),
      aHot("release"),
      aHot("want"),
      aDefinition(),
      { type: "cancel", sequence: 1, tasks: [1], reason: "enough" },
      { type: "retry", sequence: 2, tasks: [] },
      { type: "close-session" },
      { type: "call", id: 1, method: "Explain", request: { id: "x" } },
    ],
  ],
  [
    "a worker",
    checkWorkerMessage,
    [
      aHot("reports"),
      aHot("reports", { kinds: Uint8Array.of(10, 3) }),
      aHot("inventory"),
      aHot("heartbeat"),
      attemptFailed,
      { ...attemptFailed, cause: "build-failed" },
      { ...attemptFailed, cause: "killed" },
      { type: "attempt-prepared", attempt: 5, task: 6, member },
      { type: "attempt-measured", attempt: 5, task: 6, usage },
      { type: "health", trouble: "the disk of /w is full" },
      { type: "health", trouble: "" },
      { type: "emptying", limitMs: 10_000 },
      { type: "leaving" },
    ],
  ],
  [
    "the controller to a client",
    checkToClientMessage,
    [
      aHot("accepted"),
      aHot("started"),
      aHot("results"),
      aHot("located"),
      { type: "peer", index: 1, workerId: "w", incarnation: "i", address: "h:1" },
      { type: "peer-gone", index: 1, incarnation: "i" },
      { type: "refused", sequence: 1, error: { code: "GRAPH_CYCLE", message: "m", details: {} } },
      failures,
      { type: "warning", code: "UNPLACEABLE", message: "m" },
      { type: "reply", id: 1, result: null, error: { code: "C", message: "m", details: null } },
      { type: "reply", id: 1, result: [1], error: null },
    ],
  ],
  [
    "the controller to a worker",
    checkToWorkerMessage,
    [
      aHot("compute"),
      aHot("compute", { contexts: [] }),
      aHot("grant"),
      aHot("retract"),
      aHot("stop"),
      aHot("forget"),
      aHot("sources"),
      aHot("acknowledge"),
      aHot("copy"),
      aHot("uncopy"),
      aDefinition(),
      aDefinition({ run: aCommand() }),
      aDefinition({ run: aCommand({ workspace: "", ports: [], result: { type: "none" } }) }),
      aDefinition({ run: aCommand({ result: { type: "json" } }) }),
      aDefinition({ run: aCommand({ result: { type: "text" } }) }),
      { type: "drop-spec", spec: 4 },
      { type: "start-gang", attempt: 5, task: 6, members: [member, { host: "h", ports: {} }] },
      { type: "peer", index: 0, workerId: "w", incarnation: "i", address: "h:1" },
      { type: "emptied", leftCount: 3 },
      { type: "reset" },
    ],
  ],
];

describe("what each side may say", () => {
  const everything = accepted.flatMap(([, , messages]) => messages);
  for (const [sender, check, messages] of accepted) {
    test(`every kind of message of ${sender} passes unchanged`, () => {
      for (const message of messages) assert.deepEqual(check(message), message);
    });

    test(`a message that ${sender} may not send is refused by its type`, () => {
      const own = new Set<string>(messages.map((message) => message.type));
      for (const message of everything.filter(({ type }) => !own.has(type))) {
        if (sender === "the controller to a worker" && message.type === "peer-gone") continue;
        assert.match(refusal(check, message).message, /is not a message that .* may send/);
      }
      assert.match(refusal(check, { type: "toString" }).message, /"toString" is not a message/);
    });
  }
});

describe("columns that do not fit each other are refused, naming the column", () => {
  const one = Float64Array.of(1);
  const half = Float64Array.of(0.5, 1);
  const cases: readonly (readonly [Check, Message, RegExp])[] = [
    [
      checkClientMessage,
      aHot("submit", { groupCounts: Uint32Array.of(2) }),
      /submit\.groupCounts has 1 entries, not 2/,
    ],
    [
      checkClientMessage,
      aHot("submit", { groupCounts: Uint32Array.of(2, 2) }),
      /submit\.groupCounts adds up to 4, but the message has 3 tasks/,
    ],
    [
      checkClientMessage,
      aHot("submit", { dependencyCounts: Uint32Array.of(2) }),
      /submit\.dependencyCounts has 1 entries/,
    ],
    [
      checkClientMessage,
      aHot("submit", { dependencyCounts: new Uint32Array(0) }),
      /submit\.dependencyCounts adds up to 0, but the message has 2 dependencies/,
    ],
    [checkClientMessage, aHot("submit", { keys: ["a"] }), /submit\.keys has 1 entries/],
    [checkClientMessage, aHot("submit", { first: 0xffffffff }), /submit\.first: 3 tasks/],
    [
      checkWorkerMessage,
      aHot("reports", { values: blobsOf([]) }),
      /reports\.values has 0 entries, not 2/,
    ],
    [checkWorkerMessage, aHot("reports", { attempts: one }), /reports\.attempts has 1 entries/],
    [checkWorkerMessage, aHot("reports", { tasks: half }), /reports\.tasks\[0\] must be a safe/],
    [
      checkWorkerMessage,
      aHot("reports", { sizes: Float64Array.of(0, Number.NaN) }),
      /reports\.sizes\[1\] must be a safe integer of at least 0, not NaN/,
    ],
    [
      checkWorkerMessage,
      aHot("reports", { sizes: Float64Array.of(0, 2 ** 53 - 1) }),
      /reports\.sizes\[1\] must be at most 1099511627776, not 9007199254740991/,
    ],
    [
      checkWorkerMessage,
      aHot("progress", { fractions: half.map((one) => one * 3) }),
      /progress\.fractions: 1\.5 is not from 0 to 1/,
    ],
    [
      checkWorkerMessage,
      aHot("reports", { kinds: Uint8Array.of(2, 14) }),
      /reports\.kinds\[1\] must be from 1 to 13, not 14/,
    ],
    [
      checkWorkerMessage,
      aHot("reports", { reasons: Uint8Array.of(0, 0) }),
      /reports\.reasons\[1\] is 0 in a report of kind 3/,
    ],
    [
      checkWorkerMessage,
      aHot("reports", { reasons: Uint8Array.of(1, 1) }),
      /reports\.reasons\[0\] is 1 in a report of kind 2/,
    ],
    [
      checkWorkerMessage,
      aHot("inventory", { phases: Uint8Array.of(4) }),
      /inventory\.phases\[0\] must be from 0 to 3, not 4/,
    ],
    [checkWorkerMessage, aHot("inventory", { values: one }), /inventory\.valueSizes has 2 entries/],
    [checkWorkerMessage, aHot("heartbeat", { applied: -1 }), /heartbeat\.applied must be/],
    [checkToClientMessage, aHot("results", { values: blobsOf([]) }), /results\.values has 0/],
    [checkToClientMessage, aHot("located", { refs: half }), /located\.refs has 2 entries/],
    [checkToWorkerMessage, aHot("compute", { args: blobsOf([]) }), /compute\.args has 0 entries/],
    [
      checkToWorkerMessage,
      aHot("compute", { inputCounts: Uint32Array.of(0, 3) }),
      /compute\.inputCounts adds up to 3, but the message has 2 inputs/,
    ],
    [
      checkToWorkerMessage,
      aHot("compute", { contexts: ["{}"] }),
      /compute\.contexts has 1 entries, not 2/,
    ],
    [
      checkToWorkerMessage,
      aHot("compute", { contexts: ["", "x".repeat(contextCharsMax + 1)] }),
      /compute\.contexts\[1\] has 65537 characters, at most 65536/,
    ],
    [checkToWorkerMessage, aHot("compute", { inputs: blobsOf([]) }), /compute\.inputs has 0/],
    [
      checkToWorkerMessage,
      aHot("compute", { prefetched: Uint8Array.of(0, 2) }),
      /compute\.prefetched\[1\] must be from 0 to 1/,
    ],
    [checkToWorkerMessage, aHot("grant", { tasks: half }), /grant\.tasks has 2 entries, not 1/],
    [
      checkToWorkerMessage,
      aHot("sources", { counts: Uint32Array.of(1, 0) }),
      /sources\.counts adds up to 1, but the message has 2 sources/,
    ],
    [checkToWorkerMessage, aHot("forget", { tasks: half }), /forget\.tasks\[0\]/],
    [checkToWorkerMessage, aHot("forget", { heard: -1 }), /forget\.heard/],
    [
      checkToWorkerMessage,
      aHot("copy", { sources: Uint32Array.of(1, 2, 3) }),
      /copy\.sources has 3 entries, not/,
    ],
    [checkToWorkerMessage, aHot("uncopy", { tasks: half }), /uncopy\.tasks\[0\]/],
  ];
  for (const [check, message, expected] of cases) {
    test(String(expected), () => assert.match(refusal(check, message).message, expected));
  }
});

describe("a spec of a peer is checked to its leaves", () => {
  const cases: readonly (readonly [{ readonly [field: string]: unknown }, RegExp])[] = [
    [{ run: { kind: "shell" } }, /run\.kind must be one of function, command, value, not "shell"/],
    [{ run: { kind: "command" } }, /definition\.run\.argv must be a list, not absent/],
    [{ run: aCommand({ argv: [] }) }, /run\.argv must begin with the name of a program/],
    [{ run: aCommand({ argv: ["", "x"] }) }, /run\.argv must begin with the name of a program/],
    [{ run: aCommand({ argv: ["a", "b\0c"] }) }, /run\.argv\[1\] may not hold a NUL character/],
    [{ run: aCommand({ argv: Array(10_001).fill("a") }) }, /argv has 10001 entries, at most 10000/],
    [{ run: aCommand({ argv: ["a", "ä".repeat(600_000)] }) }, /has 1200\d+ bytes, at most 1048576/],
    [{ run: aCommand({ env: { A: 1 } }) }, /run\.env\.A must be text, not 1/],
    [{ run: aCommand({ env: { "A=B": "" } }) }, /may not have a name that is empty or holds =/],
    [{ run: aCommand({ env: JSON.parse('{"__proto__": "x"}') }) }, /the key __proto__/],
    [{ run: aCommand({ cwd: "a\0" }) }, /run\.cwd may not hold a NUL/],
    [{ run: aCommand({ workspace: "AB" }) }, /run\.workspace must be a SHA-256 in lower-case hex/],
    [{ run: aCommand({ ports: ["1st"] }) }, /run\.ports\[0\] must be a letter or _/],
    [{ run: aCommand({ stdin: "x".repeat(2 ** 20 + 1) }) }, /run\.stdin has 1048577 bytes/],
    [
      { run: aCommand({ result: { type: "xml" } }) },
      /result\.type must be one of none, json, text/,
    ],
    [{ run: aCommand({ result: { type: "file" } }) }, /run\.result\.path must be text, not absent/],
    [{ run: aCommand({ result: { type: "file", path: "" } }) }, /result\.path must be the path/],
    [{ noRetryExitCodes: [256] }, /noRetryExitCodes\[0\] must be a whole number from 0 to 255/],
    [{ retryExitCodes: [-1] }, /retryExitCodes\[0\] must be a whole number from 0 to 255/],
    [{ groupBy: undefined }, /definition\.groupBy must be text, not absent/],
    [
      { run: { kind: "function", bundle: "AB", functionName: "f", executor: "thread" } },
      /definition\.run\.bundle must be a SHA-256 in lower-case hex, not "AB"/,
    ],
    [{ name: 7 }, /define-spec\.definition\.name must be text, not 7/],
    [{ resources: { ...noResources, cpuMilli: -1 } }, /resources\.cpuMilli must be a whole number/],
    [{ resources: { ...noResources, memoryBytes: 0.5 } }, /memoryBytes must be a safe integer/],
    [{ resources: { ...noResources, custom: { x: "1" } } }, /custom\.x must be a safe integer/],
    [{ resources: { ...noResources, devices: {} } }, /devices must be a list, not an object/],
    [
      { constraints: [{ key: "k", op: "=", values: [], mode: "REQUIRED" }] },
      /constraints\[0\]\.values must have 1 entries for `=`, not 0/,
    ],
    [
      { constraints: [{ key: "k", op: "exists", values: ["x"], mode: "REQUIRED" }] },
      /constraints\[0\]\.values must have 0 entries for `exists`/,
    ],
    [{ constraints: [{ key: "k", op: "~", values: [], mode: "REQUIRED" }] }, /\.op must be one of/],
    [{ band: "urgent" }, /band must be one of production, interactive, batch, not "urgent"/],
    [{ priority: 2 ** 60 }, /priority must be a safe integer/],
    [{ retryBackoff: null }, /retryBackoff must be an object, not null/],
    [{ graceMs: undefined }, /graceMs must be a safe integer, not absent/],
  ];
  for (const [overrides, expected] of cases) {
    test(String(expected), () => {
      assert.match(refusal(checkClientMessage, aDefinition(overrides)).message, expected);
    });
  }

  test("fields that this version does not know do not come through", () => {
    const checked = checkClientMessage(aDefinition({ extra: "x".repeat(1000) }));
    assert.deepEqual(checked, aDefinition());
  });
});

test("what a worker says of a gang, of usage and of its health is checked to its leaves", () => {
  const prepared = (overrides: object) => ({
    type: "attempt-prepared",
    attempt: 5,
    task: 6,
    member: { ...member, ...overrides },
  });
  const cases: readonly (readonly [object, RegExp])[] = [
    [prepared({ host: "" }), /member\.host must be text that is not empty/],
    [prepared({ ports: { http: 0 } }), /ports\.http must be a whole number from 1 to 65535, not 0/],
    [prepared({ ports: { http: 65_536 } }), /ports\.http must be a whole number from 1 to 65535/],
    [
      prepared({ ports: { "a b": 1 } }),
      /a name in attempt-prepared\.member\.ports must be a letter/,
    ],
    [{ ...prepared({}), attempt: -1 }, /attempt-prepared\.attempt must be a whole number/],
    [
      { type: "attempt-measured", attempt: 5, task: 6, usage: { ...usage, oom: 1 } },
      /usage\.oom must be true or false, not 1/,
    ],
    [
      { type: "attempt-measured", attempt: 5, task: 6, usage: { ...usage, cpuMs: 0.5 } },
      /usage\.cpuMs must be a safe integer/,
    ],
    [{ type: "health", trouble: "x".repeat(2_001) }, /health\.trouble has 2001 characters/],
  ];
  for (const [message, expected] of cases) {
    assert.match(refusal(checkWorkerMessage, message).message, expected);
  }
});

test("a gang of more members than may be is refused", () => {
  const members = Array(replicasMax + 1).fill(member);
  const message = { type: "start-gang", attempt: 5, task: 6, members };
  const { message: said } = refusal(checkToWorkerMessage, message);
  assert.match(said, /start-gang\.members has 10001 entries, at most 10000/);
});

test("cold lists that do not fit each other are refused", () => {
  const check = checkToClientMessage;
  assert.match(refusal(check, { ...failures, causes: [0] }).message, /failures\.causes has 1/);
  assert.match(refusal(check, { ...failures, states: [] }).message, /failures\.states has 0/);
  assert.match(
    refusal(check, { ...failures, causes: [0, 1] }).message,
    /failures\.causes\[1\] names failure 1 of 1/,
  );
  const cause = "worker-lost";
  assert.match(
    refusal(checkWorkerMessage, { ...attemptFailed, cause }).message,
    /attempt-failed\.cause must be one of/,
  );
});

describe("hellos", () => {
  const client: ClientHello = {
    role: "client",
    protocolVersion: 1,
    clientId: "c1",
    user: "root",
    clusterId: "",
  };
  const worker: WorkerHello = {
    role: "worker",
    protocolVersion: 1,
    workerId: "w1",
    incarnation: "i1",
    clusterId: "",
    epoch: 0,
    address: "127.0.0.1:9",
    pid: 1,
    capacity: noResources,
    slots: 2,
    commandSlots: 256,
    attributes: { region: "eu" },
  };
  const controller: ControllerHello = {
    role: "controller",
    protocolVersion: 1,
    clusterId: "k",
    epoch: 1,
    index: 0,
    jobId: "/root/graph-1",
    sequence: 0,
    heartbeatMs: 1000,
    dataToken: "d1",
    logToken: "l1",
  };

  test("each reads back as it was said", () => {
    assert.deepEqual(parseClientHello(client), client);
    assert.deepEqual(parseWorkerHello(worker), worker);
    assert.deepEqual(parseControllerHello(controller), controller);
    assert.deepEqual(parsePeerHello(client), client);
    assert.deepEqual(parsePeerHello(worker), worker);
  });

  test("another version is told so before anything else is looked at", () => {
    const parsers = [parseClientHello, parseWorkerHello, parsePeerHello, parseControllerHello];
    for (const parse of parsers) {
      assert.throws(() => parse({ protocolVersion: 2 }), {
        code: "VERSION_MISMATCH",
        details: { theirs: 2, ours: 1, upgrade: "the controller" },
      });
    }
  });

  test("a wrong field is named", () => {
    const wrong: readonly (readonly [object, RegExp])[] = [
      [{ ...worker, slots: 1e9 }, /hello\.slots must be a whole number from 0 to 65536/],
      [{ ...worker, commandSlots: -1 }, /hello\.commandSlots must be a whole number/],
      [{ ...worker, attributes: { a: 1 } }, /hello\.attributes\.a must be text, not 1/],
      [{ ...worker, attributes: JSON.parse('{"__proto__": "x"}') }, /the key __proto__/],
      [{ ...worker, workerId: "" }, /hello\.workerId must be text that is not empty/],
      [{ ...client, user: "u".repeat(300) }, /hello\.user has 300 characters, at most 255/],
      [{ ...client, role: "king" }, /hello\.role must be one of client, worker, not "king"/],
      [[], /hello must be an object, not a list/],
    ];
    for (const [hello, expected] of wrong) {
      assert.throws(() => parsePeerHello(hello), { code: "PROTOCOL_ERROR", message: expected });
    }
  });

  test("a refusal comes out as the error that the controller named", () => {
    const error = new CapstanError("WORKER_ID_IN_USE", "w1 is taken", { details: { pid: 4 } });
    const wire: unknown = JSON.parse(JSON.stringify(helloRefusal(error)));
    assert.throws(() => parseControllerHello(wire), {
      code: "WORKER_ID_IN_USE",
      message: "w1 is taken",
      details: { pid: 4 },
    });
    const unknown = { role: "refused", error: { code: "NEW_CODE", message: "m", details: {} } };
    assert.throws(() => parseControllerHello(unknown), { code: "PROTOCOL_ERROR" });
  });

  test("a controller without a token of its own says so, and does not leave it out", () => {
    assert.equal(parseControllerHello({ ...controller, dataToken: "" }).dataToken, "");
    const { dataToken: _left, ...without } = controller;
    const expected = { code: "PROTOCOL_ERROR", message: /hello\.dataToken must be text/ };
    assert.throws(() => parseControllerHello(without), expected);
  });
});

describe("bounds on rows", () => {
  test("a want or a submit that would hold up everybody is refused", () => {
    const tasks = new Uint32Array(wantRowsMax + 1);
    assert.throws(() => checkClientMessage({ type: "want", tasks }), {
      code: "PROTOCOL_ERROR",
      message: /want\.tasks has 262145 rows, at most 262144/,
    });
    assert.doesNotThrow(() => checkClientMessage({ type: "want", tasks: tasks.subarray(1) }));
  });
});

/** A copy of plain data with one of its values, at any depth, replaced. */
function withOneChange(value: unknown, prng: Prng): unknown {
  const strange = [undefined, null, -1, 0.5, 2 ** 60, "", "\0", [], {}, true, "x".repeat(300)];
  const isObject = typeof value === "object" && value !== null;
  const keys = isObject ? Object.keys(value) : [];
  if (keys.length === 0 || prng.chance(0.2)) return prng.pick(strange);
  const key = prng.pick(keys);
  const copy: { [name: string]: unknown } = { ...(value as object) };
  copy[key] = withOneChange(copy[key], prng);
  return Array.isArray(value) ? Object.values(copy) : copy;
}

test("a cold message with one strange value is valid or refused, never a bug", () => {
  const prng = new Prng(30);
  let refused = 0;
  for (const [, check, messages] of accepted) {
    for (const message of messages) {
      if (message.type in hotMessages) continue;
      for (let round = 0; round < 200; round++) {
        const { type } = message;
        const changed = { ...(withOneChange(message, prng) as object), type } as Message;
        try {
          assert.equal(check(changed).type, type);
        } catch (error) {
          assert.ok(error instanceof CapstanError, String(error));
          refused++;
        }
      }
    }
  }
  assert.ok(refused > 2_000, `the changes reach the checks: ${refused} refused`);
});
