/**
 * What is free on every worker, as a tree of maxima for each dimension: the workers that a request
 * fits are found without a look at those that it does not fit.
 *
 * A node stands for 16 workers or nodes below it and knows the most that one of them has. It may
 * lead to workers that have one thing each and none all of them, but never past one that fits.
 * A request that one worker fits costs the height of the tree; one that none fits, often one node.
 *
 * @module
 */

const fanoutBits = 4;
const fanout = 1 << fanoutBits;

/** What a request needs at least, by column. */
export interface Need {
  readonly column: number;
  readonly amount: number;
}

/** One dimension: level 0 has the workers, the last level at most 16 nodes. */
type Column = Float64Array[];

export class RoomTree {
  readonly #columns = new Map<number, Column>();
  /** Workers that there is room for. */
  #capacity = 0;

  /** How much of a column a worker has free. Below zero is nothing. */
  set(worker: number, column: number, amount: number): void {
    if (worker >= this.#capacity) this.#grow(worker + 1);
    let levels = this.#columns.get(column);
    if (levels === undefined) {
      if (amount <= 0) return; // Of what nobody has there is no column.
      levels = newColumn(this.#capacity);
      this.#columns.set(column, levels);
    }
    raise(levels, worker, Math.max(0, amount));
  }

  /** Visits, in the order of their indices, the workers that have enough of everything. */
  forEachFit(needs: readonly Need[], visit: (worker: number) => void): void {
    const columns: Column[] = [];
    for (const { column } of needs) {
      const levels = this.#columns.get(column);
      if (levels === undefined) return;
      columns.push(levels);
    }
    const [first] = columns;
    if (first === undefined) return;
    const amounts = needs.map(({ amount }) => amount);
    const top = first.length - 1;
    descend({ columns, amounts, visit }, top, { from: 0, to: first[top].length });
  }

  #grow(count: number): void {
    this.#capacity = Math.max(fanout, count, this.#capacity * 2);
    for (const [column, levels] of this.#columns) {
      const larger = newColumn(this.#capacity);
      for (const [worker, amount] of levels[0].entries()) {
        if (amount > 0) raise(larger, worker, amount);
      }
      this.#columns.set(column, larger);
    }
  }
}

function newColumn(capacity: number): Column {
  const levels: Column = [];
  let count = Math.max(1, capacity);
  for (;;) {
    levels.push(new Float64Array(count));
    if (count <= fanout) return levels;
    count = Math.ceil(count / fanout);
  }
}

/** Sets a worker's amount, and the maxima above it as far as they change. */
function raise(levels: Column, worker: number, amount: number): void {
  let index = worker;
  let before = levels[0][index];
  let now = amount;
  levels[0][index] = now;
  for (let level = 1; level < levels.length && now !== before; level++) {
    const parent = index >> fanoutBits;
    const most = levels[level][parent];
    if (now < most) {
      if (before < most) return; // It was not the one with most, and is not now.
      now = mostBelow(levels[level - 1], parent);
    }
    levels[level][parent] = now;
    before = most;
    index = parent;
  }
}

function mostBelow(children: Float64Array, parent: number): number {
  const from = parent << fanoutBits;
  const to = Math.min(from + fanout, children.length);
  let most = 0;
  for (let child = from; child < to; child++) most = Math.max(most, children[child]);
  return most;
}

interface Search {
  readonly columns: readonly Column[];
  readonly amounts: readonly number[];
  readonly visit: (worker: number) => void;
}

/** As deep as the tree is high: five levels for a million workers. */
function descend(search: Search, level: number, nodes: { from: number; to: number }): void {
  for (let node = nodes.from; node < nodes.to; node++) {
    if (!hasEnough(search, level, node)) continue;
    if (level === 0) {
      search.visit(node);
      continue;
    }
    const from = node << fanoutBits;
    const to = Math.min(from + fanout, search.columns[0][level - 1].length);
    descend(search, level - 1, { from, to });
  }
}

function hasEnough({ columns, amounts }: Search, level: number, node: number): boolean {
  for (let i = 0; i < columns.length; i++) {
    if (columns[i][level][node] < amounts[i]) return false;
  }
  return true;
}
