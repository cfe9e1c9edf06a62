/**
 * A calibration for `capstan study run`: each wave is asked around the best point of the last one,
 * and one replicate in twenty-nine never returns.
 *
 * @module
 */

import { defineStudy } from "../../src/client/index.ts";
import { mean, type Point, simulateSlowlyOrHang } from "./study-models.ts";

export const study = defineStudy(
  {
    name: "calibration",
    replicates: 30,
    quorum: 20,
    simulate: simulateSlowlyOrHang,
    aggregate: mean,
    replicateOptions: { timeout: "2s" },
    openReplicates: 40,
  },
  async (search) => {
    let best: Point = { x: 9 };
    for (let wave = 0; wave < 4; wave++) {
      const results = await search.evaluate([-2, -1, 0, 1].map((step) => ({ x: best.x + step })));
      const distance = ({ x }: Point) => Math.abs(x - 4);
      best = results
        .filter(({ value }) => value !== null)
        .map(({ parameters }) => parameters)
        .toSorted((a, b) => distance(a) - distance(b))[0];
    }
  },
);
