/**
 * What a demo says while it runs. Every claim is checked where it is made: a claim that does not
 * hold is printed as such, with what was seen instead, and makes the demo fail.
 *
 * @module
 */

import type { Terminal } from "../context.ts";
import { type Paint, paintFor } from "../print.ts";

/** One claim, and whether it held. */
export interface Claim {
  readonly claim: string;
  readonly holds: boolean;
  /** What was seen instead; "" if it held. */
  readonly seen: string;
}

/** A part of a demo. */
export interface Step {
  readonly title: string;
  readonly seconds: number;
  readonly claims: readonly Claim[];
}

/** With `json` the story goes to stderr, and stdout is left for the report. */
export class Narrator {
  readonly paint: Paint;
  readonly #stream: Terminal["stdout"];
  readonly #startedAt = performance.now();
  readonly #steps: { title: string; startedAt: number; seconds: number; claims: Claim[] }[] = [];

  constructor(terminal: Terminal, json: boolean) {
    this.#stream = json ? terminal.stderr : terminal.stdout;
    this.paint = paintFor({ ...terminal, stdout: this.#stream });
  }

  /** Whether a claim has failed so far. */
  get hasFailed(): boolean {
    return this.#steps.some(({ claims }) => claims.some(({ holds }) => !holds));
  }

  get claimCount(): number {
    return this.#steps.reduce((sum, { claims }) => sum + claims.length, 0);
  }

  /** Since the demo began. */
  get seconds(): number {
    return (performance.now() - this.#startedAt) / 1_000;
  }

  /** All that was claimed. */
  get steps(): readonly Step[] {
    return this.#steps.map(({ title, seconds, claims }) => ({ title, seconds, claims }));
  }

  say(...lines: readonly string[]): void {
    this.#stream.write(`${lines.join("\n")}\n`);
  }

  /** Begins the next part. */
  step(title: string): void {
    const number = this.#steps.length + 1;
    this.#steps.push({ title, startedAt: performance.now(), seconds: 0, claims: [] });
    this.say("", this.paint.bold(`${number}. ${title}`));
  }

  /** Something quoted or explained. */
  note(...lines: readonly string[]): void {
    this.say(...lines.map((line) => this.paint.dim(`     ${line}`)));
  }

  /** Whether a line can be written over. */
  get isLive(): boolean {
    return this.#stream.isTTY === true;
  }

  /** A line that the next one of these replaces, where lines can be replaced. */
  progress(line: string): void {
    const { columns = 80 } = this.#stream;
    this.#stream.write(this.isLive ? `\r\x1b[K   ${line}`.slice(0, columns + 3) : `   ${line}\n`);
  }

  endProgress(): void {
    if (this.isLive) this.#stream.write("\n");
  }

  /** A claim of the current step, and whether it holds; `seen` is shown if it does not. */
  check(holds: boolean, claim: string, seen: unknown = ""): boolean {
    const step = this.#steps.at(-1);
    const text = holds || seen === "" ? "" : typeof seen === "string" ? seen : JSON.stringify(seen);
    if (step !== undefined) {
      step.claims.push({ claim, holds, seen: text });
      step.seconds = (performance.now() - step.startedAt) / 1_000;
    }
    this.say(`   ${holds ? this.paint.green("✔") : this.paint.red("✘")} ${claim}`);
    if (text !== "") this.say(this.paint.red(`     seen: ${text.slice(0, seenCharactersMax)}`));
    return holds;
  }
}

/** Longer evidence is cut, in characters: it is for people. */
const seenCharactersMax = 4_000;
