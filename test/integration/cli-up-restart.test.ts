/**
 * `capstan up` on a data directory outlives its controller.
 *
 * @module
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Responses } from "../../src/cli/responses.ts";
import { CliCluster } from "./cli-cluster.ts";

const cluster = new CliCluster();

before(() => cluster.start("--workers", "1", "--cpu", "2"));
after(() => cluster.stop());

test("a killed controller comes back, and what ran goes on as the same attempt", async () => {
  const { code } = await cluster.capstan("run --name lasting --detach -- sleep 600");
  assert.equal(code, 0);
  const attemptOf = async () => {
    const { tasks } = await cluster.json<Responses["GetJobStatus"]>("job show lasting");
    return tasks[0];
  };
  await untilRunning(attemptOf);
  const [before] = (await attemptOf()).attempts;
  process.kill(cluster.announced.controllerPid, "SIGKILL");
  await untilRunning(attemptOf);
  const { attempts } = await attemptOf();
  assert.deepEqual(
    attempts.map(({ attemptId }) => attemptId),
    [before.attemptId],
  );
  assert.equal((await cluster.capstan("job cancel lasting")).code, 0);
});

/** Until the task runs; a controller that is away for a moment is asked again. */
async function untilRunning(read: () => Promise<{ readonly state: string }>): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const state = await read().then(
      (task) => task.state,
      () => "unreachable",
    );
    if (state === "RUNNING") return;
    assert.ok(Date.now() < deadline, `the task is ${state}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
