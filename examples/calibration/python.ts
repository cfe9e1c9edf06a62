/**
 * A study whose model is a program, here in Python: `python-model/` is packed and brought to the
 * workers, each replicate is a process of its own, and the aggregation is a TypeScript task.
 *
 *     npx node examples/calibration/python.ts
 *     npx capstan study run examples/calibration/python.ts --local 2
 *
 * @module
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, defineStudy, program, startLocalCluster } from "capstan";
import type { Curve } from "../epidemic/model.ts";
import { fit } from "./model.ts";

export const options = {
  name: "python-epidemic",
  parameterSets: [
    { beta: 1.67, gamma: 0.44 },
    { beta: 1.2, gamma: 0.34 },
    { beta: 2.2, gamma: 0.44 },
  ],
  replicates: 6,
  simulate: program<Curve>({
    command: ["python3", "model.py"],
    workspace: join(import.meta.dirname, "python-model"),
  }),
  aggregate: fit,
  replicateOptions: { timeout: "60s", retries: 1 },
} as const;

export const study = defineStudy(options);

if (import.meta.main) {
  const directory = mkdtempSync(join(tmpdir(), "capstan-python-study-"));
  try {
    await using cluster = await startLocalCluster({ workers: 2 });
    await using client = await connect(cluster.url, { token: cluster.token });
    await using running = client.study({ ...options, directory });
    for await (const { parameters, state, succeeded, value } of running) {
      const { beta, gamma } = parameters;
      console.log(`beta ${beta} gamma ${gamma}: ${state}, ${succeeded} replicates, ${value?.loss}`);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
}
