/**
 * Files have the shape that the style asks for, and each rule can fail.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { checkDashboardImports } from "./import-rules.ts";
import type { SourceFile } from "./repository.ts";
import { assertTidy, isCode, isTest, problemsOf, readRepository } from "./repository.ts";
import {
  checkBannedCode,
  checkExpectedErrors,
  checkFileLength,
  checkFunctionLength,
  checkHeader,
  checkHosts,
  checkLineLength,
  checkMarkup,
  checkName,
  checkWords,
  functionLinesMedianMax,
  functionsOf,
} from "./shape-rules.ts";

const files = readRepository();
const code = files.filter(isCode);
const namedAsWeLike = files.filter(({ path }) =>
  /^(?:src|test|scripts|bench|examples|dashboard)\//.test(path),
);
const dashboard = files.filter(({ path }) => /^dashboard\/src\/.*\.tsx?$/.test(path));
const written = files.filter(({ path }) => path !== "package-lock.json" && path !== "LICENSE");

test("every file of code begins with a header that says what it is", () => {
  assertTidy(problemsOf(code, checkHeader));
});

test("files are at most 600 lines, tests 800", () => {
  assertTidy(problemsOf(code, checkFileLength));
});

test("lines are at most 100 columns", () => {
  assertTidy(problemsOf(code, checkLineLength));
});

test("functions are at most 70 lines", () => {
  assertTidy(problemsOf(code, checkFunctionLength));
});

test("components of the dashboard have a header and the shape of other code", () => {
  assert.ok(dashboard.length > 0);
  for (const rule of [checkHeader, checkFileLength, checkLineLength, checkBannedCode]) {
    assertTidy(problemsOf(dashboard, rule));
  }
});

test("the dashboard makes no markup of text and imports only what is pure or the API's", () => {
  assertTidy(problemsOf(dashboard, checkMarkup));
  assertTidy(problemsOf(dashboard, checkDashboardImports));
});

test("half of the functions of src are at most 12 lines", () => {
  const lengths = code
    .filter((file) => file.path.startsWith("src/") && !isTest(file))
    .flatMap((file) => functionsOf(file.text).map(({ lines }) => lines))
    .sort((a, b) => a - b);
  assert.ok(lengths[lengths.length >> 1] <= functionLinesMedianMax);
});

test("files and folders are named in kebab case after what they hold", () => {
  assertTidy(problemsOf(namedAsWeLike, checkName));
});

test("no file has unfinished work, silenced tools, a machine's path or its author's tools", () => {
  assertTidy(problemsOf(written, checkWords));
});

test("no file names a host that is not public and known", () => {
  assertTidy(problemsOf(written, checkHosts));
});

test("the lock file does not say where the packages came from", () => {
  const lock = files.find(({ path }) => path === "package-lock.json");
  assert.ok(lock !== undefined && !lock.text.includes('"resolved"'));
});

test("no default exports, no enums, no any", () => {
  assertTidy(problemsOf(code, checkBannedCode));
});

test("type errors are expected only by the tests of types", () => {
  assertTidy(problemsOf(code, checkExpectedErrors));
});

const aFile = (text: string, path = "src/base/x.ts"): SourceFile => ({ path, text });

test("canary: a file without a header is reported", () => {
  assert.equal(checkHeader(aFile("export const a = 1;\n")).length, 1);
  assert.equal(checkHeader(aFile("/**\n * It is.\n */\n")).length, 1);
  assert.deepEqual(
    checkHeader(aFile("#!/usr/bin/env node\n/**\n * A.\n *\n * @module\n */\n")),
    [],
  );
});

test("canary: a long file, a long test and a long line are reported", () => {
  assert.equal(checkFileLength(aFile("\n".repeat(601))).length, 1);
  assert.deepEqual(checkFileLength(aFile("\n".repeat(601), "src/base/x.test.ts")), []);
  assert.equal(checkFileLength(aFile("\n".repeat(801), "test/x.ts")).length, 1);
  assert.equal(checkLineLength(aFile(`${"x".repeat(100)}\n${"x".repeat(101)}\n`)).length, 1);
});

test("canary: long functions of every form are reported, blocks and types are not", () => {
  const body = "\n".repeat(80);
  const long = [
    `export function f({ a }: { a: string }): { b: number } {${body}}`,
    `const f = async ({ a }: X): Promise<void> => {${body}};`,
    `class A {\n  b = 1;\n  #go<T>(a: T): void {${body}}\n}`,
    `class A {\n  constructor(a: string) {${body}}\n}`,
    `const o = { a: 1, f(x) {${body}} };`,
    `test("x", () => {${body}});`,
    `class A {\n  get f(): number {${body}}\n}`,
    `function f() { return \`$\{"}"}\`;${body}}`,
  ];
  for (const text of long) assert.equal(checkFunctionLength(aFile(text)).length, 1, text.trim());
  const other = [
    `class A {${body}}`,
    `interface A {${body}}`,
    `const o = {${body}};`,
    `if (a) {${body}} else {${body}}`,
    `for (const a of b) {${body}}`,
    `switch (a) {${body}}`,
    `import {${body}} from "x";`,
    `call(a, {${body}});`,
    `describe("a (b)", () => {${body}});`,
  ];
  for (const text of other) assert.deepEqual(checkFunctionLength(aFile(text)), [], text.trim());
});

test("canary: markup of text and an import of the server are reported", () => {
  const path = "dashboard/src/pages/x.tsx";
  assert.equal(checkMarkup(aFile("box.innerHTML = name;\n", path)).length, 1);
  assert.equal(checkMarkup(aFile("<p dangerouslySetInnerHTML={x} />\n", path)).length, 1);
  const imports = (specifier: string) => aFile(`import { a } from "${specifier}";\n`, path);
  assert.equal(checkDashboardImports(imports("../../../src/controller/step.ts")).length, 1);
  assert.deepEqual(checkDashboardImports(imports("../../../src/base/changes.ts")), []);
});

test("canary: names that say nothing or are not in kebab case are reported", () => {
  for (const path of ["src/base/utils.ts", "src/base/string-helpers.ts", "src/misc/a.ts"]) {
    assert.equal(checkName(aFile("", path)).length, 1, path);
  }
  for (const path of ["src/base/someThing.ts", "src/base/Some.ts", "src/base/a_b.ts"]) {
    assert.equal(checkName(aFile("", path)).length, 1, path);
  }
  assert.deepEqual(checkName(aFile("", "src/base/some-thing.test.ts")), []);
});

test("canary: forbidden words and hosts are reported", () => {
  const wrong = [
    `// ${"TO"}DO: later`,
    `// @ts-${"ignore"}`,
    `// ${"biome"}-ignore lint: no`,
    `const root = "/${"work"}/main";`,
    `// written by a sub${"agent"}`,
  ];
  for (const text of wrong) assert.equal(checkWords(aFile(text)).length, 1, text);
  const right = ['join(folder, "work")', 'const path = "a/work/b";', "todos: string[]"];
  for (const text of right) assert.deepEqual(checkWords(aFile(text)), [], text);
  assert.equal(checkHosts(aFile(`"https:${"//"}npm.internal.net/x"`)).length, 1);
  assert.deepEqual(checkHosts(aFile('"http://127.0.0.1:7070/" "https://a.example.com/"')), []);
});

test("canary: default exports, enums, any and expected errors are reported", () => {
  const wrong = [
    "export default 1;",
    "export { a as default };",
    "enum A { b }",
    "const a = b as any;",
    "const a: any = 1;",
  ];
  for (const text of wrong) assert.equal(checkBannedCode(aFile(text)).length, 1, text);
  assert.deepEqual(checkBannedCode(aFile('const a = "as any"; // export default')), []);
  const expected = `// @ts-${"expect"}-error`;
  assert.equal(checkExpectedErrors(aFile(expected)).length, 1);
  assert.deepEqual(checkExpectedErrors(aFile(expected, "test/types/x.test.ts")), []);
});
