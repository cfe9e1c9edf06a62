/**
 * The HTTP side alone, over real sockets: what it refuses by itself, and what it thinks worth a
 * line in the log.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { CapstanError } from "../../model/errors.ts";
import { createLogger } from "../logging/logger.ts";
import { BundleStore } from "./bundle-store.ts";
import { createApiServer } from "./http-api.ts";

/** A server of administrators that carries no call out. */
async function aServer(t: TestContext, overload: CapstanError | null = null) {
  const directory = mkdtempSync(join(tmpdir(), "capstan-http-"));
  const lines: string[] = [];
  const server = createApiServer({
    hosts: [],
    bundles: new BundleStore(directory),
    logger: createLogger({ name: "test", to: { write: (line) => void lines.push(line) } }),
    epoch: 1,
    readiness: () => ({ ready: true, reasons: [], degraded: [] }),
    overload: () => overload,
    metrics: () => "",
    identify: () => ({ principal: { user: "ann", role: "admin", jobId: "" } }),
    call: () => () => undefined,
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
    rmSync(directory, { recursive: true });
  });
  return { server, directory, lines, port: (server.address() as AddressInfo).port };
}

async function until(isDone: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!isDone()) {
    assert.ok(Date.now() < deadline, "it came to pass");
    await new Promise(setImmediate);
  }
}

test("a bundle is refused while the disk is nearly full, and leaves nothing behind", async (t) => {
  const { port, directory } = await aServer(t, new CapstanError("OVERLOADED", "full"));
  const hash = createHash("sha256").update("x").digest("hex");
  const url = `http://127.0.0.1:${port}/v1/bundles/${hash}`;
  const answer = await fetch(url, { method: "PUT", body: "x" });
  assert.equal(answer.status, 503);
  assert.deepEqual(readdirSync(directory), []);
});

for (const request of ["POST /v1/rpc/WhoAmI", `PUT /v1/bundles/${"a".repeat(64)}`]) {
  test(`a caller that leaves in the middle of ${request.slice(0, 16)} is no bug`, async (t) => {
    const { server, port, lines, directory } = await aServer(t);
    const socket = connect(port, "127.0.0.1");
    const arrived = once(server, "request");
    socket.write(`${request} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: 9\r\n\r\n{}`);
    const [, response] = await arrived;
    const gone = once(response, "close");
    const isUpload = request.startsWith("PUT");
    await until(() => !isUpload || readdirSync(directory).length > 0);
    socket.destroy();
    await gone;
    await until(() => readdirSync(directory).length === 0);
    // Whoever comes next is answered after everything that there was to say of it.
    assert.equal((await fetch(`http://127.0.0.1:${port}/healthz`)).status, 200);
    assert.deepEqual(lines, []);
  });
}
