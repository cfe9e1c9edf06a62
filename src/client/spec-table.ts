/**
 * Specs of this client, interned: what a thousand tasks of one `map` share is parsed and sent once.
 *
 * @module
 */

import type { CapstanError } from "../model/errors.ts";
import { nameCharactersMax } from "../model/limits.ts";
import { invalidSpec, parseText } from "../model/parse-fields.ts";
import type {
  ActorPart,
  CommandRun,
  FunctionExecutor,
  PluginSet,
  TaskRun,
  TaskSpec,
  ValueRun,
} from "../model/spec.ts";
import { jobDefaults, setupFailedAttribute } from "../model/spec.ts";
import { parseExecutor, parseTaskOptions } from "../model/task-options.ts";
import type { ActorDefinition } from "./actor.ts";
import { type ActorOptions, fieldsOfCall, parseActorOptions } from "./actor-options.ts";
import { checkExported } from "./bundle.ts";
import { type BundleHandle, type BundleUploads, noBundle } from "./bundle-uploads.ts";
import { type AnyCommand, type CommandDefinition, commandDefinitionOf } from "./command.ts";
import { internedCommandsMax } from "./limits.ts";
import { type AnyTask, definitionOf, type TaskDefinition } from "./task.ts";

/** What is submitted: a function or a program. */
export type AnyWork = AnyTask | AnyCommand;

/** A function of a module, whose bundle's hash is not known yet. */
interface FunctionWork {
  readonly kind: "function";
  readonly functionName: string;
  readonly executor: FunctionExecutor;
  readonly moduleUrl: string;
  /** What is set up before it, or null. */
  readonly plugins: PluginSet | null;
  /** Which part of an actor it is, or null. */
  readonly part: ActorPart | null;
}

/** What a part of an actor runs; `fields` are made once for each `content`. */
interface PartWork {
  readonly functionName: string;
  readonly plugins: PluginSet | null;
  readonly content: string;
  fields(): SpecEntry["fields"];
}

/** One spec. Its `run` is known when its bundle is: the module, or the workspace of a command. */
export interface SpecEntry {
  readonly id: number;
  readonly work: FunctionWork | CommandRun | ValueRun;
  readonly fields: Omit<TaskSpec, "run">;
  readonly bundle: BundleHandle;
}

/** The options of a submit, but for what names one task. */
type SpecOptions = { readonly [name: string]: unknown };

export class SpecTable {
  /** What functions need from now on; null for nothing. */
  plugins: PluginSet | null = null;
  readonly #bundles: BundleUploads;
  readonly #byWork = new WeakMap<AnyWork, Map<string, SpecEntry>>();
  /** By module, function and options: two marks of one function are one spec. */
  readonly #byContent = new Map<string, SpecEntry>();
  /** The same of commands, of which a program may make any number: the oldest are forgotten. */
  readonly #commands = new Map<string, SpecEntry>();
  #count = 0;

  constructor(bundles: BundleUploads) {
    this.#bundles = bundles;
  }

  /**
   * The spec of a task or command with these options. Throws INVALID_ARGUMENT or INVALID_SPEC,
   * naming the option that is at fault.
   */
  intern(work: AnyWork, options: SpecOptions | null): SpecEntry {
    const pluginsKey = this.plugins === null ? "" : `${this.plugins.key}\n`;
    const optionsKey = `${pluginsKey}${options === null ? "" : keyOfOptions(options)}`;
    let entries = this.#byWork.get(work);
    const known = entries?.get(optionsKey);
    if (known !== undefined) return known;
    const entry = this.#entryOf(work, options ?? {}, optionsKey);
    if (entries === undefined) {
      entries = new Map();
      this.#byWork.set(work, entries);
    }
    entries.set(optionsKey, entry);
    return entry;
  }

  /** The spec of values that this client brings. Throws as `intern` does. */
  internValue(run: ValueRun, options: SpecOptions): SpecEntry {
    const contentKey = `${JSON.stringify(run)}\n${keyOfOptions(options)}`;
    const known = this.#commands.get(contentKey);
    if (known !== undefined) return known;
    const fields = parseTaskOptions(options);
    const entry: SpecEntry = { id: this.#count++, work: run, fields, bundle: noBundle };
    this.#remember(contentKey, entry);
    return entry;
  }

  /** The spec of an actor with these options. Throws as `intern` does. */
  internActor(actor: ActorDefinition, options: ActorOptions): SpecEntry {
    const { plugins } = this;
    const content = `${plugins?.key ?? ""}\n${keyOfOptions(options as SpecOptions)}`;
    return this.#partEntry(actor, "actor", {
      ...{ functionName: actor.name, content, plugins },
      fields: () => withPlugins(parseActorOptions(options, actor.name), plugins),
    });
  }

  /** The spec of calls of a method of an actor. Throws INVALID_ARGUMENT for what names none. */
  internCall(actor: ActorDefinition, method: string, { fields }: SpecEntry): SpecEntry {
    const functionName = `${actor.name}.${parseText("method", method, nameCharactersMax)}`;
    const { band, priority } = fields;
    return this.#partEntry(actor, "call", {
      ...{ functionName, content: `${band} ${priority}`, plugins: null },
      fields: () => fieldsOfCall(functionName, fields),
    });
  }

  #partEntry(actor: ActorDefinition, part: ActorPart, work: PartWork): SpecEntry {
    const { functionName, plugins, content, fields } = work;
    const { moduleUrl } = actor;
    const bundle = this.#bundles.handleOfTask(actor);
    const contentKey = `${moduleUrl}\n${functionName}\n${part}\n${content}`;
    const known = this.#byContent.get(contentKey);
    if (known !== undefined) return known;
    const executor = "thread";
    const entry: SpecEntry = {
      ...{ id: this.#count++, fields: fields(), bundle },
      work: { kind: "function", functionName, executor, moduleUrl, plugins, part },
    };
    this.#byContent.set(contentKey, entry);
    return entry;
  }

  #entryOf(work: AnyWork, options: SpecOptions, optionsKey: string): SpecEntry {
    const command = commandDefinitionOf(work);
    if (command !== null) return this.#commandEntry(command, options, optionsKey);
    return this.#functionEntry(definitionOf(work as AnyTask), options, optionsKey);
  }

  #functionEntry(task: TaskDefinition, options: SpecOptions, optionsKey: string): SpecEntry {
    const { name, moduleUrl } = task;
    const bundle = this.#bundles.handleOfTask(task);
    const contentKey = `${moduleUrl}\n${name}\n${optionsKey}`;
    const known = this.#byContent.get(contentKey);
    if (known !== undefined) return known;
    const { plugins } = this;
    const fields = withPlugins(parseTaskOptions(options, name), plugins);
    const executor = parseExecutor(options.executor);
    const entry: SpecEntry = {
      id: this.#count++,
      work: { kind: "function", functionName: name, executor, moduleUrl, plugins, part: null },
      fields,
      bundle,
    };
    this.#byContent.set(contentKey, entry);
    return entry;
  }

  #commandEntry(
    { name, run, workspace }: CommandDefinition,
    options: SpecOptions,
    optionsKey: string,
  ): SpecEntry {
    const contentKey = `${JSON.stringify(run)}\n${optionsKey}`;
    const known = workspace === noBundle ? this.#commands.get(contentKey) : undefined;
    if (known !== undefined) return known;
    const fields = parseCommandOptions(options, name);
    const entry: SpecEntry = { id: this.#count++, work: run, fields, bundle: workspace };
    if (workspace === noBundle) this.#remember(contentKey, entry);
    return entry;
  }

  #remember(contentKey: string, entry: SpecEntry): void {
    this.#commands.set(contentKey, entry);
    if (this.#commands.size <= internedCommandsMax) return;
    const [oldest] = this.#commands.keys();
    this.#commands.delete(oldest);
  }
}

/** A program stops more slowly than a function, and no thread runs it. */
function parseCommandOptions(options: SpecOptions, name: string): SpecEntry["fields"] {
  if (options.executor !== undefined) {
    throw invalidSpec("executor", "a command runs in a process of its own; leave it out");
  }
  return { ...parseTaskOptions(options, name), graceMs: jobDefaults.graceMs };
}

/** Where the plugins failed it is not to be placed. */
function withPlugins(fields: SpecEntry["fields"], plugins: PluginSet | null): SpecEntry["fields"] {
  if (plugins === null) return fields;
  const key = setupFailedAttribute(plugins.key);
  const constraint = { key, op: "not-exists", values: [], mode: "REQUIRED" } as const;
  return { ...fields, constraints: [...fields.constraints, constraint] };
}

/** What a task of this spec runs. Only when its bundle is ready. */
export function runOf({ work, bundle }: SpecEntry): TaskRun {
  const sha256 = bundle.bundle?.sha256 ?? "";
  if (work.kind === "value") return work;
  if (work.kind === "command") return { ...work, workspace: sha256 };
  const { functionName, executor, plugins, part } = work;
  const ofActor = part === null ? {} : { part };
  const run = { kind: "function", bundle: sha256, functionName, executor, ...ofActor } as const;
  return plugins === null ? run : { ...run, plugins };
}

/** What the keys of pure tasks of this spec begin with. Only when its bundle is ready. */
export function contentOf(spec: SpecEntry): string {
  const run = runOf(spec);
  return run.kind === "function" ? `${run.bundle}\n${run.functionName}` : JSON.stringify(run);
}

/**
 * Why no task of this spec can be submitted: its module does not bundle or does not export the
 * function, or its workspace cannot be packed. Null while nothing is known against it.
 */
export function specError({ work, bundle: { bundle, error } }: SpecEntry): CapstanError | null {
  if (error !== null || bundle === null || work.kind !== "function") return error;
  const [exported] = work.functionName.split("."); // Of a call: its actor's class.
  const mark = work.part === null ? "defineTask" : "defineActor";
  return checkExported(bundle, work.moduleUrl, exported, mark);
}

/** Distinguishes what JSON would drop or blur, so that a wrong option never hits a right entry. */
function keyOfOptions(options: SpecOptions): string {
  return JSON.stringify(options, (_, value: unknown) => {
    if (value === undefined || typeof value === "function" || typeof value === "symbol") {
      return `\u0000${typeof value}`;
    }
    if (typeof value === "bigint") return `\u0000${value}n`;
    return typeof value === "number" && !Number.isFinite(value) ? `\u0000${value}` : value;
  });
}
