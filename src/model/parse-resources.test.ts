/**
 * The rules of written resources.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { CapstanError } from "./errors.ts";
import { parseResources } from "./parse-resources.ts";
import { defaultRequest, noResources } from "./resources.ts";

function refusal(value: unknown): CapstanError {
  try {
    parseResources("resources", value);
  } catch (error) {
    if (error instanceof CapstanError) return error;
    throw error;
  }
  assert.fail("it was accepted");
}

test("a request that says nothing asks for one CPU", () => {
  assert.deepEqual(parseResources("resources", undefined), defaultRequest);
  assert.deepEqual(parseResources("resources", {}), defaultRequest);
  assert.deepEqual(parseResources("resources", { cpu: undefined }), defaultRequest);
});

test("a request becomes one canonical vector of integers", () => {
  const request = parseResources("resources", {
    cpu: 0.5,
    memory: "8g",
    disk: 1024,
    devices: [
      { kind: "TPU", variant: "v5litepod-16", count: 4 },
      { kind: "gpu", variant: "H100", count: 0.25 },
      { kind: "gpu", variant: "4090", count: 1 },
      { kind: "gpu", variant: "4090" },
      { kind: "fpga", count: 0 },
    ],
    custom: { License: 1, absent: 0, "net/bandwidth": 2.5 },
  });
  assert.deepEqual(request, {
    cpuMilli: 500,
    memoryBytes: 8 * 1024 ** 3,
    diskBytes: 1024,
    devices: [
      { kind: "gpu", variant: "4090", countMilli: 2000, indices: [] },
      { kind: "gpu", variant: "h100", countMilli: 250, indices: [] },
      { kind: "tpu", variant: "v5litepod-16", countMilli: 4000, indices: [] },
    ],
    custom: { license: 1000, "net/bandwidth": 2500 },
  });
});

test("one device without variant and count is one of any variant", () => {
  const { devices } = parseResources("resources", { device: { kind: "gpu" } });
  assert.deepEqual(devices, [{ kind: "gpu", variant: "auto", countMilli: 1000, indices: [] }]);
});

test("a capacity takes what is absent from its own defaults", () => {
  const measured = { ...noResources, cpuMilli: 16_000, memoryBytes: 64 };
  assert.deepEqual(parseResources("capacity", { memory: 32 }, measured), {
    ...measured,
    memoryBytes: 32,
  });
});

test("an unknown name is refused with its path and the nearest known name", () => {
  const cases: readonly [object, string, string][] = [
    [{ cpus: 1 }, "resources.cpus", "cpu"],
    [{ memroy: "8g" }, "resources.memroy", "memory"],
    [{ ram: "8g" }, "resources.ram", "memory"],
    [{ gpu: 1 }, "resources.gpu", "device"],
    [{ device: { kind: "gpu", variants: "h100" } }, "resources.device.variants", "variant"],
    [{ devices: [{ kind: "gpu", cout: 1 }] }, "resources.devices[0].cout", "count"],
  ];
  for (const [value, path, nearest] of cases) {
    const error = refusal(value);
    assert.equal(error.code, "INVALID_ARGUMENT");
    assert.ok(error.message.startsWith(`${path}: `), error.message);
    assert.equal(error.details.nearest, nearest);
    assert.ok(error.message.includes(`did you mean "${nearest}"?`), error.message);
  }
});

test("a negative or malformed amount is refused with its path", () => {
  const cases: readonly [unknown, string][] = [
    [{ cpu: -1 }, "resources.cpu: -1 "],
    [{ memory: "8x" }, 'resources.memory: "8x" '],
    [{ device: { kind: "gpu", count: -1 } }, "resources.device.count: -1 "],
    [{ device: { kind: "" } }, 'resources.device.kind: "" '],
    [{ device: {} }, "resources.device.kind: undefined "],
    [{ device: { kind: "gpu", variant: "4 090" } }, "resources.device.variant: "],
    [{ devices: { kind: "gpu" } }, "resources.devices: an object "],
    [{ custom: { license: -0.5 } }, "resources.custom.license: -0.5 "],
    [{ custom: { "a b": 1 } }, "resources.custom (a name): "],
    [{ custom: [1] }, "resources.custom: an array of 1 "],
    [null, "resources: null "],
    [new Map(), "resources: an object "],
    ["8g", 'resources: "8g" '],
  ];
  for (const [value, start] of cases) {
    const error = refusal(value);
    assert.equal(error.code, "INVALID_ARGUMENT");
    assert.ok(error.message.startsWith(start), error.message);
  }
});

test("a request that contradicts itself is refused as a specification", () => {
  const contradictions = [
    { device: { kind: "gpu" }, devices: [] },
    { custom: { a: 1, A: 2 } },
    { custom: { memory: 8 } },
  ];
  for (const value of contradictions) assert.equal(refusal(value).code, "INVALID_SPEC");
});
