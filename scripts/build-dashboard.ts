/**
 * Builds the dashboard into `dist/dashboard/`: one page, hashed assets, nothing inline, nothing
 * that is fetched from anywhere else.
 *
 *     node scripts/build-dashboard.ts
 *
 * @module
 */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

/** Packages whose code or font is in what is built: it carries their licenses along. */
const bundledPackages = [
  ...["preact", "@preact/signals", "@preact/signals-core"],
  ...["@dagrejs/dagre", "@dagrejs/graphlib", "@fontsource-variable/inter"],
];

const packages = fileURLToPath(new URL("../node_modules", import.meta.url));
const target = fileURLToPath(new URL("../dist/dashboard", import.meta.url));

function licenseOf(name: string): string {
  const folder = join(packages, name);
  const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
  if (file === undefined) throw new Error(`the package ${name} has no license file`);
  return `${name}\n${"=".repeat(name.length)}\n\n${readFileSync(join(folder, file), "utf8")}`;
}

const root = fileURLToPath(new URL("../dashboard", import.meta.url));

await build({
  root,
  configFile: false,
  base: "/",
  logLevel: process.argv.includes("--verbose") ? "info" : "warn",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  worker: { format: "es" },
  build: {
    outDir: target,
    emptyOutDir: true,
    target: "es2022",
    // What is small becomes a file too: the page's policy forbids what is inline.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
  },
});

writeFileSync(join(target, "licenses.txt"), bundledPackages.map(licenseOf).join("\n\n"));
