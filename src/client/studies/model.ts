/**
 * The model of a study: what it is called by content, and how its replicates are submitted.
 *
 * @module
 */

import { type AnyCommand, command, commandDefinitionOf, commandSymbol } from "../command.ts";
import type { Future } from "../future.ts";
import type { Session } from "../session.ts";
import type { MapOptions } from "../submit-options.ts";
import { type AnyTask, definitionOf } from "../task.ts";
import type { ProgramModel } from "./study-options.ts";
import { isTask } from "./study-options.ts";

/** One replicate of one set, as the model is asked for it. */
export interface ReplicateCall {
  readonly parameters: unknown;
  readonly seed: number;
  readonly replicate: number;
}

/** Submits replicates. */
export interface Model {
  /** For people. */
  readonly name: string;
  /** What it computes depends on, as JSON: the bundle and the function, or the program. */
  readonly identity: { readonly [field: string]: unknown };
  /** All of them, or none if this throws. */
  submit(calls: readonly ReplicateCall[]): readonly Future<unknown>[];
}

/**
 * The model of a task or program. Rejects with TASK_MODULE_UNLOADABLE or INVALID_ARGUMENT when its
 * code or workspace cannot be read.
 */
export function modelOf(
  session: Session,
  simulate: AnyTask | ProgramModel,
  options: MapOptions,
): Promise<Model> {
  return isTask(simulate)
    ? taskModel(session, simulate, options)
    : programModel(session, simulate, options);
}

/** The bundle and the name of a task: what it computes depends on. */
export async function identityOfTask(
  session: Session,
  task: AnyTask,
): Promise<{ readonly [field: string]: unknown }> {
  const definition = definitionOf(task);
  const { sha256 } = await session.sourceOf(definition).read();
  return { bundle: sha256, function: definition.name };
}

async function taskModel(session: Session, task: AnyTask, options: MapOptions): Promise<Model> {
  return {
    name: definitionOf(task).name,
    identity: await identityOfTask(session, task),
    submit: (calls) =>
      session.map(
        task,
        calls.map(({ parameters, seed }) => [parameters, seed]),
        options,
      ),
  };
}

async function programModel(
  session: Session,
  program: ProgramModel,
  options: MapOptions,
): Promise<Model> {
  const { env, workspace } = program;
  const base = command(program.command, { env, workspace, result: "json" });
  const definition = commandDefinitionOf(base);
  if (definition === null) throw new TypeError("a command has a definition");
  const { sha256 } = await definition.workspace.source.read();
  const callOf = (call: ReplicateCall): AnyCommand => {
    const stdin = `${JSON.stringify(call)}\n`;
    // One workspace for all: it is packed and brought over once.
    return { [commandSymbol]: { ...definition, run: { ...definition.run, stdin } } };
  };
  return {
    name: definition.name,
    identity: { command: [...program.command], env: env ?? {}, workspace: sha256 },
    submit: (calls) => calls.map((call) => session.submit(callOf(call), [], options)),
  };
}
