/**
 * The secret that workers demand where values and logs are fetched.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { dataTokenOf } from "./authentication.ts";

test("the data token is the same after a restart, and another for each token and cluster", () => {
  const token = dataTokenOf("secret", "c1");
  assert.match(token, /^[0-9a-f]{64}$/);
  assert.equal(dataTokenOf("secret", "c1"), token);
  assert.notEqual(dataTokenOf("secret", "c2"), token);
  assert.notEqual(dataTokenOf("other", "c1"), token);
});

test("a controller without a token has no data token", () => {
  assert.equal(dataTokenOf(undefined, "c1"), "");
});
