/**
 * Stands in for `node:test` while mutants are tested: it keeps the tests instead of running them,
 * so that one process can run any of them, in any order and any number of times. It offers what
 * the tests of the kernels use and no more: a file that imports another name fails to load.
 *
 * @module
 */

/** One test as its file declared it. */
export interface CollectedTest {
  /** File and names, `src/scheduler/fit.test.ts > a request > fits`; unique. */
  readonly id: string;
  /** Relative to the root of the repository. */
  readonly file: string;
  readonly run: () => unknown;
}

const collected: CollectedTest[] = [];
const ids = new Set<string>();
let path: readonly string[] = [];
let file = "";

/** What `load` of a file declares is collected under its name. */
export async function collectTests(
  name: string,
  load: () => Promise<unknown>,
): Promise<readonly CollectedTest[]> {
  file = name;
  const first = collected.length;
  await load();
  return collected.slice(first);
}

export function test(name: string, run: () => unknown): void {
  const wanted = [file, ...path, name].join(" > ");
  let id = wanted;
  for (let count = 2; ids.has(id); count++) id = `${wanted} (${count})`;
  ids.add(id);
  collected.push({ id, file, run });
}

export const it = test;

/** Groups tests; `declare` runs at once. */
export function describe(name: string, declare: () => void): void {
  const outer = path;
  path = [...outer, name];
  declare();
  path = outer;
}
