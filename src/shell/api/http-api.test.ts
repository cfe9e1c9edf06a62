/**
 * The HTTP side alone, over real sockets: what it refuses by itself, and what it thinks worth a
 * line in the log.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { CapstanError } from "../../model/errors.ts";
import { createLogger } from "../logging/logger.ts";
import { BundleStore } from "./bundle-store.ts";
import { DashboardFiles } from "./dashboard-files.ts";
import { createApiServer } from "./http-api.ts";

/** A server of administrators that carries no call out. */
async function aServer(
  t: TestContext,
  overload: CapstanError | null = null,
  dashboard?: DashboardFiles,
) {
  const directory = mkdtempSync(join(tmpdir(), "capstan-http-"));
  const lines: string[] = [];
  const server = createApiServer({
    hosts: [],
    bundles: new BundleStore(directory),
    logger: createLogger({ name: "test", to: { write: (line) => void lines.push(line) } }),
    dashboard,
    epoch: 1,
    readiness: () => ({ ready: true, reasons: [], degraded: [] }),
    overload: () => overload,
    metrics: () => "",
    identify: () => ({ principal: { user: "ann", role: "admin", jobId: "" } }),
    call: () => () => undefined,
    past: () => Promise.reject(new CapstanError("INVALID_ARGUMENT", "no past")),
    dump: () => Promise.reject(new CapstanError("INVALID_ARGUMENT", "no dump")),
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

/** A built dashboard, and beside it a file that is none of its own. */
function aDashboard(t: TestContext): string {
  const above = mkdtempSync(join(tmpdir(), "capstan-dashboard-"));
  t.after(() => rmSync(above, { recursive: true }));
  const directory = join(above, "dashboard");
  mkdirSync(join(directory, "assets"), { recursive: true });
  writeFileSync(join(above, "secret.txt"), "secret");
  writeFileSync(join(directory, "index.html"), "<!doctype html><title>Capstan</title>");
  writeFileSync(join(directory, "icon.svg"), "<svg/>");
  writeFileSync(join(directory, "assets", "app-1f.js"), "x".repeat(1_000));
  return directory;
}

test("the dashboard has an address for every view, and its assets never change", async (t) => {
  const { port } = await aServer(t, null, new DashboardFiles(aDashboard(t)));
  const get = (path: string, accept = "*/*") =>
    fetch(`http://127.0.0.1:${port}${path}`, { headers: { accept } });
  for (const path of ["/", "/jobs/%2Fann%2Ftrain", "/a/b/c"]) {
    const page = await get(path, "text/html,*/*");
    assert.equal(page.headers.get("content-type"), "text/html; charset=utf-8", path);
    assert.match(await page.text(), /<title>Capstan/);
    assert.equal(page.headers.get("cache-control"), "no-cache");
    const policy = page.headers.get("content-security-policy") ?? "";
    assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self';/);
    assert.doesNotMatch(policy, /unsafe|\*|https?:/);
  }
  const asset = await get("/assets/app-1f.js");
  assert.equal(asset.headers.get("cache-control"), "public, max-age=31536000, immutable");
  assert.equal(asset.headers.get("content-encoding"), "gzip");
  assert.equal((await asset.text()).length, 1_000);
  assert.equal((await get("/icon.svg")).headers.get("content-type"), "image/svg+xml");
  for (const path of ["/assets/gone.js", "/v1/none", "/%2e%2e/secret.txt", "/..%2fsecret.txt"]) {
    const answer = await get(path, path.startsWith("/v1") ? "text/html" : "*/*");
    assert.equal(answer.status, 404, path);
    assert.doesNotMatch(await answer.text(), /secret"$|^secret$/);
  }
});

test("a file that the browser has is not sent again, and a new build is served", async (t) => {
  const directory = aDashboard(t);
  const { port } = await aServer(t, null, new DashboardFiles(directory));
  const url = `http://127.0.0.1:${port}/`;
  const first = await fetch(url);
  await first.text();
  const known = { headers: { "if-none-match": first.headers.get("etag") ?? "" } };
  assert.equal((await fetch(url, known)).status, 304);
  writeFileSync(join(directory, "index.html"), "<title>another build</title>");
  assert.match(await (await fetch(url, known)).text(), /another build/);
});

test("without a build the plain status page says so", async (t) => {
  const { port } = await aServer(t, null, new DashboardFiles(join(tmpdir(), "no-such-directory")));
  const page = await fetch(`http://127.0.0.1:${port}/`);
  assert.match(await page.text(), /the dashboard is not built/);
});
