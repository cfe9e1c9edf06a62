/**
 * What fits: amounts by dimension, devices by kind and variant.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { resources } from "../../test/worker/builders.ts";
import { amountsFit, amountsOf, asksBeyondCpu, capacityOf, charge, couldHold } from "./ledger.ts";

const gpu = (variant: string, countMilli: number) => ({
  kind: "GPU",
  variant,
  countMilli,
  indices: [],
});

test("three tasks of a tenth fit a capacity of three tenths", () => {
  const capacity = capacityOf(resources({ custom: { licence: 300 } }));
  const amounts = amountsOf(capacity, resources({ custom: { LICENCE: 100 } }));
  const used = capacity.amounts.map(() => 0);
  for (let i = 0; i < 3; i++) {
    assert.ok(amountsFit(capacity, used, amounts));
    charge(used, amounts, 1);
  }
  assert.ok(!amountsFit(capacity, used, amounts));
});

test("a variant is asked for by name, and auto takes any of its kind", () => {
  const capacity = capacityOf(resources({ devices: [gpu("h100", 2_000), gpu("a100", 1_000)] }));
  assert.ok(couldHold(capacity, resources({ devices: [gpu("auto", 3_000)] })));
  assert.ok(couldHold(capacity, resources({ devices: [gpu("H100", 2_000)] })));
  assert.ok(!couldHold(capacity, resources({ devices: [gpu("a100", 2_000)] })));
  assert.ok(!couldHold(capacity, resources({ devices: [gpu("t4", 1)] })));
});

test("what no dimension can hold is taken all the same, as far as there are dimensions", () => {
  const capacity = capacityOf(resources({ cpuMilli: 1_000 }));
  const request = resources({ cpuMilli: 3_000, custom: { licence: 1 } });
  assert.ok(!couldHold(capacity, request));
  assert.deepEqual(amountsOf(capacity, request), [0, 3_000]);
});

test("only what is not CPU makes a request special", () => {
  assert.equal(asksBeyondCpu(resources({ cpuMilli: 4_000 })), false);
  assert.equal(asksBeyondCpu(resources({ memoryBytes: 1 })), true);
});
