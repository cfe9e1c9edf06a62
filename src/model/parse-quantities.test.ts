/**
 * The rules of written amounts.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CapstanError } from "./errors.ts";
import { formatDuration, formatMemory } from "./format-quantities.ts";
import { parseCpuMilli, parseDurationMs, parseMemoryBytes } from "./parse-quantities.ts";

const refused =
  (code: string, ...parts: readonly string[]) =>
  (error: unknown) => {
    assert.ok(error instanceof CapstanError, String(error));
    assert.equal(error.code, code);
    for (const part of parts) assert.ok(error.message.includes(part), error.message);
    return true;
  };

test("memory units are powers of 1024 in each of their three spellings and any case", () => {
  const gib = 1024 ** 3;
  const cases: readonly [string | number, number][] = [
    ["8g", 8 * gib],
    ["16gb", 16 * gib],
    ["512m", 512 * 1024 ** 2],
    ["1.5GiB", 1.5 * gib],
    ["1K", 1024],
    ["1KB", 1024],
    ["1kib", 1024],
    ["2T", 2 * 1024 ** 4],
    ["1.3g", 1395864371],
    ["0g", 0],
    [12345, 12345],
    [-0, 0],
  ];
  for (const [written, bytes] of cases) assert.equal(parseMemoryBytes("memory", written), bytes);
});

test("any other way to write memory is refused and shown", () => {
  const wrong = ["", "x", "8", "8 g", "-1g", "8gg", "8bb", "1e3g", ".5g", "8.g", "8p", "9999999t"];
  for (const written of wrong) {
    assert.throws(
      () => parseMemoryBytes("resources.memory", written),
      refused("INVALID_ARGUMENT", "resources.memory", JSON.stringify(written), '"8g"'),
    );
  }
  for (const written of [
    -1,
    1.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 53,
    null,
    true,
    [],
    {},
  ]) {
    assert.throws(() => parseMemoryBytes("memory", written), refused("INVALID_ARGUMENT", "memory"));
  }
});

test("an amount of memory below one byte is refused, for it would switch the limit off", () => {
  assert.throws(() => parseMemoryBytes("memory", "0.0001k"), refused("INVALID_ARGUMENT"));
});

test("durations have five units and plain numbers are milliseconds", () => {
  const cases: readonly [string | number, number][] = [
    ["250ms", 250],
    ["90s", 90_000],
    ["5m", 300_000],
    ["12h", 43_200_000],
    ["1d", 86_400_000],
    ["1.5s", 1_500],
    ["1.1h", 3_960_000],
    ["0s", 0],
    [1234, 1234],
  ];
  for (const [written, ms] of cases) assert.equal(parseDurationMs("timeout", written), ms);
});

test("any other way to write a duration is refused and shown", () => {
  for (const written of ["", "90", "5 m", "-5s", "5M", "1h30m", "0.5ms", "40000d", "s", "1w"]) {
    assert.throws(
      () => parseDurationMs("timeout", written),
      refused("INVALID_ARGUMENT", "timeout", JSON.stringify(written), '"90s"'),
    );
  }
  for (const written of [-1, 0.5, Number.NaN, 1e15, undefined, null]) {
    assert.throws(() => parseDurationMs("timeout", written), refused("INVALID_ARGUMENT"));
  }
});

test("CPUs come in thousandths and not finer", () => {
  assert.equal(parseCpuMilli("cpu", 0.5), 500);
  assert.equal(parseCpuMilli("cpu", 0.29), 290);
  assert.equal(parseCpuMilli("cpu", 0.1 + 0.2), 300);
  assert.equal(parseCpuMilli("cpu", 64), 64_000);
  assert.ok(Object.is(parseCpuMilli("cpu", -0), 0));
  for (const written of [-1, 0.0005, 1.00001, "4", Number.NaN, 1e300]) {
    assert.throws(() => parseCpuMilli("cpu", written), refused("INVALID_ARGUMENT", "cpu"));
  }
});

test("every thousandth of a CPU survives being written as a decimal number", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1_000_000_000 }), (milli) => {
      assert.equal(parseCpuMilli("cpu", milli / 1000), milli);
    }),
  );
});

test("a parser returns a safe non-negative integer or throws an error of the registry", () => {
  const written = fc.oneof(
    fc.string(),
    fc.double(),
    fc.tuple(fc.double(), fc.constantFrom("k", "gb", "tib", "ms", "s", "d")).map((p) => p.join("")),
    fc.anything(),
  );
  fc.assert(
    fc.property(written, (value) => {
      for (const parse of [parseMemoryBytes, parseDurationMs, parseCpuMilli]) {
        try {
          const amount = parse("field", value);
          assert.ok(Number.isSafeInteger(amount) && amount >= 0);
        } catch (error) {
          if (!(error instanceof CapstanError)) throw error;
          assert.ok(error.message.startsWith("field: "));
        }
      }
    }),
  );
});

test("whole amounts are read back from the way they are shown", () => {
  fc.assert(
    fc.property(fc.nat(1023), fc.constantFrom("k", "m", "g", "t"), (count, unit) => {
      const bytes = parseMemoryBytes("memory", `${count}${unit}`);
      if (count > 0)
        assert.equal(parseMemoryBytes("m", formatMemory(bytes).replace(" ", "")), bytes);
    }),
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 59 }), fc.constantFrom("s", "m"), (count, unit) => {
      assert.equal(formatDuration(parseDurationMs("t", `${count}${unit}`)), `${count}${unit}`);
    }),
  );
});
