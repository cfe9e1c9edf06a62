/**
 * The controller's program, and `capstan/controller` for those who run one inside their own
 * process.
 *
 * As a program: options (`ControllerOptions`) are one JSON object, as the only argument or in
 * `CAPSTAN_CONTROLLER_OPTIONS`; the token may come in `CAPSTAN_TOKEN`, where a process list does
 * not show it. When it serves it prints one line of JSON on stdout; everything else it has to say
 * goes to stderr. SIGINT and SIGTERM end it cleanly.
 *
 * Exit codes: 0 asked to end; 2 and 4 refused to start; 70 a bug; 74 the disk failed.
 *
 * @module
 */

import { CapstanError, errorRegistry } from "../model/errors.ts";
import { type ControllerOptions, parseControllerOptions } from "./controller-process/options.ts";
import { type ControllerProcess, runController } from "./controller-process/real-controller.ts";

export type { ControllerOptions } from "./controller-process/options.ts";
export {
  type ControllerProcess,
  type FatalEnd,
  runController,
} from "./controller-process/real-controller.ts";

async function main(): Promise<void> {
  try {
    const controller = await runController(readOptions(), ({ exitCode }) => process.exit(exitCode));
    endOnSignals(controller);
    const { url: listening, epoch } = controller;
    process.stdout.write(`${JSON.stringify({ listening, epoch, pid: process.pid })}\n`);
  } catch (error) {
    refuseToStart(error);
  }
}

function readOptions(): ControllerOptions {
  const text = process.argv[2] ?? process.env.CAPSTAN_CONTROLLER_OPTIONS ?? "{}";
  const token = process.env.CAPSTAN_TOKEN;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Not what the parser says, which quotes the text: a token may be in it.
    throw new CapstanError("INVALID_ARGUMENT", "the controller's options are not JSON");
  }
  const options = parseControllerOptions(value);
  if (token === undefined || token === "") return options;
  return { token, ...options };
}

/**
 * The reason to whoever started us and listens, else on stderr in the form that programs read; then
 * the code of the registry.
 */
function refuseToStart(error: unknown): void {
  const known =
    error instanceof CapstanError
      ? error
      : new CapstanError("BUG", error instanceof Error ? (error.stack ?? "") : String(error));
  const end = (): never => process.exit(errorRegistry[known.code].exitCode);
  if (process.send !== undefined && process.connected) {
    process.send(known, undefined, undefined, end);
    return;
  }
  process.stderr.write(`${JSON.stringify(known)}\n`);
  end();
}

function endOnSignals(controller: ControllerProcess): void {
  let asked = false;
  const end = (): void => {
    if (asked) process.exit(1); // Asked twice: somebody does not want to wait.
    asked = true;
    controller.close().then(() => process.exit(0), refuseToStart);
  };
  process.on("SIGINT", end);
  process.on("SIGTERM", end);
}

if (import.meta.main) await main();
