/**
 * Which devices a request of several gets: what is named has no choice and goes first, and nothing
 * is given twice within one request.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import { devices } from "../../test/support/job-builders.ts";
import { fits } from "./fitting.ts";
import { chooseSpecialGrant } from "./grants.ts";
import { shapeOf } from "./state.ts";

type Asked = readonly (readonly [kind: string, variant: string, count: number])[];

const amountsOf = (asked: Asked) => asked.flatMap(([...one]) => devices(...one));

/**
 * What an attempt that asks for this gets of a worker that has that, `a100:1,0 h100:0`, with the
 * first devices of `used` taken already; or that it does not fit.
 */
function givenOf(owned: Asked, asked: Asked, used: Asked = []): string {
  const harness = new ControllerHarness();
  const worker = harness.aWorker({ slots: 9, capacity: { devices: amountsOf(owned) } });
  for (const [i, one] of used.entries()) {
    harness.launch(`used-${i}`, { resources: { devices: amountsOf([one]) } });
  }
  harness.asks({ type: "cordon-worker", workerId: "w1", cordon: true });
  harness.launch("asks", { resources: { devices: amountsOf(asked) } });
  const { state } = harness;
  const record = state.workers[worker.index];
  const shape = shapeOf(state, harness.rowOf("asks/0"));
  const chosen = chooseSpecialGrant(state, record, record, shape);
  assert.equal(fits(state, record, shape), chosen !== null, "it fits exactly if it can be chosen");
  if (chosen === null) return "does not fit";
  const names = state.dimensions.names;
  for (const { kind, variant, countMilli } of chosen.devices) {
    const sum: number = chosen.devices
      .filter((one) => one.kind === kind && one.variant === variant)
      .reduce<number>((total, one) => total + one.countMilli, 0);
    assert.ok(countMilli <= sum);
    assert.equal(chosen.grant[names.indexOf(`device:${kind}:${variant}`)], sum);
  }
  return chosen.devices.map(({ variant, indices }) => `${variant}:${indices.join()}`).join(" ");
}

describe("of several devices", () => {
  const two: Asked = [
    ["gpu", "a100", 1],
    ["gpu", "h100", 1],
  ];

  test("what is named goes first, in whatever order they are asked for", () => {
    const open = ["gpu", "auto", 1] as const;
    assert.equal(givenOf(two, [open, ["gpu", "a100", 1]]), "a100:0 h100:0");
    assert.equal(givenOf(two, [["gpu", "a100", 1], open]), "a100:0 h100:0");
    assert.equal(givenOf(two, [open, ["gpu", "h100", 1]]), "h100:0 a100:0");
    assert.equal(givenOf(two, [open, open]), "a100:0 h100:0");
    assert.equal(givenOf(two, [open, open, open]), "does not fit");
  });

  test("each has its own, also of one kind and in parts", () => {
    const three: Asked = [["gpu", "a100", 3]];
    const whole = ["gpu", "a100", 1] as const;
    const open = ["gpu", "auto", 1] as const;
    assert.equal(givenOf(three, [whole, open, open]), "a100:0 a100:1 a100:2");
    assert.equal(givenOf(three, [["gpu", "auto", 1.5], open]), "a100:0,1 a100:2");
    assert.equal(
      givenOf(three, [["gpu", "auto", 1.5], ["gpu", "auto", 0.5], open]),
      "a100:0,1 a100:1 a100:2",
    );
    assert.equal(
      givenOf(three, [
        ["gpu", "auto", 1.5],
        ["gpu", "auto", 1.6],
      ]),
      "does not fit",
    );
    assert.equal(
      givenOf(three, [
        ["gpu", "auto", 1.5],
        ["gpu", "auto", 1.5],
      ]),
      "a100:0,1 a100:2,1",
    );
  });

  test("one that cannot be had keeps the others", () => {
    assert.equal(
      givenOf(two, [
        ["gpu", "a100", 1],
        ["tpu", "auto", 1],
      ]),
      "does not fit",
    );
    assert.equal(
      givenOf(two, [
        ["gpu", "a100", 1],
        ["gpu", "b200", 1],
      ]),
      "does not fit",
    );
    assert.equal(givenOf(two, [["gpu", "a100", 2]]), "does not fit");
    assert.equal(givenOf(two, [["gpu", "auto", 2]]), "does not fit");
  });

  test("a kind is not taken for one whose name begins like it", () => {
    const owned: Asked = [
      ["gpux", "a100", 4],
      ["gpu", "h100", 1],
    ];
    assert.equal(givenOf(owned, [["gpu", "auto", 1]]), "h100:0");
    assert.equal(
      givenOf(owned, [
        ["gpu", "auto", 1],
        ["gpux", "auto", 2],
      ]),
      "h100:0 a100:0,1",
    );
  });
});

describe("of one device in part", () => {
  const three: Asked = [["gpu", "a100", 3]];

  test("whole ones are named before the part", () => {
    assert.equal(givenOf(three, [["gpu", "auto", 1.5]], [["gpu", "auto", 0.5]]), "a100:1,0");
    assert.equal(givenOf(three, [["gpu", "auto", 2.5]], [["gpu", "auto", 0.5]]), "a100:1,2,0");
    assert.equal(givenOf(three, [["gpu", "auto", 2.5]]), "a100:0,1,2");
  });

  test("as much as is free fits, and no more", () => {
    const half: Asked = [["gpu", "auto", 0.5]];
    assert.equal(givenOf([["gpu", "a100", 1]], half, half), "a100:0");
    assert.equal(givenOf([["gpu", "a100", 1]], [["gpu", "auto", 0.6]], half), "does not fit");
    assert.equal(givenOf([["gpu", "a100", 1]], [["gpu", "auto", 1]], half), "does not fit");
    assert.equal(givenOf(three, [["gpu", "auto", 3]], half), "does not fit");
  });
});

test("of a worker that has what nobody knows of, no device is given", () => {
  const harness = new ControllerHarness();
  const worker = harness.aWorker({ slots: 9, capacity: { devices: devices("gpu", "a100", 2) } });
  const record = harness.state.workers[worker.index];
  record.foundlings.add(1);
  harness.launch("asks", { resources: { devices: devices("gpu", "auto", 1) } });
  assert.equal(worker.orders, "");
  const shape = shapeOf(harness.state, harness.rowOf("asks/0"));
  assert.equal(chooseSpecialGrant(harness.state, record, record, shape), null);
  record.foundlings.clear();
  assert.notEqual(chooseSpecialGrant(harness.state, record, record, shape), null);
});
