/**
 * Bytes as text (RFC 4648, with padding), without what only Node has.
 *
 * @module
 */

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const digitOfCode = new Uint8Array(128);
for (let digit = 0; digit < alphabet.length; digit++) {
  digitOfCode[alphabet.charCodeAt(digit)] = digit;
}

/** Characters that are made into text at once: more arguments than that a call may not have. */
const partCharacters = 8_192;

export function encodeBase64(bytes: Uint8Array): string {
  const codes = new Uint8Array(4 * Math.ceil(bytes.length / 3));
  for (let at = 0, to = 0; at < bytes.length; at += 3) {
    const rest = bytes.length - at;
    const second = rest > 1 ? bytes[at + 1] : 0;
    const third = rest > 2 ? bytes[at + 2] : 0;
    const group = (bytes[at] << 16) | (second << 8) | third;
    codes[to++] = alphabet.charCodeAt(group >> 18);
    codes[to++] = alphabet.charCodeAt((group >> 12) & 63);
    codes[to++] = rest > 1 ? alphabet.charCodeAt((group >> 6) & 63) : padding;
    codes[to++] = rest > 2 ? alphabet.charCodeAt(group & 63) : padding;
  }
  let text = "";
  for (let at = 0; at < codes.length; at += partCharacters) {
    text += String.fromCharCode(...codes.subarray(at, at + partCharacters));
  }
  return text;
}

const padding = "=".charCodeAt(0);

/** The `length` bytes of such a text. Padding reads as zeros, which the length cuts off. */
export function decodeBase64(text: string, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0, to = 0; at < text.length; at += 4) {
    const group =
      (digitOfCode[text.charCodeAt(at)] << 18) |
      (digitOfCode[text.charCodeAt(at + 1)] << 12) |
      (digitOfCode[text.charCodeAt(at + 2)] << 6) |
      digitOfCode[text.charCodeAt(at + 3)];
    bytes[to++] = group >> 16;
    if (to < length) bytes[to++] = (group >> 8) & 0xff;
    if (to < length) bytes[to++] = group & 0xff;
  }
  return bytes;
}
