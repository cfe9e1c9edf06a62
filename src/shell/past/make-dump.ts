/**
 * Makes a dump in a thread of its own, into a file that its reader removes. One at a time: it reads
 * a whole journal.
 *
 * @module
 */

import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import * as kernelLimits from "../../controller/limits.ts";
import { CapstanError, type ErrorCode } from "../../model/errors.ts";
import { packageVersion } from "../controller-process/version.ts";
import { threadModule } from "../journal/thread-module.ts";
import type { DumpReply, DumpThreadData } from "./dump-thread.ts";
import type { LiveState } from "./write-dump.ts";

/** A dump that is whole. */
export interface Dump {
  readonly path: string;
  readonly bytes: number;
  /** Throws the file away. */
  remove(): void;
}

export interface DumpSource {
  readonly clusterId: string;
  readonly epoch: number;
  /** The journal's file; or, without one, the state as it is when it is asked for. */
  readonly journal: string | (() => LiveState);
}

export class DumpMaker {
  #isBusy = false;

  /** Throws OVERLOADED while another one is being made, DISK_FAILED if it cannot be written. */
  async make({ clusterId, epoch, journal }: DumpSource): Promise<Dump> {
    if (this.#isBusy) throw new CapstanError("OVERLOADED", "a dump is being made: try again");
    this.#isBusy = true;
    const directory = mkdtempSync(join(tmpdir(), "capstan-dump-"));
    const remove = (): void => rmSync(directory, { recursive: true, force: true });
    try {
      const path = join(directory, "dump.sqlite");
      const source = typeof journal === "string" ? journal : journal();
      const about = {
        ...{ at: new Date().toISOString(), version: packageVersion, node: process.version },
        ...{ platform: `${process.platform} ${process.arch}`, clusterId, epoch },
        limits: { ...kernelLimits },
      };
      await written({ source, path, about });
      return { path, bytes: statSync(path).size, remove };
    } catch (error) {
      remove();
      throw error;
    } finally {
      this.#isBusy = false;
    }
  }
}

function written(workerData: DumpThreadData): Promise<void> {
  return new Promise((resolve, reject) => {
    const module = threadModule("./dump-thread", import.meta.url);
    const thread = new Worker(module, { workerData, name: "dump" });
    thread.on("message", (reply: DumpReply) => {
      if (reply === null) resolve();
      else reject(new CapstanError(reply.code as ErrorCode, reply.message));
    });
    thread.on("error", ({ message }) => {
      reject(new CapstanError("DISK_FAILED", `the dump cannot be written: ${message}`));
    });
  });
}
