/**
 * Results for the tests of what is made of them.
 *
 * @module
 */

import type { ComparedResult, PeerFigures } from "./peers.ts";

export function aResult(overrides: Partial<ComparedResult> = {}): ComparedResult {
  return {
    name: "throughput",
    unit: "tasks/s",
    median: 117_088.4,
    min: 91_594,
    max: 145_464,
    runs: [91_594, 117_088.4, 145_464],
    cpuSeconds: 3.271,
    peakRssBytes: 1_423 * 2 ** 20,
    details: {},
    peers: {},
    ...overrides,
  };
}

export function aPeer(overrides: Partial<PeerFigures> = {}): PeerFigures {
  return {
    version: "2026.8.0",
    median: 1_878,
    min: 1_372,
    max: 2_035,
    runs: [1_372, 1_878, 2_035],
    cpuSeconds: 9.1,
    peakRssBytes: 2 ** 28,
    ratio: 62.3,
    ...overrides,
  };
}
