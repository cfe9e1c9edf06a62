/**
 * Threads and a network that do what the kernel sends, and an oracle outside its ledger: what
 * *really* runs, measured here, may never exceed what the worker has.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import type { Prng } from "../../src/base/prng.ts";
import type { TaskSpec } from "../../src/model/spec.ts";
import type { StartedExecution, WorkerSend } from "../../src/worker/events.ts";
import { aUsage, type Happening, someFailure } from "./builders.ts";

/** A place where one thing runs at a time: a thread, or the process of one command. */
interface Thread {
  /** Given and not really ended; the first is begun if `begun`. */
  readonly given: StartedExecution[];
  begun: boolean;
  /** Ends that the kernel has not heard of yet, in order. */
  readonly unheard: Happening[];
  abort: { execution: number; ends: boolean } | null;
}

const functionCauses = ["failed", "oom", "exited", "module-unloadable"] as const;
const commandCauses = ["failed", "oom", "killed", "build-failed"] as const;

function aThread(): Thread {
  return { given: [], begun: false, unheard: [], abort: null };
}

/** Draws what happens next to the threads and the network; carries out what the kernel sends. */
export class FakeShell {
  readonly values = new Set<number>();
  readonly threads: Thread[];
  /** One for each command lane that was ever used. */
  readonly commands: Thread[] = [];
  readonly transfers = new Map<number, readonly number[]>();
  /** Answers that are due at once. */
  readonly answers: Happening[] = [];
  left = false;
  begunCount = 0;
  begunCommands = 0;
  begunMembers = 0;
  /** Where each member of a gang stands. */
  readonly #gangs = new Map<number, "preparing" | "prepared" | "released">();
  readonly #recovered = new Set<number>();
  readonly #prng: Prng;
  readonly #specs: readonly TaskSpec[];
  readonly #capacityCpu: number;
  readonly #results = new Map<number, number>();
  readonly #fetched = new Map<number, ReadonlySet<number>>();

  constructor(prng: Prng, slots: number, specs: readonly TaskSpec[], capacityCpu: number) {
    this.#prng = prng;
    this.#specs = specs;
    this.#capacityCpu = capacityCpu;
    this.threads = Array.from({ length: slots }, aThread);
  }

  /** Something that an earlier agent had started runs on. */
  recovers(start: StartedExecution): void {
    const command = this.#command(start.lane);
    command.given.push(start);
    command.begun = true;
    this.#recovered.add(start.execution);
  }

  #command(lane: number): Thread {
    while (this.commands.length <= lane) this.commands.push(aThread());
    return this.commands[lane];
  }

  #kindOf(start: StartedExecution): "function" | "command" {
    return this.#specs[start.spec - 1].run.kind;
  }

  get #everything(): readonly Thread[] {
    return [...this.threads, ...this.commands];
  }

  /** Whether anything runs, flies, or is still to be told. */
  get busy(): boolean {
    const busy = ({ given, unheard }: Thread) => given.length + unheard.length > 0;
    return this.#everything.some(busy) || this.transfers.size > 0 || this.answers.length > 0;
  }

  carryOut(sends: readonly WorkerSend[]): void {
    for (const send of sends) this.#carryOut(send);
    this.checkOracle();
  }

  /** The CPU and threads in use right now, by what really runs. */
  checkOracle(): void {
    let cpu = 0;
    let ordered = 0;
    const running = new Set<number>();
    for (const { given, begun } of this.#everything) {
      if (!begun) continue;
      if (!this.#recovered.has(given[0].execution)) ordered++;
      assert.ok(!running.has(given[0].task), "two executions of a task really run");
      running.add(given[0].task);
      cpu += this.#specs[given[0].spec - 1].resources.cpuMilli;
    }
    // What was recovered may hold more than there is, but nothing is started beside it then.
    const within = cpu <= this.#capacityCpu || ordered === 0;
    assert.ok(within, `what really runs takes ${cpu} of ${this.#capacityCpu}`);
  }

  #carryOut(send: WorkerSend): void {
    switch (send.type) {
      case "send-message":
        return;
      case "start-execution":
        return this.#give(send);
      case "prepare-execution":
        this.#gangs.set(send.execution, "preparing");
        return this.#give(send);
      case "release-execution":
        assert.equal(this.#gangs.get(send.execution), "prepared", "released once, when prepared");
        this.#gangs.set(send.execution, "released");
        return;
      case "revoke-execution":
        return this.#revoke(send.execution);
      case "yield-execution":
        return assert.fail("nobody here waits for tasks of its own");
      case "abort-execution":
        return this.#abort(send.execution);
      case "store-result":
        assert.equal(
          this.#results.get(send.execution),
          send.task,
          "a result is stored as its task",
        );
        this.#results.delete(send.execution);
        this.values.add(send.task);
        return;
      case "discard-result":
        this.#results.delete(send.execution);
        return;
      case "start-fetch":
        this.transfers.set(send.transfer, send.tasks);
        return;
      case "abort-fetch":
        assert.ok(this.transfers.delete(send.transfer), "only a live transfer is aborted");
        return;
      case "store-fetched":
        assert.ok(this.#fetched.get(send.transfer)?.has(send.task), "what is kept was fetched");
        this.values.add(send.task);
        return;
      case "discard-fetched":
        return;
      case "drop-value":
        assert.ok(this.values.delete(send.task), `value ${send.task} is dropped once`);
        return;
      case "leave":
        this.left = true;
        return;
    }
  }

  #give(start: StartedExecution): void {
    for (const { task, inline } of start.inputs) {
      assert.ok(inline !== null || this.values.has(task), `input ${task} is in the store`);
    }
    if (this.#kindOf(start) === "function") this.threads[start.lane].given.push(start);
    else {
      const command = this.#command(start.lane);
      assert.equal(command.given.length, 0, "a command has its lane alone");
      command.given.push(start);
    }
  }

  #threadOf(execution: number): Thread | null {
    const has = (given: readonly StartedExecution[]) =>
      given.some((start) => start.execution === execution);
    return this.#everything.find(({ given }) => has(given)) ?? null;
  }

  #revoke(execution: number): void {
    const thread = this.#threadOf(execution);
    const place = thread?.given.findIndex((start) => start.execution === execution) ?? -1;
    const revoked = thread !== null && !(place === 0 && thread.begun);
    if (revoked && thread !== null) thread.given.splice(place, 1);
    this.answers.push({ type: "execution-revoked", execution, revoked });
  }

  #abort(execution: number): void {
    const thread = this.#threadOf(execution);
    if (thread === null) return; // It has ended; the kernel will hear.
    thread.abort = { execution, ends: false };
  }

  /** One thing that happens somewhere, told to the kernel at once or later; null if nothing did. */
  draw(calm: boolean): Happening | null {
    const answer = this.answers.shift();
    if (answer !== undefined) return answer;
    const choices: (() => Happening | null)[] = [];
    for (const thread of this.#everything) {
      if (thread.unheard.length > 0) choices.push(() => thread.unheard.shift() ?? null);
      if (thread.given.length > 0) choices.push(() => this.#run(thread, calm));
    }
    for (const transfer of this.transfers.keys()) {
      choices.push(() => this.#endTransfer(transfer, calm));
    }
    if (choices.length === 0) return null;
    const happening = this.#prng.pick(choices)();
    this.checkOracle();
    return happening;
  }

  #run(thread: Thread, calm: boolean): Happening | null {
    const [start] = thread.given;
    if (!thread.begun) {
      if (thread.abort?.execution === start.execution) return this.#endRun(thread, "aborted");
      const isCommand = this.#kindOf(start) === "command";
      if (isCommand && !calm && this.#prng.chance(0.05)) return this.#endRun(thread, "failed");
      return this.#prepare(start) ?? this.#begin(thread);
    }
    if (thread.abort?.execution === start.execution && this.#prng.chance(0.7)) {
      return this.#endRun(thread, "aborted");
    }
    return this.#endRun(thread, calm || this.#prng.chance(0.7) ? "finished" : "failed");
  }

  /** What comes before a command begins, or null: it may begin. */
  #prepare(start: StartedExecution): Happening | null {
    const { execution, attempt } = start;
    if (this.#kindOf(start) === "function") return null;
    if (this.#prng.chance(0.1)) return { type: "execution-building", execution };
    if (this.#gangs.get(execution) !== "preparing") return null;
    this.#gangs.set(execution, "prepared");
    const member = { host: `host of ${attempt}`, ports: {} };
    return { type: "execution-prepared", execution, member };
  }

  #begin(thread: Thread): Happening | null {
    const [start] = thread.given;
    const { execution } = start;
    const gang = this.#gangs.get(execution);
    if (gang === "prepared") return null; // It waits for the others.
    thread.begun = true;
    this.begunCount++;
    if (this.#kindOf(start) === "command") this.begunCommands++;
    if (gang === "released") this.begunMembers++;
    return this.#prng.chance(0.5) ? { type: "execution-started", execution } : null;
  }

  /** Really ends what a thread runs; the kernel hears of it in the order of the thread. */
  #endRun(thread: Thread, how: "finished" | "failed" | "aborted"): Happening | null {
    const start = thread.given.shift();
    thread.begun = false;
    if (start === undefined) return null;
    if (thread.abort?.execution === start.execution) thread.abort = null;
    if (this.#kindOf(start) === "command" && this.#prng.chance(0.8)) {
      const { execution } = start;
      thread.unheard.push({ type: "execution-measured", execution, usage: aUsage() });
    }
    thread.unheard.push(this.#endOf(start, how));
    return this.#prng.chance(0.5) ? (thread.unheard.shift() ?? null) : null;
  }

  #endOf(start: StartedExecution, how: "finished" | "failed" | "aborted"): Happening {
    const { execution, task } = start;
    if (how === "aborted") return { type: "execution-aborted", execution };
    if (how === "finished") {
      this.#results.set(execution, task);
      const durationUs = this.#prng.pick([1, 5, 300, 900, 5_000]);
      const inline = new Uint8Array([1]);
      return { type: "execution-finished", execution, sizeBytes: 1, durationUs, inline };
    }
    const read = start.inputs.filter((input) => input.inline === null);
    if (read.length > 0 && this.#prng.chance(0.5)) {
      return { type: "execution-input-failed", execution, task: this.#prng.pick(read).task };
    }
    const causes = this.#kindOf(start) === "command" ? commandCauses : functionCauses;
    const cause = this.#prng.pick(causes);
    return { type: "execution-failed", execution, cause, failure: someFailure };
  }

  #endTransfer(transfer: number, calm: boolean): Happening {
    const tasks = this.transfers.get(transfer) ?? [];
    this.transfers.delete(transfer);
    if (!calm && this.#prng.chance(0.2)) return { type: "fetch-busy", transfer };
    if (!calm && this.#prng.chance(0.2)) return { type: "fetch-failed", transfer };
    const got: number[] = [];
    const absent: number[] = [];
    const corrupt: number[] = [];
    for (const task of tasks) {
      if (calm || this.#prng.chance(0.7)) got.push(task);
      else (this.#prng.chance(0.6) ? absent : corrupt).push(task);
    }
    this.#fetched.set(transfer, new Set(got));
    const sized = got.map((task) => ({ task, sizeBytes: 70_000 }));
    return { type: "fetch-finished", transfer, got: sized, absent, corrupt };
  }
}
