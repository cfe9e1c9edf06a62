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

/** How often a worker looks whether the process that started it is still its parent, in ms. */
export const parentCheckMs = 1_000;

/** Beats without a word from the controller, after which the worker connects anew. */
export const controllerSilentBeatsMax = 15;
