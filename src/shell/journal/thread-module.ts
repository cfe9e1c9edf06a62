/**
 * Where the modules of worker threads are: beside the module that asks, with the extension that
 * it has itself (`.ts` when sources run directly, `.js` when built).
 *
 * @module
 */

/** The URL of module `name` (no extension, relative to the asking module). */
export function threadModule(name: string, askingModuleUrl: string): URL {
  const extension = askingModuleUrl.endsWith(".ts") ? "ts" : "js";
  return new URL(`${name}.${extension}`, askingModuleUrl);
}
