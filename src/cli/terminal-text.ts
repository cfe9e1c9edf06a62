/**
 * What a terminal is shown of words that others chose: a job's output, its names, its errors. They
 * may have colours, and nothing else that a terminal obeys: a program must not move the cursor of
 * whoever reads its log, rename the window, or write to the clipboard. What is not shown as it is
 * can be seen: `^[` is an escape.
 *
 * A pipe or a file gets every byte as it was written: there nobody obeys.
 *
 * @module
 */

import type { Terminal, TextStream } from "./context.ts";

/** Takes the line away that the cursor is in. */
export const clearLine = "\r\x1b[2K";

/** Takes all away that is on the screen; the next text begins at its top. */
export const clearScreen = "\x1b[H\x1b[J";

/**
 * Where a text of ours is written over a status line or a screen, it begins so. Besides colours
 * that is all that we say to a terminal; words of others never stand there.
 */
const redraws: readonly string[] = [clearLine, "\r\x1b[K", clearScreen];

const escapeCode = "\\u001b";
/** A colour, or a character that a terminal, or the eye, takes for an order. */
const orders = new RegExp(
  `${escapeCode}\\[[0-9;:]{0,64}m|` +
    // Controls but for tab and newline; the second set of them; what turns the direction of text.
    "[\\u0000-\\u0008\\u000b-\\u001f\\u007f]|[\\u0080-\\u009f\\u202a-\\u202e\\u2066-\\u2069]",
  "g",
);
const colour = new RegExp(`${escapeCode}\\[[0-9;:]*m`);
const resetColour = "\x1b[0m";

/** The text with colours, tabs and newlines, and every other order made visible. */
export function withoutOrders(text: string): string {
  return text.replaceAll(orders, (found) => {
    if (found.length > 1) return found;
    const code = found.charCodeAt(0);
    if (code === 0x7f) return "^?";
    if (code < 0x20) return `^${String.fromCharCode(code + 0x40)}`;
    return `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

/**
 * One line of a program as a terminal shows it: of what it wrote over itself, as progress bars do,
 * only the last, and a colour ends with its line.
 */
export function lineForTerminal(line: string): string {
  const last = line.replace(/\r+$/, "");
  const shown = withoutOrders(last.slice(last.lastIndexOf("\r") + 1));
  return colour.test(shown) ? `${shown}${resetColour}` : shown;
}

/** The same terminal, which obeys nobody but us; what is none of its streams is left alone. */
export function obeyingNobody({ stdout, stderr, env }: Terminal): Terminal {
  return { stdout: guarded(stdout), stderr: guarded(stderr), env };
}

function afterRedraw(text: string): string {
  const redraw = redraws.find((one) => text.startsWith(one)) ?? "";
  return `${redraw}${withoutOrders(text.slice(redraw.length))}`;
}

function guarded(stream: TextStream): TextStream {
  return {
    write: (text) => stream.write(stream.isTTY === true ? afterRedraw(text) : text),
    get isTTY() {
      return stream.isTTY === true;
    },
    get columns() {
      return stream.columns ?? 0;
    },
  };
}
