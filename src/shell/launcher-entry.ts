/**
 * The launcher as a program: `launcher-entry <state directory> [--no-cgroups]`. It starts, watches
 * and ends the commands of one worker, and goes on when the worker ends. There is one for each
 * state directory: a second one that finds the first alive exits with 0. Workers connect by a unix
 * socket that its claim in the state directory names.
 *
 * It ends by itself when it has nothing to do. SIGTERM makes it stop everything and then end. Its
 * few words go to stderr. Exit codes: 0, 2 for wrong arguments, 70 for a bug.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { isAbsolute } from "node:path";
import { logLine } from "./launcher/launcher-log.ts";
import { serveLauncher } from "./launcher/serve-launcher.ts";

const usage =
  "usage: launcher-entry <state directory> [--no-cgroups]\n" +
  "the state directory must exist, and its path be absolute\n";

function exitForBug(error: unknown): never {
  const text = error instanceof Error ? error.stack : String(error);
  logLine(`${new Date().toISOString()} the launcher ends: ${text}`);
  process.exit(70);
}

async function main(): Promise<void> {
  const [stateDirectory = "", option] = process.argv.slice(2);
  const isKnown = option === undefined || option === "--no-cgroups";
  if (!isAbsolute(stateDirectory) || !existsSync(stateDirectory) || !isKnown) {
    process.stderr.write(usage);
    process.exit(2);
  }
  process.on("uncaughtException", exitForBug);
  process.on("unhandledRejection", exitForBug);
  process.on("SIGHUP", () => undefined); // Its terminal was never its own.
  process.on("SIGINT", () => undefined);
  const useCgroups = option === undefined;
  const launcher = await serveLauncher({ stateDirectory, useCgroups });
  if (launcher === null) process.exit(0);
  process.on("SIGTERM", () => launcher.shutdown());
  await launcher.over;
  process.exit(0);
}

await main();
