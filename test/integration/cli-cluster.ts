/**
 * A cluster that `capstan up` starts, and the `capstan` program run against it, as real processes.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const nodeFlags = ["--disable-warning=ExperimentalWarning"];

/** What a finished command left. */
export interface Finished {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A command that runs. */
export interface Running {
  readonly child: ChildProcess;
  readonly output: { out: string; err: string };
  readonly finished: Promise<Finished>;
}

/** What `up --json` says. */
interface Announced {
  readonly url: string;
  readonly controllerPid: number;
  readonly workers: readonly { readonly pid: number; readonly workerId: string }[];
  readonly tokenFile: string;
}

export class CliCluster {
  readonly home = mkdtempSync(join(tmpdir(), "capstan-cli-"));
  #up: ChildProcess | null = null;
  #announced: Announced | null = null;

  get announced(): Announced {
    assert.ok(this.#announced !== null, "the cluster is up");
    return this.#announced;
  }

  /** Starts `capstan up` with these flags and waits until it is ready. */
  async start(...flags: readonly string[]): Promise<void> {
    const data = join(this.home, "data");
    const { child } = this.run(["up", "--port", "0", "--data", data, "--json", ...flags]);
    this.#up = child;
    child.stderr?.pipe(process.stderr);
    assert.ok(child.stdout !== null);
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    this.#announced = JSON.parse(line.toString());
  }

  /** Asks `up` to end, and waits for it. */
  async stop(): Promise<void> {
    if (this.#up !== null && this.#up.exitCode === null) {
      const ended = once(this.#up, "exit");
      this.#up.kill("SIGINT");
      await ended;
    }
    rmSync(this.home, { recursive: true, force: true });
  }

  /** Starts a command. */
  run(argv: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
    const child = spawn(process.execPath, [...nodeFlags, main, ...argv], {
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        CAPSTAN_HOME: this.home,
        CAPSTAN_URL: this.#announced?.url ?? "",
        ...env,
      },
    });
    const output = { out: "", err: "" };
    child.stdout?.on("data", (chunk) => {
      output.out += chunk;
    });
    child.stderr?.on("data", (chunk) => {
      output.err += chunk;
    });
    const finished = once(child, "close").then(([code]) => ({ code, ...output }));
    return { child, output, finished };
  }

  /** Runs a command to its end. */
  capstan(argv: string | readonly string[], env?: NodeJS.ProcessEnv): Promise<Finished> {
    return this.run(typeof argv === "string" ? argv.split(" ") : argv, env).finished;
  }

  /** Runs a command that succeeds, with `--json`, and reads what it prints. */
  async json<T>(argv: string): Promise<T> {
    const { code, out, err } = await this.capstan(`${argv} --json`);
    assert.equal(code, 0, `${argv}: ${err}`);
    return JSON.parse(out) as T;
  }
}

/** Waits until a condition holds; fails with `what` if it does not within 30 s. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadlineMs = Date.now() + 30_000;
  while (!(await condition())) {
    assert.ok(Date.now() < deadlineMs, what);
    await pause(25);
  }
}
