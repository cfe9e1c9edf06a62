/**
 * Bounds of the worker process. `docs/limits.md` lists each with its unit and what happens past it.
 *
 * @module
 */

/** First and longest pause between two tries to reach the controller, in milliseconds. */
export const reconnectDelayMinMs = 50;
export const reconnectDelayMaxMs = 2_000;

/** How long one try to reach the controller may take, in milliseconds. */
export const connectTimeoutMs = 5_000;

/** Tries to fetch one bundle before the executions that need it have failed. */
export const bundleFetchTriesMax = 16;

/** First and longest pause between two tries to fetch a bundle, in milliseconds. */
export const bundleRetryDelayMinMs = 50;
export const bundleRetryDelayMaxMs = 2_000;

/** How long one try to fetch a bundle may take, in milliseconds. */
export const bundleFetchTimeoutMs = 30_000;

/** Archives of workspaces that are kept, in bytes; past it the longest unused go. */
export const workspaceCacheBytesMax = 4 * 1024 * 1024 * 1024;

/** An archive that was asked for so lately is not deleted, in milliseconds. */
export const bundleInUseMs = 600_000;

/** How often a worker looks whether the process that started it is still its parent, in ms. */
export const parentCheckMs = 1_000;

/** Beats without a word from the controller, after which the worker connects anew. */
export const controllerSilentBeatsMax = 15;

/** Commands that run at once on a worker that does not say otherwise; more wait. */
export const commandSlotsDefault = 256;

/** How often a worker checks whether it can run anything, in milliseconds. */
export const healthCheckMs = 10_000;

/** How often a worker looks for what it may forget: specs, old logs. In milliseconds. */
export const housekeepingMs = 60_000;

/** Free part of the work directory's disk below which the worker takes nothing new. */
export const freeDiskFractionMin = 0.05;

/** Free bytes of the work directory's disk below which the worker takes nothing new. */
export const freeDiskBytesMin = 256 * 1024 * 1024;

/** Part of a worker's memory that values take before the first go to the disk, by default. */
export const memoryTargetShare = 0.6;

/** Part of a worker's memory in use above which it starts nothing, by default. */
export const memoryPauseShare = 0.8;

/** Bytes of values that stay in memory on a worker of little memory, by default. */
export const memoryTargetBytesMin = 64 * 1024 * 1024;

/** Bytes that the pause bound is above the target at least: what the process itself takes. */
export const memoryProcessBytes = 512 * 1024 * 1024;

/** How often a worker measures its memory, in milliseconds. */
export const memoryLookMs = 250;

/** Part of its pause bound above which a worker collects garbage. */
export const collectShare = 0.8;

/** Pause between two collections of garbage at least, in milliseconds. */
export const collectEveryMs = 1_000;

/** Change of the memory in use that the worker takes note of, as a part of its pause bound. */
export const memoryStepShare = 1 / 64;

/** Grace of commands whose worker ends because its parent did; then they are killed, in ms. */
export const orphanGraceMs = 2_000;

/** How long a worker that is told to leave waits for copies of its values, by default, in ms. */
export const drainTimeoutMsDefault = 10_000;

/** How long an ending worker waits for its commands and its launcher, in milliseconds. */
export const closeTimeoutMs = 5_000;
