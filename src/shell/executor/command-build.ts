/**
 * What must be there before a command can be launched: its directories, its ports, its workspace.
 * None of it blocks the process, however many begin at once.
 *
 * @module
 */

import type { AttemptDirectories } from "./command-directories.ts";
import type { PortBook } from "./command-ports.ts";
import type { Command } from "./command-record.ts";
import { unpackWorkspace } from "./command-workspace.ts";

export interface BuildParts {
  readonly directories: AttemptDirectories;
  readonly portBook: PortBook;
  /** The file of a workspace's archive; throws CapstanError when it cannot be had. */
  readonly fetchWorkspace: (hash: string) => Promise<string>;
}

/** Places for builds that cost disk and network: whoever finds none waits, in order. */
export class BuildSlots {
  readonly #max: number;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Runs `build` when a place is free; the place is free again when it has ended. */
  async run(build: () => Promise<void>): Promise<void> {
    if (this.#taken < this.#max) this.#taken++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      await build();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#taken--;
      else next(); // The place changes hands.
    }
  }
}

/**
 * Throws CapstanError or what the file system says when it cannot be made ready, and the reason
 * when it was aborted.
 */
export async function buildCommand(
  command: Command,
  { directories, portBook, fetchWorkspace }: BuildParts,
): Promise<void> {
  const { ports, workspace } = command.definition.run;
  const { signal } = command.abort;
  await directories.make(command.attemptId);
  if (ports.length > 0) command.ports = await portBook.choose(ports);
  if (workspace === "") return;
  signal.throwIfAborted();
  const archive = await unlessAborted(fetchWorkspace(workspace), signal);
  await unpackWorkspace({ archive, directory: command.paths.work, signal });
}

/** The work goes on for others who want it; whoever was aborted does not wait for it. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
