/**
 * What an actor is to its author: a class whose one object lives in a thread of a worker.
 *
 * `defineActor` marks the class; it starts nothing and knows no cluster. On a worker the mark makes
 * the object and calls it.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import { runningTask } from "../shell/executor/context.ts";
import type { Future } from "./future.ts";
import { type Arguments, type TaskDefinition, taskSymbol } from "./task.ts";

/** What the mark of an actor says besides. */
export interface ActorDefinition extends TaskDefinition {
  /** Calls a method of the object that this thread keeps. */
  readonly call: (method: string, ...args: never[]) => unknown;
}

/** Anything that `defineActor` returned. */
export interface AnyActor {
  readonly [taskSymbol]: ActorDefinition;
}

/** A class that was marked as an actor; `new` makes an object here and now. */
export type ActorClass<A extends readonly unknown[], O extends object> = AnyActor &
  (new (
    ...args: A
  ) => O);

/** The names of the methods of an object. */
export type MethodName<O> = {
  [N in keyof O]: O[N] extends (...args: never[]) => unknown ? N : never;
}[keyof O] &
  string;

/** The arguments of a method, each of which may be a future. */
export type MethodArguments<O, N extends keyof O> = O[N] extends (...args: infer A) => unknown
  ? Arguments<A>
  : never;

/** What a method gives: a promise is awaited on the worker. */
export type MethodResult<O, N extends keyof O> = O[N] extends (...args: never[]) => infer R
  ? Awaited<R>
  : never;

/** An object with the methods of `O`, each of which returns a future at once. */
export type RemoteMethods<O> = {
  readonly [N in MethodName<O>]: (...args: MethodArguments<O, N>) => Future<MethodResult<O, N>>;
};

/**
 * Marks a class as an actor. The module must export it under the same name:
 *
 *     export const Counter = defineActor(import.meta.url, class Counter { … });
 *
 * `moduleUrl` is `import.meta.url`. `options.name` names a class that has no name of its own. Its
 * object is made on a worker by `client.createActor`. When the actor is ended, the object's
 * `[Symbol.asyncDispose]` or `[Symbol.dispose]` is called, if there is time.
 *
 * Throws INVALID_ARGUMENT for what is no class, or has no name.
 */
export function defineActor<A extends readonly unknown[], O extends object>(
  moduleUrl: string,
  type: new (...args: A) => O,
  options: { readonly name?: string } = {},
): ActorClass<A, O> {
  if (typeof moduleUrl !== "string" || moduleUrl === "") {
    throw new CapstanError(
      "INVALID_ARGUMENT",
      "defineActor: the first argument is import.meta.url",
    );
  }
  if (typeof type !== "function") {
    throw new CapstanError("INVALID_ARGUMENT", "defineActor: the second argument is the class");
  }
  const name = options.name ?? type.name;
  if (typeof name !== "string" || name === "" || name.includes(".")) {
    const message = `defineActor: a class in ${moduleUrl} has no name; name it, or pass { name }`;
    throw new CapstanError("INVALID_ARGUMENT", message);
  }
  defined.add(placeOf(moduleUrl, name));
  const keeper = new ObjectKeeper(name, type as unknown as new (...args: never[]) => object);
  const run = (...args: never[]): Promise<void> => keeper.keep(args);
  const call = (method: string, ...args: never[]): unknown => keeper.call(method, args);
  return Object.assign(type, { [taskSymbol]: { name, moduleUrl, run, call } } as const);
}

/** The actors that this program has defined: as many as its modules have. */
const defined = new Set<string>();

function placeOf(moduleUrl: string, name: string): string {
  return `${moduleUrl} ${name}`;
}

/** Whether a module of this program has an actor of that name. */
export function definesActor(moduleUrl: string, name: string): boolean {
  return defined.has(placeOf(moduleUrl, name));
}

/** The definition of an actor. Throws INVALID_ARGUMENT for anything else. */
export function actorDefinitionOf(actor: AnyActor): ActorDefinition {
  const definition = (actor as Partial<AnyActor> | null | undefined)?.[taskSymbol];
  if (definition?.call !== undefined) return definition;
  throw new CapstanError(
    "INVALID_ARGUMENT",
    "createActor: the first argument is no actor; make it one with " +
      "defineActor(import.meta.url, class …)",
  );
}

/** The objects of a class: one for each place where an actor runs. */
class ObjectKeeper {
  readonly #name: string;
  readonly #type: new (
    ...args: never[]
  ) => object;
  readonly #objects = new WeakMap<object, object>();

  constructor(name: string, type: new (...args: never[]) => object) {
    this.#name = name;
    this.#type = type;
  }

  /** Makes the object, and keeps it until its task is told to end. */
  async keep(args: readonly never[]): Promise<void> {
    const task = runningTask();
    if (task === null) throw new CapstanError("BUG", "an actor runs in an executor");
    const object = new this.#type(...args);
    this.#objects.set(task.home, object);
    try {
      task.beginWait();
      await untilAborted(task.signal);
    } finally {
      this.#objects.delete(task.home);
      await dispose(object);
    }
  }

  call(method: string, args: readonly never[]): unknown {
    const task = runningTask();
    const object = task === null ? undefined : this.#objects.get(task.home);
    const found = (object as { readonly [name: string]: unknown } | undefined)?.[method];
    if (typeof found === "function") return found.apply(object, args);
    const why = object === undefined ? "has no object any more" : "has no such method";
    throw new TypeError(`${this.#name}.${method}: the actor ${why}`);
  }
}

/** Rejects with the reason when the signal fires. */
function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = (): void => reject(signal.reason as Error);
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
}

async function dispose(object: object): Promise<void> {
  const { [Symbol.asyncDispose]: later, [Symbol.dispose]: now } = object as {
    [Symbol.asyncDispose]?: () => PromiseLike<void>;
    [Symbol.dispose]?: () => void;
  };
  if (later !== undefined) await later.call(object);
  else now?.call(object);
}
