/**
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "./client.ts";

const nowhere = "http://127.0.0.1:9";

test("connect refuses an option that it has not, or of the wrong kind, by its name", () => {
  const refused: readonly (readonly [unknown, RegExp])[] = [
    [{ tokn: "x" }, /^tokn: unknown name "tokn"; did you mean "token"\? Known: token, user, onW/],
    [{ token: 5 }, /^token: 5 is not a string$/],
    [{ user: null }, /^user: null is not a string$/],
    [{ onWarning: "log" }, /^onWarning: "log" is not a function$/],
    ["cst_x", /^options: "cst_x" is not a plain object$/],
  ];
  for (const [options, message] of refused) {
    assert.throws(() => connect(nowhere, options as object), { code: "INVALID_ARGUMENT", message });
  }
});
