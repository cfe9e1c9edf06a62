/**
 * Bounds of the HTTP API.
 *
 * @module
 */

/** Body of an API call. A larger one is refused with INVALID_ARGUMENT. */
export const requestBytesMax = 16 * 1024 * 1024;

/** One bundle. A larger one is refused with INVALID_ARGUMENT. */
export const bundleBytesMax = 256 * 1024 * 1024;
