/**
 * What is remembered of what happened: a ring of entries, and one of events.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { eventsMax, storyEntriesMax } from "./limits.ts";
import { StoryLog, storyKind, storyKinds } from "./story.ts";

describe("the story of a task", () => {
  test("has a code for each kind, and an entry for each that was added, oldest first", () => {
    const log = new StoryLog();
    for (const [code, kind] of storyKinds.entries()) {
      assert.equal(storyKind[kind], code);
      log.now = 100 + code;
      log.add(storyKind[kind], 7, 1000 + code, 3, code % 5);
      log.add(storyKind[kind], 8, 0, 0, 0);
    }
    const entries = log.ofTask(7);
    assert.deepEqual(
      entries,
      storyKinds.map((kind, code) => ({
        ...{ at: 100 + code, kind, task: 7, attempt: 1000 + code, worker: 3, detail: code % 5 },
      })),
    );
    assert.deepEqual(log.ofTask(9), []);
  });

  test("is kept when there is more than was made room for, and for several at once", () => {
    const log = new StoryLog();
    for (let i = 0; i < 5_000; i++) {
      log.now = i;
      log.add(i % 3, i % 5, i, i % 7, i % 11);
    }
    const stories = log.ofTasks(new Set([1, 4]));
    assert.deepEqual([...stories.keys()].sort(), [1, 4]);
    const expected = Array.from({ length: 1_000 }, (_, i) => 5 * i + 4).map((i) => ({
      ...{ at: i, kind: storyKinds[i % 3], task: 4, attempt: i, worker: i % 7, detail: i % 11 },
    }));
    assert.deepEqual(stories.get(4), expected);
  });

  test("loses its oldest entries when there are too many", () => {
    const log = new StoryLog();
    for (let i = 0; i < storyEntriesMax; i++) log.add(0, i < 2 ? 1 : 2, i, 0, 0);
    assert.equal(log.ofTask(1).length, 2);
    log.add(0, 3, 0, 0, 0);
    assert.deepEqual(
      log.ofTask(1).map(({ attempt }) => attempt),
      [1],
    );
    assert.deepEqual([log.ofTask(2).length, log.ofTask(3).length], [storyEntriesMax - 2, 1]);
  });
});

test("events are numbered from 1, and of too many the oldest quarter leaves", () => {
  const log = new StoryLog();
  const event = { at: 5, journaled: 2, type: "told", id: "x", message: "m" };
  for (let i = 0; i < eventsMax; i++) log.addEvent(event);
  assert.equal(log.events.length, eventsMax);
  assert.deepEqual(log.events[0], { ...event, sequence: 1 });
  log.addEvent(event);
  assert.equal(log.events.length, eventsMax + 1 - eventsMax / 4);
  assert.equal(log.events[0].sequence, eventsMax / 4 + 1);
  assert.equal(log.events.at(-1)?.sequence, eventsMax + 1);
});
