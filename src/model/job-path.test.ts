/**
 * The rules of job names.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CapstanError } from "./errors.ts";
import { depthOf, nameOf, parentOf, parseJobPath, rootOf, userOf } from "./job-path.ts";
import { jobDepthMax, jobPathCharactersMax } from "./limits.ts";

const parse = (name: unknown, user = "ada"): string => parseJobPath("name", name, user);

function refusal(name: unknown, user = "ada"): CapstanError {
  try {
    parse(name, user);
  } catch (error) {
    if (error instanceof CapstanError) return error;
    throw error;
  }
  assert.fail(`${String(name)} was accepted`);
}

const characters = "ABCXYZabcxyz0189._@-".split("");
const component = fc
  .string({ unit: fc.constantFrom(...characters), minLength: 1, maxLength: 20 })
  .filter((text) => text !== "." && text !== "..");
const lastComponent = component.filter((text) => !/^[0-9]+$/.test(text));
const components = fc
  .tuple(component, fc.array(component, { maxLength: jobDepthMax - 1 }), lastComponent)
  .map(([user, between, last]) => [user, ...between, last])
  .filter((parts) => parts.join("/").length < jobPathCharactersMax);

test("a relative name is put under its user, an absolute one stays as it is", () => {
  assert.equal(parse("train"), "/ada/train");
  assert.equal(parse("train/eval"), "/ada/train/eval");
  assert.equal(parse("/root/big"), "/root/big");
});

test("every path of allowed components is a name, and is made of its parts", () => {
  fc.assert(
    fc.property(components, (parts) => {
      const path = `/${parts.join("/")}`;
      assert.equal(parse(path), path);
      assert.equal(parse(parts.slice(1).join("/"), parts[0]), path);
      assert.equal(userOf(path), parts[0]);
      assert.equal(nameOf(path), parts.at(-1));
      assert.equal(depthOf(path), parts.length - 1);
      assert.equal(rootOf(path), `/${parts[0]}/${parts[1]}`);
      assert.equal(parentOf(path), parts.length === 2 ? "" : path.slice(0, path.lastIndexOf("/")));
    }),
  );
});

test("going up from a job leads to its root, as many steps as it is deep", () => {
  fc.assert(
    fc.property(components, (parts) => {
      let path = `/${parts.join("/")}`;
      const root = rootOf(path);
      for (let depth = depthOf(path); depth > 1; depth--) {
        path = parentOf(path);
        assert.equal(depthOf(path), depth - 1);
        assert.equal(rootOf(path), root);
      }
      assert.equal(path, root);
      assert.equal(parentOf(path), "");
    }),
  );
});

test("a name with any other character is refused, whatever stands around it", () => {
  const other = fc.string({ minLength: 1, maxLength: 1 }).filter((text) => !/[\w.@/-]/.test(text));
  fc.assert(
    fc.property(components, other, fc.nat(), (parts, wrong, at) => {
      const path = `/${parts.join("/")}`;
      const cut = 1 + (at % (path.length - 1));
      const { code } = refusal(path.slice(0, cut) + wrong + path.slice(cut));
      assert.equal(code, "INVALID_SPEC");
    }),
  );
});

test("a name that is none is refused with what is wrong", () => {
  const cases: readonly [string, RegExp][] = [
    ["", /^name: a component of the path is ""/],
    ["/", /^name: the user of the path is ""/],
    ["/ada", /^name: "\/ada" is a user and no job; write "\/ada\/name"/],
    ["/ada/", /a component of the path is ""/],
    ["a//b", /a component of the path is ""/],
    ["a/../b", /is "\.\."/],
    ["two words", /is "two words"/],
    ["train/7", /"\/ada\/train\/7" cannot name a job: .* number of a task/],
    ["7", /number of a task/],
    [Array.from({ length: jobDepthMax + 1 }, () => "a").join("/"), /17 levels deep; at most 16/],
    ["a".repeat(jobPathCharactersMax), /505 characters, at most 500/],
  ];
  for (const [name, message] of cases) {
    const error = refusal(name);
    assert.equal(error.code, "INVALID_SPEC");
    assert.match(error.message, message);
  }
  assert.match(refusal("train", "").message, /the user of the path is ""/);
});

test("what is no string is refused with an example", () => {
  for (const name of [undefined, null, 7, {}, ["a"]]) {
    const error = refusal(name);
    assert.equal(error.code, "INVALID_ARGUMENT");
    assert.match(error.message, /^name: .* is not the name of a job, such as "train"/);
  }
});

test("a number above the last component is a name like any other", () => {
  assert.equal(parse("/ada/2024/run"), "/ada/2024/run");
  assert.equal(parse("v2"), "/ada/v2");
});
