/**
 * The wire codec, whole: messages to frames and frames to messages, table-driven from
 * `hotMessages`. This page only gathers; what a frame may say is checked in `validate.ts`.
 *
 * @module
 */

export { type ColdCodec, coldOpcode, frameHeaderBytes, helloOpcode } from "./frame-format.ts";
export { FrameReader } from "./frame-reader.ts";
export { encodeHot, FrameWriter, frameBytesOf } from "./frame-writer.ts";
