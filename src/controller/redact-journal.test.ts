/**
 * What leaves the cluster in a journal has no secret, and is otherwise the journal that it was.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { aJobSpec, ControllerHarness, foldOf } from "../../test/support/controller-builders.ts";
import { aSpec } from "../../test/support/fake-client.ts";
import { finished, someFailure, someUsage } from "../../test/support/fake-worker.ts";
import type { CommandRun } from "../model/spec.ts";
import { redactFact, redactSnapshot } from "./redact-journal.ts";
import { durableText, snapshotOf, stateOf } from "./snapshot.ts";

const secret = "sesame";
/** Of a token of somebody's. */
const secretHash = "5e".repeat(32);

const command: CommandRun = {
  kind: "command",
  argv: ["serve", "--password", secret, "--port", "80"],
  env: { API_KEY: secret, HOME: "/root" },
  cwd: "/data",
  workspace: "",
  ports: [],
  stdin: `password ${secret}`,
  result: { type: "none" },
};

const failure = {
  ...someFailure,
  error: {
    name: "HttpError",
    message: `--token=${secret}`,
    stack: `at https://ann:${secret}@host`,
    causes: [{ name: "Inner", message: `token=${secret}`, stack: "" }],
  },
  stderrTail: `Authorization: Bearer ${secret}`,
};

/** A cluster that knows the secret in every place where one may be. */
function aClusterWithSecrets() {
  const harness = new ControllerHarness();
  const worker = harness.aWorker({ slots: 8 });
  const client = harness.aClient();
  client.submits({ a: { args: secret }, b: {}, c: { spec: { run: command } } });
  worker.fails("b", { failure });
  const token = `token ${secret}`;
  const spec = aJobSpec("/ann/serve", { replicas: 2, run: command, maxRetriesFailure: 1 });
  harness.asks({ type: "launch-job", spec, token, tokenHash: secret });
  worker.starts("serve/0");
  worker.measures("serve/0", { stderrTail: `password=${secret}`, exitCode: 3 });
  worker.fails("serve/0", { failure });
  worker.starts("serve/0");
  worker.fails("serve/0", { failure });
  const run = { ...aSpec().run, functionName: "train" } as const;
  const job = { ...aJobSpec("/ann/train", { run }), args: new TextEncoder().encode(secret) };
  harness.asks({ type: "launch-job", spec: job, token, tokenHash: `${secret}2` });
  worker.reports(finished("train/0", { value: new TextEncoder().encode(secret) }));
  harness.launch("live", { run: command });
  const hash = secretHash;
  const about = { tokenId: "t1", user: "ann", role: "user", note: "", expiresAt: 0 } as const;
  harness.asks({ type: "create-token", hash, ...about });
  worker.starts("live/0");
  const attemptId = harness.call("GetTaskStatus", { taskId: "/ann/live/0" }) as {
    task: { attempts: { attemptId: string }[] };
  };
  harness.asks({
    ...{ type: "register-endpoint", endpointId: "e1", name: "web", address: "h:1", leaseMs: 0 },
    ...{ taskId: "/ann/live/0", attemptId: attemptId.task.attempts[0].attemptId },
    metadata: { token: secret, zone: "a" },
  });
  return harness;
}

/** Whether a secret can be read in it, also in bytes. */
function tells(value: unknown): boolean {
  const text = JSON.stringify(value, (_, part: unknown) =>
    part instanceof Uint8Array ? new TextDecoder().decode(part) : part,
  );
  return text.includes(secret) || text.includes(secretHash);
}

describe("a journal that leaves its cluster", () => {
  test("has no secret in any fact, and had one in many", () => {
    const { facts } = aClusterWithSecrets();
    const types = (all: readonly { readonly type: string }[]) => [
      ...new Set(all.filter((fact) => tells(fact)).map(({ type }) => type)),
    ];
    assert.deepEqual(types(facts).sort(), [
      "attempt-measured",
      "endpoint-registered",
      "job-ended",
      "job-launched",
      "results-returned",
      "spec-defined",
      "tasks-failed",
      "tasks-submitted",
      "token-created",
    ]);
    assert.deepEqual(types(facts.map(redactFact)), []);
  });

  test("has none in its snapshot, which had it", () => {
    const { state } = aClusterWithSecrets();
    const image = snapshotOf(state);
    assert.ok(tells(image));
    assert.ok(!tells(redactSnapshot(image)));
  });

  test("folds to the state that its snapshot has, and breaks no rule", () => {
    const { facts, state } = aClusterWithSecrets();
    const folded = foldOf(facts.map(redactFact));
    assert.equal(durableText(folded), durableText(stateOf(redactSnapshot(snapshotOf(state)))));
  });

  test("shows of commands and endpoints what is no secret", () => {
    const { state } = aClusterWithSecrets();
    const { specs, access, jobs } = redactSnapshot(snapshotOf(state));
    const runs = [
      ...specs.map((spec) => spec?.definition.run),
      ...jobs.map(({ launch }) => launch?.spec.task.run),
    ].filter((run) => run?.kind === "command");
    assert.ok(runs.length >= 3);
    const shown = {
      ...command,
      argv: ["serve", "--password", "***", "--port", "80"],
      env: { API_KEY: "***", HOME: "/root" },
      stdin: "",
    };
    for (const run of runs) assert.deepEqual(run, shown);
    assert.deepEqual(access.endpoints[0].metadata, { token: "***", zone: "a" });
    assert.equal(access.tokens[0].hash, "left out t1 0");
  });

  test("keeps what a failure is called, where it was and how its process ended", () => {
    const { facts } = aClusterWithSecrets();
    const told = facts.map(redactFact).flatMap((fact) => {
      return fact.type === "tasks-failed" ? fact.failures : [];
    });
    const [{ failure: shown }] = told;
    assert.deepEqual(shown?.error.name, "HttpError");
    assert.deepEqual(shown?.error.causes[0].name, "Inner");
    assert.deepEqual([shown?.exitCode, shown?.oom], [null, false]);
    assert.match(told[0].message, /^f: HttpError: /);
    const usages = facts.map(redactFact).flatMap((fact) => {
      return fact.type === "attempt-measured" ? [fact.usage] : [];
    });
    assert.deepEqual(usages[0], { ...someUsage, exitCode: 3, stderrTail: "password=***" });
  });

  test("without jobs, failures or shared values is as it was", () => {
    const harness = new ControllerHarness();
    harness.aWorker();
    const image = snapshotOf(harness.state);
    assert.deepEqual(redactSnapshot(image), image);
    const { shared: _, ...older } = image;
    assert.deepEqual(redactSnapshot(older), older);
    assert.deepEqual(harness.facts.map(redactFact), harness.facts);
  });
});
