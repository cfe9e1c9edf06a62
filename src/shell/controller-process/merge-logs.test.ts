/**
 * Lines of many logs come out once each and in the order of their time, however the pages fall.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { LogSource } from "../../controller/log-sources.ts";
import { CapstanError } from "../../model/errors.ts";
import type { LogPage } from "../data-plane/log-route.ts";
import {
  formatLogCursor,
  type LogPosition,
  type LogPositions,
  logBeginning,
  parseLogCursor,
} from "./log-cursor.ts";
import { mergeLogs, mergeTails, type SourcePage } from "./merge-logs.ts";

function aSource(attemptId: string): LogSource {
  return {
    taskId: `/ann/train/${attemptId}`,
    attemptId,
    workerId: "w",
    address: "h:1",
    ended: true,
    reachable: true,
    gone: false,
    reason: "",
  };
}

/** A page as a worker makes it: its cursor is the number of the next line. */
function pageOf(times: readonly number[], from: number, lineCountMax: number): LogPage {
  const shown = times.slice(from, from + lineCountMax);
  return {
    lines: shown.map((atMs, i) => ({ atMs, stream: "stdout", text: `${from + i}` })),
    cursor: String(from + shown.length),
    droppedBytes: 0,
    complete: from + shown.length === times.length,
  };
}

function sourcePage(
  attemptId: string,
  times: readonly number[],
  from: LogPosition,
  lineCountMax: number,
): SourcePage {
  const page = pageOf(times, Number(from.cursor), lineCountMax + from.skip);
  const isCut = page.lines.length >= lineCountMax + from.skip;
  return { source: aSource(attemptId), from, page, isCut };
}

/** Reads logs to their end, in small bites. */
function readAll(logs: readonly (readonly number[])[], bite: number, perSource: number) {
  const told: { readonly attemptId: string; readonly atMs: number; readonly text: string }[] = [];
  let positions: LogPositions = new Map();
  for (let round = 0; ; round++) {
    assert.ok(round < 1_000, "every round tells something");
    const open = [...logs.entries()].filter(([i]) => positions.get(`1.${i}`)?.done !== true);
    if (open.length === 0) return told;
    const pages = open.map(([i, times]) => {
      return sourcePage(`1.${i}`, times, positions.get(`1.${i}`) ?? logBeginning, perSource);
    });
    const merged = mergeLogs(pages, bite);
    told.push(...merged.lines);
    positions = parseLogCursor(formatLogCursor(new Map([...positions, ...merged.positions])));
  }
}

describe("logs that are merged", () => {
  it("come out whole, once, each in its own order, and by time when clocks only go on", () => {
    const sorted = fc.array(fc.nat(50), { maxLength: 30 }).map((times) => times.toSorted(byNumber));
    const logs = fc.array(sorted, { maxLength: 5 });
    const property = fc.property(logs, fc.integer({ min: 1, max: 9 }), (all, bite) => {
      const told = readAll(all, bite, 3);
      for (const [i, times] of all.entries()) {
        const own = told.filter(({ attemptId }) => attemptId === `1.${i}`);
        assert.deepEqual(
          own.map(({ text }) => text),
          times.map((_, line) => `${line}`),
        );
      }
      const times = told.map(({ atMs }) => atMs);
      assert.deepEqual(times, times.toSorted(byNumber));
    });
    fc.assert(property);
  });

  it("lose and repeat nothing when a clock steps back", () => {
    const logs = fc.array(fc.array(fc.nat(20), { maxLength: 20 }), { maxLength: 4 });
    const property = fc.property(logs, fc.integer({ min: 1, max: 7 }), (all, bite) => {
      const told = readAll(all, bite, 2);
      for (const [i, times] of all.entries()) {
        const own = told.filter(({ attemptId }) => attemptId === `1.${i}`);
        assert.deepEqual(
          own.map(({ atMs }) => atMs),
          times,
        );
      }
    });
    fc.assert(property);
  });

  it("of which the tail is wanted give the newest lines of all and go on after them", () => {
    const pages = [
      [1, 4, 9],
      [2, 3],
    ].map((times, i) => {
      return sourcePage(`1.${i}`, times, logBeginning, 10);
    });
    const { lines, positions } = mergeTails(pages, 3);
    assert.deepEqual(
      lines.map(({ attemptId, atMs }) => [attemptId, atMs]),
      [
        ["1.1", 3],
        ["1.0", 4],
        ["1.0", 9],
      ],
    );
    assert.ok([...positions.values()].every(({ done }) => done));
  });

  it("are not over while their attempt runs, whatever its worker says", () => {
    const page = sourcePage("1.1", [1], logBeginning, 10);
    const running = { ...page, source: { ...page.source, ended: false } };
    const { positions } = mergeLogs([running], 10);
    assert.deepEqual(positions.get("1.1"), { cursor: "1", skip: 0, done: false });
  });
});

describe("the cursor of logs", () => {
  it("comes back as it was", () => {
    const positions = new Map([
      ["1.1", { cursor: "0:17", skip: 3, done: false }],
      ["1.2", { ...logBeginning, done: true }],
    ]);
    assert.deepEqual(parseLogCursor(formatLogCursor(positions)), positions);
    assert.deepEqual(parseLogCursor(""), new Map());
  });

  it("that was made up is refused by name", () => {
    const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    for (const text of ["x", encoded([]), encoded({ a: 1 }), encoded({ a: ["", -1] })]) {
      assert.throws(
        () => parseLogCursor(text),
        (error) => {
          return error instanceof CapstanError && /^cursor: expected/.test(error.message);
        },
      );
    }
  });
});

function byNumber(a: number, b: number): number {
  return a - b;
}
