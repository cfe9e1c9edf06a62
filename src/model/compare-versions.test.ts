/**
 * Releases: which is older, and who is told to upgrade.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { adviseUpgrade, compareVersions } from "./compare-versions.ts";

test("releases are compared number by number, not letter by letter", () => {
  assert.ok(compareVersions("0.9.0", "0.10.0") < 0);
  assert.ok(compareVersions("2.0.0", "1.99.99") > 0);
  assert.equal(compareVersions("v1.2.3", "1.2.3-beta"), 0);
  assert.ok(compareVersions("none", "0.0.1") < 0);
});

test("the older one is told to upgrade, whoever it is", () => {
  const ours = { name: "the controller", version: "1.4.0" };
  const worker = (version: string) => adviseUpgrade({ name: "worker w1", version }, ours);
  assert.equal(worker("1.4.0"), "");
  assert.match(worker("1.3.9"), /^worker w1 is of release 1\.3\.9.*: upgrade worker w1$/);
  assert.match(worker("1.5.0"), /: upgrade the controller$/);
  assert.match(worker("1.4.0-beta"), /: run the same release on both$/);
});
