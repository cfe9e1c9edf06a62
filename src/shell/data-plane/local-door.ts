/**
 * The way to a worker's values for who is on the same machine: a unix socket beside the port. A
 * large value that goes over TCP to the same machine takes several times as long: the windows of
 * the two ends fill up and wait for each other.
 *
 * The socket is in a directory that only its user can enter, so nobody else can stand in for the
 * worker. Its name is made of the worker's address and the network that the address is in: who
 * finds it would have reached the same worker over TCP. Who does not find it goes over TCP.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, readdirSync, readlinkSync, unlinkSync } from "node:fs";
import type { Server } from "node:http";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { doorPathBytesMax } from "./limits.ts";

/** The door of the worker at `address`, `host:port`, if it has one; else null. */
export function doorTo(address: string): string | null {
  const path = doorPathOf(address);
  return path !== null && existsSync(path) && isPrivate(doorDirectory()) ? path : null;
}

/** Lets `server` serve at the door of `address` too, where there can be one. */
export async function openDoor(server: Server, address: string): Promise<void> {
  const path = doorPathOf(address);
  if (path === null) return;
  try {
    mkdirSync(doorDirectory(), { recursive: true, mode: 0o700 });
    if (!isPrivate(doorDirectory())) return;
    await removeDeadDoors();
  } catch {
    return; // No place for it: everybody comes over TCP.
  }
  await new Promise<void>((resolve) => {
    server.once("error", () => resolve());
    server.listen(path, resolve);
  });
}

/** Removes what killed workers left. A door that is just being opened may go with them. */
async function removeDeadDoors(): Promise<void> {
  const paths = readdirSync(doorDirectory()).map((name) => join(doorDirectory(), name));
  for (const path of paths) if (await isDead(path)) unlinkSync(path);
}

function isDead(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ path });
    const end = (dead: boolean): void => {
      socket.destroy();
      resolve(dead);
    };
    socket.once("connect", () => end(false));
    socket.once("error", (error: NodeJS.ErrnoException) => end(error.code === "ECONNREFUSED"));
  });
}

function doorPathOf(address: string): string | null {
  const network = networkOf();
  if (network === null) return null;
  const name = createHash("sha256").update(`${network} ${address}`).digest("hex").slice(0, 32);
  const path = join(doorDirectory(), name);
  return Buffer.byteLength(path) > doorPathBytesMax ? null : path;
}

function doorDirectory(): string {
  return join(tmpdir(), `capstan-values-${process.getuid?.()}`);
}

/** Ours, and closed to all others. */
function isPrivate(directory: string): boolean {
  const { uid, mode } = lstatSync(directory);
  return uid === process.getuid?.() && (mode & 0o170077) === 0o040000;
}

/** Names the network stack of this process; null where that cannot be told. */
function networkOf(): string | null {
  try {
    return readlinkSync("/proc/self/ns/net");
  } catch {
    return null;
  }
}
