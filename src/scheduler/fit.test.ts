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
import { capacityVector, Dimensions, dimension, requestVector, resourcesOf } from "./dimensions.ts";
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

  test("that are given away beyond a capacity that shrank fit no times, not fewer", () => {
    const { room, request } = aRoom({ cpu: 1 });
    room.used.fill(2_500);
    assert.equal(fitCount(room, request({ cpu: 0.5 }), 10), 0);
  });

  test("are granted as the very vector that was asked for, if no variant is to choose", () => {
    const { dimensions, room, request } = aRoom({ cpu: 1 });
    const wanted = request({ cpu: 0.5 });
    assert.equal(chooseGrant(dimensions, room, wanted), wanted.amounts);
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

  test("of any variant pass over a variant that the same request uses up", () => {
    const { dimensions, room, request } = aRoom({ devices });
    const wanted = request({
      devices: [
        { kind: "gpu", variant: "a100", count: 2 },
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
        ["a100", 2000],
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

test("a request names only what it asks for, whatever others have named", () => {
  const dimensions = new Dimensions();
  const before = requestVector(dimensions, parseResources("r", { cpu: 1 }, noResources));
  capacityVector(dimensions, parseResources("c", { custom: { license: 1 } }, noResources), 1);
  const after = requestVector(dimensions, parseResources("r", { cpu: 1 }, noResources));
  assert.deepEqual(after, before);
  assert.deepEqual(after.used, [dimension.cpu, dimension.slots]);
  const nothing = { cpuMilli: 0, memoryBytes: 0, diskBytes: 0, devices: [], custom: {} };
  assert.deepEqual(resourcesOf(dimensions, new Float64Array(dimensions.count)), nothing);
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
    [clause("cores", ">=", "17"), false],
    [clause("cores", "<", "100"), true],
    [clause("cores", "<", "16"), false],
    [clause("cores", "<=", "16"), true],
    [clause("cores", "<=", "15.5"), false],
    [clause("region", ">", "1"), false],
    [clause("region", "<=", "1"), false],
    [clause("absent", "=", "x"), false],
    [clause("absent", "="), false],
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
    const required = clause("region", "exists");
    assert.equal(preferenceCount(attributes, [preferred, met, required]), 1);
    const { dimensions, room, request } = aRoom({ cpu: 1 });
    const wanted = { request: request({ cpu: 1 }), constraints: [preferred] };
    assert.deepEqual(misfitsOf(dimensions, { room, attributes }, wanted), []);
  });
});

describe("a misfit says which clause, how much it needs and how much there is, when", () => {
  const worker = (options: ResourceOptions, slots?: number) => {
    const { dimensions, room, request } = aRoom(options, slots);
    return (wants: ResourceOptions, constraints: readonly Constraint[] = []) => {
      const wanted = { request: request(wants), constraints };
      return misfitsOf(dimensions, { room, attributes: {} }, wanted);
    };
  };

  test("an amount is short", () => {
    assert.deepEqual(worker({ cpu: 1 })({ cpu: 2 }), [
      { code: "INSUFFICIENT", dimension: "cpu", clause: "cpu 1 < 2", need: 2000, best: 1000 },
    ]);
  });

  test("slots are short", () => {
    assert.deepEqual(
      worker({ cpu: 1 }, 0)({ cpu: 1 }).map(({ code }) => code),
      ["SLOTS"],
    );
  });

  test("a constraint is not met", () => {
    const ssd = { key: "ssd", op: "exists", values: [], mode: "REQUIRED" } as const;
    assert.deepEqual(worker({ cpu: 1 })({ cpu: 1 }, [ssd]), [
      { code: "CONSTRAINT", dimension: "ssd", clause: "ssd exists", need: 0, best: 0 },
    ]);
  });

  test("a device is of another kind, of another variant, or there are too few", () => {
    const ofOne = worker({ device: { kind: "gpu", variant: "a", count: 1 } });
    const codes = (device: { kind: string; variant?: string; count: number }) =>
      ofOne({ device }).map(({ code }) => code);
    assert.deepEqual(codes({ kind: "tpu", variant: "a", count: 1 }), ["DEVICE_KIND"]);
    assert.deepEqual(codes({ kind: "gpu", variant: "b", count: 1 }), ["DEVICE_VARIANT"]);
    assert.deepEqual(codes({ kind: "gpu", variant: "a", count: 2 }), ["INSUFFICIENT"]);
    assert.deepEqual(codes({ kind: "tpu", count: 1 }), ["DEVICE_KIND"]);
    assert.deepEqual(ofOne({ device: { kind: "gpu", count: 2 } }), [
      { code: "INSUFFICIENT", dimension: "gpu", clause: "gpu x 2", need: 2000, best: 1000 },
    ]);
  });

  test("a custom resource is unknown here, whatever devices there are", () => {
    const device = { kind: "gpu", variant: "a", count: 1 };
    assert.deepEqual(
      worker({ device })({ custom: { a: 1 } }).map(({ code }) => code),
      ["INSUFFICIENT"],
    );
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
