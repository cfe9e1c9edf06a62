/**
 * Ports for commands: free ones of this machine, and none of them given to two commands of this
 * worker at once.
 *
 * A port is found by binding to any and closing again. Another program of the machine may take it
 * before the command does; the command then fails to bind, as it would with any fixed port.
 *
 * @module
 */

import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { CapstanError } from "../../model/errors.ts";
import { portTriesMax } from "./limits.ts";

/** Ports by the names that the spec gave them. */
export type NamedPorts = { readonly [name: string]: number };

export class PortBook {
  readonly #taken = new Set<number>();

  /**
   * A port for each name; they stay taken until `release`.
   *
   * @throws CapstanError OVERLOADED when the machine has none left.
   */
  async choose(names: readonly string[]): Promise<NamedPorts> {
    const ports: { [name: string]: number } = {};
    try {
      for (const name of names) ports[name] = await this.#chooseOne();
    } catch (error) {
      this.release(ports);
      throw error;
    }
    return ports;
  }

  /** Notes the ports of a command that an earlier agent started. */
  hold(ports: NamedPorts): void {
    for (const port of Object.values(ports)) this.#taken.add(port);
  }

  /** The command has ended: its ports may be given again. */
  release(ports: NamedPorts): void {
    for (const port of Object.values(ports)) this.#taken.delete(port);
  }

  async #chooseOne(): Promise<number> {
    for (let tries = 0; tries < portTriesMax; tries++) {
      const port = await findFreePort();
      if (this.#taken.has(port)) continue;
      this.#taken.add(port);
      return port;
    }
    throw noPort(`${portTriesMax} tries found only ports of other commands`);
  }
}

async function findFreePort(): Promise<number> {
  const server = createServer();
  try {
    // Without a host: free on every address of the machine.
    await once(server.listen(0), "listening");
    return (server.address() as AddressInfo).port;
  } catch (error) {
    throw noPort(error instanceof Error ? error.message : String(error));
  } finally {
    server.close();
  }
}

function noPort(reason: string): CapstanError {
  return new CapstanError("OVERLOADED", `no free port was found on this machine: ${reason}`);
}
