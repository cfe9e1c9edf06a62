/**
 * A program with a study, to be killed: `study-program.ts URL TOKEN DIRECTORY`.
 *
 * @module
 */

import { setImmediate as turn } from "node:timers/promises";
import { connect } from "../../src/client/index.ts";
import { mean, simulateSlowly } from "./study-models.ts";

const [url, token, directory] = process.argv.slice(2);
const client = await connect(url, { token });
const study = client.study({
  ...{ name: "s", directory, replicates: 100, simulate: simulateSlowly, aggregate: mean },
  ...{ parameterSets: [{ x: 0 }, { x: 1 }, { x: 2 }], openReplicates: 20 },
});
while (study.progress.replicatesSucceeded < 60) await turn();
process.stdout.write("60 done\n");
await study.results();
