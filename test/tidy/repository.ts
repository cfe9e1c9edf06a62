/**
 * The files of the repository as the tidy rules see them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** One file of text. `path` is relative to the root, with forward slashes. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** A broken rule: where, and what is wrong. */
export interface Problem {
  readonly path: string;
  /** Counted from 1; 0 when the whole file is meant. */
  readonly line: number;
  readonly message: string;
}

export const repositoryRoot = fileURLToPath(new URL("../..", import.meta.url));

const skippedFolders = new Set([
  ...["node_modules", "dist", ".git", ".capstan", "coverage", "out", "nightly", ".peers"],
]);
const textNames = /\.(ts|mts|mjs|js|cjs|json|jsonc|md|svg|html|css|sh|yml|yaml|txt)$|^run$/;

/** Every text file that is kept in the repository. */
export function readRepository(): readonly SourceFile[] {
  const files: SourceFile[] = [];
  const walk = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory() && !skippedFolders.has(entry.name)) walk(path);
      if (!entry.isFile() || !textNames.test(entry.name)) continue;
      const text = readFileSync(path, "utf8");
      files.push({ path: relative(repositoryRoot, path).replaceAll("\\", "/"), text });
    }
  };
  walk(repositoryRoot);
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** TypeScript and scripts: what the code rules apply to. */
export function isCode(file: SourceFile): boolean {
  return /\.(ts|mts|mjs)$/.test(file.path);
}

export function isTest(file: SourceFile): boolean {
  return file.path.endsWith(".test.ts") || file.path.startsWith("test/");
}

/** `"controller"` for `src/controller/step.ts`; `""` outside `src`. */
export function roomOf(path: string): string {
  return /^src\/([^/]+)\//.exec(path)?.[1] ?? "";
}

/** Fails with one line for each problem, if there are any. */
export function assertTidy(problems: readonly Problem[]): void {
  const lines = problems.map(({ path, line, message }) => `${path}:${line}: ${message}`);
  if (lines.length > 0) assert.fail(`${lines.length} problems:\n${lines.join("\n")}`);
}

/** Runs a rule over files. */
export function problemsOf(
  files: readonly SourceFile[],
  rule: (file: SourceFile) => readonly Problem[],
): readonly Problem[] {
  return files.flatMap((file) => rule(file));
}

export function lineAt(text: string, index: number): number {
  let line = 1;
  for (let i = 0; i < index; i++) if (text.charCodeAt(i) === 10) line++;
  return line;
}
