/**
 * What a test is told that waits for what can never come.
 *
 * @module
 */

/** Nothing will happen in the simulated cluster any more, and somebody waits. */
export class StandstillError extends Error {
  override readonly name = "StandstillError";
  /** Why each task or job that has not ended does not go on, as `why` says it. */
  readonly explanations: readonly string[];

  /** `placeStack`: the stack that was taken when the wait began. */
  constructor(waits: readonly string[], explanations: readonly string[], placeStack: string) {
    const others = waits.length > 1 ? ` (and for ${waits.length - 1} more)` : "";
    const reasons = explanations.map((line) => `\n  ${line}`).join("");
    super(`Nothing will ever end the wait for ${waits[0]}${others}.${reasons}`);
    this.explanations = explanations;
    const calls = placeStack.split("\n").filter((line) => /^ +at /.test(line));
    this.stack = [`${this.name}: ${this.message}`, ...calls].join("\n");
  }
}
