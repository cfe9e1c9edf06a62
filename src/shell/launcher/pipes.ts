/**
 * Pipes for stdout and stderr. What Node itself gives a child are sockets, and a program that opens
 * `/dev/stdout` or `/dev/stderr` fails on a socket. Node has no call that makes a pipe, so a named
 * one is opened at both ends and its name removed: what is left is a pipe like any other. `mkfifo`
 * makes the names, many at a time and in memory where there is such a file system: the cost per
 * attempt is some 0.2 ms.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { present } from "../../base/assert.ts";
import { pipesPerBatch } from "./limits.ts";

/** Two descriptors. Whoever has them closes them. */
export interface Pipe {
  readonly readEnd: number;
  readonly writeEnd: number;
}

/** Making a file costs 0.02 ms here, on a disk up to 1 ms. */
const inMemory = "/dev/shm";

export class PipeMaker {
  readonly #places: readonly string[];
  #pipes: Pipe[] = [];

  /** `directory`: one of our own, on a file system that can hold named pipes. */
  constructor(directory: string) {
    this.#places = [inMemory, directory];
  }

  /** Throws if no place serves, the program `mkfifo` fails or the descriptors are spent. */
  make(): Pipe {
    if (this.#pipes.length === 0) this.#makeMore();
    return present(this.#pipes.pop(), "a batch of pipes is not empty");
  }

  /** Nothing of it stays on the disk, whatever happens to this process later. */
  #makeMore(): void {
    const directory = makeDirectory(this.#places);
    const names = Array.from({ length: pipesPerBatch }, (_, index) => {
      return join(directory, String(index));
    });
    try {
      makeNamedPipes(names);
      for (const name of names) this.#pipes.push(openBothEnds(name));
    } finally {
      // One by one: to list a directory takes a descriptor, which may be what is wanting.
      for (const name of names) rmSync(name, { force: true });
      rmdirSync(directory);
    }
  }
}

/** Throws if the program `mkfifo` fails. */
export function makeNamedPipes(paths: readonly string[]): void {
  const done = spawnSync("mkfifo", ["-m", "600", "--", ...paths], { encoding: "utf8" });
  if (done.error !== undefined) throw done.error;
  if (done.status !== 0) throw new Error(`mkfifo: ${done.stderr.trim()}`);
}

function makeDirectory(places: readonly string[]): string {
  let failure: unknown;
  for (const place of places) {
    try {
      return mkdtempSync(join(place, "capstan-pipes-"));
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

function openBothEnds(name: string): Pipe {
  // In this order, and not blocking: a pipe can be opened for reading while nobody writes.
  const readEnd = openSync(name, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return { readEnd, writeEnd: openSync(name, constants.O_WRONLY) };
  } catch (error) {
    closeSync(readEnd);
    throw error;
  }
}
