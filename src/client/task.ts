/**
 * What a task is to its author: a typed function that can run anywhere.
 *
 * `defineTask` marks a function; it starts nothing and knows no cluster. The mark is what a worker
 * looks for among the exports of the bundled module.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import type { Future } from "./future.ts";

/** Under this symbol a task carries its definition; shared by every copy of this package. */
export const taskSymbol: unique symbol = Symbol.for("capstan.task");

/** What the mark says. */
export interface TaskDefinition {
  /** The name of the export, and of the function. */
  readonly name: string;
  /** `import.meta.url` of the defining module. */
  readonly moduleUrl: string;
  readonly run: (...args: never[]) => unknown;
}

/** Anything that `defineTask` returned. */
export interface AnyTask {
  readonly [taskSymbol]: TaskDefinition;
}

/** A task with arguments `A` that returns `R`. Calling it runs the function here and now. */
export interface Task<A extends readonly unknown[], R> extends AnyTask {
  (...args: A): R;
}

/** Elements of an array or a tuple, each of which may be a future. */
type Elements<X extends readonly unknown[]> = { readonly [I in keyof X]: X[I] | Future<X[I]> };

/** What is accepted where a task takes an `X`: it, a future of it, or an array with futures. */
export type Argument<X> = X | Future<X> | (X extends readonly unknown[] ? Elements<X> : never);

/** What is accepted as the argument list `A` of a task. */
export type Arguments<A extends readonly unknown[]> = { readonly [I in keyof A]: Argument<A[I]> };

/** What a task that returns `R` gives: a promise is awaited on the worker. */
export type Returned<R> = Awaited<R>;

/**
 * Marks a function as a task. The module must export it under the same name:
 *
 *     export const simulate = defineTask(import.meta.url, function simulate(p: Params) { … });
 *
 * `moduleUrl` is `import.meta.url`. `options.name` names a function that has no name of its own.
 * Throws INVALID_ARGUMENT for a function without a name.
 */
export function defineTask<A extends readonly unknown[], R>(
  moduleUrl: string,
  run: (...args: A) => R,
  options: { readonly name?: string } = {},
): Task<A, R> {
  if (typeof moduleUrl !== "string" || moduleUrl === "") {
    throw new CapstanError("INVALID_ARGUMENT", "defineTask: the first argument is import.meta.url");
  }
  if (typeof run !== "function") {
    throw new CapstanError("INVALID_ARGUMENT", "defineTask: the second argument is the function");
  }
  const name = options.name ?? run.name;
  if (typeof name !== "string" || name === "") {
    throw new CapstanError(
      "INVALID_ARGUMENT",
      `defineTask: a function in ${moduleUrl} has no name; name it, or pass { name }`,
    );
  }
  const call = (...args: A): R => run(...args);
  Object.defineProperty(call, "name", { value: name });
  return Object.assign(call, { [taskSymbol]: { name, moduleUrl, run } } as const);
}

/** The definition of a task. Throws INVALID_ARGUMENT for anything else. */
export function definitionOf(task: AnyTask): TaskDefinition {
  const definition = (task as Partial<AnyTask> | null | undefined)?.[taskSymbol];
  if (definition !== undefined && !("call" in definition)) return definition;
  const advice = isActor(task)
    ? "client.createActor makes an object of it, whose methods are called"
    : "make it one with defineTask(import.meta.url, function …)";
  throw new CapstanError("INVALID_ARGUMENT", `${describe(task)} is not a task; ${advice}`);
}

/** Whether `defineActor` returned it. */
export function isActor(value: unknown): boolean {
  const definition = (value as Partial<AnyTask> | null | undefined)?.[taskSymbol];
  return definition !== undefined && "call" in definition;
}

function describe(value: unknown): string {
  if (typeof value === "function" && isActor(value)) return `the actor "${value.name}"`;
  if (typeof value !== "function")
    return `a value of type ${value === null ? "null" : typeof value}`;
  return value.name === "" ? "a function without a name" : `the function "${value.name}"`;
}
