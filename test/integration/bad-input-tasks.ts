/**
 * A module of tasks that nobody should write: imported by their author it works, imported by a
 * worker it does not.
 *
 * @module
 */

import { defineTask } from "../../src/client/index.ts";

const isOnWorker = Reflect.get(globalThis, Symbol.for("capstan.importing")) === true;
if (isOnWorker) throw new Error("no license server here");

export const unlucky = defineTask(import.meta.url, function unlucky(value: number): number {
  return value;
});
