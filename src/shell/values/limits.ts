/**
 * Bounds of the value format. Constants only.
 *
 * @module
 */

/** Largest encoded value, in bytes: columns count in u32. A larger one is refused as it is made. */
export const valueBytesMax = 2 ** 32 - 1;

/** Deepest nesting of a value. A deeper one is refused with its path. */
export const valueDepthMax = 500;

/** Longest bigint, in hexadecimal digits. A longer one is refused with its path. */
export const bigintDigitsMax = 1 << 20;

/** Binary data of at least so many bytes is decoded as a view of the message; less is copied. */
export const viewBytesMin = 4 * 1024;
