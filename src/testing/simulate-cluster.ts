/**
 * The door of this room: a simulated cluster, and a program over many seeds.
 *
 * @module
 */

import { parseSimulateOptions, type SimulateOptions } from "./options.ts";
import { VirtualCluster } from "./virtual-cluster.ts";

/**
 * A simulated cluster: the real scheduler on virtual time, in this process, with nothing started.
 *
 *     await using cluster = await simulateCluster({ seed: 7, workers: 3 });
 *     const client = await cluster.connect();
 *
 * Rejects with INVALID_ARGUMENT or INVALID_SPEC naming the option.
 */
export async function simulateCluster(options: SimulateOptions = {}): Promise<VirtualCluster> {
  return new VirtualCluster(parseSimulateOptions(options));
}
