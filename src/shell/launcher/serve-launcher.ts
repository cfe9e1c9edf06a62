/**
 * Makes this process the launcher of a state directory: listens, claims the directory, takes over
 * what is there, and then lets workers in.
 *
 * @module
 */

import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { present } from "../../base/assert.ts";
import { AttemptFiles } from "./attempt-files.ts";
import { type Claim, findLauncher, removeSocketPath, tryClaim, withdrawClaim } from "./claims.ts";
import { openHierarchies } from "./control-groups.ts";
import { Launcher } from "./launcher.ts";
import { PipeMaker } from "./pipes.ts";
import { bootIdentity, sightProcess } from "./process-table.ts";
import { Nonces, type StartPlace } from "./start-attempt.ts";
import { removeStarterRests, StarterPool } from "./starter-pool.ts";
import { WorkerConnection } from "./worker-connection.ts";

/** The kernel's limit for the path of a unix socket, without its final NUL. */
const socketPathBytesMax = 107;

export interface ServedLauncher {
  /** Stops everything; `over` resolves then. */
  shutdown(): void;
  /** Resolves when there is nothing left to do and the claim is withdrawn. */
  readonly over: Promise<void>;
}

/**
 * Null if a launcher of this directory lives. The directory must exist: whoever starts a launcher
 * makes it, and one that starts late must not bring back what was removed meanwhile.
 */
export async function serveLauncher(options: {
  readonly stateDirectory: string;
  readonly useCgroups: boolean;
}): Promise<ServedLauncher | null> {
  const { stateDirectory } = options;
  const self = present(sightProcess(process.pid), "/proc shows this process");
  const { pid, startTicks } = self;
  const socketPath = chooseSocketPath(stateDirectory);
  const claim: Claim = { pid, startTicks, bootId: bootIdentity(), socketPath };
  const early: Socket[] = [];
  const server = await listen(socketPath, early);
  if (!(await claimAlone(stateDirectory, claim))) {
    server.close();
    removeSocketPath(stateDirectory, socketPath);
    return null;
  }
  return serve(startPlace(stateDirectory, claim, options.useCgroups), claim, server, early);
}

async function serve(
  place: StartPlace,
  claim: Claim,
  server: Server,
  early: Socket[],
): Promise<ServedLauncher> {
  const { stateDirectory } = place;
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const launcher = new Launcher(place, () => {
    withdrawClaim(stateDirectory, claim);
    server.close();
    removeSocketPath(stateDirectory, claim.socketPath);
    resolve();
  });
  await launcher.restore();
  const accept = (socket: Socket): void => {
    if (!socket.destroyed) launcher.accept(new WorkerConnection(socket, launcher));
  };
  server.removeAllListeners("connection");
  server.on("connection", accept);
  for (const socket of early.splice(0)) accept(socket);
  return { shutdown: () => launcher.shutdown(), over };
}

function startPlace(stateDirectory: string, claim: Claim, useCgroups: boolean): StartPlace {
  removeRests(stateDirectory);
  removeStarterRests(stateDirectory);
  const hierarchies = useCgroups ? openHierarchies(claim) : [];
  return {
    stateDirectory,
    hierarchies,
    starters: new StarterPool(stateDirectory, hierarchies),
    pipes: new PipeMaker(stateDirectory),
    files: new AttemptFiles(stateDirectory),
    bootId: claim.bootId,
    nonces: new Nonces(),
  };
}

/** What launchers that were killed had no time to remove. */
function removeRests(stateDirectory: string): void {
  for (const name of readdirSync(stateDirectory)) {
    if (!/^(?:capstan-pipes|stdin)-/.test(name)) continue;
    rmSync(join(stateDirectory, name), { recursive: true, force: true });
  }
}

/** Two that start together may both withdraw; then the one that waits less is the launcher. */
async function claimAlone(stateDirectory: string, claim: Claim): Promise<boolean> {
  while (findLauncher(stateDirectory) === null) {
    if (tryClaim(stateDirectory, claim)) return true;
    await delay(20 + Math.random() * 100);
  }
  return false;
}

function chooseSocketPath(stateDirectory: string): string {
  const path = join(stateDirectory, `launcher-${process.pid}.socket`);
  if (Buffer.byteLength(path) <= socketPathBytesMax) return path;
  const shortEnough = [tmpdir(), "/tmp"].find((each) => Buffer.byteLength(each) <= 60) ?? "/tmp";
  return join(mkdtempSync(join(shortEnough, "capstan-")), "launcher.socket");
}

/** Connections that come before the launcher knows what it has wait in `early`. */
async function listen(socketPath: string, early: Socket[]): Promise<Server> {
  rmSync(socketPath, { force: true }); // Of a process that had our pid before us.
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    early.push(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(socketPath, () => {
      server.removeListener("error", reject);
      resolve();
    });
  });
  chmodSync(socketPath, 0o600);
  return server;
}
