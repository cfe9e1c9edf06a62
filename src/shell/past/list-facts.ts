/**
 * The facts of a journal, one by one: what they are and when. What is in them is not shown: specs
 * and tokens are.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { Fact } from "../../controller/facts.ts";
import { newestInstant, oldestInstant, readCommitsOver } from "../journal/database.ts";
import { decodeTurns } from "../journal/fact-codec.ts";

export interface ListedFact {
  readonly sequence: number;
  /** RFC 3339. */
  readonly at: string;
  readonly type: string;
}

/** Those that have a commit, up to a sequence, or milliseconds since 1970; null for all. */
export function* listFacts(
  database: DatabaseSync,
  until: { readonly sequence: number } | { readonly atMs: number } | null,
): Generator<ListedFact> {
  const newest = newestInstant(database).sequence;
  const last = until !== null && "sequence" in until ? Math.min(until.sequence, newest) : newest;
  const atMsMax = until !== null && "atMs" in until ? until.atMs : Number.POSITIVE_INFINITY;
  for (const commit of readCommitsOver(database, oldestInstant(database).sequence, last)) {
    let sequence = commit.first - 1;
    for (const { at, facts } of decodeTurns<Fact>(commit.blob)) {
      if (at / 1000 > atMsMax) return;
      for (const { type } of facts) {
        sequence++;
        if (sequence > last) return;
        yield { sequence, at: new Date(at / 1000).toISOString(), type };
      }
    }
  }
}
