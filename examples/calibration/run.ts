/**
 * The calibration while a worker is killed and the controller is killed and started again. It ends
 * with what a second run of the same study costs: nothing.
 *
 *     npx node examples/calibration/run.ts
 *
 * @module
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Client, connect, startLocalCluster } from "capstan";
import { options, search } from "./study.ts";

if (import.meta.main) {
  const directory = mkdtempSync(join(tmpdir(), "capstan-calibration-"));
  const dataDir = join(directory, "cluster");
  try {
    await using cluster = await startLocalCluster({ workers: 2, dataDir });
    await using client = await connect(cluster.url, { token: cluster.token });
    const faults = hurt(cluster.processes);
    await calibrate(client, directory, "with faults");
    await faults;
    await calibrate(client, directory, "again");
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function calibrate(client: Client, directory: string, how: string): Promise<void> {
  await using study = client.study({ ...options, directory });
  await search(study);
  const results = await study.results();
  const best = results.reduce((a, b) => ((b.value?.loss ?? 1e9) < (a.value?.loss ?? 1e9) ? b : a));
  const { replicates, replicatesSucceeded, replicatesReused, replicatesFailed } = study.progress;
  const codes = new Set(results.flatMap(({ failures }) => failures.map(({ code }) => code)));
  const { beta, gamma } = best.parameters;
  console.log(
    `${how}: beta ${beta}, gamma ${gamma}, ${best.value?.loss.toFixed(1)} boys off; ` +
      `${results.filter(({ value }) => value !== null).length}/${results.length} sets, ` +
      `${replicatesSucceeded}/${replicates} replicates (${replicatesReused} from the record), ` +
      `${replicatesFailed} failed (${[...codes].join(", ")})`,
  );
}

async function hurt(processes: Awaited<ReturnType<typeof startLocalCluster>>["processes"]) {
  await pause(1_500);
  await processes.killWorker(0);
  console.log("killed a worker");
  await pause(1_500);
  await processes.killController();
  await processes.startController();
  console.log("killed the controller, and started it again");
}
