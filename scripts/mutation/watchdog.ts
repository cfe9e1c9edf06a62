/**
 * Ends the process when a mutant runs on without an end or takes memory without bound. A thread of
 * its own sees to it, because a loop leaves the process no turn. CPU time counts, so that a busy
 * machine ends nobody. The verdict is on the disk first: the process that comes next finds it.
 *
 * @module
 */

import { appendFileSync } from "node:fs";
import { isMainThread, parentPort, Worker } from "node:worker_threads";

/** More than any test needs, and little enough for a small machine. */
const rssBytesMax = 2_000_000_000;

const checkEveryMs = 200;

/** What to write, and where, if what runs now does not end in time. */
interface Watch {
  readonly path: string;
  readonly line: string;
  readonly cpuMsMax: number;
}

export class Watchdog {
  readonly #thread = new Worker(new URL(import.meta.url));

  constructor() {
    this.#thread.unref();
  }

  watch(what: Watch): void {
    this.#thread.postMessage(what);
  }

  rest(): void {
    this.#thread.postMessage(null);
  }
}

function keepWatch(): void {
  let watched: Watch | null = null;
  let cpuAtBegin = process.cpuUsage();
  parentPort?.on("message", (next: Watch | null) => {
    watched = next;
    cpuAtBegin = process.cpuUsage();
  });
  setInterval(() => {
    if (watched === null) return;
    const { user, system } = process.cpuUsage(cpuAtBegin);
    const isLate = (user + system) / 1000 > watched.cpuMsMax;
    if (!isLate && process.memoryUsage.rss() < rssBytesMax) return;
    appendFileSync(watched.path, watched.line);
    process.kill(process.pid, "SIGKILL");
  }, checkEveryMs);
}

if (!isMainThread && parentPort !== null) keepWatch();
