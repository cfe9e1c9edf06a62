/**
 * A calibration from the command line while a worker and the controller are killed with SIGKILL and
 * some of its replicates hang: it goes on by itself, names what timed out, and keeps the rest.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { readStudy } from "../../src/client/index.ts";
import { CliCluster, until } from "./cli-cluster.ts";

const cluster = new CliCluster();
const module = fileURLToPath(new URL("study-calibration.ts", import.meta.url));

before(() => cluster.start("--workers", "2", "--threads", "2"));
after(() => cluster.stop());

test("a calibration outlives kill -9 of worker and controller, and names what hangs", async () => {
  const directory = join(cluster.home, "studies");
  const { output, finished } = cluster.run(["study", "run", module, "--dir", directory]);
  await until("replicates have ended", () => /[1-9]\d*\/120 replicates/.test(output.err));
  process.kill(cluster.announced.workers[0].pid, "SIGKILL");
  await until("the second wave has begun", () => /\/180 replicates/.test(output.err));
  process.kill(cluster.announced.controllerPid, "SIGKILL");
  const { code, out, err } = await finished;
  assert.equal(code, 0, `${out}\n${err}`);
  assert.match(out, /^\d+\/270 replicates, 9\/9 sets, /m);

  const study = readStudy("calibration", directory);
  const found = study.sets.map(({ parameters }) => (parameters as { readonly x: number }).x);
  assert.deepEqual(found, [7, 8, 9, 10, 5, 6, 3, 4, 2], "the points that it asks for undisturbed");
  const hung = study.sets.flatMap(({ failures }) => failures).filter(({ seed }) => seed % 29 === 0);
  assert.equal(hung.length, 3);
  for (const { code, worker, message } of hung) {
    assert.equal(code, "TASK_TIMED_OUT");
    assert.match(worker, /^local-[01]$/);
    assert.match(message, /longer than its timeout of 2000 ms/);
  }
});
