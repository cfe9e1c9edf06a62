/**
 * Words as a shell reads them.
 *
 * @module
 */

/** The word itself, or in quotes if a shell would take it for something else. */
export function quoted(word: string): string {
  if (/^[\w./:=@%+,-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
