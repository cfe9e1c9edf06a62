/**
 * Rules of the demo's model and figures.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { score, simulate } from "../../examples/epidemic/model.ts";
import { dayCount, observedInBed, populationCount } from "../../examples/epidemic/observed.ts";
import { parameterSets, seedOf } from "../../examples/epidemic/parameter-sets.ts";
import { binomial, randomStream } from "../../examples/epidemic/random.ts";
import { rank } from "../../examples/epidemic/ranking.ts";
import { drawSvg } from "../../examples/epidemic/svg-plot.ts";
import { drawFit } from "../../examples/epidemic/terminal-plot.ts";

const fit = { beta: 1.67, gamma: 0.44 };

test("a simulation is a function of its parameters and its seed", () => {
  assert.deepEqual(simulate(fit, 7), simulate(fit, 7));
  assert.notDeepEqual(simulate(fit, 7), simulate(fit, 8));
});

test("a simulation begins with the first count and never has more ill than boys", () => {
  for (let seed = 0; seed < 20; seed++) {
    const curve = simulate({ beta: 5, gamma: 0.1 }, seed);
    assert.equal(curve.length, dayCount);
    assert.equal(curve[0], observedInBed[0]);
    for (const count of curve) assert.ok(count >= 0 && count <= populationCount);
  }
});

test("without infection nobody falls ill, without recovery nobody gets up", () => {
  assert.ok((simulate({ beta: 0, gamma: 1 }, 1).at(-1) ?? 1) <= 3);
  const curve = simulate({ beta: 2, gamma: 0 }, 1);
  assert.ok(curve.every((count, day) => day === 0 || count >= curve[day - 1]));
});

test("binomial numbers have the mean and the variance that they should have", () => {
  const random = randomStream(1);
  const draws = Array.from({ length: 20_000 }, () => binomial(random, 50, 0.1));
  const mean = draws.reduce((sum, draw) => sum + draw, 0) / draws.length;
  const variance = draws.reduce((sum, draw) => sum + (draw - mean) ** 2, 0) / draws.length;
  assert.ok(Math.abs(mean - 5) < 0.06, `mean ${mean}`);
  assert.ok(Math.abs(variance - 4.5) < 0.2, `variance ${variance}`);
});

test("the parameter sets are distinct and begin with the published fit", () => {
  const sets = parameterSets(60);
  assert.deepEqual(sets[0], { number: 1, parameters: fit });
  const keys = new Set(sets.map(({ parameters }) => `${parameters.beta},${parameters.gamma}`));
  assert.equal(keys.size, 60);
  assert.deepEqual(parameterSets(3), sets.slice(0, 3));
});

test("seeds of different replicates and of different sets differ", () => {
  const sets = parameterSets(20);
  const seeds = sets.flatMap(({ parameters }) =>
    Array.from({ length: 200 }, (_unused, replicate) => seedOf(parameters, replicate)),
  );
  assert.equal(new Set(seeds).size, 4_000);
  assert.ok(seeds.every(Number.isSafeInteger));
});

test("the verdict has the quantiles, and the loss of the median against the counts", () => {
  const flat = observedInBed.map(() => 0);
  const shifted = observedInBed.map((count) => count + 10);
  const verdict = score(flat, [...observedInBed], shifted);
  assert.deepEqual(verdict.median, observedInBed);
  assert.equal(verdict.loss, 0);
  assert.equal(verdict.replicates, 3);
  assert.equal(score(shifted).loss, 10);
});

test("the set nearest to the published fit ranks first", () => {
  const ranked = rank(
    parameterSets(20).map((set) => {
      const seeds = Array.from({ length: 40 }, (_unused, index) => seedOf(set.parameters, index));
      return { set, verdict: score(...seeds.map((seed) => simulate(set.parameters, seed))) };
    }),
  );
  assert.equal(ranked[0].set.parameters.gamma, 0.44);
  assert.ok([1.67, 1.9].includes(ranked[0].set.parameters.beta));
  const fitPlace = ranked.findIndex(({ set }) => set.number === 1);
  assert.ok(fitPlace <= 1, `the published fit is number ${fitPlace + 1}`);
});

test("the figures show every count", () => {
  const verdict = score(simulate(fit, 1), simulate(fit, 2), simulate(fit, 3));
  const plot = drawFit({ write: () => undefined }, verdict).join("\n");
  assert.equal(plot.match(/●/g)?.length, dayCount + 1);
  const svg = drawSvg({ number: 1, parameters: fit }, verdict, [verdict]);
  assert.equal(svg.match(/<circle class="count"/g)?.length, dayCount + 1);
  assert.doesNotMatch(svg, /NaN|undefined/);
});
