/**
 * What becomes of a command whose standard output takes nothing any more.
 *
 * @module
 */

import { getSystemErrorMap } from "node:util";
import { CapstanError } from "../model/errors.ts";
import { wantsJson } from "./arguments.ts";
import { reportError } from "./context.ts";

/**
 * Ends the process at the first error of its standard output: as it stands if who reads us has had
 * enough (`| head`), and with the exit code of a disk that failed for everything else.
 */
export function endOnOutputErrors(process: NodeJS.Process): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(process.exitCode ?? 0);
    const why = getSystemErrorMap().get(error.errno ?? 0)?.[1] ?? error.message;
    const failure = new CapstanError("DISK_FAILED", `standard output: ${why}`, { cause: error });
    process.exit(reportError(process, failure, wantsJson(process.argv.slice(2))));
  });
}
