/**
 * Rules of the command line before any command sees it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { arrangeArguments, wantsJson } from "./arguments.ts";

test("global flags may stand before the command", () => {
  assert.deepEqual(arrangeArguments(["--url", "http://h:1", "--json", "task", "list"]), [
    ...["task", "list", "--url", "http://h:1", "--json"],
  ]);
  assert.deepEqual(arrangeArguments(["--url=http://h:1", "why", "x"]), [
    ...["why", "x", "--url=http://h:1"],
  ]);
});

test("what stands behind two dashes stays there", () => {
  assert.deepEqual(arrangeArguments(["--json", "run", "--", "--url", "x"]), [
    ...["run", "--json", "--", "--url", "x"],
  ]);
  assert.equal(wantsJson(["run", "--", "--json"]), false);
  assert.equal(wantsJson(["task", "list", "--json"]), true);
});

test("rpc takes the fields of its request as flags in snake case", () => {
  const line = "rpc controller ListTasks --job_id /root/x --page_size 5 --unfinished=true --json";
  assert.deepEqual(arrangeArguments(line.split(" ")), [
    ...["rpc", "ListTasks", '{"jobId":"/root/x","pageSize":5,"unfinished":true}', "--json"],
  ]);
});

test("rpc keeps a request that is JSON, and the global flags", () => {
  const line = ["rpc", "Explain", '{"id":"a"}', "--url", "http://h:1"];
  assert.deepEqual(arrangeArguments(line), line);
});
