/**
 * The answer to an upgrade that is not made: the error as the API says it, and the end.
 *
 * @module
 */

import type { Socket } from "node:net";
import { type CapstanError, errorRegistry } from "../../model/errors.ts";
import { endRefused } from "./end-refused.ts";

export function refuseUpgrade(socket: Socket, error: CapstanError): void {
  const body = JSON.stringify(error);
  endRefused(
    socket,
    `HTTP/1.1 ${errorRegistry[error.code].httpStatus} ${error.code}\r\n` +
      "Content-Type: application/json\r\nConnection: close\r\n" +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
