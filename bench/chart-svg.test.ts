/**
 * The charts: what is where, and how long.
 *
 * @module
 */

import assert from "node:assert/strict";
import { it } from "node:test";
import { peersChart, ratiosChart } from "./chart-svg.ts";
import { aPeer, aResult } from "./sample-results.ts";

/** The numbers of one attribute of all elements of a class, in order. */
function numbersOf(svg: string, kind: string, attribute: string): readonly number[] {
  const elements = svg.match(new RegExp(`<\\w+ class="${kind}"[^>]*>`, "g")) ?? [];
  return elements.map((each) => Number(new RegExp(` ${attribute}="([^"]+)"`).exec(each)?.[1]));
}

it("bars of a case are as long as their medians, on one scale", () => {
  const peers = { dask: aPeer({ median: 50, min: 40, max: 60 }) };
  const svg = peersChart([aResult({ median: 100, min: 90, max: 200, peers })]);
  const [ours] = numbersOf(svg, "capstan", "width");
  const [theirs] = numbersOf(svg, "dask", "width");
  assert(Math.abs(ours / theirs - 2) < 0.01, `${ours} is not twice ${theirs}`);
});

it("a peer that was skipped has a word instead of a bar", () => {
  const svg = peersChart([aResult({ peers: { ray: { skipped: "not installed" } } })]);
  assert.deepEqual(numbersOf(svg, "ray", "width"), []);
  assert.match(svg, />skipped</);
});

it("of times less is better, of rates more", () => {
  const svg = peersChart([aResult({ unit: "ms" }), aResult({ unit: "GB/s" })]);
  assert.match(svg, /ms, less is better/);
  assert.match(svg, /GB\/s, more is better/);
});

it("ten times better is as far from equal as ten times worse, to the other side", () => {
  const svg = ratiosChart([
    aResult({ peers: { dask: aPeer({ ratio: 10 }) } }),
    aResult({ name: "transfer", peers: { dask: aPeer({ ratio: 0.1 }) } }),
  ]);
  const [equal] = numbersOf(svg, "axis", "x1");
  // The first circle is the legend's.
  const [, better, worse] = numbersOf(svg, "dask", "cx");
  assert(better > equal && worse < equal);
  assert(Math.abs(better - equal - (equal - worse)) < 0.2);
});

it("no point is outside of the axis", () => {
  const peers = { dask: aPeer({ ratio: 4_321 }), ray: aPeer({ ratio: 0.0019 }) };
  const svg = ratiosChart([aResult({ peers })]);
  const lines = [...numbersOf(svg, "grid", "x1"), ...numbersOf(svg, "axis", "x1")];
  const points = [
    ...numbersOf(svg, "dask", "cx").slice(1),
    ...numbersOf(svg, "ray", "cx").slice(1),
  ];
  for (const x of points) assert(x >= Math.min(...lines) && x <= Math.max(...lines));
});
