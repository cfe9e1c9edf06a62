/**
 * Text that people are shown holds no secret, and to look for one takes no time to speak of.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { redactText } from "./redact-text.ts";

const forms: readonly (readonly [string, string, string])[] = [
  ["an assignment", "MY_TOKEN=abc x", "MY_TOKEN=*** x"],
  ["an option", "--db-password abc x", "--db-password *** x"],
  ["JSON", '{"apiKey": "abc", "a": 1}', '{"apiKey": "***", "a": 1}'],
  ["a header", "Authorization: Bearer abc.def", "Authorization: Bearer ***"],
  ["an address", "postgres://u:abc@host/db", "postgres://u:***@host/db"],
  ["an address without a user", "redis://:abc@host", "redis://:***@host"],
  ["a token of ours", "it was cst_aB-9_z, once", "it was ***, once"],
];

for (const [form, text, shown] of forms) {
  test(`a secret in ${form} is left out`, () => {
    assert.equal(redactText(text), shown);
  });
}

test("text without a secret is shown as it is", () => {
  const text = "monkey business at http://host:80/a@b, tokens/s: none --verbose";
  assert.equal(redactText(text), text);
});

const longLines: readonly (readonly [string, string])[] = [
  ["letters", "a".repeat(1_000_000)],
  ["names of secrets", "key".repeat(300_000)],
  ["dashes", "--".repeat(500_000)],
  ["spaces after a name", `key${" ".repeat(1_000_000)}`],
  ["addresses", "://a:".repeat(200_000)],
  ["tokens", "cst_".repeat(250_000)],
];

for (const [what, line] of longLines) {
  test(`a long line of ${what} takes no time to speak of`, () => {
    const startedAt = process.cpuUsage();
    redactText(line);
    assert.ok(process.cpuUsage(startedAt).user < 5_000_000);
  });
}
