/**
 * From what people type to jobs and tasks: whose is meant where the user is left out.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ControllerHarness } from "../../test/support/controller-builders.ts";
import { absoluteId, findTask, keyOf, taskNamed } from "./lookup.ts";

/** Ann has the jobs `one` and `both`, bob has `two` and `both`; each has a task with a key. */
function aCluster() {
  const harness = new ControllerHarness();
  for (const name of ["one", "both"]) harness.launch(name, { replicas: 2 });
  for (const name of ["two", "both", "two/part"]) harness.launch(name, { user: "bob" });
  harness.aClient("ann").submits({ a: { key: "mine" }, b: { key: "ours" }, c: {} });
  harness.aClient("bob").submits({ d: { key: "ours", args: "b" } });
  return harness;
}

describe("an id without its user", () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ["", "ann", ""],
    ["/bob/two", "ann", "/bob/two"],
    ["one", "ann", "/ann/one"],
    ["one/1", "ann", "/ann/one/1"],
    ["both", "ann", "/ann/both"],
    ["both/0", "bob", "/bob/both/0"],
    ["both", "eve", "both"],
    ["both/0", "", "both/0"],
    ["two", "ann", "/bob/two"],
    ["two/0", "", "/bob/two/0"],
    ["two/part", "ann", "/bob/two/part"],
    ["two/part/0", "ann", "/bob/two/part/0"],
    ["none", "ann", "none"],
    ["mine", "ann", "/ann/graph-6/0"],
    ["mine", "bob", "mine"],
    ["ours", "ann", "/ann/graph-6/1"],
    ["ours", "bob", "/bob/graph-7/0"],
    ["graph-7/0", "ann", "/bob/graph-7/0"],
  ];
  for (const [id, user, expected] of cases) {
    test(`"${id}" of ${user || "nobody"} is "${expected}"`, () => {
      assert.equal(absoluteId(aCluster().state, id, user), expected);
    });
  }
});

describe("a task is named", () => {
  const nameOf = (harness: ControllerHarness, id: string) => {
    const row = taskNamed(harness.state, id);
    return row < 0 ? "none" : harness.labelOf(harness.state.tasks.ref(row));
  };

  test("by its id, by a key of whoever has it first, and by its number on a worker", () => {
    const harness = aCluster();
    const ids = ["/ann/one/1", "/ann/graph-6/2", "mine", "ours", String(harness.refOf("d"))];
    assert.deepEqual(
      ids.map((id) => nameOf(harness, id)),
      ["one/1", "c", "a", "b", "d"],
    );
    assert.equal(findTask(harness.state, "mine"), harness.rowOf("a"));
  });

  test("by nothing else", () => {
    const harness = aCluster();
    const ids = ["/ann/one", "/ann/one/", "/ann/one/2", "/ann/one/-1", "/ann/one/0.5", "9999999"];
    for (const id of [...ids, "/ann/graph-6/3", "/ann/none/0", "12x", ""]) {
      assert.equal(nameOf(harness, id), "none", id);
    }
    assert.throws(() => findTask(harness.state, "12x"), { code: "NOT_FOUND" });
  });

  test("also after its client has released it, until it is forgotten", () => {
    const harness = new ControllerHarness();
    const client = harness.aClient();
    const worker = harness.aWorker();
    client.submits({ a: {}, b: { on: ["a"] } });
    client.releases("a");
    assert.equal(nameOf(harness, "/ann/graph-1/0"), "a");
    client.closes();
    assert.equal(nameOf(harness, "/ann/graph-1/1"), "none");
    assert.equal(worker.orders, "a-");
  });
});

test("what a task is called besides its id is its key, if it has one", () => {
  const harness = aCluster();
  const named = ["a", "c", "one/1"].map((label) =>
    keyOf(harness.state, harness.rowOf(label), "id"),
  );
  assert.deepEqual(named, ["mine", "id", "id"]);
});
