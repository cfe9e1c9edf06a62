/**
 * A task that no worker can run: submit it, then ask `capstan why`. It starts when a worker joins
 * that has 64 CPUs.
 *
 *     CAPSTAN_URL=… CAPSTAN_TOKEN=… node examples/first-graph/too-big.ts
 *
 * @module
 */

import { connect } from "capstan";
import { countPrimes } from "./primes.ts";

await using client = await connect(); // CAPSTAN_URL and CAPSTAN_TOKEN say where

const future = client.submit(countPrimes, [0, 1_000], { resources: { cpu: 64, memory: "8g" } });
console.log(`submitted: capstan why ${future.id}`);
console.log(`${await future.result()} primes below 1000`);
