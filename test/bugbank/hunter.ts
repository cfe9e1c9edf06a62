/**
 * Starts the process that looks for a bug, and ends it when it stands still: a bug that never ends
 * is caught by the clock.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { constants, setPriority } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { HuntLine } from "./hunt.ts";

/** One scenario or seed that takes longer has not ended, and is caught as such. */
const unitMsMax = 60_000;

/** Of the process, so that a bug that hoards is caught and the machine lives on. */
const heapMebibytes = 1_024;

/** What caught a bug. */
export interface Catch {
  /** The name of a scenario, or `seed 17`. */
  readonly by: string;
  readonly rule: string;
}

export interface Hunt {
  readonly caught: Catch | null;
  /** Files that were changed as they were loaded. */
  readonly patched: readonly string[];
  readonly seconds: number;
}

/** Plays the scenarios until one catches the bug. `-` stands for no bug. */
export function playScenarios(bug: string): Promise<Hunt> {
  return hunt(["scenarios", bug]);
}

/** Runs these seeds until one catches the bug. `-` stands for no bug. */
export function runSeeds(bug: string, seeds: readonly number[]): Promise<Hunt> {
  return hunt(["seeds", bug, seeds.join(",")]);
}

async function hunt(args: readonly string[]): Promise<Hunt> {
  const began = performance.now();
  const flags = ["--disable-warning=ExperimentalWarning", `--max-old-space-size=${heapMebibytes}`];
  const path = join(import.meta.dirname, "hunt.ts");
  const child = spawn(process.execPath, [...flags, path, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
  const watch = new Watch(child);
  let caught: Catch | null = null;
  let unit = "";
  let patched: readonly string[] | null = null;
  for await (const text of createInterface({ input: child.stdout })) {
    watch.rearm();
    const line = JSON.parse(text) as HuntLine;
    if (line.type === "trying") unit = line.unit;
    else if (line.type === "caught") caught = { by: line.unit, rule: line.rule };
    else patched = line.patched;
  }
  const how = await watch.ended;
  if (patched === null && unit === "") throw new Error(`${args.join(" ")}: does not load: ${how}`);
  if (patched === null && caught === null) caught = { by: unit, rule: how };
  if (caught !== null && /^(?:ReferenceError|SyntaxError)/.test(caught.rule)) {
    throw new Error(`${args[1]} is no bug but a slip of its patch: ${caught.rule}`);
  }
  const seconds = (performance.now() - began) / 1000;
  return { caught, patched: patched ?? [], seconds };
}

/** Ends a process that says nothing for too long. */
class Watch {
  /** How it ended, as a sentence; settles when it has. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  #timer: NodeJS.Timeout | undefined;
  #isLate = false;

  constructor(child: ChildProcess) {
    this.#child = child;
    let tail = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      tail = `${tail}${text}`.slice(-2_000);
    });
    this.ended = new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, signal) => {
        clearTimeout(this.#timer);
        if (this.#isLate) resolve("it never ends");
        else resolve(`the process died: ${signal ?? `exit code ${code}`}: ${lastError(tail)}`);
      });
    });
    this.rearm();
  }

  rearm(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#isLate = true;
      this.#child.kill("SIGKILL");
    }, unitMsMax);
  }
}

function lastError(tail: string): string {
  return /^(?:\w*Error|FATAL ERROR): .*$/m.exec(tail)?.[0] ?? tail.trim().split("\n").at(-1) ?? "";
}
