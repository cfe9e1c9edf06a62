/**
 * A fault as a test: a few rounds, or skipped with the reason. A failure names the seed and the
 * command that runs the same again.
 *
 * @module
 */

import { test } from "node:test";
import { type Fault, Trial } from "./fault.ts";

const testTimeoutMs = 240_000;

/** `CHAOS_SEED` in the environment chooses the seed; else every run has its own. */
export function proveFault(fault: Fault): void {
  const obstacle = fault.obstacle();
  const options = { skip: obstacle === "" ? false : obstacle, timeout: testTimeoutMs };
  test(`${fault.id}: ${fault.title}`, options, async (t) => {
    const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);
    const trial = new Trial({ rounds: fault.rounds.test, seed, isSoak: false });
    try {
      await fault.run(trial);
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      const again = `npm run chaos -- ${fault.id} --rounds ${trial.rounds} --seed ${seed}`;
      throw new Error(`${message}\n  again: ${again}`, { cause });
    }
    for (const { name, count, median, max } of trial.figures()) {
      t.diagnostic(`${fault.id}: ${name}: median ${median}, largest ${max} of ${count}`);
    }
  });
}
