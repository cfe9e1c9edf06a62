/**
 * A look at all rows of a table in steps: whoever drives it may do other things between two, so the
 * table may change meanwhile. Each row is then shown as it was when it was looked at.
 *
 * @module
 */

/** Yields between two steps; its end is the answer. */
export type Scan<Answer> = Generator<void, Answer, void>;

/** Rows of one step: a fraction of a millisecond. */
const scanStepRows = 8_192;

/** The same of what has more to look at in each: jobs, queues. */
const scanStepItems = 512;

/** Whether a scan that has looked at this many rows should let others go on. */
export function endsStep(rowsSeen: number): boolean {
  return rowsSeen % scanStepRows === scanStepRows - 1;
}

/** The same for items that cost more than rows. */
export function endsItemStep(itemsSeen: number): boolean {
  return itemsSeen % scanStepItems === scanStepItems - 1;
}

/** One step for each item: for views, of which each may take long. */
export function* eachInSteps<Item, View>(
  items: readonly Item[],
  view: (item: Item) => View,
): Scan<View[]> {
  const views: View[] = [];
  for (const item of items) {
    views.push(view(item));
    yield;
  }
  return views;
}

/** All steps at once. */
export function finish<Answer>(scan: Scan<Answer>): Answer {
  for (;;) {
    const step = scan.next();
    if (step.done === true) return step.value;
  }
}
