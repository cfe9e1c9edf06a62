/**
 * Builds the dashboard into `dist/dashboard/`: one page, hashed assets, nothing inline, nothing
 * that is fetched from anywhere else.
 *
 *     node scripts/build-dashboard.ts
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { build } from "vite";

const root = fileURLToPath(new URL("../dashboard", import.meta.url));

await build({
  root,
  configFile: false,
  base: "/",
  logLevel: process.argv.includes("--verbose") ? "info" : "warn",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  worker: { format: "es" },
  build: {
    outDir: fileURLToPath(new URL("../dist/dashboard", import.meta.url)),
    emptyOutDir: true,
    target: "es2022",
    // What is small becomes a file too: the page's policy forbids what is inline.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
  },
});
