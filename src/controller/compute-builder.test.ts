/**
 * One message for many attempts: every column says the same of the same attempt, and nothing of one
 * message is left for the next.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { blobAt, blobsOf } from "../base/blobs.ts";
import { digestWith } from "../base/digest.ts";
import { inlineSource } from "../protocol/messages.ts";
import {
  borrowBuilder,
  ComputeBuilder,
  type ComputeEntry,
  returnBuilder,
} from "./compute-builder.ts";
import { messageBytesMax } from "./limits.ts";

const text = new TextEncoder();

function anEntry(overrides: Partial<ComputeEntry> = {}): ComputeEntry {
  const args = blobsOf([text.encode("none"), text.encode("args")]);
  const plain = { attempt: 2 ** 33 + 1, task: 2 ** 34 + 2, spec: 3, shape: 4, prefetched: false };
  return { ...plain, context: "", args, argsIndex: 1, inputs: [], ...overrides };
}

function aBuilderOf(...entries: readonly Partial<ComputeEntry>[]): ComputeBuilder {
  const builder = new ComputeBuilder();
  for (const entry of entries) builder.push(anEntry(entry));
  return builder;
}

/** Its columns as lists, and its byte strings as texts. */
function read(builder: ComputeBuilder) {
  const { message, digest } = builder.take();
  const { type, args, inputs, contexts, ...columns } = message;
  const lists = Object.entries(columns).map(([name, column]) => [name, [...column]]);
  const texts = (blobs: typeof args) =>
    Array.from({ length: blobs.offsets.length - 1 }, (_, at) => {
      return new TextDecoder().decode(blobAt(blobs, at));
    });
  assert.equal(type, "compute");
  const said = { args: texts(args), inputs: texts(inputs), contexts };
  return { ...Object.fromEntries(lists), ...said, digest };
}

const nothing = {
  ...{ attempts: [], tasks: [], specs: [], shapes: [], prefetched: [], args: [], contexts: [] },
  ...{ inputCounts: [], inputTasks: [], inputSources: [], inputSizes: [], inputs: [], digest: 0 },
};

describe("a message of attempts", () => {
  test("says of each what its order says, in the order of the orders", () => {
    const bytes = text.encode("value");
    const builder = aBuilderOf(
      { argsIndex: 0, prefetched: true },
      {
        ...{ attempt: 11, task: 12, spec: 13, shape: 14, context: "{}" },
        inputs: [
          { task: 21, source: inlineSource, sizeBytes: 0, inline: bytes },
          { task: 22, source: 6, sizeBytes: 2 ** 40, inline: null },
        ],
      },
      { attempt: 31, inputs: [{ task: 23, source: 7, sizeBytes: 8, inline: null }] },
    );
    assert.equal(builder.count, 3);
    assert.deepEqual(read(builder), {
      ...{ attempts: [2 ** 33 + 1, 11, 31], tasks: [2 ** 34 + 2, 12, 2 ** 34 + 2] },
      ...{ specs: [3, 13, 3], shapes: [4, 14, 4], prefetched: [1, 0, 0] },
      ...{ args: ["none", "args", "args"], contexts: ["", "{}", ""] },
      ...{ inputCounts: [0, 2, 1], inputTasks: [21, 22, 23], inputSizes: [0, 2 ** 40, 8] },
      ...{ inputSources: [inlineSource, 6, 7], inputs: ["value", "", ""] },
      digest: [2 ** 33 + 1, 11, 31].reduce(digestWith, 0),
    });
  });

  test("has no contexts where no attempt has one", () => {
    assert.deepEqual(read(aBuilderOf({}, {})).contexts, []);
  });

  test("leaves nothing for the next one", () => {
    const builder = aBuilderOf({
      context: "{}",
      inputs: [{ task: 21, source: 6, sizeBytes: 9, inline: null }],
    });
    read(builder);
    assert.equal(builder.count, 0);
    assert.deepEqual(read(builder), nothing);
    builder.push(anEntry());
    assert.deepEqual(read(builder).contexts, []);
  });
});

describe("a message is full", () => {
  const ofBytes = (length: number) => new Uint8Array(length);
  const withArgs = (length: number) => ({ args: blobsOf([ofBytes(length)]), argsIndex: 0 });

  test("past its bytes of arguments and not before, and empty once it was taken", () => {
    const builder = aBuilderOf(withArgs(messageBytesMax));
    assert.equal(builder.isFull, false);
    builder.push(anEntry(withArgs(1)));
    assert.equal(builder.isFull, true);
    builder.take();
    assert.equal(builder.isFull, false);
  });

  test("past its bytes of contexts, arguments and inputs together", () => {
    const half = messageBytesMax / 2;
    const context = "c".repeat(half / 2);
    const inline = ofBytes(half / 2);
    const inputs = [{ task: 1, source: inlineSource, sizeBytes: 0, inline }];
    const builder = aBuilderOf({ ...withArgs(half), context, inputs });
    assert.equal(builder.isFull, false);
    builder.push(anEntry({ ...withArgs(0), context: "c" }));
    assert.equal(builder.isFull, true);
    builder.take();
    assert.equal(builder.isFull, false);
    builder.push(anEntry({ ...withArgs(messageBytesMax) }));
    assert.equal(builder.isFull, false, "nothing is counted of contexts that are gone");
  });
});

describe("a builder that is given back", () => {
  test("is lent again", () => {
    const builder = borrowBuilder();
    returnBuilder(builder);
    assert.equal(borrowBuilder(), builder);
    assert.notEqual(borrowBuilder(), builder);
  });

  test("is let go if one of its messages was large: the room stays with it", () => {
    const orders = (count: number) => Array.from({ length: count }, () => ({}));
    const kept = aBuilderOf(...orders(256));
    kept.take();
    returnBuilder(kept);
    assert.equal(borrowBuilder(), kept);
    const large = aBuilderOf(...orders(257));
    large.take();
    large.push(anEntry());
    large.take();
    returnBuilder(large);
    assert.notEqual(borrowBuilder(), large);
  });
});
