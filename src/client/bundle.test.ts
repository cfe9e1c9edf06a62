/**
 * @module
 */

import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { CapstanError } from "../model/errors.ts";
import { type Bundle, bundleModule, checkExported } from "./bundle.ts";

const root = mkdtempSync(join(tmpdir(), "capstan-bundle-"));
after(() => rmSync(root, { recursive: true }));
const clientEntry = new URL("./index.ts", import.meta.url).href;
let count = 0;

/** A directory with these files; returns the URL of the first. */
function aModule(files: { readonly [name: string]: string }, directory = `m${count++}`): string {
  const path = join(root, directory);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(path, name, ".."), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  return pathToFileURL(join(path, Object.keys(files)[0])).href;
}

function textOf(bundle: Bundle): string {
  return new TextDecoder().decode(bundle.code);
}

const typical = {
  "tasks.ts": `import { defineTask } from "capstan";
    import { twice } from "./lib/twice.ts";
    export const double = defineTask(import.meta.url, function double(x: number): number {
      return twice(x);
    });`,
  "lib/twice.ts": "export function twice(x: number): number { return 2 * x; }",
};

async function assertUnloadable(promise: Promise<unknown>, ...parts: string[]): Promise<void> {
  await assert.rejects(promise, (error: unknown) => {
    assert.ok(error instanceof CapstanError);
    assert.equal(error.code, "TASK_MODULE_UNLOADABLE");
    for (const part of parts) assert.ok(error.message.includes(part), error.message);
    return true;
  });
}

test("a bundle is the same wherever its sources lie", async () => {
  const here = await bundleModule(aModule(typical, "a"));
  const there = await bundleModule(aModule(typical, "somewhere/else/entirely"));
  assert.equal(here.sha256, there.sha256);
  assert.match(here.sha256, /^[0-9a-f]{64}$/);
  assert.ok(!textOf(here).includes(root));
});

test("a bundle carries what its module imports but not capstan itself", async () => {
  const bundle = await bundleModule(aModule(typical));
  assert.match(textOf(bundle), /function twice/);
  assert.match(textOf(bundle), /from ?"capstan"/);
  assert.deepEqual(bundle.exports, ["double"]);
});

test("this package's own entry, imported by path, stays outside too", async () => {
  const entry = JSON.stringify(join(import.meta.dirname, "index.ts"));
  const bundle = await bundleModule(
    aModule({
      "tasks.ts": `import { defineTask } from ${entry};
        export const one = defineTask(import.meta.url, function one() { return 1; });`,
    }),
  );
  assert.match(textOf(bundle), /from ?"capstan"/);
  assert.ok(!textOf(bundle).includes(import.meta.dirname));
  assert.ok(bundle.code.length < 2_000);
});

// As functions do that submit by a client of their own.
test("a bundle can be bundled again", async () => {
  const { code } = await bundleModule(aModule(typical));
  const url = aModule({ "bundle.mjs": new TextDecoder().decode(code) });
  const again = await bundleModule(url);
  assert.deepEqual(again.exports, ["double"]);
  const path = join(root, `again-${count++}.mjs`);
  writeFileSync(path, textOf(again).replace('"capstan"', JSON.stringify(clientEntry)));
  const loaded = (await import(pathToFileURL(path).href)) as { double: (x: number) => number };
  assert.equal(loaded.double(21), 42);
});

test("a function keeps its name where the bundler renames its binding", async () => {
  const { code } = await bundleModule(
    aModule({
      "tasks.ts": `const mark = (f: { name: string }) => ({ taskName: f.name });
        export const simulate = mark(function simulate() {});`,
    }),
  );
  const path = join(root, "renamed.mjs");
  writeFileSync(path, code);
  const { simulate } = await import(pathToFileURL(path).href);
  assert.equal(simulate.taskName, "simulate");
});

test("a CommonJS package that requires a module of Node loads", async () => {
  const url = aModule({
    "tasks.ts": 'import { join } from "./old.cjs"; export const joined = join("a", "b");',
    "old.cjs": 'const path = require("node:path"); exports.join = path.join;',
  });
  const { code } = await bundleModule(url);
  const path = join(root, "commonjs.mjs");
  writeFileSync(path, code);
  assert.equal((await import(pathToFileURL(path).href)).joined, join("a", "b"));
});

test("a module is bundled once in the life of a process", async () => {
  const url = aModule(typical);
  assert.equal(bundleModule(url), bundleModule(url));
});

test("a module that does not resolve is refused with what is missing", async () => {
  const url = aModule({ "tasks.ts": 'import { x } from "./gone.ts"; export const y = x;' });
  await assertUnloadable(bundleModule(url), url, "./gone.ts");
});

test("a module with a syntax error is refused with the error", async () => {
  const url = aModule({ "tasks.ts": "export const = 1;" });
  await assertUnloadable(bundleModule(url), url, "Expected identifier");
});

test("a module that does not exist, or is no file, is refused", async () => {
  await assertUnloadable(bundleModule(pathToFileURL(join(root, "none.ts")).href), "none.ts");
  await assertUnloadable(bundleModule("data:text/javascript,export{}"), "import.meta.url");
});

test("an asset beside the module is refused by its name", async () => {
  const url = aModule({
    "tasks.ts": `import { readFileSync } from "node:fs";
      export const text = () => readFileSync(new URL("./table.csv", import.meta.url), "utf8");`,
  });
  copyFileSync(import.meta.filename, join(root, "table.csv"));
  await assertUnloadable(bundleModule(url), "./table.csv");
});

test("a task not exported under its name is refused with what to write", async () => {
  const bundle = await bundleModule(aModule(typical));
  assert.equal(checkExported(bundle, "file:///tasks.ts", "double"), null);
  const error = checkExported(bundle, "file:///tasks.ts", "triple");
  assert.equal(error?.code, "TASK_MODULE_UNLOADABLE");
  assert.match(error?.message ?? "", /export const triple = defineTask/);
  assert.match(error?.message ?? "", /exports double/);
});
