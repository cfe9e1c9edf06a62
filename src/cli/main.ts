#!/usr/bin/env -S node --disable-warning=ExperimentalWarning
/**
 * The `capstan` program. Looks at the version of Node first, then loads the rest.
 *
 * @module
 */

import { explainNodeVersion } from "../backends/node-version.ts";

const problem = explainNodeVersion(process.versions.node);
if (problem === null) {
  const { endOnOutputErrors } = await import("./output-errors.ts");
  endOnOutputErrors(process);
  const { runCli } = await import("./app.ts");
  process.exitCode = await runCli(process.argv.slice(2), process);
} else {
  process.stderr.write(`capstan: ${problem}\n`);
  process.exitCode = 2;
}
