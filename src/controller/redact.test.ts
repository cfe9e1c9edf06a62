/**
 * Secrets are not shown, and what is no secret is.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { redactArgv, redactEnv } from "./redact.ts";

test("values of names that look secret are hidden, in any case, and others are shown", () => {
  const env = {
    API_KEY: "a",
    hf_token: "b",
    MySecretThing: "c",
    DB_PASSWORD: "d",
    DB_PASSWD: "d",
    NPM_AUTH: "d",
    DATABASE_URL: "postgres://u:d@h/db",
    AUTHOR: "ann",
    GOOGLE_APPLICATION_CREDENTIALS: "e",
    HOME: "/root",
    EMPTY: "",
  };
  assert.deepEqual(redactEnv(env), {
    API_KEY: "***",
    hf_token: "***",
    MySecretThing: "***",
    DB_PASSWORD: "***",
    DB_PASSWD: "***",
    NPM_AUTH: "***",
    DATABASE_URL: "postgres://u:***@h/db",
    AUTHOR: "ann",
    GOOGLE_APPLICATION_CREDENTIALS: "***",
    HOME: "/root",
    EMPTY: "",
  });
});

const lines: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ["an option with its value", ["run", "--token=x=y", "a"], ["run", "--token=***", "a"]],
  [
    "an option before its value",
    ["run", "--db-password", "x", "a"],
    "run|--db-password|***|a".split("|"),
  ],
  ["a value that looks like an option", ["run", "--token", "-x"], ["run", "--token", "***"]],
  [
    "two options of which the first has no value",
    ["run", "--use-token", "--password", "x"],
    ["run", "--use-token", "***", "***"],
  ],
  ["an assignment", ["env", "API_KEY=x", "A=1"], ["env", "API_KEY=***", "A=1"]],
  ["a query", ["curl", "http://h/?a=1&token=x&b=2"], ["curl", "http://h/?a=1&token=***"]],
  [
    "a header",
    ["curl", "-H", "Authorization: Bearer x"],
    "curl|-H|Authorization: Bearer ***".split("|"),
  ],
  ["an address", ["git", "clone", "https://u:x@h/r"], ["git", "clone", "https://u:***@h/r"]],
  ["JSON", ["run", '{"password": "x"}'], ["run", '{"password": "***"}']],
  ["a token of ours", ["run", "cst_x"], ["run", "***"]],
  ["a word of a script", ["sh", "-c", "A=1 AUTH=x"], ["sh", "-c", "A=1 AUTH=***"]],
  ["an assignment in an assignment", ["sh", "x=AUTH=1"], ["sh", "x=AUTH=***"]],
  ["an assignment to nothing", ["sh", "=KEY=x"], ["sh", "=KEY=***"]],
  ["a program that looks like an option", ["--token", "x"], ["--token", "x"]],
  ["the first word", ["sh", "-c", "AUTH=x y"], ["sh", "-c", "AUTH=***"]],
  ["a program that is called like one", ["token", "x"], ["token", "x"]],
  ["what is no option", ["run", "token", "x"], ["run", "token", "x"]],
  ["a script", ["sh", "-c", "A=1 TOKEN='x y' run"], ["sh", "-c", "A=1 TOKEN=***"]],
];

for (const [form, argv, shown] of lines) {
  test(`a secret in ${form} of a command line is hidden`, () => {
    assert.deepEqual(redactArgv(argv), shown);
  });
}

test("a command line without secrets is shown as it is", () => {
  const argv = ["/opt/tokens/bin/keygen", "--bits=4096", "monkey", "a=b", "-v", "turkey a=b"];
  assert.deepEqual(redactArgv(argv), argv);
});

test("a long script without an assignment takes no time to speak of", () => {
  const script = "key ".repeat(250_000);
  const startedAt = performance.now();
  assert.deepEqual(redactArgv(["sh", "-c", script]), ["sh", "-c", script]);
  assert.ok(performance.now() - startedAt < 2_000);
});
