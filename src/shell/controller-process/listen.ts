/**
 * Taking the port, with an error that says what to do when it is taken.
 *
 * @module
 */

import type { Server } from "node:http";
import { CapstanError } from "../../model/errors.ts";
import { formatAddress, type ListenAddress } from "./options.ts";

/** What to do about an address that cannot be listened on. */
const reasons: { readonly [code: string]: string | undefined } = {
  ENOTFOUND: "no machine has that name; listen on an address of this one, such as 127.0.0.1",
  EADDRNOTAVAIL: "it is no address of this machine; listen on one of its own, such as 127.0.0.1",
  EACCES: "this user may not take that port; take one above 1023",
};

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
  const why = reasons[error.code ?? ""] ?? error.message;
  const message = `cannot listen on ${where}: ${why}`;
  return new CapstanError("INVALID_ARGUMENT", message, { cause: error });
}
