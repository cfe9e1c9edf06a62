/**
 * What is wrong with a request is said with the path of the field and what was expected.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CapstanError } from "../../model/errors.ts";
import { parseRequest } from "./parse-request.ts";
import { type MethodName, methodNames } from "./schemas.ts";

function messageOf(method: MethodName, request: unknown): string {
  try {
    parseRequest(method, request);
  } catch (error) {
    assert.ok(error instanceof CapstanError);
    assert.equal(error.code, "INVALID_ARGUMENT");
    assert.equal(typeof error.details.field, "string");
    return error.message;
  }
  return "";
}

const launch = { name: "train", command: { argv: ["true"] } };

describe("a request", () => {
  it("with an unknown field is refused with the field, the nearest and the known names", () => {
    assert.equal(
      messageOf("GetJobStatus", { jobID: "/a/b" }),
      'jobID: unknown name "jobID"; did you mean "jobId"? Known: jobId',
    );
    assert.match(
      messageOf("LaunchJob", { ...launch, command: { argv: [], evn: {} } }),
      /^command\.evn: unknown name "evn"; did you mean "env"\? Known: argv, env, cwd,/,
    );
    assert.ok(messageOf("GetJobStatus", { ["x".repeat(100_000)]: 1 }).length < 500);
    assert.match(messageOf("WhoAmI", { name: 1 }), /^name: unknown name "name"; it takes no/);
  });

  it("that lacks a field is told which, and what belongs there", () => {
    assert.equal(messageOf("GetJobStatus", {}), "jobId: is missing; give a string");
    assert.equal(messageOf("CreateToken", { user: "ann" }), "role: is missing; give a string");
  });

  it("with a value of a wrong type or size is told the path, the value and the rule", () => {
    const cases: readonly [MethodName, unknown, string][] = [
      ["GetJobStatus", { jobId: 7 }, "jobId: 7 is not a string"],
      ["GetJobStatus", { jobId: "" }, 'jobId: "" is not a string of at least 1 characters'],
      ["ListTasks", { pageSize: 0 }, "pageSize: 0 is not a number of at least 1"],
      ["ListTasks", { pageSize: 1.5 }, "pageSize: 1.5 is not a whole number"],
      ["ListTasks", { pageSize: 1e6 }, "pageSize: 1000000 is not a number of at most 1000"],
      ["ListTasks", { unfinished: "yes" }, 'unfinished: "yes" is not true or false'],
      ["LaunchJob", { ...launch, ports: ["a", 1] }, "ports[1]: 1 is not a string"],
      [
        "LaunchJob",
        { ...launch, timeout: [] },
        "timeout: an array of 0 is not a string, or a number",
      ],
      ["Repair", [], "request: an array of 0 is not an object"],
    ];
    for (const [method, request, message] of cases) {
      assert.equal(messageOf(method, request), message);
    }
  });

  it("with a name that is not in a closed set is told the set", () => {
    assert.match(
      messageOf("ListTasks", { states: ["DONE"] }),
      /^states\[0\]: "DONE" is not one of "PENDING", "ASSIGNED",/,
    );
    assert.match(
      messageOf("CreateToken", { user: "a", role: "king" }),
      /^role: "king" .*"viewer"$/,
    );
    const command = { argv: ["true"], result: { path: "x" } };
    assert.match(messageOf("LaunchJob", { name: "a", command }), /^command\.result\.path: unknown/);
  });

  it("has durations with a unit or in milliseconds", () => {
    const parsed = parseRequest("DrainWorker", { workerId: "w", deadline: "1.5m" });
    assert.deepEqual(parsed, { workerId: "w", drain: true, deadline: 90_000 });
    assert.match(
      messageOf("DrainWorker", { workerId: "w", deadline: "soon" }),
      /^deadline: "soon" is not a duration of at most 100 years/,
    );
    assert.deepEqual(parseRequest("CreateToken", { user: "a", role: "VIEWER", expiresIn: 5 }), {
      user: "a",
      role: "viewer",
      note: "",
      expiresIn: 5,
    });
  });

  it("may say since when as a time or as a duration", () => {
    const since = (value: unknown) => parseRequest("FetchLogs", { since: value }).since;
    assert.equal(since("2026-01-02T03:04:05Z"), "2026-01-02T03:04:05Z");
    assert.equal(since("10m"), 600_000);
    assert.match(messageOf("FetchLogs", { since: "noon" }), /^since: "noon" is not a/);
  });

  it("without a body is an empty one", () => {
    assert.deepEqual(parseRequest("Repair", undefined), { dryRun: false });
    assert.deepEqual(parseRequest("ListWorkers", null), {});
  });

  it("cannot smuggle a prototype in at any depth", () => {
    const env = JSON.parse('{"__proto__": "x"}');
    const request = { name: "a", command: { argv: ["true"], env } };
    assert.match(messageOf("LaunchJob", request), /^__proto__: no field can have this name/);
    const parsed = parseRequest("LaunchJob", {
      name: "a",
      command: { argv: ["true"], env: { constructor: "c", prototype: "p" } },
    });
    assert.deepEqual(parsed.command?.env, { constructor: "c", prototype: "p" });
  });

  it("of any method is refused when it is no object", () => {
    for (const method of methodNames) {
      for (const wrong of [[], "text", 7, true]) {
        assert.match(messageOf(method, wrong), /^request: .* is not an object$/);
      }
    }
  });
});
