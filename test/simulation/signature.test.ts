/**
 * Drawn clusters decide what they decided, and are answered what was answered: what changed either
 * is meant to, and says so in `signature.txt`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  expectedSignatures,
  nameOf,
  signatureOf,
  signedRuns,
} from "../../scripts/simulation/signature.ts";

const expected = expectedSignatures();

describe("the signature", () => {
  test("is of these runs, of no other", () => {
    assert.deepEqual([...expected.keys()], signedRuns.map(nameOf));
  });

  for (const run of signedRuns) {
    const name = nameOf(run);
    test(`of ${name} is what it was`, () => {
      assert.equal(
        signatureOf(run),
        expected.get(name),
        `what ${name} decides, or is answered, has changed. To see it, compare the output of ` +
          `npm run -s signature -- --trace "${name}" with that of the version before. ` +
          "If it is meant: npm run signature -- --update, and say so in the commit",
      );
    });
  }

  test("has every decision and every answer in it", () => {
    const [run] = signedRuns;
    const lines: string[] = [];
    signatureOf(run, (line) => lines.push(line));
    const kinds = ['{"at":', '{"worker":', '{"ask":'].map(
      (start) => lines.filter((line) => line.startsWith(start)).length,
    );
    assert.ok(
      kinds.every((count) => count > 100),
      `decisions of the controller, of workers, and answers: ${kinds.join(", ")}`,
    );
  });
});
