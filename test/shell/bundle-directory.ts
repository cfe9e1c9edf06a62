/**
 * Bundles for tests of the executor: what a user's module looks like once it is bundled.
 *
 * @module
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const prelude = `
const mark = Symbol.for("capstan.task");
const defineTask = (name, run) =>
  Object.assign((...args) => run(...args), { [mark]: { name, moduleUrl: import.meta.url, run } });
`;

/** A directory of bundles that is removed with the test. */
export class BundleDirectory {
  readonly path = mkdtempSync(join(tmpdir(), "capstan-test-"));
  #count = 0;

  /** Writes a bundle that exports the given tasks (source of a function each); returns its path. */
  write(tasks: { readonly [name: string]: string }, extra = ""): string {
    const path = join(this.path, `bundle-${this.#count++}.mjs`);
    const exports = Object.entries(tasks).map(
      ([name, source]) => `export const ${name} = defineTask(${JSON.stringify(name)}, ${source});`,
    );
    writeFileSync(path, [extra, prelude, ...exports].join("\n"));
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
