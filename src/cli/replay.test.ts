/**
 * `capstan replay`: the facts of a journal in the terminal.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { runController } from "../shell/controller-process/real-controller.ts";
import { runCli } from "./app.ts";

const dataDir = mkdtempSync(join(tmpdir(), "capstan-replay-"));

before(async () => {
  const options = { listen: "127.0.0.1:0", logLevel: "silent", dataDir } as const;
  const controller = await runController(options, ({ error }) => {
    throw error;
  });
  const body = JSON.stringify({ name: "a", command: { argv: ["true"] } });
  const answer = await fetch(`${controller.url}/v1/rpc/LaunchJob`, { method: "POST", body });
  assert.equal(answer.status, 200, await answer.text());
  await controller.close();
});
after(() => rmSync(dataDir, { recursive: true }));

describe("capstan replay", () => {
  const file = join(dataDir, "journal.sqlite");

  async function printed(...words: readonly string[]): Promise<{ text: string; code: number }> {
    const chunks: string[] = [];
    const stdout = { write: (chunk: string) => void chunks.push(chunk) };
    const code = await runCli(["replay", ...words], { stdout, stderr: stdout, env: {} });
    return { text: chunks.join(""), code };
  }

  it("lists the facts with their times, and nothing of what is in them", async () => {
    const { text, code } = await printed(file);
    assert.equal(code, 0);
    const lines = text.trim().split("\n");
    assert.match(lines[0], /^1\t\d{4}-\S+Z\t[a-z-]+$/);
    assert.ok(lines.length >= 2 && !text.includes("cst_"));
    assert.equal((await printed(dataDir, "--until", "1")).text.trim().split("\n").length, 1);
    assert.equal((await printed(dataDir, "--until", "2001-01-01")).text, "");
  });

  it("says what is no journal", async () => {
    assert.equal((await printed(join(dataDir, "none.sqlite"))).code, 3);
    const junk = join(dataDir, "junk.db");
    writeFileSync(junk, "junk\n");
    for (const words of [[junk], [junk, "--serve", "--listen", "127.0.0.1:0"]]) {
      const { text, code } = await printed(...words);
      assert.equal(code, 74, text);
      assert.match(text, /junk\.db is no journal: /);
    }
  });

  it("refuses an instant that is none", async () => {
    for (const until of ["-1", "soon", "2001"]) {
      const { text, code } = await printed(file, `--until=${until}`);
      if (until === "2001") assert.equal(code, 0, "it is a sequence");
      else assert.deepEqual([code, /expected a sequence or a time/.test(text)], [2, true], text);
    }
  });
});
