/**
 * The codec of cold messages: MessagePack by msgpackr, without records, so that each message
 * stands alone. Typed arrays are kept, strings come back copied.
 *
 * @module
 */

import { Packr } from "msgpackr";
import type { ColdCodec } from "../../protocol/codec.ts";
import { checkMsgpack } from "./check-msgpack.ts";

const packr = new Packr({
  useRecords: false,
  moreTypes: true,
  structuredClone: false,
  copyBuffers: true,
});

/** `decode` throws PROTOCOL_ERROR on anything but one value of plain data. */
export const coldCodec: ColdCodec = {
  encode: (value) => packr.pack(value),
  decode: (bytes) => {
    checkMsgpack(bytes);
    return packr.unpack(bytes);
  },
};
