/**
 * A disk of a few megabytes of its own: a tmpfs that can really be full.
 *
 * @module
 */

import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import { join } from "node:path";
import { attempt, execute, firstObstacle, needPrograms, needRoot } from "./machine.ts";

/** "" if such a disk can be made, else why not. */
export function smallDiskObstacle(): string {
  return firstObstacle(needRoot(), needPrograms("mount", "umount"));
}

export class SmallDisk implements Disposable {
  readonly path: string;

  /** `mebibytes` large, at a directory that is made for it. */
  constructor(path: string, mebibytes: number) {
    this.path = path;
    mkdirSync(path, { recursive: true });
    execute("mount", "-t", "tmpfs", "-o", `size=${mebibytes}m,mode=755`, "capstan-chaos", path);
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.path);
    return bavail * bsize;
  }

  /** Writes a file until no more than `freeBytes` are free; 0 means until a write fails. */
  fill(freeBytes = 0): void {
    const file = openSync(join(this.path, "ballast"), "a");
    const block = Buffer.alloc(64 * 1024, 1);
    try {
      while (this.freeBytes > freeBytes) {
        writeSync(file, block, 0, Math.min(block.length, this.freeBytes - freeBytes));
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    } finally {
      closeSync(file);
    }
  }

  /** Takes away what `fill` wrote. */
  free(): void {
    rmSync(join(this.path, "ballast"), { force: true });
  }

  /** It goes with all that is on it, also while somebody has a file of it open. */
  [Symbol.dispose](): void {
    if (!attempt("umount", this.path)) attempt("umount", "-l", this.path);
  }
}
