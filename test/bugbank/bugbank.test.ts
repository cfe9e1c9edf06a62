/**
 * The bug bank cannot rot: every bug fits the kernels as they are, and those that the project was
 * born from are found. `npm run bugbank` looks for all of them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { repositoryRoot } from "../tidy/repository.ts";
import { playScenarios, runSeeds } from "./hunter.ts";
import { checkBug, parseBug, patchSource, readBugs } from "./patches.ts";

const bugs = readBugs();

/** Looked for with every run of the tests: each is caught by a scenario or by one of few seeds. */
const incidents = [
  "cascade-forgets-siblings",
  "registration-keeps-the-running-set",
  "late-report-is-dropped",
  "cascade-reenters-itself",
  "budget-is-faked-by-a-sentinel",
];
const seeds = Array.from({ length: 40 }, (_unused, i) => i + 1);

describe("the bug bank", () => {
  test("has at least sixty bugs, each with a sentence that says what is wrong", () => {
    assert.ok(bugs.length >= 60, `${bugs.length} bugs`);
    for (const { name, title } of bugs) assert.match(title, /^[A-Z].*\.$/, name);
    assert.equal(new Set(bugs.map(({ title }) => title)).size, bugs.length);
  });

  for (const bug of bugs) {
    test(`${bug.name} fits the sources`, () => checkBug(repositoryRoot, bug));
  }
});

describe("a bug", () => {
  const text = "# Two is three.\n\nfrom: nowhere\n\n--- src/a.ts\ntwo\n+++\nthree\n";

  test("replaces whole lines of its file", () => {
    const bug = parseBug("b", text);
    assert.equal(
      patchSource(bug, "src/a.ts", "one\ntwo\ntwo and more\n"),
      "one\nthree\ntwo and more\n",
    );
    assert.equal(patchSource(bug, "src/other.ts", "two\n"), "two\n");
  });

  test("that is found twice, or not at all, says so", () => {
    const bug = parseBug("b", text);
    const wrong = /its old lines are in src\/a\.ts \d times, expected once/;
    assert.throws(() => patchSource(bug, "src/a.ts", "one\n"), wrong);
    assert.throws(() => patchSource(bug, "src/a.ts", "two\none\ntwo\n"), wrong);
  });

  test("without a title, or that changes nothing, is none", () => {
    assert.throws(() => parseBug("b", "from: nowhere\n\n--- src/a.ts\na\n+++\n"), /no title/);
    assert.throws(() => parseBug("b", "# A title.\n\nfrom: nowhere\n"), /changes nothing/);
    const same = "# A title.\n\nfrom: nowhere\n\n--- src/a.ts\na\n+++\na\n";
    assert.throws(() => parseBug("b", same), /the same/);
  });
});

describe("the incidents that the project was born from", { concurrency: 2 }, () => {
  for (const name of incidents) {
    test(`${name} is caught`, async () => {
      const played = await playScenarios(name);
      const { caught } = played.caught === null ? await runSeeds(name, seeds) : played;
      assert.ok(caught !== null, `no scenario and none of ${seeds.length} seeds caught it`);
    });
  }
});
