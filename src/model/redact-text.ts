/**
 * Leaves out what looks like a secret, from text that people are shown. In doubt it hides too much.
 *
 * The text may be a job's own words: every form is bounded, so that the work is linear in it.
 *
 * @module
 */

/** What stands for a value that is not shown. */
export const redactedText = "***";

const word = "(?:key|token|secret|passw(?:or)?d|passphrase|credential)";
/** What may follow the word in a name, such as `_ID` or `File`. */
const rest = "[A-Za-z0-9_.-]{0,64}";

const secretForms: readonly RegExp[] = [
  // TOKEN=abc, --api-key=abc, "password": "abc"
  new RegExp(`(${word}${rest}["']?\\s{0,8}[=:]\\s{0,8}["']?)[^\\s"',;&]+`, "gi"),
  // --token abc
  new RegExp(`(--[A-Za-z0-9_.-]{0,64}${word}${rest}\\s{1,8})[^\\s"'-][^\\s"']*`, "gi"),
  // Authorization: Bearer abc
  /(\b(?:bearer|basic)\s{1,8})[A-Za-z0-9._~+/=-]+/gi,
  // https://user:abc@host
  /(:\/\/[^\s/:@]{0,256}:)[^\s/@]+(?=@)/g,
];

/** A secret of ours, wherever it stands. */
const ownToken = /\bcst_[A-Za-z0-9_-]+/g;

/** The text with `***` in place of each value that looks like a secret. */
export function redactText(text: string): string {
  const without = secretForms.reduce((left, form) => left.replaceAll(form, "$1***"), text);
  return without.replaceAll(ownToken, redactedText);
}
