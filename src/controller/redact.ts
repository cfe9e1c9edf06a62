/**
 * What lists and reports show instead of secrets. For display only: what runs gets the real values.
 * In doubt it hides too much.
 *
 * @module
 */

import { redactedText, redactText } from "../model/redact-text.ts";

const secretName =
  /KEY|TOKEN|SECRET|PASSW(?:OR)?D|PASSPHRASE|CREDENTIAL|AUTHORIZATION|(?:^|[_-])AUTH(?:$|[_-])/i;
const space = /\s/;

/** The environment with the values of secret-looking names hidden, and secrets inside others. */
export function redactEnv(env: { readonly [name: string]: string }): { [name: string]: string } {
  return Object.fromEntries(
    Object.entries(env).map(([name, value]) => [
      name,
      secretName.test(name) ? redactedText : redactText(value),
    ]),
  );
}

/**
 * The command line with secrets hidden: `--token=x`, `--password x`, `API_KEY=x`, `?token=x`. After
 * an option that names a secret the next entry is hidden, whatever it looks like; in an entry with
 * an assignment everything after the first secret one is. In any other, what `redactText` finds:
 * `Authorization: Bearer x`, `https://user:x@host`.
 */
export function redactArgv(argv: readonly string[]): string[] {
  let hidesNext = false;
  return argv.map((entry, position) => {
    const hides = hidesNext;
    hidesNext = position > 0 && isSecretOption(entry);
    return hides ? redactedText : redactText(redactAssignment(entry));
  });
}

/** `--api-key`, `-password`: its value is the next entry. */
function isSecretOption(entry: string): boolean {
  return entry.startsWith("-") && !entry.includes("=") && secretName.test(entry);
}

/** Linear in the entry, which may be a whole script. */
function redactAssignment(entry: string): string {
  let from = 0;
  for (let at = entry.indexOf("="); at >= 0; at = entry.indexOf("=", at + 1)) {
    if (secretName.test(entry.slice(startOfWord(entry, from, at), at))) {
      return `${entry.slice(0, at + 1)}${redactedText}`;
    }
    from = at + 1;
  }
  return entry;
}

function startOfWord(text: string, from: number, end: number): number {
  let start = end;
  while (start > from && !space.test(text[start - 1])) start--;
  return start;
}
