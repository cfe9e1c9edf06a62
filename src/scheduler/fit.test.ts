/**
 * Fit: amounts are compared exactly, devices by variant, constraints by what a worker says of
 * itself; what does not fit says why.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Constraint, ConstraintOperator } from "../model/constraints.ts";
import { parseResources, type ResourceOptions } from "../model/parse-resources.ts";
import { noResources } from "../model/resources.ts";
import { capacityVector, Dimensions, requestVector, resourcesOf } from "./dimensions.ts";
import { chooseGrant, fitCount, fitsEmpty, misfitsOf, preferenceCount, satisfies } from "./fit.ts";

/** A worker with this capacity and nothing used, in dimensions of its own. */
function aRoom(options: ResourceOptions, slots = 100) {
  const dimensions = new Dimensions();
  const capacity = capacityVector(dimensions, parseResources("c", options, noResources), slots);
  const request = (wanted: ResourceOptions) =>
    requestVector(dimensions, parseResources("r", wanted, noResources));
  return { dimensions, room: { capacity, used: new Float64Array(capacity.length) }, request };
}

describe("amounts", () => {
  test("fit as often as whole numbers of them do", () => {
    const amount = fc.integer({ min: 1, max: 5_000 });
    fc.assert(
      fc.property(amount, fc.integer({ min: 0, max: 100_000 }), (each, total) => {
        const { room, request } = aRoom({ custom: { r: total / 1000 } }, 1_000_000);
        const wanted = request({ custom: { r: each / 1000 } });
        assert.equal(fitCount(room, wanted, 1_000_000), Math.floor(total / each));
      }),
    );
  });

  test("of three tenths hold three times a tenth, and not four times", () => {
    const { room, request } = aRoom({ cpu: 0.3 });
    assert.equal(fitCount(room, request({ cpu: 0.1 }), 10), 3);
  });

  test("that a worker does not have at all never fit", () => {
    const { dimensions, room, request } = aRoom({ cpu: 4 });
    const wanted = request({ custom: { gpuu: 1 } });
    assert.equal(fitCount(room, wanted, 1), 0);
    assert.equal(fitsEmpty(dimensions, room.capacity, wanted), false);
  });

  test("are never given beyond a limit", () => {
    const { room, request } = aRoom({ cpu: 100 });
    assert.equal(fitCount(room, request({ cpu: 1 }), 7), 7);
  });
});

describe("devices", () => {
  const devices = [
    { kind: "gpu", variant: "a100", count: 2 },
    { kind: "gpu", variant: "h100", count: 1 },
  ];

  test("of any variant come whole from one variant", () => {
    const { dimensions, room, request } = aRoom({ devices });
    assert.notEqual(
      chooseGrant(dimensions, room, request({ device: { kind: "gpu", count: 2 } })),
      null,
    );
    assert.equal(
      chooseGrant(dimensions, room, request({ device: { kind: "gpu", count: 3 } })),
      null,
    );
  });

  test("of any variant do not take what the same request names", () => {
    const { dimensions, room, request } = aRoom({ devices });
    const wanted = request({
      devices: [
        { kind: "gpu", variant: "h100", count: 1 },
        { kind: "gpu", count: 1 },
      ],
    });
    const grant = chooseGrant(dimensions, room, wanted);
    assert.ok(grant !== null);
    assert.deepEqual(
      resourcesOf(dimensions, grant).devices.map(({ variant, countMilli }) => [
        variant,
        countMilli,
      ]),
      [
        ["a100", 1000],
        ["h100", 1000],
      ],
    );
  });

  test("of one kind are not those of a kind whose name begins alike", () => {
    const { dimensions, room, request } = aRoom({
      device: { kind: "gpux", variant: "a", count: 1 },
    });
    assert.equal(chooseGrant(dimensions, room, request({ device: { kind: "gpu" } })), null);
  });
});

test("a vector stands for the resources that it was made of", () => {
  const resources = parseResources("r", {
    ...{ cpu: 1.5, memory: "2g", disk: "1g", custom: { license: 2 } },
    device: { kind: "gpu", variant: "a100", count: 0.5 },
  });
  const dimensions = new Dimensions();
  assert.deepEqual(resourcesOf(dimensions, capacityVector(dimensions, resources, 3)), resources);
});

describe("constraints", () => {
  const attributes = { region: "east", cores: "16", empty: "" };
  const clause = (key: string, op: ConstraintOperator, ...values: string[]): Constraint => ({
    key,
    op,
    values,
    mode: "REQUIRED",
  });
  const cases: readonly (readonly [Constraint, boolean])[] = [
    [clause("region", "=", "east"), true],
    [clause("region", "=", "west"), false],
    [clause("region", "!=", "west"), true],
    [clause("region", "!=", "east"), false],
    [clause("region", "in", "west", "east"), true],
    [clause("region", "in"), false],
    [clause("region", "exists"), true],
    [clause("empty", "exists"), true],
    [clause("region", "not-exists"), false],
    [clause("cores", ">", "9"), true],
    [clause("cores", ">", "16"), false],
    [clause("cores", ">=", "16"), true],
    [clause("cores", "<", "100"), true],
    [clause("cores", "<=", "15.5"), false],
    [clause("region", ">", "1"), false],
    [clause("region", "<=", "1"), false],
    [clause("absent", "=", "x"), false],
    [clause("absent", "in", "x"), false],
    [clause("absent", "exists"), false],
    [clause("absent", ">", "0"), false],
    [clause("absent", "<", "0"), false],
    [clause("absent", "!=", "x"), true],
    [clause("absent", "not-exists"), true],
    [clause("toString", "exists"), false],
  ];
  for (const [constraint, expected] of cases) {
    const { key, op, values } = constraint;
    test(`${key} ${op} ${values.join(",")} is ${expected}`, () => {
      assert.equal(satisfies(attributes, constraint), expected);
    });
  }

  test("that are preferred are counted and keep nobody away", () => {
    const preferred = { ...clause("region", "=", "west"), mode: "PREFERRED" } as const;
    const met = { ...clause("cores", ">", "1"), mode: "PREFERRED" } as const;
    assert.equal(preferenceCount(attributes, [preferred, met]), 1);
    const { dimensions, room, request } = aRoom({ cpu: 1 });
    const wanted = { request: request({ cpu: 1 }), constraints: [preferred] };
    assert.deepEqual(misfitsOf(dimensions, { room, attributes }, wanted), []);
  });
});

test("what fits has no misfits, and what does not has at least one", () => {
  const options = fc.record({
    cpu: fc.integer({ min: 0, max: 4 }),
    memory: fc.integer({ min: 0, max: 4 }),
    custom: fc.record({ a: fc.integer({ min: 0, max: 3 }) }),
    devices: fc.constantFrom(
      [],
      [{ kind: "gpu" }],
      [{ kind: "gpu", variant: "a" }],
      [{ kind: "tpu", variant: "b", count: 0.5 }],
    ),
  });
  fc.assert(
    fc.property(options, options, fc.integer({ min: 0, max: 2 }), (has, wants, slots) => {
      const { dimensions, room, request } = aRoom(has, slots);
      const wanted = { request: request(wants), constraints: [] };
      const fits = chooseGrant(dimensions, room, wanted.request) !== null;
      const misfits = misfitsOf(dimensions, { room, attributes: {} }, wanted);
      assert.equal(misfits.length === 0, fits, JSON.stringify(misfits));
    }),
  );
});
