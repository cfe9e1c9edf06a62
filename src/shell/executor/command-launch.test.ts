/**
 * What the launcher is told of a command.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { aContext } from "../../../test/shell/command-worker.ts";
import { noResources, type Resources } from "../../model/resources.ts";
import { specDefaults } from "../../model/spec.ts";
import { launchOrderOf } from "./command-launch.ts";
import type { CommandSpec } from "./command-tag.ts";
import { commandProcessesMax } from "./limits.ts";

function orderWith(resources: Partial<Resources>) {
  const definition: CommandSpec = {
    ...specDefaults,
    run: {
      ...{ kind: "command", argv: ["true"], env: {}, cwd: "" },
      ...{ workspace: "", ports: [], stdin: "", result: { type: "none" } },
    },
    ...{ name: "run", resources: { ...noResources, ...resources }, constraints: [], timeoutMs: 0 },
  };
  return launchOrderOf({
    attemptId: "1.1",
    tag: {
      ...{ clusterId: "c", workerId: "w", attempt: 1, task: 1, spec: 1, definition, shape: 1 },
      ...{ context: "", ports: {}, member: { host: "", ports: {} } },
    },
    context: aContext(1),
    paths: { root: "/a", work: "/a/work", output: "/a/output", logs: "/a/logs" },
    members: [],
    controllerUrl: "http://127.0.0.1:1",
  });
}

test("a command with a limit of memory cannot have processes without end", () => {
  assert.equal(orderWith({ memoryBytes: 2 ** 20 }).pidsMax, commandProcessesMax);
});

test("a command without one needs no control group for its processes", () => {
  assert.equal(orderWith({ cpuMilli: 1_000 }).pidsMax, 0);
});
