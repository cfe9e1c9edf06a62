/**
 * Loaded before a child's own program (`node --import`): ends the child when the process that
 * started it is gone, which closes the child's stdin. So nobody leaves a controller behind by being
 * killed.
 *
 * Must do nothing in the threads of the child, and must not keep the child alive.
 *
 * @module
 */

import { isMainThread } from "node:worker_threads";

if (isMainThread) {
  process.stdin.once("close", () => process.kill(process.pid, "SIGTERM")).resume();
  // A pipe, which keeps a process alive unless it is told not to.
  if ("unref" in process.stdin) process.stdin.unref();
}
