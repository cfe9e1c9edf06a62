/**
 * How facts about memory change the state.
 *
 * @module
 */

import { present } from "../base/assert.ts";
import { recordOf } from "./apply-tasks.ts";
import type { MemoryFact } from "./facts.ts";
import { moveValue, useValue, valueIn } from "./residence.ts";
import type { WorkerState } from "./state.ts";

type MemoryAppliers = {
  readonly [T in MemoryFact["type"]]: (
    state: WorkerState,
    fact: Extract<MemoryFact, { type: T }>,
  ) => void;
};

export const memoryAppliers: MemoryAppliers = {
  "memory-measured": ({ residence }, { rssBytes }) => {
    residence.rssBytes = rssBytes;
  },
  "values-used": (state, { tasks }) => {
    for (const task of tasks) {
      const held = state.tasks.get(task)?.state;
      if (held?.type === "memory") useValue(state.residence, held.value);
    }
  },
  "spill-began": (state, { at, task, file }) => {
    const { state: held } = recordOf(state, task);
    const value = present(held.type === "memory" ? held.value : undefined, "the value is held");
    state.residence.nextFile = file + 1;
    value.sentAt = at;
    moveValue(state.residence, value, "writing", file);
  },
  "spill-ended": ({ residence }, { file }) => {
    residence.counts.spillCount++;
    residence.restUntil = 0;
    moveValue(residence, valueIn(residence, file), "disk", file);
  },
  "spill-abandoned": ({ residence }, { file }) => {
    moveValue(residence, valueIn(residence, file), "memory", file);
  },
  "spill-failed": ({ residence }, { file, until }) => {
    residence.counts.spillFailureCount++;
    residence.restUntil = until;
    moveValue(residence, valueIn(residence, file), "memory", file);
  },
  "load-began": ({ residence }, { at, file }) => {
    const value = valueIn(residence, file);
    value.sentAt = at;
    moveValue(residence, value, "reading", file);
  },
  "load-ended": ({ residence }, { file }) => {
    residence.counts.loadCount++;
    moveValue(residence, valueIn(residence, file), "memory", file);
  },
  "file-lost": ({ residence }) => {
    residence.counts.spillFailureCount++; // The value goes with the next fact.
  },
  "value-travelled": (state, { travel }) => state.traffic.push(travel),
  "traffic-told": (state) => state.traffic.clear(),
  "worker-paused": (state, { at, reason }) => {
    state.pause = { since: at, reason, outlasted: false };
  },
  "pause-outlasted": (state) => {
    present(state.pause ?? undefined, "the worker is paused").outlasted = true;
  },
  "worker-resumed": (state) => {
    state.pause = null;
  },
};
