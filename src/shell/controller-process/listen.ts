/**
 * Taking the port, with an error that says what to do when it is taken.
 *
 * @module
 */

import type { Server } from "node:http";
import { CapstanError } from "../../model/errors.ts";
import { formatAddress, type ListenAddress } from "./options.ts";

/** Listens and returns the port. Throws ADDRESS_IN_USE or INVALID_ARGUMENT. */
export async function listen(server: Server, address: ListenAddress): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(listenError(error, address)));
    server.listen(address.port, address.host, () => resolve());
  });
  server.removeAllListeners("error");
  const bound = server.address();
  return typeof bound === "object" && bound !== null ? bound.port : address.port;
}

function listenError(error: NodeJS.ErrnoException, address: ListenAddress): Error {
  const where = formatAddress(address);
  if (error.code === "EADDRINUSE") {
    return new CapstanError(
      "ADDRESS_IN_USE",
      `port ${address.port} on ${address.host} is in use by another program: ` +
        `stop it, or listen elsewhere (for instance on port ${address.port + 1})`,
      { details: { host: address.host, port: address.port }, cause: error },
    );
  }
  const message = `cannot listen on ${where}: ${error.message}`;
  return new CapstanError("INVALID_ARGUMENT", message, { cause: error });
}
