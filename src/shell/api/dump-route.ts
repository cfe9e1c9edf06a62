/**
 * A dump over HTTP: its bytes go past the framework, and the file is gone when they are sent.
 *
 * @module
 */

import { createReadStream } from "node:fs";
import type { ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { Dump } from "../past/make-dump.ts";

export async function serveDump(dump: Dump, response: ServerResponse): Promise<Response> {
  try {
    response.writeHead(200, {
      "Content-Type": "application/vnd.sqlite3",
      "Content-Length": String(dump.bytes),
      "Cache-Control": "no-store",
      "X-Content-Type-Options": "nosniff",
    });
    await pipeline(createReadStream(dump.path), response);
  } catch {
    response.destroy(); // Whoever reads it sees that it is cut short.
  } finally {
    dump.remove();
  }
  return RESPONSE_ALREADY_SENT;
}
