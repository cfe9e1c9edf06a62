/**
 * One launcher per state directory. Each launcher writes a claim, and the file's name says which
 * process it is of; a claim counts while that process lives. A launcher first writes its claim and
 * then looks for others: of two that start together at most one finds itself alone. Nothing needs
 * to be removed in time, and nobody removes the claim of somebody who lives.
 *
 * @module
 */

import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseInteger, parsePlainObject } from "../../model/parse-fields.ts";
import { parseString } from "./exit-record.ts";
import { bootIdentity, isAlive, type ProcessIdentity } from "./process-table.ts";

/** A launcher and where it listens. */
export interface Claim extends ProcessIdentity {
  readonly bootId: string;
  /** A unix socket; elsewhere if the state directory's path is too long for one. */
  readonly socketPath: string;
}

const claimPattern = /^launcher-\d+-\d+\.json$/;

/** A launcher of this directory that lives; null if there is none. */
export function findLauncher(stateDirectory: string): Claim | null {
  const bootId = bootIdentity();
  return readClaims(stateDirectory).find((claim) => isLiving(claim, bootId)) ?? null;
}

/** True: this process is the launcher now. False: another one lives, and the claim is withdrawn. */
export function tryClaim(stateDirectory: string, claim: Claim): boolean {
  const path = join(stateDirectory, nameOf(claim));
  writeFileSync(`${path}.next`, JSON.stringify(claim), { mode: 0o600 });
  renameSync(`${path}.next`, path);
  const others = readClaims(stateDirectory).filter(({ pid }) => pid !== claim.pid);
  if (others.some((other) => isLiving(other, claim.bootId))) {
    withdrawClaim(stateDirectory, claim);
    return false;
  }
  for (const dead of others) {
    removeSocketPath(stateDirectory, dead.socketPath);
    withdrawClaim(stateDirectory, dead);
  }
  return true;
}

/** A socket elsewhere has a directory of its own. */
export function removeSocketPath(stateDirectory: string, socketPath: string): void {
  const directory = dirname(socketPath);
  const isElsewhere = directory !== stateDirectory;
  rmSync(isElsewhere ? directory : socketPath, { recursive: isElsewhere, force: true });
}

export function withdrawClaim(stateDirectory: string, claim: ProcessIdentity): void {
  rmSync(join(stateDirectory, nameOf(claim)), { force: true });
}

function nameOf({ pid, startTicks }: ProcessIdentity): string {
  return `launcher-${pid}-${startTicks}.json`;
}

function isLiving(claim: Claim, bootId: string): boolean {
  return claim.bootId === bootId && isAlive(claim);
}

function readClaims(stateDirectory: string): readonly Claim[] {
  return readNames(stateDirectory)
    .filter((name) => claimPattern.test(name))
    .flatMap((name) => {
      try {
        return [parseClaim(JSON.parse(readFileSync(join(stateDirectory, name), "utf8")))];
      } catch {
        return []; // Withdrawn while we looked.
      }
    });
}

/** None if there is no directory yet. */
function readNames(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function parseClaim(value: unknown): Claim {
  const fields = parsePlainObject("claim", value);
  return {
    pid: parseInteger("pid", fields.pid, 1, Number.MAX_SAFE_INTEGER),
    startTicks: parseInteger("startTicks", fields.startTicks, 0, Number.MAX_SAFE_INTEGER),
    bootId: parseString("bootId", fields.bootId),
    socketPath: parseString("socketPath", fields.socketPath),
  };
}
