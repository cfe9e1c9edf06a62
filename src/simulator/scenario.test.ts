/**
 * The player of scenarios: a text that is wrong, or a rule that is broken, is an error that names
 * the line, what was expected and what is the case.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { playClusterScenario, ruleOf, ScenarioError } from "./scenario.ts";
import { conditionUsages, parseCondition } from "./scenario-conditions.ts";
import { parseStep, stepUsages } from "./scenario-steps.ts";
import { parseAct, parseJob, parseMachine, parseTask } from "./scenario-words.ts";

const beginning = "worker w1\nclient c\n";

function play(text: string, seed = 0) {
  return playClusterScenario(beginning + text, { seed, delays: seed > 0 });
}

function assertFails(text: string, message: RegExp): void {
  assert.throws(() => play(text), ScenarioError);
  assert.throws(() => play(text), message);
}

describe("a scenario", () => {
  test("that holds reports how it went", () => {
    const { events, executions } = play("c submits a b(a)\nrest\na ran once\nb ran once\n");
    assert.equal(executions, 2);
    assert.ok(events > 5);
  });

  test("is the same for the same seed, and another for another", () => {
    const text = "c submits a b(a) d e(d,b)\nuntil c has the value of e\ncrash machine w1\n";
    assert.deepEqual(play(text, 7), play(text, 7));
    assert.notDeepEqual(play(text, 7), play(text, 8));
  });

  test("has the rule of its head, without where it comes from", () => {
    assert.equal(
      ruleOf("# a rule of\n# two lines\n# origin: x #1\n\nworker w1\n"),
      "a rule of two lines",
    );
  });
});

describe("a worker whose fetches a text decides", () => {
  const setUp =
    "worker w2 mark=two\ncordon w2\na does finish of 1m\nc submits a\n" +
    "until c has the value of a\nuncordon w2\n";
  const reader = "c submits b(a):needs.mark=two\n";

  test("is busy to whoever fetches, for so long and not longer", () => {
    const refused = `${setUp}fetches from w1 are refused for 8s\n${reader}`;
    play(`${refused}until w2 is to fetch a\nafter 7s\nb never ran\nuntil b runs within 3s\n`);
    assertFails(`${refused}until b runs within 7s\n`, /did not come true in time/);
    play(`${refused}rest\nb ran once\n`);
  });

  test("gives an error of the network to the next one that begins, and to no other", () => {
    const slow = setUp.replace("of 1m", "of 100m");
    const fails = `${slow}the next fetch from w1 fails\n${reader}until w2 fetches a\n`;
    play(`${fails}until b runs within 3s\n0 recomputed\n`);
    assertFails(`${fails}until b runs within 1500ms\n`, /did not come true in time/);
    play(`${slow}${reader}until w2 fetches a\nuntil b runs within 1500ms\n`);
  });

  test("is well again when all faults end", () => {
    const text = `${setUp}fetches from w1 are refused for 1h\nthe next fetch from w1 fails\nrest\n`;
    play(`${text}${reader}until b runs within 50ms\n`);
  });
});

describe("a lock that clients of a text ask for", () => {
  const line = "client d\nc locks l for 5s\nuntil c holds the lock l\nd locks l for 5s\n";

  test("goes on when it is given back, with a higher token", () => {
    const text = `${line}after 1s\nd waits for the lock l\nc unlocks l\nuntil d holds the lock l\n`;
    play(`${text}d has a higher token than c for the lock l\nd unlocks l\n`);
    assertFails(`${text}c has a higher token than d for the lock l\n`, /tokens 0 and 2$/);
  });

  test("stays with who renews it, and is lost to who does not", () => {
    const renewed = `${line}after 4s\nc renews its locks\nafter 4s\n`;
    play(`${renewed}c holds the lock l\nd waits for the lock l\nc unlocks l\n`);
    play(`${renewed}until c lost the lock l within 2s\nd holds the lock l\nd unlocks l\n`);
    assertFails(`${renewed}c lost the lock l\n`, /of the lock l, c says: holds$/);
  });

  test("is none that nobody has asked for", () => {
    assertFails("c unlocks l\n", /no lock is called l/);
    assertFails("c holds the lock l\n", /of the lock l, c says: nothing/);
  });
});

describe("a line is refused, and named,", () => {
  test("if it is no step and no sentence, with all that it could be", () => {
    assertFails("\n# a remark\nc submitz a\n", /line 5: c submitz a\n.*is no sentence/);
    assertFails("c submitz a\n", /c submits a b\(a\)/);
  });

  const wrong: readonly (readonly [string, RegExp])[] = [
    ["until a runs", /nothing is called a/],
    ["d submits a", /no client is called d/],
    ["c submits a:colour=red", /a has no option "colour"/],
    ["c submits a(", /"a\(" is no task/],
    ["c submits until", /"until" cannot name a task/],
    ["c submits a(b)", /c has no task b/],
    ["worker w1", /w1 lives/],
    ["w1 uses -1 cpu", /is no sentence/],
    ["crash machine w2", /no agent lives on w2/],
    ["launch g:band=best", /band=best must be one of production, interactive, batch/],
    ["a does dance", /"dance" is no end of an execution/],
    ["after a while", /duration/],
    ["finish a", /no task is called a/],
    ["budget ann much=1", /ann has no option "much"/],
  ];
  for (const [line, message] of wrong) {
    test(`such as "${line}"`, () => {
      assertFails(`${line}\n`, message);
      assertFails(`${line}\n`, /^ScenarioError: line 3: /);
    });
  }

  test("if a name is given twice", () => {
    assertFails("c submits a\nc submits a\n", /line 4: .*\n.*a is the name of a task already/);
  });
});

describe("a rule that is broken is told", () => {
  test("with what is the case instead", () => {
    const text = "c submits a\nuntil c has the value of a\na ran twice\n";
    assertFails(text, /line 5: a ran twice\n.*a is SUCCEEDED; it ran on w1$/);
  });

  test("as soon as something that must never be is", () => {
    const text = "c submits a\nnever a runs\nrest\n";
    assertFails(text, /line 5: rest\n.*"never a runs" of line 4 is broken: a is ASSIGNED/);
  });

  test("as soon as something that must always be is not", () => {
    const text = "always w1 uses at most 0 cpu\nc submits a\nrest\n";
    assertFails(text, /"always w1 uses at most 0 cpu" of line 3 is broken: 1000 cpu used by w1/);
  });

  test("if it does not come true in time", () => {
    assertFails("c submits a:gpu=1\nuntil a runs within 3s\n", /did not come true in time/);
  });

  test("if something is owed for ever when all has come to rest", () => {
    assertFails("c submits a:gpu=1\n", /the end\n.*owed for ever: c waits for 1 outcomes/);
  });
});

describe("every form of the language", () => {
  test("of a sentence is read as it is shown", () => {
    for (const usage of conditionUsages()) {
      for (const one of usage.replace(/ \(.*\)|,.*/, "").split("; ")) {
        assert.doesNotThrow(() => parseCondition(one), one);
      }
    }
  });

  test("of a step is read as it is shown", () => {
    for (const usage of stepUsages()) {
      for (const one of usage.split("; ").map((text) => text.replace(/: .*/, ""))) {
        assert.notEqual(parseStep(one), null, one);
      }
    }
  });
});

describe("a small word", () => {
  test("is a task with its inputs, key and options", () => {
    const { label, inputs, key, spec } = parseTask(
      "b(a,x):key=k:retries=2:gpu=a100*0.5:needs.os=l",
    );
    assert.deepEqual([label, inputs, key], ["b", ["a", "x"], "k"]);
    assert.equal(spec.maxRetriesFailure, 2);
    assert.deepEqual(spec.resources.devices, [
      { kind: "gpu", variant: "a100", countMilli: 500, indices: [] },
    ]);
    assert.deepEqual(spec.constraints, [{ key: "os", op: "=", values: ["l"], mode: "REQUIRED" }]);
  });

  test("is a job of commands under its user", () => {
    const { name, spec } = parseJob("p/child:user=bob:replicas=3:group=slice:existing=KEEP");
    assert.deepEqual([name, spec.jobId], ["p/child", "/bob/p/child"]);
    assert.deepEqual([spec.replicas, spec.task.groupBy, spec.onExisting], [3, "slice", "KEEP"]);
  });

  test("is a machine: what is no resource is an attribute", () => {
    const machine = parseMachine("w1", ["slots=2", "memory=1g", "slice=a", "host=3"]);
    assert.deepEqual(machine.attributes, { slice: "a", "tpu-worker-id": "3" });
    assert.deepEqual([machine.slots, machine.capacity.cpuMilli], [2, 2000]);
    assert.equal(machine.capacity.memoryBytes, 2 ** 30);
  });

  test("is devices of several models, in what is there and in what is asked for", () => {
    const { capacity } = parseMachine("w1", ["gpu=a100*2+h100*1", "tpu=v4*0.5"]);
    assert.deepEqual(
      capacity.devices.map(({ kind, variant, countMilli }) => [kind, variant, countMilli]),
      [
        ["gpu", "a100", 2_000],
        ["gpu", "h100", 1_000],
        ["tpu", "v4", 500],
      ],
    );
    const { devices } = parseTask("b:gpu=h100*1+2").spec.resources;
    assert.deepEqual(
      devices.map(({ variant, countMilli }) => [variant, countMilli]),
      [
        ["h100", 1_000],
        ["auto", 2_000],
      ],
    );
    assert.throws(() => parseTask("b:gpu=h100*1+"), /gpu=: expected a100\*2, 2 or a100\*1\+h100/);
  });

  test("is what an execution does", () => {
    const base = { exitCode: null, sizeBytes: 8, input: "" };
    assert.deepEqual(parseAct("hold"), { ...base, runUs: "hold", end: "finish" });
    assert.deepEqual(parseAct("run 20ms"), { ...base, runUs: 20_000, end: "finish" });
    assert.deepEqual(parseAct("cannot load a"), {
      ...{ ...base, runUs: 1_000, end: "miss", input: "a" },
    });
    assert.deepEqual(parseAct("run 2s then fail with code 3"), {
      ...{ ...base, runUs: 2_000_000, end: "fail", exitCode: 3 },
    });
    assert.equal(parseAct("finish of 1m").sizeBytes, 2 ** 20);
  });
});
