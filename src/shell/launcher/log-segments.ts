/**
 * The segments of one log as files: which there are, and their lines one by one.
 *
 * @module
 */

import { type FileHandle, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { parseEntry, segmentIndex, segmentName } from "./log-format.ts";

const newline = 10;
const chunkBytes = 256 * 1024;

/** The indexes of the segments that are there now, in order. None if there is no directory. */
export async function listSegments(directory: string): Promise<readonly number[]> {
  const names = await readdir(directory).catch(ignoreMissing([]));
  return names
    .map(segmentIndex)
    .filter((index) => index !== null)
    .sort((a, b) => a - b);
}

/**
 * Calls `visit` for each complete line from `offset` on, with its bytes including the newline,
 * until it answers false. A line that is not finished is not visited. Answers false if the segment
 * is not there (any more).
 */
export async function visitLines(
  directory: string,
  segment: number,
  offset: number,
  visit: (line: string, bytes: number) => boolean,
): Promise<boolean> {
  const path = join(directory, segmentName(segment));
  const file = await open(path, "r").catch(ignoreMissing(null));
  if (file === null) return false;
  try {
    await visitFile(file, offset, visit);
    return true;
  } finally {
    await file.close();
  }
}

async function visitFile(
  file: FileHandle,
  offset: number,
  visit: (line: string, bytes: number) => boolean,
): Promise<void> {
  let at = offset;
  let rest: Buffer = Buffer.alloc(0);
  while (true) {
    const chunk = Buffer.alloc(chunkBytes);
    const { bytesRead } = await file.read(chunk, 0, chunkBytes, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    const bytes = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
    let start = 0;
    for (let end = bytes.indexOf(newline); end !== -1; end = bytes.indexOf(newline, start)) {
      const line = bytes.toString("utf8", start, end);
      if (!visit(line, end + 1 - start)) return;
      start = end + 1;
    }
    rest = bytes.subarray(start);
  }
}

/** When a segment was begun, in Unix milliseconds; null of the first and of one that is gone. */
export async function segmentBeganAtMs(directory: string, segment: number): Promise<number | null> {
  let beganAtMs: number | null = null;
  await visitLines(directory, segment, 0, (line) => {
    const entry = parseEntry(line);
    if (entry?.kind === "#") beganAtMs = entry.atMs;
    return false;
  });
  return beganAtMs;
}

function ignoreMissing<T>(instead: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === "ENOENT") return instead;
    throw error;
  };
}
