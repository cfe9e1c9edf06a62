/**
 * The functions that the program has submitted, by name: they are called where they are, and
 * nothing is bundled.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { ActorDefinition } from "../client/actor.ts";
import type { BundleSource } from "../client/bundle-uploads.ts";
import type { TaskDefinition } from "../client/task.ts";
import { invalidArgument } from "../model/parse-fields.ts";
import type { FunctionRun } from "../model/spec.ts";

interface Module {
  readonly sha256: string;
  /** Grows as tasks of the module are met. */
  readonly names: string[];
  readonly tasks: Map<string, TaskDefinition>;
}

export class FunctionRegistry {
  readonly #byUrl = new Map<string, Module>();
  readonly #byHash = new Map<string, Module>();

  /** Makes a task known. Throws INVALID_ARGUMENT if another function has its name. */
  register(task: TaskDefinition): Module {
    const module = this.#byUrl.get(task.moduleUrl) ?? this.#add(task.moduleUrl);
    const known = module.tasks.get(task.name);
    if (known !== undefined && known.run !== task.run) {
      throw invalidArgument("task", task.name, `the only task of that name in ${task.moduleUrl}`);
    }
    if (known === undefined) {
      module.tasks.set(task.name, task);
      module.names.push(task.name);
    }
    return module;
  }

  sourceOf(task: TaskDefinition): BundleSource {
    const { sha256, names } = this.register(task);
    return {
      name: `the task module ${task.moduleUrl}`,
      failure: "TASK_MODULE_UNLOADABLE",
      read: () => Promise.resolve({ sha256, code: new Uint8Array(0), exports: names }),
    };
  }

  /** The function that a spec names, if its task or actor was submitted here. */
  find({ bundle, functionName, part }: FunctionRun): Pick<TaskDefinition, "run"> | null {
    const tasks = this.#byHash.get(bundle)?.tasks;
    if (part !== "call") return tasks?.get(functionName) ?? null;
    const [name, method] = functionName.split(".");
    const actor = tasks?.get(name) as Partial<ActorDefinition> | undefined;
    const call = actor?.call;
    return call === undefined ? null : { run: (...args) => call(method, ...args) };
  }

  #add(moduleUrl: string): Module {
    const sha256 = createHash("sha256").update(moduleUrl).digest("hex");
    const module: Module = { sha256, names: [], tasks: new Map() };
    this.#byUrl.set(moduleUrl, module);
    this.#byHash.set(sha256, module);
    return module;
  }
}
