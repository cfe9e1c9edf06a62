/**
 * A network that fails without a word: connections stay open and nothing comes through.
 *
 * @module
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, connect as connectSocket, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Child, startChild } from "../../src/backends/child.ts";
import { connect } from "../../src/client/index.ts";
import { assertNothingIsLeft, linesOf, until } from "./faults-cluster.ts";
import { makeCounted } from "./faults-tasks.ts";

/** Passes connections on to `target`, until told to swallow what comes on those that are open. */
class Network {
  readonly #server = createServer((near) => this.#join(near));
  readonly #sockets = new Set<Socket>();
  target = 0;

  async listen(): Promise<number> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return (this.#server.address() as AddressInfo).port;
  }

  get openCount(): number {
    return this.#sockets.size / 2;
  }

  swallow(): void {
    for (const socket of this.#sockets) socket.removeAllListeners("data").resume();
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #join(near: Socket): void {
    const far = connectSocket(this.target, "127.0.0.1");
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(one);
      one.on("data", (chunk) => other.write(chunk));
      one.on("error", () => one.destroy());
      one.once("close", () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
  }
}

function entry(name: string): string {
  return fileURLToPath(new URL(`../../src/shell/${name}.ts`, import.meta.url));
}

interface Distant {
  readonly url: string;
  readonly directory: string;
  readonly network: Network;
}

/** A controller and a worker that meet, and are met, across a network of ours. */
async function aDistantCluster(t: TestContext): Promise<Distant> {
  const directory = mkdtempSync(join(tmpdir(), "capstan-network-"));
  const network = new Network();
  const port = await network.listen();
  const url = `http://127.0.0.1:${port}`;
  const children: Child[] = [];
  const start = async (name: string, settings: object): Promise<Child> => {
    const logFile = join(directory, "log");
    const options = { name, entry: entry(`${name}-entry`), settings, token: undefined, logFile };
    const child = await startChild(options);
    children.push(child);
    return child;
  };
  t.after(async () => {
    for (const child of children.reverse()) await child.stop(5_000);
    network.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const advertise = `127.0.0.1:${port}`;
  const listener = createServer();
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  network.target = (listener.address() as AddressInfo).port;
  await new Promise((resolve) => listener.close(resolve));
  await start("controller", { listen: `127.0.0.1:${network.target}`, advertise });
  await start("worker", {
    controllerUrl: url,
    workerId: "distant",
    slots: 1,
    capacity: { cpuMilli: 1_000, memoryBytes: 0, diskBytes: 0, devices: [], custom: {} },
    workDir: join(directory, "work"),
  });
  return { url, directory, network };
}

test("worker and client that hear nothing connect anew, and work is done once", async (t) => {
  const { url, directory, network } = await aDistantCluster(t);
  const file = join(directory, "runs");
  await using client = await connect(url);
  const before = client.submit(makeCounted, [file, "before", 0, 8]);
  await before.result({ timeoutMs: 20_000 });
  const during = client.submit(makeCounted, [file, "during", 1_000, 100_000]);
  await until("the task to begin", () => linesOf(file).length === 2);
  const connections = network.openCount;
  assert.ok(connections >= 2, `${connections} connections go through the network`);
  network.swallow();
  const bytes = await during.result({ timeoutMs: 60_000 });
  assert.equal(bytes.length, 100_000);
  const after = client.submit(makeCounted, [file, "after", 0, 8]);
  await after.result({ timeoutMs: 20_000 });
  assert.deepEqual(linesOf(file), ["before", "during", "after"]);
  await assertNothingIsLeft(client);
});
