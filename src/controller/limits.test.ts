/**
 * Bounds in bytes, which are written as products, as people count them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  inlineCacheBytesMax,
  inlineInputBytesMax,
  messageBytesMax,
  movedValueBytesMin,
  resultsBytesMax,
  resultsPageBytesMax,
} from "./limits.ts";

test("bounds in bytes are the round numbers that the documents name", () => {
  const shown = {
    ...{ inlineCacheBytesMax, resultsBytesMax, resultsPageBytesMax },
    ...{ movedValueBytesMin, inlineInputBytesMax, messageBytesMax },
  };
  assert.deepEqual(shown, {
    inlineCacheBytesMax: 268_435_456,
    resultsBytesMax: 67_108_864,
    resultsPageBytesMax: 1_048_576,
    movedValueBytesMin: 16_384,
    inlineInputBytesMax: 4_194_304,
    messageBytesMax: 4_194_304,
  });
});
