/**
 * What the commands of `capstan demo chaos` leave behind: each attempt writes down that it began
 * and that it ended, in a file of its task. Nobody but the commands writes there, so it tells what
 * really ran, whatever the controller believes.
 *
 * @module
 */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What one task left: attempts, in the order in which they wrote. */
export interface TaskEffects {
  readonly begun: readonly string[];
  readonly done: readonly string[];
}

/** What every command does first and last: `$EFFECTS` is the directory, `$NAME` the job. */
export const beginLine = 'echo "begin $CAPSTAN_ATTEMPT_ID" >> "$EFFECTS/$NAME-$CAPSTAN_TASK_INDEX"';
export const doneLine = 'echo "done $CAPSTAN_ATTEMPT_ID" >> "$EFFECTS/$NAME-$CAPSTAN_TASK_INDEX"';

/** What task `index` of the job `name` left in `directory`. */
export function readEffects(directory: string, name: string, index: number): TaskEffects {
  const file = join(directory, `${name}-${index}`);
  const lines = existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
  const attemptsOf = (word: string) =>
    lines.map((line) => line.split(" ")).flatMap(([first, id]) => (first === word ? [id] : []));
  return { begun: attemptsOf("begin"), done: attemptsOf("done") };
}
