/**
 * Bounds of the thread executor. `docs/limits.md` lists each with what happens past it.
 *
 * @module
 */

/** Executions that one lane's thread may have before it, done or not yet collected; more wait. */
export const laneSlotCount = 1024;

/** Bytes of one lane's ring of small results. A full ring makes the thread wait for the reader. */
export const resultRingBytes = 1 << 20;

/** How often a lane that may hide something (a result, a start) is looked at, in milliseconds. */
export const lanePollMs = 2;

/** A thread tells of its results at least this often while it has work, in milliseconds. */
export const resultNotifyMs = 1;

/** What is kept of a lane's stderr for a failure, in bytes; older output falls off. */
export const stderrTailBytes = 8 * 1024;

/** Causes of an error that travel with it; deeper ones are dropped. */
export const errorCausesMax = 8;

/** Characters of an error's message or stack that travel; the rest is cut. */
export const errorTextMax = 64 * 1024;

/** Exits of a thread in a row without any work done, before its next execution is failed. */
export const idleExitsMax = 3;

/** First and longest pause before a thread that did no work is started again, in milliseconds. */
export const restartDelayInitialMs = 50;
export const restartDelayMaxMs = 2_000;

/** How long a terminated thread may take to exit before the worker is recycled, in milliseconds. */
export const terminateWaitMs = 10_000;
