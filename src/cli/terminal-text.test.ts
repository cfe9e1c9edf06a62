/**
 * Words that others chose cannot order a terminal about; pipes get them as they are.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { clearLine, lineForTerminal, obeyingNobody, withoutOrders } from "./terminal-text.ts";

const esc = "\x1b";

const orders: readonly (readonly [string, string, string])[] = [
  ["moves the cursor", `a${esc}[2Jb${esc}[1;1H`, "a^[[2Jb^[[1;1H"],
  ["names the window", `${esc}]0;evil\x07`, "^[]0;evil^G"],
  ["writes to the clipboard", `${esc}]52;c;ZXZpbA==${esc}\\`, "^[]52;c;ZXZpbA==^[\\"],
  ["begins with one byte", "\x9b2J\x9d0;x\x9c", "\\u009b2J\\u009d0;x\\u009c"],
  ["goes back", "secret\b\b\b\b\b\bshown\r", "secret^H^H^H^H^H^Hshown^M"],
  ["ends a text or deletes", "\0\x7f", "^@^?"],
  ["turns the direction of text", "a\u202eb\u2066c", "a\\u202eb\\u2066c"],
];

for (const [what, text, shown] of orders) {
  test(`what ${what} is seen and not obeyed`, () => {
    assert.equal(withoutOrders(text), shown);
  });
}

test("colours, tabs, newlines and every script are shown as they are", () => {
  const text = `${esc}[31mred${esc}[0m\t${esc}[38;5;9mx${esc}[m\nПривет, 世界 👋`;
  assert.equal(withoutOrders(text), text);
});

test("of a line that was written over only the last is shown, and its colour ends with it", () => {
  assert.equal(lineForTerminal("10 %\r50 %\r100 %"), "100 %");
  assert.equal(lineForTerminal("a line of another system\r"), "a line of another system");
  assert.equal(lineForTerminal(`${esc}[31mred`), `${esc}[31mred${esc}[0m`);
});

function aStream(isTTY: boolean) {
  const written: string[] = [];
  return { written, isTTY, columns: 70, write: (text: string) => written.push(text) };
}

test("a terminal obeys our status line only, and a pipe gets every byte", () => {
  const stdout = aStream(false);
  const stderr = aStream(true);
  const terminal = obeyingNobody({ stdout, stderr, env: {} });
  for (const stream of [terminal.stdout, terminal.stderr]) {
    stream.write(clearLine);
    stream.write(`evil${clearLine}`);
  }
  assert.deepEqual(stdout.written, [clearLine, `evil${clearLine}`]);
  assert.deepEqual(stderr.written, [clearLine, "evil^M^[[2K"]);
  assert.deepEqual([terminal.stderr.isTTY, terminal.stderr.columns], [true, 70]);
});

test("a long line of orders takes no time to speak of", () => {
  const startedAt = performance.now();
  lineForTerminal(`${esc}[${"1;".repeat(500_000)}`);
  lineForTerminal(esc.repeat(500_000));
  assert.ok(performance.now() - startedAt < 5_000);
});
