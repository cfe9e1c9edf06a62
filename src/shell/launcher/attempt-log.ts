/**
 * What a launcher has in hand, as lines of one file: each line says something new of one attempt,
 * or that it is done with. To append a line costs a tenth of what a file for each attempt costs.
 *
 * A kill may cut the last line off: what it was to say had not happened yet, or is found out again.
 *
 * @module
 */

import {
  appendFileSync,
  closeSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { attemptLogBytesMin } from "./limits.ts";

/** One line: `value` is undefined of what is done with. */
interface Entry {
  readonly name: string;
  readonly value?: unknown;
}

export class AttemptLog {
  readonly #path: string;
  /** The last line of each that is not done with. */
  readonly #live = new Map<string, string>();
  #file = -1;
  #bytes = 0;
  #liveBytes = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** What an earlier launcher left, in order. Lines that make no sense go to a file beside it. */
  restore(onUnreadable: (line: string) => void): readonly unknown[] {
    const values = new Map<string, unknown>();
    for (const line of readLines(this.#path)) {
      const entry = parseEntry(line);
      if (entry === null) {
        onUnreadable(line);
        appendFileSync(`${this.#path}.unreadable`, `${line}\n`, { mode: 0o600 });
      } else if (entry.value === undefined) {
        values.delete(entry.name);
        this.#forget(entry.name);
      } else {
        values.set(entry.name, entry.value);
        this.#remember(entry.name, `${line}\n`);
      }
    }
    this.#rewrite();
    return [...values.values()];
  }

  /** What is said of an attempt replaces what was said before. Throws what the disk throws. */
  set(name: string, value: object): void {
    const line = `${JSON.stringify({ name, value } satisfies Entry)}\n`;
    this.#append(line);
    this.#remember(name, line);
  }

  /** Throws what the disk throws: then the next launcher finds the attempt again. */
  remove(name: string): void {
    if (!this.#live.has(name)) return;
    this.#forget(name);
    if (this.#bytes > attemptLogBytesMin && this.#bytes > 2 * this.#liveBytes) this.#rewrite();
    else this.#append(`${JSON.stringify({ name } satisfies Entry)}\n`);
  }

  /** Nothing more is said; of a log that has nothing left, nothing is left. */
  close(): void {
    if (this.#file !== -1) closeSync(this.#file);
    this.#file = -1;
    if (this.#live.size === 0) rmSync(this.#path, { force: true });
  }

  #append(line: string): void {
    if (this.#file === -1) this.#file = openSync(this.#path, "a", 0o600);
    const written = writeSync(this.#file, line);
    const expected = Buffer.byteLength(line);
    if (written === expected) {
      this.#bytes += written;
      return;
    }
    ftruncateSync(this.#file, this.#bytes); // Half a line would spoil the next.
    throw Object.assign(new Error("ENOSPC: no space left for a line"), { code: "ENOSPC" });
  }

  #rewrite(): void {
    if (this.#file !== -1) closeSync(this.#file);
    this.#file = -1;
    const text = [...this.#live.values()].join("");
    writeFileSync(`${this.#path}.next`, text, { mode: 0o600 });
    renameSync(`${this.#path}.next`, this.#path);
    this.#bytes = Buffer.byteLength(text);
  }

  #remember(name: string, line: string): void {
    this.#forget(name);
    this.#live.set(name, line);
    this.#liveBytes += line.length;
  }

  #forget(name: string): void {
    this.#liveBytes -= this.#live.get(name)?.length ?? 0;
    this.#live.delete(name);
  }
}

/** Complete lines only. */
function readLines(path: string): readonly string[] {
  try {
    return readFileSync(path, "utf8").split("\n").slice(0, -1);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function parseEntry(line: string): Entry | null {
  try {
    const entry = JSON.parse(line);
    return typeof entry?.name === "string" ? entry : null;
  } catch {
    return null;
  }
}
