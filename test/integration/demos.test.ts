/**
 * The demos of jobs, small and short: every claim that they make holds.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CliCluster, type Finished } from "./cli-cluster.ts";

/** What `--json` prints. */
interface Report {
  readonly ok: boolean;
  readonly steps: readonly { readonly claims: readonly Claim[] }[];
}

interface Claim {
  readonly claim: string;
  readonly holds: boolean;
  readonly seen: string;
}

async function run(argv: string): Promise<Finished> {
  const program = new CliCluster();
  return await program.capstan(argv).finally(() => program.stop());
}

/** Runs a demo, and gives its claims; what it told is the reason if it failed. */
async function claimsOf(argv: string): Promise<readonly string[]> {
  const { code, out, err } = await run(`${argv} --json`);
  assert.equal(code, 0, err);
  const report = JSON.parse(out) as Report;
  const claims = report.steps.flatMap((step) => step.claims);
  assert.deepEqual(
    claims.filter(({ holds }) => !holds),
    [],
  );
  assert.ok(report.ok);
  return claims.map(({ claim }) => claim);
}

describe("capstan demo", () => {
  it("gang: gangs run whole or wait, and outlive what is killed", { timeout: 90_000 }, async () => {
    const claims = await claimsOf("demo gang --hosts 3");
    const text = claims.join("\n");
    for (const expected of [
      'why says "need cpu=32, memory=137438953472"',
      "its 2 siblings are COSCHED_FAILED at once",
      "on each of its workers committed came back to zero, once, before it was given away",
      "no process of the first try is left",
      "all 6 workers are at zero",
      "doctor: healthy",
    ]) {
      assert.ok(text.includes(expected), `${expected}\n${text}`);
    }
  });

  it("chaos: nothing is lost, done twice or left over", { timeout: 120_000 }, async () => {
    const claims = await claimsOf("demo chaos --seconds 6 --seed 7");
    const text = claims.join("\n");
    assert.match(text, /killed (agent|host|controller)s came back/);
    assert.match(text, /attempts began, each once/);
    assert.match(text, /no process is left/);
  });

  it("gang refuses a slice that is too small for it", async () => {
    const { code, err } = await run("demo gang --hosts 1");
    assert.equal(code, 2);
    assert.match(err, /--hosts: expected 2 or more/);
  });
});
