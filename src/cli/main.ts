#!/usr/bin/env -S node --disable-warning=ExperimentalWarning
/**
 * The `capstan` program. Looks at the version of Node first, then loads the rest.
 *
 * @module
 */

import { explainNodeVersion } from "../backends/node-version.ts";

// Who reads us may have had enough (`| head`): that is an end like any other, and not a crash.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(process.exitCode ?? 0);
});

const problem = explainNodeVersion(process.versions.node);
if (problem === null) {
  const { runCli } = await import("./app.ts");
  process.exitCode = await runCli(process.argv.slice(2), process);
} else {
  process.stderr.write(`capstan: ${problem}\n`);
  process.exitCode = 2;
}
