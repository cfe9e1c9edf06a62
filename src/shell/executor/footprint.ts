/**
 * What a task leaves in its process that the next one would meet: what keeps running, and what of
 * the process it changed. State of its modules stays as well, which is what keeps a process warm;
 * a task that must not see it asks for a process of its own by its module.
 *
 * @module
 */

export class Footprint {
  /** Taken once: to read them costs as much as all else, and who changes them is not used again. */
  #environment: string | null = null;
  #globals = 0;
  #resources: readonly string[] = [];
  #cwd = "";
  #listeners = 0;

  /** Before a task, when its module is loaded. */
  take(): void {
    if (this.#environment === null) {
      this.#environment = environmentText();
      this.#globals = Object.getOwnPropertyNames(globalThis).length;
    }
    this.#resources = process.getActiveResourcesInfo();
    this.#cwd = process.cwd();
    this.#listeners = listenerCount();
  }

  /** What the event loop waits for that it did not wait for before the task, each kind once. */
  opened(): readonly string[] {
    const before = [...this.#resources];
    const opened = process.getActiveResourcesInfo().filter((name) => {
      const place = before.indexOf(name);
      if (place >= 0) before.splice(place, 1);
      return place < 0;
    });
    return [...new Set(opened)];
  }

  /** After it: what is different, for people; "" for nothing. */
  leftover(): string {
    if (this.#environment === null) return "a module that could not be loaded";
    const found: string[] = [];
    if (process.getActiveResourcesInfo().length > this.#resources.length) {
      found.push("timers, sockets or children that still run");
    }
    if (workingDirectory() !== this.#cwd) found.push("another working directory");
    if (environmentText() !== this.#environment) found.push("changes of process.env");
    const globals = Object.getOwnPropertyNames(globalThis).length;
    if (globals !== this.#globals) found.push("changes of globalThis");
    if (listenerCount() !== this.#listeners) found.push("listeners on process");
    return found.join(", ");
  }
}

/** "" if somebody has removed it. */
function workingDirectory(): string {
  try {
    return process.cwd();
  } catch {
    return "";
  }
}

function environmentText(): string {
  return JSON.stringify(process.env);
}

function listenerCount(): number {
  return process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
}
