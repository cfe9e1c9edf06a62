/**
 * The clusters that this program has started on its machine, by address. Each has a token of its
 * own or none: what the environment holds for another cluster is not for them.
 *
 * @module
 */

/** What is needed to be let in to a cluster of this program. */
export interface OwnCluster {
  /** Undefined if it asks for none. */
  readonly token: string | undefined;
}

const clusters = new Map<string, OwnCluster>();

/** Remembers a cluster of this program, from when it serves. */
export function rememberOwnCluster(url: string, cluster: OwnCluster): void {
  clusters.set(keyOf(url), cluster);
}

/** Its processes are gone: the address may be another's by now. */
export function forgetOwnCluster(url: string): void {
  clusters.delete(keyOf(url));
}

/** The cluster of this program that serves at `url`, or undefined. */
export function findOwnCluster(url: string): OwnCluster | undefined {
  return clusters.get(keyOf(url));
}

/** `localhost` is how people write the first loopback address. */
function keyOf(url: string): string {
  const { hostname, port } = new URL(url);
  return `${hostname === "localhost" ? "127.0.0.1" : hostname}:${port === "" ? "80" : port}`;
}
