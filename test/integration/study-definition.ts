/**
 * A study for `capstan study run`.
 *
 * @module
 */

import { defineStudy } from "../../src/client/index.ts";
import { mean, simulateBadly } from "./study-models.ts";

export const study = defineStudy({
  name: "cli",
  parameterSets: [{ x: 0 }, { x: 1 }],
  replicates: 20,
  quorum: 5,
  simulate: simulateBadly,
  aggregate: mean,
});
