/**
 * What a starter is told: a shell's words for starting one program, and for telling how it ended.
 *
 * Each program is a child of the shell, in the shell's own session and process group. The shell
 * catches the signals that may be sent to that group, so that it outlives what it started.
 *
 * @module
 */

import { join } from "node:path";
import type { AttemptGroup } from "./attempt-groups.ts";
import type { LaunchOrder } from "./launch-order.ts";
import { starterScriptBytesMax } from "./limits.ts";
import { markVariable } from "./tree-scanner.ts";

/** Where the shell and its launcher meet. */
export interface StarterPaths {
  readonly number: number;
  /** What starters tell. */
  readonly reports: string;
  readonly stdout: string;
  readonly stderr: string;
}

const caughtSignals = "HUP INT QUIT ALRM TERM USR1 USR2";

/** Names that shells take for themselves: they would refuse or change what is set. */
const shellNames = new Set(["LINENO", "OPTIND", "OPTARG", "PPID", "IFS", "ENV", "MAIL", "_"]);
const shellName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * Whether a shell can give the program exactly this order, in a script that a pipe holds at once.
 * A program whose path is not known beforehand could not be found again without a PATH.
 */
export function canBeScripted({ argv, env, cwd }: LaunchOrder): boolean {
  let characters = cwd.length;
  for (const each of argv) characters += each.length;
  for (const [name, value] of Object.entries(env)) {
    if (!shellName.test(name) || shellNames.has(name)) return false;
    characters += name.length + value.length;
  }
  // Quoting makes four of one character at worst, and a character has four bytes at most.
  return characters < starterScriptBytesMax / 4 && env.PATH !== undefined;
}

/** The first lines of a starter: it enters its groups, and learns how to wait. */
export function preludeOf(groups: readonly AttemptGroup[], { number }: StarterPaths): string {
  const doors = groups.map(({ directory }) => quote(join(directory, "cgroup.procs")));
  return [
    ...doors.map((door) => `echo $$ >${door} || exit 125`),
    `trap : ${caughtSignals}`,
    "w() {",
    "  wait $1; s=$?",
    // A signal may have ended the waiting only. What has ended is not there to be told.
    "  while [ $s -gt 128 ] && kill -0 $1 2>/dev/null; do wait $1; s=$?; done",
    // 137 may be a number that the program chose, or SIGKILL: the list of jobs knows.
    "  [ $s -le 128 ] || jobs -l",
    `  echo "E ${number} $s"`,
    "}",
    "",
  ].join("\n");
}

/** Asks whether `jobs` says what `preludeOf` relies on. Answered before anything else. */
export function probeOf({ number }: StarterPaths): string {
  return `sh -c 'exit 137' & w $!; echo "P ${number} $!"\n`;
}

/** Starts one program. `file` is what its stdin is read from. */
export function startOf(
  { argv, env, cwd, attemptId }: LaunchOrder,
  { nonce, file, paths }: { nonce: string; file: string; paths: StarterPaths },
): string {
  const marks = { CAPSTAN_ATTEMPT_ID: attemptId, [markVariable]: nonce };
  const variables = Object.entries({ ...env, ...marks });
  const exported = variables.map(([name, value]) => `${name}=${quote(value)}`).join(" ");
  const failed = `echo "F ${paths.number} $?" >${quote(paths.reports)}`;
  const steps = [
    `cd ${quote(cwd)}`,
    "unset PWD OLDPWD",
    `export ${exported}`,
    `exec <${quote(file)}`,
    `exec ${argv.map(quote).join(" ")}`,
  ];
  // Whatever keeps the shell from becoming the program ends it, and then its trap tells.
  return (
    `r() { trap ${quote(failed)} 0; ${steps.join(" && ")}; }\n` +
    `r >${quote(paths.stdout)} 2>${quote(paths.stderr)} & echo "S ${paths.number} $!"; w $!\n`
  );
}

/** As one word of a shell, whatever is in it. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
