/**
 * Thread side: bundles as modules, and the tasks that they export.
 *
 * `capstan` is external to every bundle and resolves to this very package, so that a task that
 * asks for its context gets the one that its executor entered.
 *
 * @module
 */

import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";
import { CapstanError } from "../../model/errors.ts";
import { moduleBeside } from "./module-file.ts";

/** What the mark of a task says; `call` of an actor: the method's name, then its arguments. */
interface MarkedTask {
  readonly name: string;
  readonly run: TaskFunction;
  readonly call?: TaskFunction;
}

/** A task's function as its module exports it. */
export type TaskFunction = (...args: unknown[]) => unknown;

const taskMark = Symbol.for("capstan.task");
const importingMark = Symbol.for("capstan.importing");

/** Makes `import "capstan"` in a bundle mean the client entry of this package. */
export function resolvePackageToItself(): void {
  const clientUrl = moduleBeside(import.meta.url, "../../client/index").href;
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === "capstan" ? { url: clientUrl, shortCircuit: true } : next(specifier, context),
  });
}

/**
 * Imports a bundle and returns its tasks by name. While it is being imported, what starts or joins
 * a cluster refuses to (it looks at `Symbol.for("capstan.importing")` on `globalThis`).
 *
 * @throws whatever the module throws.
 */
export async function importTasks(bundlePath: string): Promise<Map<string, TaskFunction>> {
  const globals = globalThis as { [importingMark]?: boolean };
  globals[importingMark] = true;
  const { href } = pathToFileURL(bundlePath);
  try {
    const tasks = tasksOf(await import(href));
    taskNames.set(href, [...tasks.keys()]);
    return tasks;
  } finally {
    globals[importingMark] = false;
  }
}

const taskNames = new Map<string, readonly string[]>();

/** The tasks of a bundle that this thread has imported, by its URL; null for any other module. */
export function taskNamesOf(moduleUrl: string): readonly string[] | null {
  return taskNames.get(moduleUrl) ?? null;
}

/** Whether that name is an actor's, which is no function to be called. */
export function isActorIn(tasks: ReadonlyMap<string, TaskFunction>, name: string): boolean {
  return tasks.has(`${name}.`);
}

/** The named task, or an error that lists what the bundle has. */
export function findTask(tasks: ReadonlyMap<string, TaskFunction>, name: string): TaskFunction {
  const task = tasks.get(name) ?? methodIn(tasks, name);
  if (task !== undefined) return task;
  const names = [...tasks.keys()].join(", ");
  const has = names === "" ? "it exports no task" : `it exports ${names}`;
  const message = `the bundle exports no task named ${JSON.stringify(name)}; ${has}`;
  throw new CapstanError("TASK_MODULE_UNLOADABLE", message);
}

/** `Counter.add`: the method of the object that this thread keeps for the actor `Counter`. */
function methodIn(
  tasks: ReadonlyMap<string, TaskFunction>,
  name: string,
): TaskFunction | undefined {
  const end = name.indexOf(".") + 1;
  const call = end === 0 ? undefined : tasks.get(name.slice(0, end));
  if (call === undefined) return undefined;
  return (...args) => call(name.slice(end), ...args);
}

function tasksOf(exports: { readonly [name: string]: unknown }): Map<string, TaskFunction> {
  const tasks = new Map<string, TaskFunction>();
  for (const exported of Object.values(exports)) {
    if (typeof exported !== "function") continue;
    const definition = (exported as { [taskMark]?: MarkedTask })[taskMark];
    if (definition === undefined) continue;
    const { name, run, call } = definition;
    tasks.set(name, run);
    if (call !== undefined) tasks.set(`${name}.`, call);
  }
  return tasks;
}
