/**
 * The wall stands, and each of its rules can fail.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  checkPackages,
  checkPureImports,
  checkPurity,
  checkRooms,
  importsOf,
  pureRooms,
} from "./import-rules.ts";
import { assertTidy, isCode, problemsOf, readRepository, repositoryRoot } from "./repository.ts";

const code = readRepository().filter(isCode);

const readJson = (path: string): { readonly [name: string]: unknown } =>
  JSON.parse(readFileSync(join(repositoryRoot, path), "utf8"));

const dependencies = Object.keys(readJson("package.json").dependencies ?? {});

test("a room imports only the rooms listed before it", () => {
  assertTidy(problemsOf(code, checkRooms));
});

test("pure rooms import no node module and no package", () => {
  assertTidy(problemsOf(code, checkPureImports));
});

test("pure rooms use no clock, chance, asynchrony, host or locale", () => {
  assertTidy(problemsOf(code, checkPurity));
});

test("a package that src imports is a dependency", () => {
  assertTidy(problemsOf(code, (file) => checkPackages(file, dependencies)));
});

test("pure rooms compile against the language alone", () => {
  for (const room of pureRooms) {
    const options = readJson(`src/${room}/tsconfig.json`).compilerOptions;
    assert.deepEqual(
      { lib: Object(options).lib, types: Object(options).types },
      { lib: ["ES2024"], types: [] },
      room,
    );
  }
});

test("canary: every form of import is seen, and comments and strings are not", () => {
  const text = [
    'import { a } from "./a.ts";',
    'import type {\n  B,\n} from "../b/b.ts";',
    'export * from "./c.ts";',
    'import "./d.ts";',
    'const e = await import("./e.ts");',
    '// import { x } from "./comment.ts";',
    '/* import "./block.ts"; */',
    `const pattern = /[/*"']/; const rest = \`$\{"\`"} /* $\{1} */\`;`,
    'import f from "f";',
  ].join("\n");
  const found = importsOf({ path: "src/base/x.ts", text }).map((each) => each.specifier);
  const expected = ["./a.ts", "../b/b.ts", "./c.ts", "f", "./d.ts", "./e.ts"];
  assert.deepEqual(found, expected);
});

test("canary: a room that imports a later one, or its sister kernel, is reported", () => {
  const refused: readonly [string, string][] = [
    ["src/base/x.ts", "../model/ids.ts"],
    ["src/controller/x.ts", "../worker/events.ts"],
    ["src/worker/x.ts", "../controller/events.ts"],
    ["src/shell/journal/x.ts", "../../client/index.ts"],
    ["src/cli/x.ts", "../../test/tidy/repository.ts"],
    ["src/attic/x.ts", "../base/heap.ts"],
  ];
  for (const [path, specifier] of refused) {
    const file = { path, text: `import type { X } from "${specifier}";` };
    assert.equal(checkRooms(file).length, 1, path);
  }
  const allowed = { path: "src/shell/api/x.ts", text: 'import { X } from "../../model/ids.ts";' };
  assert.deepEqual(checkRooms(allowed), []);
});

test("canary: a pure room that imports node or a package is reported, its test is not", () => {
  const text = 'import { join } from "node:path"; import fc from "fast-check";';
  assert.equal(checkPureImports({ path: "src/base/x.ts", text }).length, 2);
  assert.deepEqual(checkPureImports({ path: "src/base/x.test.ts", text }), []);
  assert.equal(checkPackages({ path: "src/cli/x.ts", text }, ["@stricli/core"]).length, 1);
  const scoped = { path: "src/cli/x.ts", text: 'import { a } from "@stricli/core/x";' };
  assert.deepEqual(checkPackages(scoped, ["@stricli/core"]), []);
});

test("canary: each banned word is reported in code and not in comments or strings", () => {
  const lines = [
    "const at = Date.now();",
    "const r = Math.random();",
    "async function f() {}",
    "new Intl.Collator();",
    "a.localeCompare(b);",
    "setTimeout(f, 1);",
    "new TextEncoder();",
    "console.log(1);",
    "new WeakRef(a);",
    "Math.exp(1);",
    "const p = a ** 2;",
    "list.sort();",
    'eval("1");',
    `const s = \`$\{Date.now()}\`;`,
  ];
  for (const line of lines) {
    assert.equal(checkPurity({ path: "src/worker/x.ts", text: line }).length, 1, line);
  }
  const innocent = [
    '// Date.now() and "async"',
    'const word = "Promise of console.log";',
    "const unit = 2 ** 36 * 2 ** count;",
    "list.sort((a, b) => a - b);",
    "Math.sqrt(Math.imul(1, 2));",
    "const processed = update.dateOf;",
  ];
  for (const text of innocent) {
    assert.deepEqual(checkPurity({ path: "src/worker/x.ts", text }), [], text);
  }
});
