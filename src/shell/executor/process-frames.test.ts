/**
 * What a worker and a function's process send each other, in whatever pieces it arrives.
 *
 * @module
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { inlineValueBytesMax } from "../../protocol/messages.ts";
import { allocateValue } from "../store/value-store.ts";
import { frameHeadBytesMax } from "./limits.ts";
import { type Frame, FrameReader, writeFrame } from "./process-frames.ts";

/** Both ends of a connection. */
async function aConnection(t: TestContext): Promise<{ near: Socket; far: Socket }> {
  const directory = mkdtempSync(join(tmpdir(), "capstan-frames-"));
  const server = createServer();
  server.listen(join(directory, "s"));
  await once(server, "listening");
  const near = connect(join(directory, "s"));
  const [far] = (await once(server, "connection")) as [Socket];
  t.after(() => {
    near.destroy();
    far.destroy();
    server.close();
    rmSync(directory, { recursive: true });
  });
  return { near, far };
}

/** The bytes of frames as they go over the wire. */
async function bytesOf(t: TestContext, frames: readonly Frame[]): Promise<Buffer> {
  const { near, far } = await aConnection(t);
  const chunks: Buffer[] = [];
  far.on("data", (chunk: Buffer) => chunks.push(chunk));
  for (const frame of frames) writeFrame(near, frame);
  near.end();
  await once(far, "end");
  return Buffer.concat(chunks);
}

function readIn(bytes: Buffer, chunkBytes: number): Frame[] {
  const frames: Frame[] = [];
  const onFrame = (frame: Frame) => void frames.push(frame);
  const reader = new FrameReader({ allocate: allocateValue, onFrame });
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    reader.push(bytes.subarray(at, at + chunkBytes));
  }
  return frames;
}

const frames: readonly Frame[] = [
  { head: { type: "a", text: "ä", list: [1, 2n, null] }, parts: [] },
  { head: { type: "b" }, parts: [new Uint8Array(0), Uint8Array.of(1, 2, 3)] },
  {
    head: { type: "c" },
    parts: [new Uint8Array(inlineValueBytesMax + 5).fill(9), Uint8Array.of(7)],
  },
  { head: { type: "d" }, parts: [] },
];

describe("frames", () => {
  it("arrive whole and in order in chunks of any size", async (t) => {
    const bytes = await bytesOf(t, frames);
    for (const size of [1, 7, 64, 65_536, bytes.length]) {
      assert.deepEqual(readIn(bytes, size), frames.map(plain), `chunks of ${size}`);
    }
  });

  it("of many megabytes are read into the memory that they stay in", async (t) => {
    const { near, far } = await aConnection(t);
    const part = new Uint8Array(new SharedArrayBuffer(20e6)).fill(3);
    writeFrame(near, { head: { n: 1 }, parts: [part] });
    const frame = await new Promise<Frame>((resolve) => {
      const reader = new FrameReader({ allocate: allocateValue, onFrame: resolve });
      far.on("data", (chunk: Buffer) => {
        const buffer = reader.nextBuffer();
        const count = Math.min(buffer.length, chunk.length);
        chunk.copy(buffer, 0, 0, count);
        reader.push(buffer.subarray(0, count));
        if (count < chunk.length) reader.push(chunk.subarray(count));
      });
    });
    assert(frame.parts[0].buffer instanceof SharedArrayBuffer);
    assert.deepEqual(frame.parts[0].length, 20e6);
    assert(frame.parts[0].every((byte) => byte === 3));
  });

  it("that claim what cannot be are refused before anything is allocated", () => {
    const prelude = Buffer.alloc(8);
    for (const [head, parts] of [
      [0, 0],
      [frameHeadBytesMax + 1, 0],
      [1, 0xffffffff],
    ]) {
      prelude.writeUInt32LE(head, 0);
      prelude.writeUInt32LE(parts, 4);
      assert.throws(() => readIn(prelude, 8), { code: "PROTOCOL_ERROR" });
    }
    const head = Buffer.alloc(8 + 8 + 1);
    head.writeUInt32LE(1, 0);
    head.writeUInt32LE(1, 4);
    head.writeDoubleLE(-1, 8);
    assert.throws(() => readIn(head, 64), { code: "PROTOCOL_ERROR" });
  });
});

/** As the receiver has it. */
function plain({ head, parts }: Frame): Frame {
  return { head, parts: parts.map((part) => new Uint8Array(part)) };
}
