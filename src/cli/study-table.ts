/**
 * The sets of a study as a table for people: parameters, state, value.
 *
 * @module
 */

import type { StudyReport } from "../client/studies/read-study.ts";
import type { SetResult } from "../client/studies/study-results.ts";
import { counted } from "../model/format-quantities.ts";
import type { Terminal } from "./context.ts";
import { shownSetsMax } from "./limits.ts";
import { announceMore, paintFor, paintState, printTable } from "./print.ts";
import { cellText, columnsOf, resultCells } from "./study-text.ts";

/** Characters of a parameter or a value in a table. */
const cellCharactersMax = 24;

/** The first 50 sets, in their order. */
export function printSets(terminal: Terminal, { name, sets, replicates }: StudyReport): void {
  const shown = sets.slice(0, shownSetsMax);
  const cells = shown.map(resultCells);
  const columns = columnsOf(cells);
  const paint = paintFor(terminal);
  const rows = shown.map((set, i) => {
    const byName = new Map(cells[i]);
    return [
      `${set.index}`,
      ...columns.map((column) => short(cellText(byName.get(column)))),
      `${set.succeeded}/${replicates}`,
      paintState(paint, set.state),
      whyNot(set),
    ];
  });
  printTable(terminal, ["set", ...columns, "replicates", "state", "why"], rows);
  announceMore(terminal, sets.length - shown.length, `capstan study export ${name}`);
}

function whyNot({ error, failed }: SetResult): string {
  if (error !== "") return error;
  return failed > 0 ? `${counted(failed, "replicate")} failed` : "";
}

function short(text: string): string {
  return text.length > cellCharactersMax ? `${text.slice(0, cellCharactersMax - 1)}…` : text;
}
