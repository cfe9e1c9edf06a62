/**
 * Rules of the books that a demo keeps of workers.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { EventView } from "../responses.ts";
import { keepLedger } from "./grant-ledger.ts";

function anEvent(second: number, type: string, attemptId: string, workerId = "w"): EventView {
  const at = `2026-01-01T00:00:0${second}.000Z`;
  return { at, type, attemptId, workerId, message: "" };
}

describe("keepLedger", () => {
  it("counts how many attempts a worker had not ended, and how often it came back to zero", () => {
    const first = [anEvent(1, "assigned", "1.1"), anEvent(2, "ended", "1.1")];
    const second = [anEvent(3, "assigned", "1.2"), anEvent(4, "started", "1.2")];
    const { books, wrongEnds } = keepLedger([second, first]);
    assert.deepEqual(books.get("w"), { workerId: "w", levels: [1, 0, 1], returnsToZero: 1 });
    assert.deepEqual(wrongEnds, []);
  });

  it("lets an end go before a beginning of the same moment", () => {
    const first = [anEvent(1, "assigned", "1.1"), anEvent(2, "ended", "1.1")];
    const { books } = keepLedger([[anEvent(2, "assigned", "1.2")], first]);
    assert.deepEqual(books.get("w")?.levels, [1, 0, 1]);
  });

  it("tells two workers apart", () => {
    const events = [anEvent(1, "assigned", "1.1", "a"), anEvent(1, "assigned", "1.2", "b")];
    const { books } = keepLedger([events]);
    assert.deepEqual([...books.keys()], ["a", "b"]);
  });

  it("names an attempt that ended twice, and one that was never assigned", () => {
    const twice = [
      anEvent(1, "assigned", "1.1"),
      anEvent(2, "ended", "1.1"),
      anEvent(3, "ended", "1.1"),
    ];
    assert.deepEqual(keepLedger([twice]).wrongEnds, ["1.1"]);
    assert.deepEqual(keepLedger([[anEvent(1, "ended", "1.9")]]).wrongEnds, ["1.9"]);
  });
});
