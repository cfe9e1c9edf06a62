/**
 * What is said of a journal that cannot be trusted.
 *
 * @module
 */

import { CapstanError } from "../../model/errors.ts";

/**
 * The journal cannot be trusted from `sequence` on, or from where nobody can say: nothing is
 * guessed, the start is refused.
 */
export function damaged(what: string, sequence: number | null): CapstanError {
  return new CapstanError(
    "DISK_FAILED",
    `the journal is damaged: ${what}. Restore journal.sqlite from a backup, ` +
      "or start on an empty data directory (running work is then lost)",
    sequence === null ? {} : { details: { sequence } },
  );
}
