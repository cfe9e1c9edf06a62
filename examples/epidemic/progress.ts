/**
 * The progress of the calibration: a live line on a terminal, a line every 10 % in a pipe.
 *
 * @module
 */

import { type Screen, styleFor } from "./screen.ts";

const barCells = 28;
const redrawEveryMs = 80;
const partialBlocks = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** Draws how far the work is, at most every 80 ms. Must be ended with `finish`. */
export class ProgressBar {
  readonly #screen: Screen;
  readonly #total: number;
  readonly #startedAt = performance.now();
  #drawnAt = 0;
  #tenths = 0;
  #open = false;

  constructor(screen: Screen, total: number) {
    this.#screen = screen;
    this.#total = total;
  }

  /** `done` of the total are finished; `note` stands behind the numbers. */
  update(done: number, note: string): void {
    if (this.#screen.isTTY === true) this.#redraw(done, note);
    else this.#printTenth(done, note);
  }

  /** A line above the bar. */
  log(line: string): void {
    this.#screen.write(this.#open ? `\r\x1b[2K${line}\n` : `${line}\n`);
    this.#drawnAt = 0;
  }

  /** Draws the last state and leaves the line. */
  finish(done: number, note: string): void {
    this.#drawnAt = 0;
    this.update(done, note);
    if (this.#open) this.#screen.write("\n");
    this.#open = false;
  }

  #redraw(done: number, note: string): void {
    const now = performance.now();
    if (now - this.#drawnAt < redrawEveryMs) return;
    this.#drawnAt = now;
    this.#open = true;
    const { cyan, dim } = styleFor(this.#screen);
    const bar = this.#barOf(done / this.#total);
    this.#screen.write(`\r\x1b[2K${cyan(bar)} ${this.#numbers(done)} ${dim(note)}`);
  }

  #printTenth(done: number, note: string): void {
    const tenths = Math.floor((done / this.#total) * 10);
    if (tenths <= this.#tenths) return;
    this.#tenths = tenths;
    this.#screen.write(`${this.#numbers(done)} ${note}\n`);
  }

  #barOf(share: number): string {
    const eighths = Math.round(share * barCells * 8);
    const full = "█".repeat(Math.floor(eighths / 8)) + partialBlocks[eighths % 8];
    return full.padEnd(barCells, "░");
  }

  /** ` 50 %  2010/4020  1480/s  1.4 s left` */
  #numbers(done: number): string {
    const seconds = (performance.now() - this.#startedAt) / 1_000;
    const rate = done / Math.max(seconds, 0.001);
    const percent = `${Math.floor((100 * done) / this.#total)}`.padStart(3);
    const count = `${done}/${this.#total}`.padStart(2 * `${this.#total}`.length + 1);
    const left = done === 0 ? "" : `${((this.#total - done) / rate).toFixed(1)} s left`;
    const eta = done === this.#total ? `${seconds.toFixed(1)} s` : left;
    return `${percent} %  ${count}  ${Math.round(rate).toString().padStart(5)}/s  ${eta}`;
  }
}
