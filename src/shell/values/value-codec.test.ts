/**
 * Values there and back, what is refused and where, and hostile bytes.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Prng } from "../../base/prng.ts";
import { CapstanError } from "../../model/errors.ts";
import { viewBytesMin } from "./limits.ts";
import { decodeArguments, decodeValue, encodeArguments, encodeValue } from "./value-codec.ts";

const root = "args";

function roundTrip(value: unknown): unknown {
  return decodeValue(encodeValue(value, { root }));
}

function refusal(value: unknown): CapstanError {
  try {
    encodeArguments([0, value], { root });
  } catch (error) {
    assert.ok(error instanceof CapstanError, String(error));
    assert.equal(error.code, "UNSERIALISABLE");
    return error;
  }
  return assert.fail("the value was accepted");
}

const anyValue = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withTypedArray: true,
  withSparseArray: false,
  withNullPrototype: false,
  withUnicodeString: true,
  maxDepth: 5,
});

describe("values come back as they were", () => {
  test("whatever plain data, collections and typed arrays are made of", () => {
    fc.assert(
      fc.property(anyValue, (value) => assert.deepEqual(roundTrip(value), value)),
      { numRuns: 2000 },
    );
  });

  test("any string, well-formed or not, short or long", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 100 }),
      fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)) }),
      fc.tuple(fc.string(), fc.nat(200)).map(([part, count]) => part.repeat(count)),
    );
    fc.assert(
      fc.property(text, (value) => assert.equal(roundTrip(value), value)),
      { numRuns: 1000 },
    );
  });

  test("numbers to the bit, alone and in arrays of numbers", () => {
    const numbers = [0, -0, 127, 128, -1, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), 0.1, Number.NaN];
    for (const value of [...numbers, Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER]) {
      assert.ok(Object.is(roundTrip(value), value));
    }
    assert.deepEqual(roundTrip(numbers), numbers);
    const integers = [1, 2, 3, -4, 5, 6, 7, 8, 2 ** 31 - 1];
    assert.deepEqual(roundTrip(integers), integers);
    assert.deepEqual(roundTrip([...integers, -0]), [...integers, -0]);
  });

  test("bigints of any sign and size", () => {
    for (const value of [0n, 1n, -1n, 2n ** 64n, -(2n ** 1000n)]) {
      assert.equal(roundTrip(value), value);
    }
  });

  test("the key __proto__ stays an ordinary key", () => {
    const value: unknown = JSON.parse('{"__proto__": {"polluted": true}, "a": 1}');
    const back = roundTrip(value) as { polluted?: unknown };
    assert.deepEqual(Object.keys(back), ["__proto__", "a"]);
    assert.equal(back.polluted, undefined);
  });

  test("undefined members stay, holes become undefined", () => {
    assert.deepEqual(roundTrip({ a: undefined }), { a: undefined });
    assert.deepEqual(Object.keys(roundTrip({ a: undefined }) as object), ["a"]);
    const sparse: unknown[] = [1];
    sparse[2] = 3;
    assert.deepEqual(roundTrip(sparse), [1, undefined, 3]);
  });

  test("objects of many shapes, met again in any order", () => {
    const shapes = Array.from({ length: 30 }, (_, i) => ({ [`k${i}`]: i, shared: i }));
    const value = [...shapes, ...shapes.toReversed(), {}, {}, { shared: 1, k0: 2 }];
    assert.deepEqual(roundTrip(value), value);
  });

  test("an error keeps its class, name, message, stack and causes", () => {
    const error = new TypeError("outer", {
      cause: new RangeError("inner", { cause: { code: 7 } }),
    });
    const back = roundTrip(error) as TypeError;
    assert.ok(back instanceof TypeError);
    assert.equal(back.message, "outer");
    assert.equal(back.stack, error.stack);
    assert.deepEqual(Object.keys(back), []);
    const inner = back.cause as RangeError;
    assert.ok(inner instanceof RangeError);
    assert.deepEqual(inner.cause, { code: 7 });
  });

  test("an error of a class of one's own comes back as an Error of that name", () => {
    class ModelError extends Error {
      override name = "ModelError";
    }
    const back = roundTrip(new ModelError("diverged")) as Error;
    assert.equal(back.name, "ModelError");
    assert.equal(String(back), "ModelError: diverged");
    const many = roundTrip(new AggregateError([new Error("a"), 1], "all")) as AggregateError;
    assert.ok(many instanceof AggregateError);
    assert.equal(many.errors.length, 2);
  });
});

describe("binary data", () => {
  const kinds = [
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
  ];

  test("every kind of typed array, small and large, at any place", () => {
    for (const Kind of kinds) {
      for (const length of [0, 1, 7, 100, 5000]) {
        const array = new Kind(length).fill(length);
        assert.deepEqual(roundTrip(["x".repeat(length % 13), array, 1]), [
          "x".repeat(length % 13),
          array,
          1,
        ]);
      }
    }
    const wide = [BigInt64Array.of(-1n, 2n), BigUint64Array.of(2n ** 64n - 1n)];
    assert.deepEqual(roundTrip(wide), wide);
  });

  test("an ArrayBuffer, a DataView and a Buffer come back as what they were", () => {
    const bytes = Uint8Array.from({ length: 20 }, (_, i) => i);
    const [buffer, view, node] = roundTrip([
      bytes.buffer,
      new DataView(bytes.buffer, 3, 5),
      Buffer.from(bytes.buffer, 2, 4),
    ]) as [ArrayBuffer, DataView, Buffer];
    assert.deepEqual(new Uint8Array(buffer), bytes);
    assert.equal(view.byteLength, 5);
    assert.equal(view.getUint8(0), 3);
    assert.ok(Buffer.isBuffer(node));
    assert.deepEqual([...node], [2, 3, 4, 5]);
  });

  test("only the window that an array shows is sent", () => {
    const window = new Float64Array(100_000).subarray(10, 12);
    assert.ok(encodeValue(window, { root }).length < 40);
  });

  test("large aligned data is a view of the message, in place", () => {
    const data = new Float64Array(viewBytesMin);
    const bytes = encodeValue({ before: "odd", data }, { root });
    const back = decodeValue(bytes) as { data: Float64Array };
    assert.equal(back.data.buffer, bytes.buffer);
    assert.deepEqual(back.data, data);
  });

  test("data that lies misaligned or is small is copied", () => {
    const data = Float64Array.from({ length: viewBytesMin }, (_, i) => i);
    const encoded = encodeValue(data, { root });
    const shifted = new Uint8Array(encoded.length + 1).subarray(1);
    shifted.set(encoded);
    const back = decodeValue(shifted) as Float64Array;
    assert.notEqual(back.buffer, shifted.buffer);
    assert.deepEqual(back, data);
    const small = encodeValue(new Uint8Array(10), { root });
    assert.notEqual((decodeValue(small) as Uint8Array).buffer, small.buffer);
  });

  test("100 MB take one copy to encode and none to decode", () => {
    const data = new Float64Array(12_500_000).fill(1.5);
    const before = process.memoryUsage().arrayBuffers;
    const bytes = encodeValue([data], { root });
    const back = decodeValue(bytes) as [Float64Array];
    const grown = process.memoryUsage().arrayBuffers - before;
    assert.ok(grown < 101e6, `${grown} bytes`);
    assert.equal(back[0].length, data.length);
    assert.equal(back[0].at(-1), 1.5);
  });

  test("shared memory is copied into memory of the value's own", () => {
    const shared = new Uint8Array(new SharedArrayBuffer(8)).fill(3);
    assert.deepEqual([...(roundTrip(shared) as Uint8Array)], Array(8).fill(3));
  });
});

describe("what cannot travel is refused with its path", () => {
  class Model {
    fn = 1;
  }
  const circle: { list: unknown[] } = { list: [] };
  circle.list.push({ again: circle });
  let deep: unknown = 1;
  for (let i = 0; i < 600; i++) deep = [deep];
  const detached = new Uint8Array(8);
  structuredClone(detached, { transfer: [detached.buffer] });
  const cases: readonly (readonly [string, unknown, string])[] = [
    ["a function", { model: { fn: () => 1 } }, "args[1].model.fn is the function fn, which"],
    ["a symbol", [[Symbol("s")]], "args[1][0][0] is a symbol, which"],
    ["an instance of a class", { "odd key": new Model() }, 'args[1]["odd key"] is an instance of'],
    ["a promise", Promise.resolve(1), "args[1] is a Promise (await it first), which"],
    ["a regular expression", [/a/], "args[1][0] is an instance of RegExp, which"],
    ["a weak map", new WeakMap(), "args[1] is an instance of WeakMap, which"],
    ["a circle", circle, "args[1].list[0].again refers back to args[1]; a circle cannot travel"],
    ["a key of a Map", new Map([[() => 1, 2]]), "args[1].keys()[0] is a function, which"],
    ["a value of a Map", new Map([[1, () => 1]]), "args[1].values()[0] is a function, which"],
    ["an element of a Set", new Set([1, () => 1]), "args[1].values()[1] is a function, which"],
    ["a cause", new Error("e", { cause: () => 1 }), "args[1].cause is the function cause, which"],
    ["a symbol as a key", { [Symbol("s")]: 1 }, "args[1] has the key Symbol(s); a symbol cannot"],
    ["too deep a nest", deep, "is nested deeper than 500, which"],
    ["a detached buffer", detached, "args[1] is a detached buffer, which"],
    ["a boxed number", Object(5), "args[1] is an instance of Number, which"],
    ["an array of a class", new (class Rows extends Array {})(), "args[1] is an instance of Rows"],
  ];
  for (const [name, value, expected] of cases) {
    test(name, () => {
      const { message, details } = refusal(value);
      assert.ok(message.includes(expected), message);
      assert.ok(message.startsWith(String(details.path)));
    });
  }

  test("a refusal leaves nothing behind for the next value", () => {
    refusal({ a: 1, b: [() => 1] });
    assert.deepEqual(roundTrip({ a: 1, b: [2] }), { a: 1, b: [2] });
  });

  test("the same object twice is no circle", () => {
    const shared = { a: [1] };
    assert.deepEqual(roundTrip([shared, { x: shared }]), [shared, { x: shared }]);
  });

  test("what a getter throws comes out as it is, and a getter may encode", () => {
    const thrown = new Error("mine");
    const value = {
      get bad(): number {
        throw thrown;
      },
    };
    assert.throws(() => encodeValue(value, { root }), thrown);
    const nested = {
      get inner(): Uint8Array {
        return encodeValue({ a: 1 }, { root });
      },
    };
    assert.deepEqual(decodeValue((roundTrip(nested) as typeof nested).inner), { a: 1 });
  });
});

describe("references", () => {
  class Handle {
    readonly number: number;
    constructor(number: number) {
      this.number = number;
    }
  }
  const onReference = (value: object): number | null =>
    value instanceof Handle ? value.number : null;
  const input = (index: number): string => `value ${index}`;

  test("a handle may be an argument or an element of an array argument", () => {
    const args = [new Handle(0), [1, new Handle(300)], "x"];
    const bytes = encodeArguments(args, { root, onReference });
    assert.deepEqual(decodeArguments(bytes, { input }), ["value 0", [1, "value 300"], "x"]);
  });

  test("a handle anywhere deeper is refused with its path", () => {
    const cases: readonly (readonly [unknown, string])[] = [
      [{ a: new Handle(0) }, "args[0].a"],
      [[[new Handle(0)]], "args[0][0][0]"],
      [[{ a: new Handle(0) }], "args[0][0].a"],
      [new Set([new Handle(0)]), "args[0].values()[0]"],
    ];
    for (const [arg, path] of cases) {
      assert.throws(() => encodeArguments([arg], { root, onReference }), {
        code: "UNSERIALISABLE",
        message:
          `${path} is an instance of Handle too deep inside an argument; ` +
          "pass it as an argument or directly inside an array argument",
      });
    }
  });

  test("the callback is told the path, and only of what is not plain data", () => {
    const paths: string[] = [];
    const note = (_value: object, path: string): number | null => paths.push(path);
    encodeArguments([{ a: 1 }, [new Handle(1)], new Date(0)], { root: "call", onReference: note });
    assert.deepEqual(paths, ["call[1][0]"]);
  });

  test("a value with references cannot be decoded without inputs", () => {
    const bytes = encodeArguments([new Handle(4)], { root, onReference });
    assert.throws(() => decodeArguments(bytes), {
      message: /refers to input 4, but has no inputs/,
    });
  });

  test("an input may itself be decoded while the arguments are", () => {
    const inner = encodeValue({ deep: [1.5] }, { root });
    const bytes = encodeArguments([new Handle(0)], { root, onReference });
    assert.deepEqual(decodeArguments(bytes, { input: () => decodeValue(inner) }), [
      { deep: [1.5] },
    ]);
  });
});

const goldenValues: { readonly [name: string]: unknown } = {
  scalars: [null, undefined, true, false, 0, 127, 128, -1, 0.5, -0, 10n, -255n],
  strings: ["", "a", "größe", "日本", "x".repeat(70)],
  packed: [
    [1, 2, 3, 4, 5, 6, 7, -8],
    [0.5, 1, 2, 3, 4, 5, 6, 7],
  ],
  objects: [{ a: 1, b: 2.5 }, { a: 2, b: 3 }, { b: null }],
  collections: [
    new Map<unknown, unknown>([["k", { a: 1 }]]),
    new Set([1, "x"]),
    new Date(86400000),
  ],
  binary: [Uint8Array.of(1, 2, 3), Float64Array.of(1.5), new Uint8Array([9, 8]).buffer],
};

test("values have the bytes that they have always had", () => {
  const path = new URL("golden-values.json", import.meta.url);
  const golden: { readonly [name: string]: string } = JSON.parse(readFileSync(path, "utf8"));
  assert.deepEqual(Object.keys(golden), Object.keys(goldenValues));
  for (const [name, value] of Object.entries(goldenValues)) {
    assert.equal(Buffer.from(encodeValue(value, { root })).toString("hex"), golden[name], name);
    assert.deepEqual(decodeValue(Buffer.from(golden[name], "hex")), value);
  }
});

describe("hostile bytes", () => {
  const cases: readonly (readonly [string, readonly number[], RegExp])[] = [
    ["nothing", [], /is truncated/],
    ["another format", [2, 0], /has the format 2, this release reads format 1/],
    ["an unknown tag", [1, 63], /unknown tag 63/],
    ["bytes after the end", [1, 0, 0], /has 1 bytes after its end/],
    ["a huge array", [1, 10, 255, 255, 255, 255, 15], /is truncated/],
    ["a huge packed array", [1, 12, 255, 255, 255, 255, 15], /is truncated/],
    ["a huge string", [1, 8, 255, 255, 255, 255, 15], /is truncated/],
    ["a huge binary", [1, 19, 2, 255, 255, 255, 255, 15], /is truncated/],
    ["a count beyond all", [1, 10, ...Array<number>(9).fill(255)], /count out of range/],
    ["a shape of nowhere", [1, 14, 5], /a shape that was not defined/],
    ["a key that is no string", [1, 13, 1, 128, 0], /the tag 128 where a string must be/],
    ["a bigint that is none", [1, 6, 1, 122], /not hexadecimal/],
    ["a binary kind of nowhere", [1, 19, 99, 0], /unknown kind 99/],
    ["a fraction of an element", [1, 19, 9, 7], /has 7 bytes of 8-byte items/],
    [
      "an endless nest",
      [
        1,
        ...Array<number>(5000)
          .fill(10)
          .flatMap(() => [10, 1]),
      ],
      /deeper than/,
    ],
  ];
  for (const [name, bytes, expected] of cases) {
    test(`${name} is a PROTOCOL_ERROR`, () => {
      assert.throws(() => decodeValue(Uint8Array.from(bytes)), {
        code: "PROTOCOL_ERROR",
        message: expected,
      });
    });
  }

  test("mutated values decode to something or are refused, and stay small", () => {
    const prng = new Prng(3);
    const seeds = Object.values(goldenValues).map((value) => encodeValue(value, { root }));
    seeds.push(encodeValue([new TypeError("x", { cause: 1 })], { root }));
    let refused = 0;
    for (let round = 0; round < 30_000; round++) {
      const seed = prng.pick(seeds);
      const bytes = seed.slice(0, prng.chance(0.1) ? prng.below(seed.length) : seed.length);
      for (let i = prng.below(4); i >= 0 && bytes.length > 0; i--) {
        bytes[prng.below(bytes.length)] = prng.below(256);
      }
      try {
        decodeValue(bytes, { input: (index) => index });
      } catch (error) {
        assert.ok(error instanceof CapstanError, String(error));
        assert.equal(error.code, "PROTOCOL_ERROR");
        refused++;
      }
    }
    assert.ok(refused > 1000 && refused < 29_000);
  });

  test("arguments that are no array are refused", () => {
    assert.throws(() => decodeArguments(encodeValue(7, { root })), { code: "PROTOCOL_ERROR" });
  });
});
