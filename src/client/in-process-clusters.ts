/**
 * Clusters that live in this very process, such as simulated ones: `connect` asks here first.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import type { Client, ConnectOptions } from "./client.ts";

/** Opens a client of such a cluster. */
export type ConnectInProcess = (options: ConnectOptions) => Promise<Client>;

/** A cluster that `connect(url)` leads to. */
export interface OfferedCluster {
  /** `simulated:3`: of this process, so that each has an address of its own. */
  readonly url: string;
  /** From now on it was closed. */
  withdraw(): void;
}

const clusters = new Map<number, ConnectInProcess>();

/** How many there were: those that are not in the map were closed. */
let clusterCount = 0;

/** From now on `connect(url)` leads there. */
export function offerInProcess(connect: ConnectInProcess): OfferedCluster {
  const number = ++clusterCount;
  clusters.set(number, connect);
  return { url: `simulated:${number}`, withdraw: () => void clusters.delete(number) };
}

/**
 * How a cluster of this process is reached; undefined for any other url. Throws INVALID_ARGUMENT
 * for one that was closed, or never was here.
 */
export function findInProcess(url: string): ConnectInProcess | undefined {
  const number = Number(/^simulated:(\d+)$/.exec(url)?.[1]);
  if (Number.isNaN(number)) return undefined;
  const found = clusters.get(number);
  if (found !== undefined) return found;
  const wasHere = number >= 1 && number <= clusterCount;
  const why = wasHere ? "was closed" : "is not in this process: it is reached where it was made";
  throw new CapstanError("INVALID_ARGUMENT", `connect: the cluster ${url} ${why}`);
}
