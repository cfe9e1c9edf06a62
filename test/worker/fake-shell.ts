/**
 * Threads and a network that do what the kernel sends, and an oracle outside its ledger: what
 * *really* runs, measured here, may never exceed what the worker has.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import type { Prng } from "../../src/base/prng.ts";
import type { TaskSpec } from "../../src/model/spec.ts";
import type { WorkerSend } from "../../src/worker/events.ts";
import { type Happening, someFailure } from "./builders.ts";

type StartExecution = Extract<WorkerSend, { type: "start-execution" }>;

interface Thread {
  /** Given and not really ended; the first is begun if `begun`. */
  readonly given: StartExecution[];
  begun: boolean;
  /** Ends that the kernel has not heard of yet, in order. */
  readonly unheard: Happening[];
  abort: { execution: number; ends: boolean } | null;
}

/** Draws what happens next to the threads and the network; carries out what the kernel sends. */
export class FakeShell {
  readonly values = new Set<number>();
  readonly threads: Thread[];
  readonly transfers = new Map<number, readonly number[]>();
  /** Answers that are due at once. */
  readonly answers: Happening[] = [];
  left = false;
  begunCount = 0;
  readonly #prng: Prng;
  readonly #specs: readonly TaskSpec[];
  readonly #capacityCpu: number;
  readonly #results = new Map<number, number>();
  readonly #fetched = new Map<number, ReadonlySet<number>>();

  constructor(prng: Prng, slots: number, specs: readonly TaskSpec[], capacityCpu: number) {
    this.#prng = prng;
    this.#specs = specs;
    this.#capacityCpu = capacityCpu;
    this.threads = Array.from({ length: slots }, () => ({
      given: [],
      begun: false,
      unheard: [],
      abort: null,
    }));
  }

  /** Whether anything runs, flies, or is still to be told. */
  get busy(): boolean {
    const threads = this.threads.some(({ given, unheard }) => given.length + unheard.length > 0);
    return threads || this.transfers.size > 0 || this.answers.length > 0;
  }

  carryOut(sends: readonly WorkerSend[]): void {
    for (const send of sends) this.#carryOut(send);
    this.checkOracle();
  }

  /** The CPU and threads in use right now, by what really runs. */
  checkOracle(): void {
    let cpu = 0;
    const running = new Set<number>();
    for (const { given, begun } of this.threads) {
      if (!begun) continue;
      assert.ok(!running.has(given[0].task), "two executions of a task really run");
      running.add(given[0].task);
      cpu += this.#specs[given[0].spec - 1].resources.cpuMilli;
    }
    assert.ok(cpu <= this.#capacityCpu, `what really runs takes ${cpu} of ${this.#capacityCpu}`);
  }

  #carryOut(send: WorkerSend): void {
    switch (send.type) {
      case "send-message":
        return;
      case "start-execution":
        for (const { task, inline } of send.inputs) {
          assert.ok(inline !== null || this.values.has(task), `input ${task} is in the store`);
        }
        this.threads[send.lane].given.push(send);
        return;
      case "revoke-execution":
        return this.#revoke(send.execution);
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

  #threadOf(execution: number): Thread | null {
    const has = (given: readonly StartExecution[]) => given.some((s) => s.execution === execution);
    return this.threads.find(({ given }) => has(given)) ?? null;
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
    for (const thread of this.threads) {
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
      thread.begun = true;
      this.begunCount++;
      const { execution } = start;
      return this.#prng.chance(0.5) ? { type: "execution-started", execution } : null;
    }
    if (thread.abort?.execution === start.execution && this.#prng.chance(0.7)) {
      return this.#endRun(thread, "aborted");
    }
    return this.#endRun(thread, calm || this.#prng.chance(0.7) ? "finished" : "failed");
  }

  /** Really ends what a thread runs; the kernel hears of it in the order of the thread. */
  #endRun(thread: Thread, how: "finished" | "failed" | "aborted"): Happening | null {
    const start = thread.given.shift();
    thread.begun = false;
    if (start === undefined) return null;
    if (thread.abort?.execution === start.execution) thread.abort = null;
    thread.unheard.push(this.#endOf(start, how));
    return this.#prng.chance(0.5) ? (thread.unheard.shift() ?? null) : null;
  }

  #endOf(start: StartExecution, how: "finished" | "failed" | "aborted"): Happening {
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
    const cause = this.#prng.pick(["failed", "oom", "exited", "module-unloadable"] as const);
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
