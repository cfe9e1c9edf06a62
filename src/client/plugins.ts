/**
 * Plugins of a client: what every executor sets up before the first of this client's functions that
 * runs there.
 *
 * A plugin is registered when its module has been bundled, looked at and brought over; functions
 * that are submitted from then on need it. What was submitted before does not.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { CapstanError } from "../model/errors.ts";
import { nameCharactersMax, pluginsMax, sharedNameCharactersMax } from "../model/limits.ts";
import { invalidArgument, parseFields, parseText } from "../model/parse-fields.ts";
import type { PluginRun, PluginSet } from "../model/spec.ts";
import { definesActor } from "./actor.ts";
import { type Bundle, checkExported } from "./bundle.ts";
import type { BundleSource } from "./bundle-uploads.ts";
import type { SpecTable } from "./spec-table.ts";
import type { Transport } from "./transport.ts";

/** See `Client.registerPlugin`. */
export interface PluginOptions {
  /** Its name among the plugins of this client; the same again replaces it. */
  readonly name: string;
  /** The module that exports the tasks: `import.meta.url` of it. */
  readonly module: string;
  /** The name of the task that sets up; it is told `{ worker }`, and may be asynchronous. */
  readonly setup: string;
  /** The name of the task that tears down when the executor ends. Default: none. */
  readonly teardown?: string | undefined;
}

export interface PluginsHost {
  readonly transport: Transport;
  readonly specs: SpecTable;
  bring(bundle: Bundle, source: BundleSource): Promise<void>;
}

const optionNames = ["name", "module", "setup", "teardown"] as const;

export class Plugins {
  readonly #host: PluginsHost;
  readonly #registered = new Map<string, PluginRun>();

  constructor(host: PluginsHost) {
    this.#host = host;
  }

  /** See `Client.registerPlugin`. */
  async register(options: PluginOptions): Promise<void> {
    const { transport } = this.#host;
    const { name, moduleUrl, setup, teardown } = parsePlugin(options);
    if (!transport.runsPlugins) {
      const why = "registerPlugin: a simulated cluster sets nothing up; call the function yourself";
      throw new CapstanError("INVALID_SPEC", why);
    }
    if (!this.#registered.has(name) && this.#registered.size >= pluginsMax) {
      throw new CapstanError("QUOTA_EXCEEDED", `name: a client has ${pluginsMax} plugins at most`);
    }
    const source = transport.sourceOf({ name: setup, moduleUrl, run: () => undefined });
    const bundle = await source.read();
    for (const task of teardown === "" ? [setup] : [setup, teardown]) {
      const error = checkExported(bundle, moduleUrl, task);
      if (error !== null) throw error;
    }
    await this.#host.bring(bundle, source);
    this.#registered.set(name, { name, bundle: bundle.sha256, setup, teardown });
    this.#change();
  }

  /** See `Client.unregisterPlugin`. */
  unregister(name: string): void {
    if (!this.#registered.delete(name)) {
      throw new CapstanError("NOT_FOUND", `name: no plugin ${JSON.stringify(name)} is registered`);
    }
    this.#change();
  }

  #change(): void {
    const plugins = [...this.#registered.values()];
    this.#host.specs.plugins = plugins.length === 0 ? null : setOf(plugins);
  }
}

function setOf(plugins: readonly PluginRun[]): PluginSet {
  const key = createHash("sha256").update(JSON.stringify(plugins)).digest("hex");
  return { key, plugins };
}

function parsePlugin(options: PluginOptions) {
  const raw = parseFields("", options, optionNames);
  const moduleUrl = parseText("module", raw.module, Number.MAX_SAFE_INTEGER);
  return {
    name: parseText("name", raw.name, sharedNameCharactersMax),
    moduleUrl,
    setup: parseTaskName("setup", raw.setup, moduleUrl),
    teardown: (raw.teardown ?? "") === "" ? "" : parseTaskName("teardown", raw.teardown, moduleUrl),
  };
}

/** An actor of a module that only the workers import is refused there. */
function parseTaskName(field: string, value: unknown, moduleUrl: string): string {
  const name = parseText(field, value, nameCharactersMax);
  if (!definesActor(moduleUrl, name)) return name;
  throw invalidArgument(field, name, "a task (defineTask): that is an actor");
}
