/**
 * What a function sees of its worker's environment and what it writes to stderr.
 *
 * @module
 */

import type { TextTail } from "./text-tail.ts";

/** The worker's environment without what lets it act as a worker. */
export function environmentOfTasks(): NodeJS.ProcessEnv {
  const { CAPSTAN_TOKEN: _token, CAPSTAN_WORKER_OPTIONS: _options, ...environment } = process.env;
  return environment;
}

/** What is written to stderr is passed on *and* kept, so that a failure has it at once. */
export function copyStderrTo(tail: TextTail): void {
  const write = process.stderr.write.bind(process.stderr) as (...args: unknown[]) => boolean;
  process.stderr.write = (chunk: Uint8Array | string, ...rest: unknown[]): boolean => {
    tail.push(chunk);
    return write(chunk, ...rest);
  };
}
