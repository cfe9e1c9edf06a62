/**
 * A worker that cannot run anything says so itself, and takes nothing.
 *
 * @module
 */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it, type TestContext } from "node:test";
import { HealthWatch, troubleOfDisk } from "../../src/shell/worker-process/health-watch.ts";
import { aController, attempt, aWorker, Closers, order } from "../shell/command-worker.ts";

const closers = new Closers();

afterEach(() => closers.close());

/** An empty disk of so many MiB; null, and the test is skipped, where none can be made. */
function aDisk(context: TestContext, mebibytes: number): string | null {
  const directory = mkdtempSync(join(tmpdir(), "capstan-disk-"));
  closers.add(() => rmdirSync(directory));
  try {
    const options = `size=${mebibytes}m`;
    execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", directory], { stdio: "ignore" });
  } catch {
    context.skip("a disk can be mounted by root only");
    return null;
  }
  closers.add(() => execFileSync("umount", ["-l", directory]));
  return directory;
}

describe("a disk", () => {
  it("with room is well, and the check leaves nothing behind", async (context) => {
    const disk = aDisk(context, 1_024);
    if (disk === null) return;
    assert.equal(await troubleOfDisk(disk), "");
    assert.deepEqual(readdirSync(disk), []);
  });

  it("that is nearly full, or is too small, is in trouble", async (context) => {
    const disk = aDisk(context, 320);
    if (disk === null) return;
    assert.equal(await troubleOfDisk(disk), "");
    writeFileSync(join(disk, "ballast"), Buffer.alloc(100 * 2 ** 20));
    assert.match(
      await troubleOfDisk(disk),
      /^The disk of .* is full: .* are free, .* are needed\.$/,
    );
  });

  it("that is not there is in trouble", async () => {
    assert.match(await troubleOfDisk("/no/such/directory"), /^Nothing can be written to .*ENOENT/);
  });
});

describe("the watch", () => {
  it("tells of each change once, with everything that is wrong", async () => {
    const workDir = mkdtempSync(join(tmpdir(), "capstan-health-"));
    closers.add(() => rmSync(workDir, { recursive: true, force: true }));
    const told: string[] = [];
    let executorTrouble = "";
    const watch = new HealthWatch({
      workDir,
      executorTrouble: () => executorTrouble,
      onChange: (trouble) => told.push(trouble),
    });
    await watch.check();
    executorTrouble = "The launcher is gone.";
    await watch.check();
    await watch.check();
    rmSync(workDir, { recursive: true });
    executorTrouble = "";
    await watch.check();
    watch.close();
    assert.equal(told.length, 2);
    assert.equal(told[0], "The launcher is gone.");
    assert.match(told[1], /^Nothing can be written to/);
  });
});

describe("a worker on a full disk", () => {
  it("says so with its first words, and hands back what it is ordered to run", async (context) => {
    const disk = aDisk(context, 300);
    if (disk === null) return;
    writeFileSync(join(disk, "ballast"), Buffer.alloc(100 * 2 ** 20));
    const controller = await aController(closers);
    await aWorker(closers, controller.url, { workDir: join(disk, "work") });
    const peer = await controller.worker();
    const { trouble } = await peer.message("health");
    assert.match(trouble, /is full/);
    order(peer, 1, controller.aCommand(["true"]));
    await peer.report("handedBack", attempt(1));
  });
});
