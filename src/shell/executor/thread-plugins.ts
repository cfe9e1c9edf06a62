/**
 * Thread side: plugins, set up once in this thread before the first task that needs them, and torn
 * down, the last one first, when the thread is told to end.
 *
 * @module
 */

import { CapstanError } from "../../model/errors.ts";
import { findTask, isActorIn, type TaskFunction } from "./task-modules.ts";
import type { PluginPlace } from "./thread-messages.ts";

/** What a plugin is told. */
export interface PluginContext {
  readonly worker: string;
}

type Importer = (bundlePath: string) => Promise<ReadonlyMap<string, TaskFunction>>;

/** A plugin could not be set up; `cause` is what it threw. */
export class SetupError extends Error {
  override readonly name = "PluginError";

  constructor(plugin: string, cause: unknown) {
    const reason = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    super(`${plugin}: ${reason}`, { cause });
  }
}

function refuseActor(tasks: ReadonlyMap<string, TaskFunction>, name: string): void {
  if (!isActorIn(tasks, name)) return;
  const message = `${name} is an actor; a plugin needs a task: defineTask(import.meta.url, …)`;
  throw new CapstanError("INVALID_ARGUMENT", message);
}

export class ThreadPlugins {
  readonly #import: Importer;
  readonly #context: PluginContext;
  /** Those that were set up, in this order. */
  readonly #ready = new Map<string, PluginPlace>();

  constructor(importTasks: Importer, context: PluginContext) {
    this.#import = importTasks;
    this.#context = context;
  }

  /** Sets up those that are not yet. Throws SetupError for the first that fails. */
  async setUp(places: readonly PluginPlace[]): Promise<void> {
    for (const place of places) {
      const key = JSON.stringify(place);
      if (this.#ready.has(key)) continue;
      try {
        const tasks = await this.#import(place.bundlePath);
        for (const name of [place.setup, place.teardown]) refuseActor(tasks, name);
        await findTask(tasks, place.setup)(this.#context);
      } catch (error) {
        throw new SetupError(place.name, error);
      }
      this.#ready.set(key, place);
    }
  }

  /** Tears down all of them; what one throws keeps none of the others. Resolves to the errors. */
  async tearDown(): Promise<unknown[]> {
    const errors: unknown[] = [];
    for (const { bundlePath, teardown } of [...this.#ready.values()].reverse()) {
      if (teardown === "") continue;
      try {
        await findTask(await this.#import(bundlePath), teardown)(this.#context);
      } catch (error) {
        errors.push(error);
      }
    }
    this.#ready.clear();
    return errors;
  }
}
