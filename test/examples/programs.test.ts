/**
 * Every program of `examples/` does what it says, and none is forgotten.
 *
 * @module
 */

import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { exampleParts, examplePrograms, runExample } from "../../scripts/examples.ts";

const directory = fileURLToPath(new URL("../../examples", import.meta.url));

/** Modules that a program imports; they do nothing by themselves. */
function isModule(path: string): boolean {
  const text = readFileSync(`${directory}/${path}`, "utf8");
  return !/^(?:await|console\.log|test\(|if \(import\.meta\.main\))/m.test(text);
}

describe("the examples", () => {
  it("are all run by `npm run examples`", () => {
    const programs = globSync("**/*.ts", { cwd: directory }).filter((path) => !isModule(path));
    const known = [...examplePrograms.map(({ path }) => path), ...exampleParts];
    assert.deepEqual(programs.sort(), known.sort());
  });

  it("are all listed in their README", () => {
    const readme = readFileSync(`${directory}/README.md`, "utf8");
    const missing = examplePrograms.filter(({ path }) => !readme.includes(`](${path})`));
    assert.deepEqual(missing, []);
  });

  for (const program of examplePrograms) {
    it(`examples/${program.path} ends well and prints what it should`, async (context) => {
      const { verdict, reason } = await runExample(program);
      const mustRun = process.env.CI === "true";
      if (verdict === "skipped" && !mustRun) context.skip(reason);
      else assert.equal(verdict, "passed", reason);
    });
  }
});
