/**
 * What a placement strands of the devices of a worker.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { noResources, type Resources } from "../model/resources.ts";
import { capacityVector, Dimensions, requestVector } from "./dimensions.ts";
import { type DeviceSeat, demandOf, noDemand, strandedBy } from "./fragmentation.ts";

const dimensions = new Dimensions();

function aRequest(cpuMilli: number, gpuMilli: number): Resources {
  const device = { kind: "gpu", variant: "auto", countMilli: gpuMilli, indices: [] };
  return { ...noResources, cpuMilli, devices: gpuMilli === 0 ? [] : [device] };
}

function vectorOf(resources: Resources) {
  return requestVector(dimensions, resources, "command slots");
}

/** A worker with GPUs, these thousandths of each in use. */
function aSeat(cpuMilli: number, use: readonly number[]): DeviceSeat {
  const countMilli = use.length * 1_000;
  const device = { kind: "gpu", variant: "h100", countMilli, indices: [] };
  const declared = { ...noResources, cpuMilli, devices: [device] };
  const capacity = capacityVector(dimensions, declared, 0, 100);
  const used = new Float64Array(capacity.length);
  const index = dimensions.intern("device:gpu:h100");
  used[index] = use.reduce((sum, milli) => sum + milli, 0);
  return { capacity, used, attributes: {}, deviceUse: new Map([[index, use]]) };
}

function demandFor(...resources: readonly Resources[]) {
  aSeat(1, [0]);
  const entries = resources.map((one) => {
    return { request: vectorOf(one), devices: one.devices, constraints: [], count: 1 };
  });
  return demandOf(entries, dimensions, 8);
}

test("taking what nobody could have used strands less", () => {
  const demand = demandFor(aRequest(1_000, 1_000));
  const half = vectorOf(aRequest(1_000, 500));
  assert.equal(strandedBy(aSeat(8_000, [500, 0]), half, demand), -500);
  assert.equal(strandedBy(aSeat(8_000, [0, 0]), half, demand), 500);
});

test("work that takes the last CPU strands every free device", () => {
  const demand = demandFor(aRequest(4_000, 1_000));
  const cpuOnly = vectorOf(aRequest(6_000, 0));
  assert.equal(strandedBy(aSeat(8_000, [0, 0, 0]), cpuOnly, demand), 3_000);
  assert.equal(strandedBy(aSeat(12_000, [0, 0, 0]), cpuOnly, demand), 0);
});

test("a request for several whole devices counts devices that nobody uses", () => {
  const demand = demandFor(aRequest(1_000, 2_000));
  const one = vectorOf(aRequest(1_000, 1_000));
  assert.equal(strandedBy(aSeat(8_000, [0, 0]), one, demand), 1_000);
  assert.equal(strandedBy(aSeat(8_000, [0, 0, 0]), one, demand), 0);
});

test("the cost is the mean over what is asked for, by how often", () => {
  const demand = demandFor(aRequest(1_000, 1_000), aRequest(1_000, 500));
  const half = vectorOf(aRequest(1_000, 500));
  assert.equal(strandedBy(aSeat(8_000, [0]), half, demand), 250);
});

test("a demand for other variants strands all of these devices, before and after", () => {
  const other = { kind: "gpu", variant: "t4", countMilli: 1_000, indices: [] };
  const demand = demandFor({ ...aRequest(1_000, 0), devices: [other] });
  assert.equal(strandedBy(aSeat(8_000, [0]), vectorOf(aRequest(1_000, 500)), demand), -500);
});

test("without a demand nothing is stranded", () => {
  assert.equal(strandedBy(aSeat(8_000, [0]), vectorOf(aRequest(1_000, 500)), noDemand), 0);
});
