/**
 * The log of an attempt, from bytes of a stream to pages of lines.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { CapstanError } from "../../model/errors.ts";
import { logLastSegmentsMax, logPieceBytesMax, logSegmentBytesMax } from "./limits.ts";
import { LineSplitter } from "./line-splitter.ts";
import { readLog } from "./log-reader.ts";
import { LogWriter } from "./log-writer.ts";

function aDirectory(t: { after(undo: () => void): void }): string {
  const directory = mkdtempSync(join(tmpdir(), "capstan-log-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

async function write(directory: string, text: string): Promise<LogWriter> {
  const writer = new LogWriter(directory, () => undefined);
  writer.append(Buffer.from(text));
  await writer.close();
  return writer;
}

const texts = (read: { readonly lines: readonly { text: string }[] }): string[] =>
  read.lines.map(({ text }) => text);

test("a line in pieces is put together, an unfinished last line is a line", () => {
  const splitter = new LineSplitter("stdout");
  const out = ["ab", "c\nde", "\n\nf"].map((each) => splitter.push(Buffer.from(each), 5));
  assert.equal(Buffer.concat(out).toString(), "5 o abc\n5 o de\n5 o \n");
  assert.equal(splitter.end(6).toString(), "6 o f\n");
});

test("a line that is too long goes on in the next piece and no character is cut", () => {
  const splitter = new LineSplitter("stderr");
  const text = `x${"é".repeat(logPieceBytesMax)}`;
  const out = splitter
    .push(Buffer.from(`${text}\n`), 5)
    .toString()
    .trimEnd()
    .split("\n");
  assert.deepEqual(
    out.map((line) => line.slice(0, 4)),
    ["5 E ", "5 E ", "5 e "],
  );
  assert.equal(out.map((line) => line.slice(4)).join(""), text);
});

test("a piece that is flushed keeps back the beginning of a character", () => {
  const splitter = new LineSplitter("stdout");
  splitter.push(Buffer.from([0x61, 0xe2, 0x82]), 5);
  assert.equal(splitter.flushPiece(5).toString(), "5 O a\n");
  assert.equal(splitter.push(Buffer.from([0xac, 0x0a]), 6).toString(), "6 o €\n");
});

test("bytes that are not UTF-8 are cut anyway", () => {
  const splitter = new LineSplitter("stdout");
  splitter.push(Buffer.alloc(3 * logPieceBytesMax, 0x80), 5);
  assert.equal(splitter.end(5).length, logPieceBytesMax + "5 o \n".length);
});

test("pages follow each other without a gap, by lines and by bytes, to the end", async (t) => {
  const directory = aDirectory(t);
  await write(directory, "1 o a\n2 e b\n3 o c\n4 O d\n5 o e\n");
  const first = await readLog({ directory, cursor: "", maxLines: 2 });
  assert.deepEqual(first.lines, [
    { atMs: 1, stream: "stdout", text: "a", continues: false },
    { atMs: 2, stream: "stderr", text: "b", continues: false },
  ]);
  const second = await readLog({ directory, cursor: first.cursor, maxBytes: 2 });
  assert.deepEqual(texts(second), ["c", "d"]);
  assert.equal(second.lines[1].continues, true);
  assert.equal(second.complete, false);
  writeFileSync(join(directory, "exit.json"), "{}");
  const third = await readLog({ directory, cursor: second.cursor });
  assert.deepEqual(texts(third), ["e"]);
  assert.equal(third.complete, true);
});

test("a line that is longer than a page is a page", async (t) => {
  const directory = aDirectory(t);
  await write(directory, "1 o abcdef\n2 o g\n");
  assert.deepEqual(texts(await readLog({ directory, cursor: "", maxBytes: 3 })), ["abcdef"]);
});

test("a filter looks at time, text and stream; a tail counts what matches", async (t) => {
  const directory = aDirectory(t);
  await write(directory, "1 o xa\n2 e xb\n3 o yc\n4 o xd\n5 o xe\n");
  const read = (options: object) => readLog({ directory, cursor: "", ...options });
  assert.deepEqual(texts(await read({ sinceMs: 3 })), ["yc", "xd", "xe"]);
  assert.deepEqual(texts(await read({ substring: "x", streams: ["stdout"] })), ["xa", "xd", "xe"]);
  const tail = await read({ tail: 3, substring: "x" });
  assert.deepEqual(texts(tail), ["xb", "xd", "xe"]);
  assert.deepEqual(texts(await read({ tail: 2, maxBytes: 3 })), ["xe"]);
  assert.deepEqual(texts(await read({ tail: 0 })), []);
  assert.deepEqual(texts(await readLog({ directory, cursor: tail.cursor })), []);
});

test("a line that is being written is read when it is finished", async (t) => {
  const directory = aDirectory(t);
  writeFileSync(join(directory, "log.0"), "1 o a\n2 o b");
  const first = await readLog({ directory, cursor: "" });
  assert.deepEqual(texts(first), ["a"]);
  writeFileSync(join(directory, "log.0"), "1 o a\n2 o bc\n");
  assert.deepEqual(texts(await readLog({ directory, cursor: first.cursor })), ["bc"]);
});

test("no log and a strange cursor: nothing, and a refusal that names the field", async (t) => {
  const directory = aDirectory(t);
  const read = await readLog({ directory: join(directory, "none"), cursor: "" });
  assert.deepEqual(read, { lines: [], cursor: "0:0:0", droppedBytes: 0, complete: false });
  await assert.rejects(readLog({ directory, cursor: "x" }), (error) => {
    assert.ok(error instanceof CapstanError);
    assert.equal(error.code, "INVALID_ARGUMENT");
    assert.match(error.message, /^cursor: "x" is not one that a page ended with/);
    return true;
  });
});

/** Lines of 1 MiB, numbered. */
function aMegabyteLine(index: number): Buffer {
  const head = `${index} o ${index}:`;
  return Buffer.from(`${head}${"x".repeat((1 << 20) - head.length - 1)}\n`);
}

test("the first segment and the newest are kept, and the hole is reported in bytes", async (t) => {
  const directory = aDirectory(t);
  const writer = new LogWriter(directory, () => undefined);
  const perSegment = logSegmentBytesMax / (1 << 20);
  const count = (logLastSegmentsMax + 4) * perSegment;
  let middle = "";
  for (let index = 0; index < count; index++) {
    writer.append(aMegabyteLine(index));
    await until(() => !writer.isFull);
    // In the third segment, which will be deleted.
    if (index === 2 * perSegment)
      middle = (await readLog({ directory, cursor: "", tail: 0 })).cursor;
  }
  await writer.close();
  const segments = readdirSync(directory);
  assert.equal(segments.length, 1 + logLastSegmentsMax);
  for (const name of segments) {
    assert.ok(statSync(join(directory, name)).size <= logSegmentBytesMax, name);
  }
  const { lines, droppedBytes } = await readEverything(directory, "");
  assert.equal(droppedBytes, writer.droppedBytes);
  assert.equal(lines.length * (1 << 20) + droppedBytes, count * (1 << 20));
  assert.ok(droppedBytes > 0);
  const rest = await readEverything(directory, middle);
  assert.ok(rest.droppedBytes > 0 && rest.droppedBytes < droppedBytes);
  assert.equal(rest.lines.at(-1), String(count - 1));
  const tail = await readLog({ directory, cursor: "", tail: 2 });
  assert.deepEqual(
    tail.lines.map(({ atMs }) => atMs),
    [count - 2, count - 1],
  );
  assert.equal(tail.droppedBytes, 0);
});

async function readEverything(directory: string, from: string) {
  const lines: string[] = [];
  let droppedBytes = 0;
  let cursor = from;
  while (true) {
    const page = await readLog({ directory, cursor });
    droppedBytes += page.droppedBytes;
    lines.push(...texts(page).map((text) => text.split(":")[0]));
    if (page.cursor === cursor) return { lines, droppedBytes };
    cursor = page.cursor;
  }
}

async function until(condition: () => boolean): Promise<void> {
  const deadlineAt = performance.now() + 20_000;
  while (!condition()) {
    assert.ok(performance.now() < deadlineAt, "the condition came true in time");
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("what could not be written is counted and reported, and costs nothing else", async (t) => {
  const directory = aDirectory(t);
  const missing = join(directory, "later");
  const writer = new LogWriter(missing, () => undefined);
  writer.append(Buffer.from("1 o lost\n"));
  await until(() => writer.droppedBytes === 9);
  mkdirSync(missing);
  writer.append(Buffer.from("2 o kept\n"));
  await writer.close();
  const read = await readLog({ directory: missing, cursor: "" });
  assert.deepEqual(texts(read), ["kept"]);
  assert.equal(read.droppedBytes, 9);
});

test("a writer that cannot keep up asks for silence and says when there is room", async (t) => {
  let rooms = 0;
  const writer = new LogWriter(aDirectory(t), () => rooms++);
  assert.equal(writer.append(aMegabyteLine(0)), false);
  await writer.close();
  assert.equal(rooms, 1);
  assert.equal(writer.append(Buffer.alloc(0)), true);
});
