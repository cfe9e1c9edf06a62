/**
 * What a worker may ask of its launcher, whoever it is that speaks on the socket.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseLaunchOrder } from "./launch-order.ts";
import { tagDepthMax } from "./limits.ts";

const order = {
  ...{ attemptId: "3.17", argv: ["true"], env: {}, cwd: "/", stdin: "", logDirectory: "/logs" },
  ...{ memoryBytes: 0, cpuMilli: 0, pidsMax: 0, stdoutResultBytesMax: 0 },
  ...{ timeoutMs: 0, graceMs: 0, leaseMs: 0, tag: { kept: ["as", "it", "is"] } },
  ...{ endsWithWorker: false, sections: null },
};

function nested(depth: number): unknown {
  return JSON.parse("[".repeat(depth) + "]".repeat(depth));
}

test("an order comes back as it was, its tag untouched", () => {
  assert.deepEqual(parseLaunchOrder(order), order);
  const tag = nested(tagDepthMax);
  assert.deepEqual(parseLaunchOrder({ ...order, tag }).tag, tag);
});

test("a tag that could not be written again is refused by name", () => {
  for (const depth of [tagDepthMax + 1, 100_000]) {
    assert.throws(() => parseLaunchOrder({ ...order, tag: nested(depth) }), {
      code: "INVALID_ARGUMENT",
      message: /^tag: /,
    });
  }
});

for (const attemptId of ["../x", "a/b", "..", ".", "", "-x", "a\0b", "x".repeat(129), 7]) {
  test(`the attempt id ${JSON.stringify(attemptId).slice(0, 20)} is no file name`, () => {
    assert.throws(() => parseLaunchOrder({ ...order, attemptId }), { message: /^attemptId: / });
  });
}
