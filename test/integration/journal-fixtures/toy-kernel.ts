/**
 * A kernel that only counts: enough state to tell whether facts came back whole and in order.
 *
 * @module
 */

import type { FoldKernel } from "../../../src/shell/journal/journal.ts";

export interface ToyFact {
  readonly type: "counted";
  readonly n: number;
  readonly column: Uint32Array;
}

export interface ToyState {
  count: number;
  last: number;
  /** Depends on the order and on every column. */
  digest: number;
}

export const foldKernel: FoldKernel<ToyState, ToyFact> = {
  newState: () => ({ count: 0, last: 0, digest: 0 }),
  apply: (state, fact) => {
    state.count++;
    state.last = fact.n;
    for (const value of fact.column) state.digest = (Math.imul(state.digest, 31) + value) >>> 0;
  },
  snapshotOf: (state) => ({ ...state, column: new Float64Array([state.digest]) }),
  stateOf: (snapshot) => {
    const { count, last, digest } = snapshot as ToyState;
    return { count, last, digest };
  },
};

export function aFact(n: number): ToyFact {
  return { type: "counted", n, column: new Uint32Array([n, n * 7]) };
}
