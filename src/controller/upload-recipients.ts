/**
 * Which worker gets the next value that a client brings: of those that may hold it, whoever is to
 * get the fewest, and among these whoever holds the least. How big a value is nobody knows before
 * it is there, so those on their way are spread by number: many at once come in by many doors.
 *
 * Made for one step. Each value costs a look at a few workers and not at all of them.
 *
 * @module
 */

import { Heap } from "../base/heap.ts";
import { noWorker, type WorkerIndex } from "../model/ids.ts";
import { mayUse } from "./eligibility.ts";
import { type ControllerState, isHealthy, isOpen, type Shape, shapeOf } from "./state.ts";

/** Those that take no work come after all that do. */
const closedKey = 2 ** 50;

/** The workers that may hold values of one shape, whoever is the best next one first. */
class Line {
  readonly #state: ControllerState;
  /** By how much each held when the step began: 0 for the least. */
  readonly #ranks = new Map<WorkerIndex, number>();
  readonly #heap = new Heap();

  constructor(state: ControllerState, shape: Shape) {
    this.#state = state;
    const able = state.workers.filter((worker) => isHealthy(worker) && mayUse(worker, shape));
    able.sort((a, b) => a.heldValueBytes - b.heldValueBytes || a.index - b.index);
    for (const { index } of able) {
      this.#ranks.set(index, this.#ranks.size);
      this.#heap.push(this.#keyOf(index), index);
    }
  }

  #keyOf(worker: WorkerIndex): number {
    const { workers, shared } = this.#state;
    const count = shared.uploadCounts.get(worker) ?? 0;
    const rank = this.#ranks.get(worker) ?? 0;
    return (isOpen(workers[worker]) ? 0 : closedKey) + count * this.#ranks.size + rank;
  }

  /** The next one, unless it has more to get since it came into line. */
  #take(): WorkerIndex {
    while (this.#heap.length > 0) {
      const key = this.#heap.peekKey();
      const worker = this.#heap.pop();
      const now = this.#keyOf(worker);
      if (now === key) return worker;
      this.#heap.push(now, worker);
    }
    return noWorker;
  }

  #putBack(worker: WorkerIndex): void {
    if (worker !== noWorker) this.#heap.push(this.#keyOf(worker), worker);
  }

  choose(avoided: WorkerIndex): WorkerIndex {
    const first = this.#take();
    const second = first === avoided ? this.#take() : noWorker;
    this.#putBack(first);
    this.#putBack(second);
    if (second === noWorker) return first;
    const { workers } = this.#state;
    return isOpen(workers[first]) && !isOpen(workers[second]) ? first : second;
  }
}

export class UploadRecipients {
  readonly #state: ControllerState;
  readonly #lines = new Map<number, Line>();

  constructor(state: ControllerState) {
    this.#state = state;
  }

  /** `noWorker` if none may hold the value; `avoided` only if no other is as good. */
  choose(task: number, avoided: WorkerIndex): WorkerIndex {
    const shape = shapeOf(this.#state, task);
    let line = this.#lines.get(shape.index);
    if (line === undefined) {
      line = new Line(this.#state, shape);
      this.#lines.set(shape.index, line);
    }
    return line.choose(avoided);
  }
}
