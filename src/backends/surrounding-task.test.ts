/**
 * Rules of what a program finds of the task that it was started as.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { jobAround, surroundingTask } from "./surrounding-task.ts";

const inside = {
  CAPSTAN_CONTROLLER_URL: "http://127.0.0.1:7070",
  CAPSTAN_TOKEN: "of-the-job",
  CAPSTAN_JOB_ID: "/ann/train",
};
const own = { url: "http://127.0.0.1:7070", token: "of-the-job" };

test("a program that no job started is around nothing", () => {
  assert.equal(surroundingTask({}), null);
  assert.equal(surroundingTask({ ...inside, CAPSTAN_TOKEN: "" }), null);
  assert.equal(jobAround({}, own), "");
});

test("a task names jobs below its own job, at its own cluster and with its own token only", () => {
  assert.equal(jobAround(inside, own), "/ann/train");
  assert.equal(jobAround(inside, { ...own, url: "http://elsewhere:7070" }), "");
  assert.equal(jobAround(inside, { ...own, token: "of-ann" }), "");
});
