/**
 * What the pages show of the SDK exists: every name that a snippet of TypeScript imports from
 * `capstan`, every member that it uses and every option that it gives.
 *
 * A snippet leaves out what the reader has (`…`, names, modules), so only errors about names that
 * are Capstan's count. The compiler reads the package as a user's program does, as it was built.
 *
 * @module
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, test } from "node:test";
import * as capstan from "../../src/client/index.ts";

const root = join(import.meta.dirname, "../..");
const directory = mkdtempSync(join(tmpdir(), "capstan-snippets-"));
after(() => rmSync(directory, { recursive: true }));

/** No such export, member or option; too many or too few arguments. */
const codes = ["2305", "2339", "2353", "2551", "2554", "2561", "2724"];

/** Snippets of a page, each as its own module; in the order in which they stand there. */
function snippetsOf(page: string): string[] {
  const text = readFileSync(page, "utf8");
  return [...text.matchAll(/^```ts\n(.*?)^```/gms)].map(([, snippet]) => snippet);
}

/** The snippet with what it takes for granted, on one line so that the numbers of lines hold. */
function moduleOf(snippet: string): string {
  const shown = snippet.replaceAll("…", "");
  const imported = [...shown.matchAll(/import (?:type )?\{([^}]*)\}/g)].join(" ");
  const isImported = (name: string) => new RegExp(`\\b${name}\\b`).test(imported);
  const names = Object.keys(capstan).filter((name) => !isImported(name));
  const imports = `import { ${names.join(", ")}, type Client as AnyClient } from "capstan";`;
  const hasClient = /(const|using) client\b|[{,] ?client\b/.test(shown);
  const client = hasClient ? "" : "declare const client: AnyClient;";
  const isPartOfOptions = /^\w+: /.test(shown);
  return `${imports} ${client}\n${isPartOfOptions ? `client.study({${shown}})` : shown}`;
}

const errorPattern = /^(\S+)\((\d+),\d+\): error TS(\d+): (.*)/s;

/** Errors of the compiler about names of ours. */
function problemsOf(modules: ReadonlyMap<string, string>): string[] {
  for (const [name, text] of modules) {
    mkdirSync(join(directory, name, ".."), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  const types = join(root, "node_modules/@types");
  const compilerOptions = {
    ...{ target: "esnext", lib: ["esnext"], module: "nodenext", types: ["node"] },
    ...{ typeRoots: [types], strict: true, noEmit: true, allowImportingTsExtensions: true },
    ...{ skipLibCheck: true, moduleDetection: "force" },
  };
  writeFileSync(join(directory, "package.json"), '{"type":"module"}');
  writeFileSync(join(directory, "tsconfig.json"), JSON.stringify({ compilerOptions }));
  const program = join(root, "node_modules/.bin/tsc");
  const { stdout } = spawnSync(program, ["-p", "."], { cwd: directory, encoding: "utf8" });
  return stdout.split(/^(?=\S+\(\d+,\d+\): error)/m).flatMap((error) => {
    const [, file, line, code, message] = errorPattern.exec(error) ?? [];
    const isOurs = codes.includes(code) || error.includes("does not exist in type");
    const isSyntax = /^1\d{3}$/.test(code ?? "");
    // The class of an actor that the snippet does not show.
    if (!(isOurs || isSyntax) || error.includes("RemoteMethods<object>")) return [];
    return [`${file}, line ${Number(line) - 1}: ${message.trim()}`];
  });
}

test("what snippets use of the SDK is there", () => {
  mkdirSync(join(directory, "node_modules"));
  symlinkSync(root, join(directory, "node_modules/capstan"));
  const modules = new Map<string, string>();
  for (const page of globSync(["README.md", "docs/*.md"], { cwd: root })) {
    for (const [index, snippet] of snippetsOf(join(root, page)).entries()) {
      const named = /^\/\/ (\w+\.ts)/.exec(snippet)?.[1] ?? `snippet-${index + 1}.ts`;
      modules.set(`${basename(page, ".md")}/${named}`, moduleOf(snippet));
    }
  }
  assert.ok(modules.size >= 40, "snippets are found");
  assert.deepEqual(problemsOf(modules), []);
  const wrong = "await client.gather([]); client.submit(f, [], { retires: 1 });";
  const found = problemsOf(new Map([["wrong/snippet-1.ts", moduleOf(wrong)]]));
  assert.match(found.join("\n"), /'gather' does not exist on type 'Client'/);
  assert.match(found.join("\n"), /'retires' does not exist in type/);
});
