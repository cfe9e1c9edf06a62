/**
 * Which commands an operating system could start, and how the others are refused.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CapstanError } from "./errors.ts";
import { commandBytesMax, commandStringBytesMax, stdinBytesMax } from "./limits.ts";
import { type CommandFields, parseCommand } from "./parse-command.ts";
import { utf8Length } from "./parse-job-fields.ts";
import type { CommandRun } from "./spec.ts";

function parse(fields: CommandFields): CommandRun {
  return parseCommand({ argv: ["true"], ...fields }, (name) => name);
}

function refusal(fields: CommandFields): CapstanError {
  try {
    parse(fields);
  } catch (error) {
    if (error instanceof CapstanError) return error;
    throw error;
  }
  assert.fail("it was accepted");
}

function checkRefusals(cases: readonly (readonly [CommandFields, RegExp])[]): void {
  for (const [fields, message] of cases) assert.match(refusal(fields).message, message);
}

test("argv is a program and its arguments, any of which but the first may be empty", () => {
  assert.deepEqual(parse({ argv: ["sh", "-c", ""] }).argv, ["sh", "-c", ""]);
  checkRefusals([
    [{ argv: undefined }, /^argv: undefined is not an array/],
    [{ argv: [] }, /^argv: is empty; give a program/],
    [{ argv: [""] }, /^argv\[0\]: "" is not the name or path of a program/],
    [{ argv: ["a", 7] }, /^argv\[1\]: 7 is not a string/],
    [{ argv: ["a", "b\0c"] }, /^argv\[1\]: .*none of them NUL/],
    [{ argv: ["a", "\ud800"] }, /^argv\[1\]: /],
    [{ argv: "python train.py" }, /^argv: .*no shell reads it.*\["sh", "-c", "python train.py"\]/],
  ]);
  assert.equal(refusal({ argv: [] }).code, "INVALID_SPEC");
});

test("a field is called as it was written", () => {
  const paths = { argv: "command.argv" } as { readonly [name: string]: string };
  assert.throws(() => parseCommand({ argv: [] }, (name) => paths[name]), {
    message: /^command\.argv: is empty/,
  });
});

test("the environment is sorted, so that the same one is the same spec", () => {
  const { env } = parse({ env: { PATH: "/bin", LANG: "C", a: "" } });
  assert.deepEqual(Object.entries(env), [
    ["LANG", "C"],
    ["PATH", "/bin"],
    ["a", ""],
  ]);
});

test("a variable that cannot be set, or that tells a task of itself, is refused", () => {
  const ownProto = JSON.parse('{ "__proto__": "x" }');
  checkRefusals([
    [{ env: { "": "x" } }, /^env: "" cannot be the name of a variable/],
    [{ env: { "a=b": "x" } }, /^env: "a=b" cannot be/],
    [{ env: { "a\0": "x" } }, /^env: .*cannot be/],
    [{ env: ownProto }, /^env: "__proto__" cannot be/],
    [{ env: { CAPSTAN_TOKEN: "x" } }, /^env\.CAPSTAN_TOKEN: .*choose another/],
    [{ env: { A: 5 } }, /^env\.A: 5 is not a string/],
    [{ env: { A: "x\0" } }, /^env\.A: /],
    [{ env: ["A=5"] }, /^env: .*plain object/],
  ]);
  const many = Object.fromEntries(Array.from({ length: 1_001 }, (_, i) => [`V${i}`, ""]));
  checkRefusals([[{ env: many }, /^env: 1001 variables; at most 1000/]]);
});

test("more than the operating system can hand over is refused before it is tried", () => {
  const long = "é".repeat(commandStringBytesMax / 2);
  checkRefusals([
    [{ argv: ["a", long] }, /^argv: .*of 131073 bytes, which begins with "éé.*workspace/],
    [{ env: { V: long.slice(1) } }, /^argv: an argument or variable of 131073 bytes/],
  ]);
  const words = Array.from({ length: 20 }, () => "x".repeat(60_000));
  assert.ok(20 * 60_001 > commandBytesMax);
  checkRefusals([[{ argv: words }, /^argv: 1200020 bytes of arguments and environment; at most/]]);
});

test("bytes are counted as UTF-8 has them", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      assert.equal(utf8Length(text), Buffer.byteLength(text, "utf8"));
    }),
  );
});

test("a relative directory stays within the work directory, an absolute one may be any", () => {
  for (const cwd of ["", "src", "a/b", "/opt/model", "/opt/../x", "..."]) {
    assert.equal(parse({ cwd }).cwd, cwd);
  }
  checkRefusals([
    [{ cwd: ".." }, /^cwd: "\.\." is not inside the work directory/],
    [{ cwd: "a/../../b" }, /^cwd: /],
    [{ cwd: 5 }, /^cwd: 5 is not a string/],
  ]);
});

test("a result is nothing, the output, or a file of the work directory", () => {
  assert.deepEqual(parse({}).result, { type: "none" });
  assert.deepEqual(parse({ result: "json" }).result, { type: "json" });
  assert.deepEqual(parse({ result: "text" }).result, { type: "text" });
  assert.deepEqual(parse({ result: { file: "a/b" } }).result, { type: "file", path: "a/b" });
  checkRefusals([
    [{ result: "yaml" }, /^result: "yaml" is not one of "none", "json", "text" and \{ file/],
    [{ result: null }, /^result: null is not/],
    [{ result: {} }, /^result: an object is not one of/],
    [{ result: { file: "" } }, /^result\.file: "" is not the path of a file/],
    [{ result: { file: "/etc/passwd" } }, /^result\.file: /],
    [{ result: { file: "a/../../b" } }, /^result\.file: /],
    [{ result: { path: "a" } }, /^result\.path: unknown name/],
  ]);
});

test("ports have names that make different variables", () => {
  assert.deepEqual(parse({ ports: ["http", "grpc_2", "a-b"] }).ports, ["http", "grpc_2", "a-b"]);
  checkRefusals([
    [{ ports: ["http", "http"] }, /^ports\[1\]: "http" is given twice/],
    [{ ports: ["a-b", "a_b"] }, /^ports\[1\]: "a_b" is given twice/],
    [{ ports: ["HTTP"] }, /^ports\[0\]: "HTTP" is not the name of a port/],
    [{ ports: ["8080"] }, /^ports\[0\]: "8080" is not/],
    [{ ports: ["a b"] }, /^ports\[0\]: /],
    [{ ports: "http" }, /^ports: "http" is not an array/],
  ]);
});

test("standard input is bounded text", () => {
  assert.equal(parse({ stdin: "a\0b\n" }).stdin, "a\0b\n");
  checkRefusals([
    [{ stdin: "é".repeat(stdinBytesMax / 2 + 1) }, /^stdin: 1048578 bytes; at most 1048576/],
    [{ stdin: "\udc00" }, /^stdin: .*half a character/],
    [{ stdin: new Uint8Array(1) }, /^stdin: an object is not a string/],
  ]);
});

test("a workspace is a hash", () => {
  const hash = "0123456789abcdef".repeat(4);
  assert.equal(parse({ workspace: hash }).workspace, hash);
  checkRefusals([
    [{ workspace: "." }, /^workspace: "\." is not a SHA-256/],
    [{ workspace: hash.toUpperCase() }, /^workspace: /],
    [{ workspace: 7 }, /^workspace: 7 is not/],
  ]);
});
