/**
 * Messages as they really travel: through the codec, and through the door of the other side.
 *
 * @module
 */

import assert from "node:assert/strict";
import { FrameReader, FrameWriter } from "../../src/protocol/codec.ts";
import type { Message } from "../../src/protocol/messages.ts";
import { coldCodec } from "../../src/shell/transport/cold-codec.ts";

/** What arrives of a message: decoded from its own bytes and checked. */
export function overTheWire<M extends Message>(
  message: Message,
  check: (decoded: Message) => M,
): M {
  const writer = new FrameWriter();
  writer.writeMessage(message, coldCodec);
  const reader = new FrameReader(coldCodec);
  reader.feed(writer.take());
  const decoded = reader.takeMessages();
  assert.equal(reader.error, null, "a message of ours is well formed");
  assert.equal(decoded.length, 1, "one message is one frame");
  return check(decoded[0]);
}
