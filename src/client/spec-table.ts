/**
 * Specs of this client, interned: what a thousand tasks of one `map` share is parsed and sent once.
 *
 * @module
 */

import type { TaskSpec } from "../model/spec.ts";
import { parseTaskOptions } from "../model/task-options.ts";
import type { BundleHandle, BundleUploads } from "./bundle-uploads.ts";
import { type AnyTask, definitionOf } from "./task.ts";

/** One spec. Its `run` is known when its bundle is. */
export interface SpecEntry {
  readonly id: number;
  readonly functionName: string;
  readonly moduleUrl: string;
  readonly fields: Omit<TaskSpec, "run">;
  readonly bundle: BundleHandle;
}

export class SpecTable {
  readonly #bundles: BundleUploads;
  readonly #byTask = new WeakMap<AnyTask, Map<string, SpecEntry>>();
  /** By module, function and options: two marks of one function are one spec. */
  readonly #byContent = new Map<string, SpecEntry>();
  #count = 0;

  constructor(bundles: BundleUploads) {
    this.#bundles = bundles;
  }

  /**
   * The spec of a task with these options. Throws INVALID_ARGUMENT or INVALID_SPEC, naming the
   * option that is at fault.
   */
  intern(task: AnyTask, options: { readonly [name: string]: unknown } | null): SpecEntry {
    const optionsKey = options === null ? "" : keyOfOptions(options);
    let entries = this.#byTask.get(task);
    const known = entries?.get(optionsKey);
    if (known !== undefined) return known;
    const entry = this.#entryOf(task, options ?? {}, optionsKey);
    if (entries === undefined) {
      entries = new Map();
      this.#byTask.set(task, entries);
    }
    entries.set(optionsKey, entry);
    return entry;
  }

  #entryOf(
    task: AnyTask,
    options: { readonly [name: string]: unknown },
    optionsKey: string,
  ): SpecEntry {
    const { name, moduleUrl } = definitionOf(task);
    const contentKey = `${moduleUrl}\n${name}\n${optionsKey}`;
    const known = this.#byContent.get(contentKey);
    if (known !== undefined) return known;
    const fields = parseTaskOptions(options, name);
    const entry = {
      id: this.#count++,
      functionName: name,
      moduleUrl,
      fields,
      bundle: this.#bundles.handleOf(moduleUrl),
    };
    this.#byContent.set(contentKey, entry);
    return entry;
  }
}

/** Distinguishes what JSON would drop or blur, so that a wrong option never hits a right entry. */
function keyOfOptions(options: { readonly [name: string]: unknown }): string {
  return JSON.stringify(options, (_, value: unknown) => {
    if (value === undefined || typeof value === "function" || typeof value === "symbol") {
      return `\u0000${typeof value}`;
    }
    if (typeof value === "bigint") return `\u0000${value}n`;
    return typeof value === "number" && !Number.isFinite(value) ? `\u0000${value}` : value;
  });
}
