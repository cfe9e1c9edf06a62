/**
 * A task's module as one file that runs on any worker.
 *
 * The bundle's bytes, and so its SHA-256, depend on the sources alone and not on where they lie.
 * `capstan` itself stays outside: a worker brings its own.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { basename, dirname, extname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { BuildResult, OnResolveArgs, OnResolveResult, Plugin, PluginBuild } from "esbuild";
import { CapstanError } from "../model/errors.ts";

/** A bundled module. */
export interface Bundle {
  /** Hex, of `code`. */
  readonly sha256: string;
  readonly code: Uint8Array;
  /** The names that the module exports. */
  readonly exports: readonly string[];
}

const bundles = new Map<string, Promise<Bundle>>();

/**
 * Bundles the module at `moduleUrl` (a file URL); once in the life of this process, as the module
 * itself is loaded once. Rejects with TASK_MODULE_UNLOADABLE, which names what is in the way.
 */
export function bundleModule(moduleUrl: string): Promise<Bundle> {
  let bundle = bundles.get(moduleUrl);
  if (bundle === undefined) {
    bundle = buildBundle(moduleUrl);
    bundles.set(moduleUrl, bundle);
  }
  return bundle;
}

/** Why a worker would not find the function in the bundle, or null if it would. */
export function checkExported(
  bundle: Pick<Bundle, "exports">,
  moduleUrl: string,
  functionName: string,
  mark = "defineTask",
): CapstanError | null {
  if (bundle.exports.includes(functionName)) return null;
  const found = bundle.exports.length === 0 ? "nothing" : bundle.exports.join(", ");
  return unloadable(
    moduleUrl,
    `it has no export named "${functionName}" (it exports ${found}). ` +
      `Write: export const ${functionName} = ${mark}(import.meta.url, …)`,
  );
}

async function buildBundle(moduleUrl: string): Promise<Bundle> {
  const path = pathOf(moduleUrl);
  const { build } = await import("esbuild");
  let result: BuildResult<{ metafile: true; write: false }>;
  try {
    result = await build({
      absWorkingDir: dirname(path),
      entryPoints: [path],
      outfile: "bundle.mjs",
      bundle: true,
      write: false,
      metafile: true,
      platform: "node",
      format: "esm",
      target: "node24",
      charset: "utf8",
      // A worker finds a task by its function's name, and people read the names of error classes.
      keepNames: true,
      legalComments: "none",
      sourcemap: false,
      logLevel: "silent",
      banner: { js: banner },
      plugins: [capstanStaysOutside],
    });
  } catch (error) {
    throw unloadable(moduleUrl, `it could not be bundled: ${messageOf(error)}`, error);
  }
  const [output] = Object.values(result.metafile.outputs);
  const [file] = result.outputFiles;
  refuseAssets(moduleUrl, file.text);
  const sha256 = createHash("sha256").update(file.contents).digest("hex");
  return { sha256, code: file.contents, exports: output.exports };
}

/**
 * CommonJS packages ask for Node's modules by `require`, which an ES module does not have. It
 * declares no name: a function that submits by a client of its own has its bundle bundled again.
 */
const banner =
  'globalThis.require ??= globalThis.process.getBuiltinModule("node:module")' +
  ".createRequire(import.meta.url);";

/**
 * Leaves `capstan` to the worker, also when this repository's own files import it by path.
 */
const capstanStaysOutside: Plugin = {
  name: "capstan-stays-outside",
  setup(build: PluginBuild): void {
    build.onResolve({ filter: /^capstan(\/|$)/ }, ({ path }) => ({ path, external: true }));
    build.onResolve({ filter: /^[./#]/ }, (args) => resolveLocal(build, args));
  },
};

/** Marks a resolve that this plugin itself asked for. */
const ownResolve = { isOwnResolve: true };

async function resolveLocal(
  build: PluginBuild,
  args: OnResolveArgs,
): Promise<OnResolveResult | undefined> {
  if (args.kind === "entry-point" || args.pluginData === ownResolve) return undefined;
  const { path, importer, namespace, resolveDir, kind } = args;
  const options = { importer, namespace, resolveDir, kind, pluginData: ownResolve };
  const resolved = await build.resolve(path, options);
  if (resolved.errors.length > 0) return undefined;
  return isClientEntry(resolved.path) ? { path: "capstan", external: true } : undefined;
}

const clientDirectory = dirname(fileURLToPath(import.meta.url));
const packageRoot = dirname(dirname(clientDirectory));

/** The SDK's entry, in its sources or built. */
function isClientEntry(path: string): boolean {
  const directory = dirname(path);
  if (dirname(dirname(directory)) !== packageRoot || basename(directory) !== "client") return false;
  const room = basename(dirname(directory));
  return (room === "src" || room === "dist") && basename(path, extname(path)) === "index";
}

/** A file beside the module would not be there on a worker. */
function refuseAssets(moduleUrl: string, code: string): void {
  const asset = /new URL\(\s*(["'`])([^"'`]*)\1\s*,\s*import\.meta\.url\s*\)/.exec(code);
  if (asset === null) return;
  throw unloadable(
    moduleUrl,
    `it reads the file ${asset[2]} beside itself, which no worker has. ` +
      "Import it as a module (JSON can be imported), or pass its content as an argument.",
  );
}

function pathOf(moduleUrl: string): string {
  if (URL.canParse(moduleUrl) && moduleUrl.startsWith("file:")) return fileURLToPath(moduleUrl);
  const example = pathToFileURL("/project/tasks.js").href;
  throw unloadable(moduleUrl, `expected import.meta.url of a file, such as ${example}`);
}

function unloadable(moduleUrl: string, reason: string, cause?: unknown): CapstanError {
  return new CapstanError("TASK_MODULE_UNLOADABLE", `The task module ${moduleUrl}: ${reason}`, {
    details: { moduleUrl },
    cause,
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
