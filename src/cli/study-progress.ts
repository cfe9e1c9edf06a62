/**
 * How far a study is, while it runs: a line that is drawn over on a terminal, a line at each tenth
 * in a pipe. On stderr: stdout is for the result.
 *
 * @module
 */

import type { StudyProgress } from "../client/studies/study-results.ts";
import type { Terminal } from "./context.ts";
import { clearLine } from "./terminal-text.ts";

const barCells = 24;
const redrawEveryMs = 100;
const partialBlocks = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** Looks at the progress again and again until it is stopped. */
export class ProgressLine {
  readonly #terminal: Terminal;
  readonly #look: () => StudyProgress;
  readonly #timer: NodeJS.Timeout;
  readonly #startedAt = performance.now();
  #told = "";
  #isStopped = false;

  constructor(terminal: Terminal, look: () => StudyProgress) {
    this.#terminal = terminal;
    this.#look = look;
    this.#timer = setInterval(() => this.#draw(), redrawEveryMs);
  }

  /** Tells the last state, and no more; again is nothing. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    clearInterval(this.#timer);
    this.#told = "";
    this.#draw();
    if (this.#terminal.stderr.isTTY === true) this.#terminal.stderr.write("\n");
  }

  #draw(): void {
    const { stderr } = this.#terminal;
    const progress = this.#look();
    if (progress.sets === 0) return;
    const line = this.#describe(progress);
    if (stderr.isTTY === true) {
      stderr.write(`${clearLine}${barOf(shareOf(progress))} ${line}`);
      return;
    }
    // In a pipe: when another tenth is done, or another set has ended.
    const step = `${progress.sets} ${Math.floor(10 * shareOf(progress))} ${progress.refusal}`;
    if (step === this.#told) return;
    this.#told = step;
    stderr.write(`${line}\n`);
  }

  /** ` 50 %  2010/4020 replicates  3/20 sets  1480/s` */
  #describe(progress: StudyProgress): string {
    const { replicates, replicatesSucceeded, replicatesFailed, replicatesReused } = progress;
    const { sets, setsSucceeded, setsPartial, setsFailed } = progress;
    const seconds = (performance.now() - this.#startedAt) / 1_000;
    const rate = (replicatesSucceeded + replicatesFailed - replicatesReused) / seconds;
    const failed = replicatesFailed > 0 ? `  ${replicatesFailed} failed` : "";
    const refusal = progress.refusal === "" ? "" : `  refused: ${progress.refusal}`;
    const lost = setsFailed > 0 ? ` (${setsFailed} failed)` : "";
    return (
      `${`${Math.floor(100 * shareOf(progress))}`.padStart(3)} %  ` +
      `${replicatesSucceeded}/${replicates} replicates${failed}  ` +
      `${setsSucceeded + setsPartial}/${sets} sets${lost}  ${Math.round(rate)}/s${refusal}`
    );
  }
}

function shareOf(progress: StudyProgress): number {
  const { replicates, replicatesSucceeded, replicatesFailed } = progress;
  return replicates === 0 ? 0 : (replicatesSucceeded + replicatesFailed) / replicates;
}

function barOf(share: number): string {
  const eighths = Math.floor(share * barCells * 8);
  const full = "█".repeat(Math.floor(eighths / 8)) + partialBlocks[eighths % 8];
  return full.padEnd(barCells, "░");
}
