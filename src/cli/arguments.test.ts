/**
 * Rules of the command line before any command sees it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { arrangeArguments, wantsJson } from "./arguments.ts";

/** The arranged words of a line that has no program. */
function arranged(line: string | readonly string[]): readonly string[] {
  const { argv, program } = arrangeArguments(typeof line === "string" ? line.split(" ") : line);
  assert.equal(program, null);
  return argv;
}

test("global flags may stand before the command", () => {
  assert.deepEqual(arranged("--url http://h:1 --json task list"), [
    ...["task", "list", "--url", "http://h:1", "--json"],
  ]);
  assert.deepEqual(arranged("--url=http://h:1 why x"), ["why", "x", "--url=http://h:1"]);
});

test("what stands behind two dashes stays there", () => {
  assert.deepEqual(arrangeArguments(["--json", "run", "--", "--url", "x", "--", "-y"]), {
    argv: ["run", "--json"],
    program: ["--url", "x", "--", "-y"],
  });
  assert.deepEqual(arranged("task list -- x"), ["task", "list", "--", "x"]);
  assert.equal(wantsJson(["run", "--", "--json"]), false);
  assert.equal(wantsJson(["task", "list", "--json"]), true);
});

test("run without two dashes has no program, run with nothing behind them an empty one", () => {
  assert.deepEqual(arranged("run echo"), ["run", "echo"]);
  assert.deepEqual(arrangeArguments(["run", "--"]).program, []);
});

test("rpc takes the fields of its request as flags in snake, camel or kebab case", () => {
  for (const flag of ["--page_size", "--pageSize", "--page-size"]) {
    const line = `rpc controller ListTasks --job_id /root/x ${flag} 5 --unfinished=true --json`;
    const request = '{"jobId":"/root/x","pageSize":5,"unfinished":true}';
    assert.deepEqual(arranged(line), ["rpc", "ListTasks", request, "--json"]);
  }
});

test("a field of rpc is JSON if it can be read as JSON, else text; alone it is true", () => {
  const typed = ["--states", '["FAILED"]', "--note", "a b", "--unfinished", "--page_token", "a=b"];
  const request = { states: ["FAILED"], note: "a b", unfinished: true, pageToken: "a=b" };
  assert.deepEqual(arranged(["rpc", "ListTasks", ...typed]), [
    ...["rpc", "ListTasks", JSON.stringify(request)],
  ]);
});

test("rpc keeps a request that is JSON, adds the fields to it, and keeps the global flags", () => {
  const line = ["rpc", "Explain", '{"id":"a"}', "--url", "http://h:1"];
  assert.deepEqual(arranged(line), line);
  assert.deepEqual(arranged(["rpc", "--url", "http://h:1", "Explain", '{"a":1}', "--id", "x"]), [
    ...["rpc", "Explain", '{"a":1,"id":"x"}', "--url", "http://h:1"],
  ]);
});
