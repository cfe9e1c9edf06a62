/**
 * The signature of the kernels: whether drawn clusters still decide what they decided, and are
 * answered what was answered.
 *
 *     npm run signature                       names the runs that differ; exits with 1 if one does
 *     npm run signature -- --update           says that they are meant to
 *     npm run signature -- --trace "gangs 107"
 *         every decision and answer of that run, a line of JSON each: to compare with `diff` what
 *         this version and another one do
 *
 * @module
 */

import { readOptions, refuse } from "./options.ts";
import {
  expectedSignatures,
  nameOf,
  signatureOf,
  signedRuns,
  writeSignatures,
} from "./simulation/signature.ts";

const { values: flags } = readOptions(import.meta.url, {
  options: { update: { type: "boolean", default: false }, trace: { type: "string" } },
});

function trace(name: string): void {
  const run = signedRuns.find((one) => nameOf(one) === name);
  if (run === undefined) {
    const example = nameOf(signedRuns[0]);
    return refuse(`--trace: ${name} is not signed; expected a name such as "${example}"`);
  }
  signatureOf(run, (line) => console.log(line));
}

function compare(): void {
  const lines = signedRuns.map((run) => signatureOf(run));
  if (flags.update) return writeSignatures(lines);
  const expected = expectedSignatures();
  const changed = signedRuns.filter((run, place) => expected.get(nameOf(run)) !== lines[place]);
  for (const run of changed) {
    console.log(`- ${expected.get(nameOf(run)) ?? "nothing"}`);
    console.log(`+ ${lines[signedRuns.indexOf(run)]}`);
  }
  console.log(`${changed.length} of ${lines.length} runs differ`);
  if (changed.length > 0) process.exitCode = 1;
}

if (flags.trace === undefined) compare();
else trace(flags.trace);
