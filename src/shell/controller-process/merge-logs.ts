/**
 * Lines of many logs in the order of their time. Of each log a page was read; a page that was not
 * the last one says nothing about what comes after its last line, so nothing later than that is
 * told before the next page was read.
 *
 * @module
 */

import type { LogSource } from "../../controller/log-sources.ts";
import type { LogPage } from "../data-plane/log-route.ts";
import { type LogPosition, logBeginning } from "./log-cursor.ts";

/** A page of one log, and where it begins. */
export interface SourcePage {
  readonly source: LogSource;
  readonly from: LogPosition;
  readonly page: LogPage;
  /** More is there already. */
  readonly isCut: boolean;
}

/** One line of the answer. */
export interface MergedLine {
  readonly taskId: string;
  readonly attemptId: string;
  readonly atMs: number;
  readonly stream: "stdout" | "stderr";
  readonly text: string;
}

export interface MergedLogs {
  readonly lines: readonly MergedLine[];
  /** By attempt: where to go on. */
  readonly positions: ReadonlyMap<string, LogPosition>;
}

/** The oldest lines that are not told yet, at most `lineCountMax`. */
export function mergeLogs(pages: readonly SourcePage[], lineCountMax: number): MergedLogs {
  const horizonMs = Math.min(...pages.map(horizonOf), Number.POSITIVE_INFINITY);
  const fresh = pages.flatMap((page, order) => freshLines(page, order));
  const due = fresh.filter(({ sortMs }) => sortMs <= horizonMs).sort(byTime);
  const told = due.slice(0, lineCountMax);
  const counts = new Map<number, number>();
  for (const { order } of told) counts.set(order, (counts.get(order) ?? 0) + 1);
  const positions = pages.map((page, order) => {
    return [page.source.attemptId, positionAfter(page, counts.get(order) ?? 0)] as const;
  });
  return { lines: told.map(({ line }) => line), positions: new Map(positions) };
}

/** The newest lines of all; those before them are skipped for good. */
export function mergeTails(pages: readonly SourcePage[], lineCount: number): MergedLogs {
  const fresh = pages.flatMap((page, order) => freshLines(page, order)).sort(byTime);
  const told = fresh.slice(Math.max(0, fresh.length - lineCount));
  const positions = pages.map((page) => {
    return [page.source.attemptId, positionAfter(page, page.page.lines.length)] as const;
  });
  return { lines: told.map(({ line }) => line), positions: new Map(positions) };
}

interface Fresh {
  readonly line: MergedLine;
  /** Of its log among the pages, and of the line in it: lines of one log keep their order. */
  readonly order: number;
  readonly index: number;
  /** Its own time, or that of a line before it: clocks step back. */
  readonly sortMs: number;
}

function freshLines({ source, from, page }: SourcePage, order: number): Fresh[] {
  const { taskId, attemptId } = source;
  let sortMs = Number.NEGATIVE_INFINITY;
  return page.lines.slice(from.skip).map((line, index) => {
    sortMs = Math.max(sortMs, line.atMs);
    return { line: { taskId, attemptId, ...line }, order, index, sortMs };
  });
}

function byTime(a: Fresh, b: Fresh): number {
  return a.sortMs - b.sortMs || a.order - b.order || a.index - b.index;
}

/** Lines up to this time are known to be all there are. */
function horizonOf({ page, isCut }: SourcePage): number {
  if (!isCut) return Number.POSITIVE_INFINITY;
  return page.lines.reduce((latest, { atMs }) => Math.max(latest, atMs), Number.NEGATIVE_INFINITY);
}

function positionAfter({ source, from, page }: SourcePage, told: number): LogPosition {
  const skip = from.skip + told;
  if (skip < page.lines.length) return { cursor: from.cursor, skip, done: false };
  const standsStill = page.lines.length === 0 && page.cursor === from.cursor;
  const done = source.ended && (page.complete || standsStill);
  return { ...logBeginning, cursor: page.cursor, done };
}
