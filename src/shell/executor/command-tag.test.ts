/**
 * What a launcher keeps of a command.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { noResources } from "../../model/resources.ts";
import { specDefaults } from "../../model/spec.ts";
import { type CommandSpec, type CommandTag, newTag, parseTag } from "./command-tag.ts";

const definition: CommandSpec = {
  ...specDefaults,
  run: {
    ...{ kind: "command", argv: ["serve", "--quick"], env: { KEY: "secret-1" }, cwd: "" },
    ...{ workspace: "", ports: ["http"], stdin: "secret-2", result: { type: "none" } },
  },
  ...{ name: "serve", resources: noResources, constraints: [], timeoutMs: 5_000 },
};

const context = {
  ...{ taskId: "/root/a/0", jobId: "/root/a", attemptId: "3.17", index: 0, replicas: 1 },
  ...{ devices: [], token: "secret-3" },
};

const tag: CommandTag = {
  ...{ clusterId: "c", workerId: "w", attempt: 17, task: 5, spec: 2, definition, shape: 1 },
  context: JSON.stringify(context),
  ports: { http: 8080 },
  member: { host: "10.0.0.1", ports: { http: 8080 } },
};

test("a tag comes back from the launcher as it was, but for what is secret", () => {
  const text = JSON.stringify(newTag(tag));
  assert.doesNotMatch(text, /secret/);
  assert.deepEqual(parseTag(JSON.parse(text)), {
    ...tag,
    definition: { ...definition, run: { ...definition.run, env: {}, stdin: "" } },
    context: JSON.stringify({ ...context, token: "" }),
  });
});

test("a tag of another release, or none at all, is not understood", () => {
  const raw = JSON.parse(JSON.stringify(newTag(tag)));
  assert.notEqual(parseTag(raw), null);
  assert.equal(parseTag({ ...raw, version: 2 }), null);
  assert.equal(parseTag({ ...raw, task: "5" }), null);
  assert.equal(parseTag(null), null);
  assert.equal(parseTag("tag"), null);
});
