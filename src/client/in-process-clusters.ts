/**
 * Clusters that live in this very process, such as simulated ones: `connect` asks here first.
 *
 * @module
 */

import type { Client, ConnectOptions } from "./client.ts";

/** Opens a client of such a cluster. */
export type ConnectInProcess = (options: ConnectOptions) => Promise<Client>;

const clusters = new Map<string, ConnectInProcess>();

/** From now on `connect(url)` leads there; what is returned ends that. */
export function offerInProcess(url: string, connect: ConnectInProcess): () => void {
  clusters.set(url, connect);
  return () => void clusters.delete(url);
}

/** How a cluster of this process is reached; undefined for any other url. */
export function findInProcess(url: string): ConnectInProcess | undefined {
  return clusters.get(url);
}
