/**
 * The pages that repeat what the code says are equal to it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { meaningsOf, readLimits, renderPages, unitOf } from "../../scripts/reference-pages.ts";
import { errorRegistry } from "../../src/model/errors.ts";
import { repositoryRoot } from "./repository.ts";

const read = (path: string): string => readFileSync(join(repositoryRoot, path), "utf8");

test("the reference pages say what the code says (npm run docs writes them)", async () => {
  for (const { path, text } of await renderPages()) assert.equal(read(path), text, path);
});

test("every limit is a number with a sentence that says what it bounds", async () => {
  const limits = await readLimits();
  assert.ok(limits.length > 0);
  const without = limits.filter(({ meaning }) => meaning.split(" ").length < 3);
  assert.deepEqual(
    without.map(({ file, name }) => `${file}: ${name}`),
    [],
  );
  for (const { name, value } of limits) assert.equal(typeof value, "number", name);
});

test("every error has a status, an exit code and a sentence", () => {
  for (const [code, { httpStatus, exitCode, meaning }] of Object.entries(errorRegistry)) {
    assert.match(code, /^[A-Z]+(?:_[A-Z]+)*$/);
    assert.ok(httpStatus >= 400 && httpStatus <= 599, code);
    assert.ok([1, 2, 3, 4, 5, 70, 74, 124, 130].includes(exitCode), code);
    assert.match(meaning, /^[A-Z].*\.$/, code);
    assert.ok(read("docs/reference/errors.md").includes(`| \`${code}\` | ${httpStatus} |`));
  }
});

/** The packages that have a row on the page. */
function documentedPackages(page: string): readonly string[] {
  return [...page.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name);
}

test("every package of package.json has a line in docs/dependencies.md, and the reverse", () => {
  const { dependencies, devDependencies } = JSON.parse(read("package.json"));
  const used = Object.keys({ ...dependencies, ...devDependencies });
  const documented = documentedPackages(read("docs/dependencies.md"));
  assert.deepEqual(new Set(documented), new Set(used));
  assert.equal(documented.length, used.length, "a package is documented twice");
});

test("npm ci can install from the lock file on every platform", () => {
  const lock = JSON.parse(read("package-lock.json"));
  const packages: { readonly [path: string]: { readonly optionalDependencies?: object } } =
    lock.packages;
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) =>
        packages[`node_modules/${name}`] === undefined &&
        packages[`${path}/node_modules/${name}`] === undefined,
    ),
  );
  assert.deepEqual(missing, []);
});

test("what the documents link to is there", () => {
  const documents = ["CONTRIBUTING.md", "GLOSSARY.md", "CHANGELOG.md", "docs/dependencies.md"];
  for (const document of documents) {
    for (const [, target] of read(document).matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
      const path = join(repositoryRoot, document, "..", target);
      assert.ok(existsSync(path), `${document} links to ${target}`);
    }
  }
});

test("canary: a limit without a comment, a wrong unit and a missing row are seen", () => {
  const text = [
    "/** How long\n * it waits. */",
    "export const waitMs = 1;",
    "",
    "export const bareBytesMax = 2;",
    "",
    "/** First and last. */",
    "export const aMs = 1;",
    "export const bMs = 2;",
  ].join("\n");
  assert.deepEqual(
    [...meaningsOf(text)],
    [
      ["waitMs", "How long it waits."],
      ["bareBytesMax", ""],
      ["aMs", "First and last."],
      ["bMs", "First and last."],
    ],
  );
  assert.equal(unitOf("lostAfterUs"), "microseconds");
  assert.equal(unitOf("bytesUsed"), "count");
  assert.deepEqual(documentedPackages("| `a` | x |\n| b | y |\n"), ["a"]);
});
