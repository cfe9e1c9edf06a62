/**
 * The program of a process that runs functions. Started by the launcher for `function-process.ts`,
 * never imported.
 *
 * It ends when its worker closes the socket, and at SIGTERM when nothing runs; what runs then sees
 * its signal, and the process ends behind it.
 *
 * @module
 */

import { type ProcessOptions, processOptionsVariable } from "./process-messages.ts";
import { ProcessRunner } from "./process-runner.ts";
import { copyStderrTo } from "./task-environment.ts";
import { resolvePackageToItself } from "./task-modules.ts";
import { TextTail } from "./text-tail.ts";
import { UncaughtErrors } from "./uncaught-errors.ts";

const options = JSON.parse(process.env[processOptionsVariable] ?? "null") as ProcessOptions;
// Of this process, which is none: what a task starts must not take it for its attempt's.
for (const name of [processOptionsVariable, "CAPSTAN_ATTEMPT_ID"]) delete process.env[name];

for (const stream of [process.stdout, process.stderr]) {
  // Whoever writes waits for its reader: what is written before a crash or a hang is not lost.
  blocking(stream)._handle?.setBlocking?.(true);
  stream.on("error", () => undefined); // Its reader has gone: that is not the task's affair.
}
const stderr = new TextTail();
copyStderrTo(stderr);
resolvePackageToItself();
const runner = new ProcessRunner(options, stderr);
new UncaughtErrors({
  blame: (_, error) => {
    // As the engine would say it: it becomes the tail of stderr, which the failure carries.
    if (error !== null) process.stderr.write(`\nUncaught ${error.stack || error.message}\n`);
  },
  leftover: (message, fields) => runner.onLeftoverError(message, fields),
  actor: () => null,
}).takeOver();
process.on("SIGTERM", () => runner.stop());
runner.connect();

/** Node gives no other way to it. */
function blocking(stream: NodeJS.WriteStream): {
  readonly _handle?: { readonly setBlocking?: (on: boolean) => void };
} {
  return stream as object;
}
