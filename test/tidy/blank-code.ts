/**
 * Code with its comments, and if wished its strings, replaced by spaces: what is left has the same
 * lines and columns and no words that only look like code.
 *
 * This is a scanner and not a parser. It knows line and block comments, the three kinds of strings
 * (with the code inside `${…}`) and regular expressions where one may stand.
 *
 * @module
 */

/** After these, a slash begins a regular expression and not a division. */
const beforeRegExp = /(?:[(,=:[!&|?{};+\-*%<>~^]|\breturn|\btypeof|\bcase|\bof|\bin|^)\s*$/;

/** Blanks comments; blanks the insides of strings and regular expressions too unless kept. */
export function blankCode(text: string, options: { readonly keepStrings: boolean }): string {
  const scanner = new Scanner(text, options.keepStrings);
  return scanner.scan();
}

class Scanner {
  readonly #text: string;
  readonly #keepStrings: boolean;
  readonly #out: string[] = [];
  #at = 0;

  constructor(text: string, keepStrings: boolean) {
    this.#text = text;
    this.#keepStrings = keepStrings;
  }

  scan(): string {
    this.#code(0);
    return this.#out.join("");
  }

  /** Code up to the end or, inside a template, up to the brace that closes it. */
  #code(braces: number): void {
    let depth = braces;
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at];
      const two = this.#text.slice(this.#at, this.#at + 2);
      if (two === "//") this.#blankUntil(/\n|$/g, 0, false);
      else if (two === "/*") this.#blankUntil(/\*\//g, 2, false);
      else if (char === '"' || char === "'") this.#string(char);
      else if (char === "`") this.#template();
      else if (char === "/" && this.#regExpMayStand()) this.#regExp();
      else {
        if (char === "{" && depth > 0) depth++;
        if (char === "}" && depth > 0 && --depth === 0) return;
        this.#keep(1);
      }
    }
  }

  #string(quote: string): void {
    this.#keep(1);
    while (this.#at < this.#text.length && this.#text[this.#at] !== quote) {
      this.#inside(this.#text[this.#at] === "\\" ? 2 : 1);
    }
    this.#keep(1);
  }

  #template(): void {
    this.#keep(1);
    while (this.#at < this.#text.length && this.#text[this.#at] !== "`") {
      if (this.#text.slice(this.#at, this.#at + 2) === "${") {
        this.#keep(2);
        this.#code(1);
        this.#keep(1);
      } else this.#inside(this.#text[this.#at] === "\\" ? 2 : 1);
    }
    this.#keep(1);
  }

  #regExp(): void {
    this.#keep(1);
    let inClass = false;
    while (this.#at < this.#text.length && (inClass || this.#text[this.#at] !== "/")) {
      if (this.#text[this.#at] === "[") inClass = true;
      if (this.#text[this.#at] === "]") inClass = false;
      this.#inside(this.#text[this.#at] === "\\" ? 2 : 1);
    }
    this.#keep(1);
  }

  #regExpMayStand(): boolean {
    const before = this.#out.slice(-40).join("");
    return beforeRegExp.test(before);
  }

  #blankUntil(end: RegExp, length: number, keep: boolean): void {
    end.lastIndex = this.#at;
    const found = end.exec(this.#text);
    const stop = found === null ? this.#text.length : found.index + length;
    while (this.#at < stop) this.#put(keep);
  }

  #inside(count: number): void {
    for (let i = 0; i < count && this.#at < this.#text.length; i++) this.#put(this.#keepStrings);
  }

  #keep(count: number): void {
    for (let i = 0; i < count && this.#at < this.#text.length; i++) this.#put(true);
  }

  /** Takes one character over, or a blank for it; lines stay lines. */
  #put(keep: boolean): void {
    const char = this.#text[this.#at++];
    this.#out.push(keep || char === "\n" ? char : " ");
  }
}
