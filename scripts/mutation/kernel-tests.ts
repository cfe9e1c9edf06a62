/**
 * The tests that judge mutants of the kernels: which they are, and how one process loads them.
 *
 * @module
 */

import { globSync } from "node:fs";
import { registerHooks } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type CollectedTest, collectTests } from "./test-collector.ts";

/** Kernels' own tests, the scenarios, rules that are broken, and a few seeds of the simulator. */
export const kernelTestPatterns = [
  "src/scheduler/*.test.ts",
  "src/worker/*.test.ts",
  "src/controller/*.test.ts",
  "test/worker/*.test.ts",
  "test/scenarios/*.test.ts",
  "test/invariants/{controller,worker}.test.ts",
  "scripts/mutation/simulator-smoke.ts",
];

/** The signature says that something changed, and not which rule was broken: it is asked last. */
export function isOfSignature(testId: string): boolean {
  return testId.includes("simulator-smoke.ts > the signature of ");
}

const collectorUrl = new URL("test-collector.ts", import.meta.url).href;

/** From here on, `node:test` means the collector, in this process. */
function replaceTestModule(): void {
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === "node:test"
        ? { url: collectorUrl, shortCircuit: true }
        : next(specifier, context),
  });
}

/** Loads every file of tests below `root`; what they import is loaded once. */
export async function loadKernelTests(root: string): Promise<readonly CollectedTest[]> {
  replaceTestModule();
  const files = globSync(kernelTestPatterns, { cwd: root }).sort();
  const tests: CollectedTest[] = [];
  for (const name of files) {
    const { href } = pathToFileURL(join(root, name));
    tests.push(...(await collectTests(name, () => import(href))));
  }
  return tests;
}
