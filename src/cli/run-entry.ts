/**
 * Runs an entry of the shell (controller or worker) as a child whose streams are ours, and passes
 * signals on: the entry is the same program that a local cluster starts. What it refuses with is
 * thrown here, to be said as every error of a command.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { childFlags } from "../backends/child.ts";
import { refusalOf } from "../backends/refusal.ts";

const streams: ("pipe" | "inherit")[] = ["pipe", "inherit", "inherit"];

/**
 * Starts the entry with its settings and resolves with its exit code, 128 + n for a signal.
 *
 * Throws the CapstanError with which it refused to start.
 */
export async function runEntry(
  name: "controller-entry" | "worker-entry",
  settings: object,
  token: string | undefined,
): Promise<number> {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const entry = fileURLToPath(new URL(`../shell/${name}.${extension}`, import.meta.url));
  const { CAPSTAN_TOKEN: _inherited, ...environment } = process.env;
  const child = spawn(process.execPath, [...childFlags, entry, JSON.stringify(settings)], {
    stdio: name === "controller-entry" ? [...streams, "ipc"] : streams,
    env: token === undefined ? environment : { ...environment, CAPSTAN_TOKEN: token },
    detached: true,
  });
  const passOn = (signal: NodeJS.Signals) => void child.kill(signal);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, passOn);
  const refused = refusalOf(child);
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      for (const name of ["SIGINT", "SIGTERM"] as const) process.off(name, passOn);
      resolve(code ?? (signal === "SIGINT" ? 130 : 137));
    });
  });
  const exitCode = await ended;
  const refusal = await refused;
  if (refusal !== null) throw refusal;
  return exitCode;
}
