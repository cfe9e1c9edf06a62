/**
 * Rules of the token files.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import {
  findToken,
  newToken,
  removeTokenFile,
  tokenFileOf,
  tokenOfDataDirectory,
  writeTokenFile,
} from "./token-file.ts";

let home = "";

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "capstan-token-"));
  process.env.CAPSTAN_HOME = home;
});

afterEach(() => {
  delete process.env.CAPSTAN_HOME;
  rmSync(home, { recursive: true });
});

test("a token that a cluster left is found by every name of this machine", () => {
  writeTokenFile(tokenFileOf("http://127.0.0.1:7070"), "secret");
  assert.equal(findToken("http://127.0.0.1:7070"), "secret");
  assert.equal(findToken("http://localhost:7070/"), "secret");
  assert.equal(findToken("http://[::1]:7070"), "secret");
});

test("a token is not found for another port or another host", () => {
  writeTokenFile(tokenFileOf("http://127.0.0.1:7070"), "secret");
  assert.equal(findToken("http://127.0.0.1:7071"), undefined);
  assert.equal(findToken("http://cluster.example:7070"), undefined);
});

test("a token file is readable by its owner only, also when it was there before", () => {
  const file = tokenFileOf("http://127.0.0.1:7070");
  writeTokenFile(file, "first");
  writeTokenFile(file, "second");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(findToken("http://127.0.0.1:7070"), "second");
});

test("a token file that a later cluster wrote is left alone", () => {
  const file = writeTokenFile(tokenFileOf("http://127.0.0.1:7070"), "later");
  removeTokenFile(file, "earlier");
  assert.equal(findToken("http://127.0.0.1:7070"), "later");
  removeTokenFile(file, "later");
  assert.equal(findToken("http://127.0.0.1:7070"), undefined);
});

test("a data directory keeps its token, so that clients survive a restart", () => {
  const first = tokenOfDataDirectory(join(home, "data"));
  assert.equal(tokenOfDataDirectory(join(home, "data")), first);
  assert.notEqual(newToken(), newToken());
});
