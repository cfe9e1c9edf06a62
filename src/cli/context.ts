/**
 * What a command sees of the world: the streams, the environment, and the one way in which it ends,
 * with an exit code or with a CapstanError.
 *
 * @module
 */

import type { ApplicationContext } from "@stricli/core";
import { InvariantError } from "../base/assert.ts";
import { CapstanError, errorRegistry } from "../model/errors.ts";
import type { GlobalFlags } from "./global-flags.ts";

/** A stream of text that may be a terminal. */
export interface TextStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** The streams and the environment of the process, or of a test. */
export interface Terminal {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  readonly env: { readonly [name: string]: string | undefined };
}

/** What stricli hands to each command as `this`. */
export interface CliContext extends ApplicationContext {
  readonly terminal: Terminal;
  /** What stood behind `--`, for `run`; null if there was none. */
  readonly program: readonly string[] | null;
  /** The exit code of the command that ran. */
  exitCode: number;
}

/** Exit codes that are not those of an error (see the error registry for the rest). */
export const exitCodes = {
  ok: 0,
  found: 1,
  usage: 2,
  bug: 70,
  timedOut: 124,
  interrupted: 130,
} as const;

/** A command: its flags and arguments in, its exit code out. */
export type CommandBody<F extends GlobalFlags, A extends readonly unknown[]> = (
  terminal: Terminal,
  flags: F,
  ...args: A
) => Promise<number>;

/** Makes a stricli function of a command: a thrown error is printed and becomes its exit code. */
export function command<F extends GlobalFlags, A extends readonly unknown[] = []>(
  body: CommandBody<F, A>,
): (this: CliContext, flags: F, ...args: A) => Promise<void> {
  return async function run(this: CliContext, flags: F, ...args: A): Promise<void> {
    try {
      this.exitCode = await body(this.terminal, flags, ...args);
    } catch (error) {
      this.exitCode = reportError(this.terminal, error, flags.json);
    }
  };
}

/** Prints an error on stderr, as text or in the JSON form of the API, and returns its exit code. */
export function reportError(terminal: Terminal, error: unknown, json: boolean): number {
  const failure = asCapstanError(error);
  const text = json ? JSON.stringify(failure) : `capstan: ${failure.message}`;
  terminal.stderr.write(`${text}\n`);
  if (failure.code === "BUG" && !json && failure.cause instanceof Error) {
    terminal.stderr.write(`${failure.cause.stack}\n`);
  }
  return errorRegistry[failure.code].exitCode;
}

function asCapstanError(error: unknown): CapstanError {
  if (error instanceof CapstanError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const what = error instanceof InvariantError ? "a promise was broken" : "an unexpected error";
  return new CapstanError("BUG", `${what}: ${message}`, { cause: error });
}
