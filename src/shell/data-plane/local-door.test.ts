/**
 * The unix socket beside a worker's port: who goes through it, and what if it leads nowhere.
 *
 * @module
 */

import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, afterEach, describe, it } from "node:test";
import { present } from "../../base/assert.ts";
import { valueFormat } from "../values/value-format.ts";
import { type DataListener, startDataListener } from "./data-listener.ts";
import { fetchValues } from "./fetch-values.ts";
import { doorTo } from "./local-door.ts";

const directory = mkdtempSync(join(tmpdir(), "capstan-door-"));
process.env.TMPDIR = directory;
after(() => rmSync(directory, { recursive: true, force: true }));

const listeners: DataListener[] = [];
afterEach(async () => {
  for (const listener of listeners.splice(0)) await listener.close();
});

const value = new Uint8Array(200_000).fill(7);
value[0] = valueFormat;

async function aListener(port = 0): Promise<DataListener> {
  const source = { get: (task: number) => (task === 1 ? value : undefined) };
  const listener = await startDataListener({ host: "127.0.0.1", port, source });
  listeners.push(listener);
  return listener;
}

const addressOf = ({ port }: DataListener) => `127.0.0.1:${port}`;
const doorOf = (listener: DataListener) =>
  present(doorTo(addressOf(listener)), "a listener has a door");

async function fetchOne(listener: DataListener): Promise<void> {
  const { got } = await fetchValues({ address: addressOf(listener), tasks: [1] });
  assert.deepEqual(got[0].bytes, value);
}

/** A door behind which nobody is: what a worker leaves that is killed. */
async function leaveDeadDoor(port: number): Promise<string> {
  const listener = await aListener(port);
  const door = doorOf(listener);
  renameSync(door, `${door}-kept`);
  await listener.close();
  listeners.pop();
  renameSync(`${door}-kept`, door);
  return door;
}

/** The port of the first listener is free again, and not given to the next who asks for any. */
async function aPort(): Promise<number> {
  const listener = await aListener();
  await listener.close();
  listeners.pop();
  return listener.port;
}

const needsLinux = { skip: process.platform !== "linux" };

describe("a door", needsLinux, () => {
  it("is taken by who is on the same machine", async () => {
    const listener = await aListener();
    const door = doorOf(listener);
    renameSync(door, `${door}-real`);
    let visits = 0;
    const watcher = net.createServer((visitor) => {
      visits++;
      visitor.pipe(net.connect({ path: `${door}-real` })).pipe(visitor);
    });
    await new Promise<void>((resolve) => watcher.listen(door, resolve));
    await fetchOne(listener);
    assert.equal(visits, 1);
    await new Promise((resolve) => watcher.close(resolve));
  });

  it("goes with its listener", async () => {
    const listener = await aListener();
    const door = doorOf(listener);
    await listener.close();
    listeners.pop();
    assert.equal(doorTo(addressOf(listener)), null);
    assert(!readdirSync(dirname(door)).some((name) => door.endsWith(name)));
  });

  it("that leads nowhere is passed by: the value comes over TCP", async () => {
    const port = await aPort();
    const door = await leaveDeadDoor(port);
    renameSync(door, join(directory, "dead"));
    const listener = await aListener(port);
    renameSync(door, `${door}-real`);
    renameSync(join(directory, "dead"), door);
    await fetchOne(listener);
    renameSync(`${door}-real`, door);
  });

  it("that somebody left is removed by the next worker", async () => {
    const door = await leaveDeadDoor(await aPort());
    await aListener();
    assert(!readdirSync(dirname(door)).some((name) => door.endsWith(name)));
  });

  it("in a directory that others may enter is not trusted", async () => {
    const listener = await aListener();
    const place = dirname(doorOf(listener));
    chmodSync(place, 0o755);
    assert.equal(doorTo(addressOf(listener)), null);
    await fetchOne(listener);
    chmodSync(place, 0o700);
  });
});
