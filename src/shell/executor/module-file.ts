/**
 * Modules of this package by file: the sources run as `.ts`, the build as `.js`.
 *
 * @module
 */

/** The URL of a module beside `from` (an `import.meta.url`), named without its extension. */
export function moduleBeside(from: string, path: string): URL {
  return new URL(`${path}${from.slice(from.lastIndexOf("."))}`, from);
}
