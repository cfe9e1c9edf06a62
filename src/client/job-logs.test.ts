/**
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { JobHost } from "./job-calls.ts";
import { readJobLogs } from "./job-logs.ts";
import { machineClock } from "./wait-clock.ts";

/** The job's logs are read from here; nobody may ask for them. */
const silent: JobHost = {
  clock: machineClock,
  warn: (code) => assert.fail(code),
  call: (method) => assert.fail(method),
};

test("an option of logs that does not exist is refused, before anybody is asked", async () => {
  const misspelt: object = { folow: true };
  await assert.rejects(readJobLogs(silent, "/ada/train", misspelt).next(), {
    code: "INVALID_ARGUMENT",
    message: /^folow: unknown name "folow"; did you mean "follow"\? Known: follow, since, tail, /,
  });
});
