/**
 * How a program gets into control groups that the launcher does not go into: a shell goes in and
 * then becomes the program. Where there are no such groups there is no shell.
 *
 * @module
 */

import { join } from "node:path";
import type { AttemptGroup } from "./attempt-groups.ts";
import type { LaunchOrder } from "./launch-order.ts";

/** What is really started. */
export interface WrappedProgram {
  readonly file: string;
  readonly argv: readonly string[];
  /** The launcher has to move it, once it runs. */
  readonly joinsLate: boolean;
}

const enter =
  'echo $$ > "$1" || { echo "capstan: cannot enter the group $1" >&2; exit 125; }; shift; ';

/** Set by shells of their own accord; an order that has none of them must not get one. */
const shellVariables = ["PWD", "OLDPWD", "SHLVL"];

const shellName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** `file`: what `argv[0]` was resolved to; known to be there and to be a program. */
export function wrapProgram(
  file: string,
  { argv, env }: Pick<LaunchOrder, "argv" | "env">,
  groups: readonly AttemptGroup[],
): WrappedProgram {
  if (groups.length === 0) return { file, argv, joinsLate: false };
  if (!Object.keys(env).every((name) => shellName.test(name))) {
    return { file, argv, joinsLate: true };
  }
  const unwanted = shellVariables.filter((name) => !Object.hasOwn(env, name));
  const script = `${enter.repeat(groups.length)}unset ${["-v", ...unwanted].join(" ")}; exec "$@"`;
  const doors = groups.map(({ directory }) => join(directory, "cgroup.procs"));
  // By its name it is found in the same PATH again, and sees the name that it was called by.
  const program = env.PATH === undefined ? file : argv[0];
  const shellArgv = ["sh", "-c", script, "sh", ...doors, program, ...argv.slice(1)];
  return { file: "/bin/sh", argv: shellArgv, joinsLate: false };
}
