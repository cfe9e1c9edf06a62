/**
 * Words about progress: what people's functions say is made to fit, what programs say is checked.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { progressNoteCharactersMax } from "./limits.ts";
import { fitProgress, parseProgress } from "./progress.ts";

test("what a function says of itself is made to fit, and never ends it", () => {
  const fractions = [0.25, -0.1, 1 + Number.EPSILON, Number.NaN, Number.POSITIVE_INFINITY];
  const fitted = fractions.map((fraction) => fitProgress(fraction, "").fraction);
  assert.deepEqual(fitted, [0.25, 0, 1, 0, 1]);
});

test("a long note is cut where it has room, and never through a character", () => {
  const { note } = fitProgress(0, "😀".repeat(progressNoteCharactersMax));
  assert.match(note, /^(😀)+…$/u);
  assert.equal(note.length, progressNoteCharactersMax - 1);
  assert.equal(fitProgress(0, "x".repeat(progressNoteCharactersMax)).note.at(-1), "x");
});

test("what is no number or no text is a mistake of the program, and is told", () => {
  assert.throws(() => fitProgress("1", ""), { code: "INVALID_ARGUMENT", message: /^fraction: / });
  assert.throws(() => fitProgress(1, 2), { code: "INVALID_ARGUMENT", message: /^note: 2 / });
});

test("what comes over the API is as it must be, or refused", () => {
  assert.deepEqual(parseProgress(1, "done"), { fraction: 1, note: "done" });
  for (const fraction of [-0.1, 1.01, Number.NaN, "1"]) {
    assert.throws(() => parseProgress(fraction, ""), { code: "INVALID_ARGUMENT" });
  }
  const long = "x".repeat(progressNoteCharactersMax + 1);
  assert.throws(() => parseProgress(1, long), { code: "INVALID_ARGUMENT", message: /^note: / });
});
