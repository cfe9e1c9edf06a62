/**
 * Where a running cluster leaves its token for programs of the same user on the same machine: one
 * file per port, readable by its owner only.
 *
 * Must not invent a token for an address that it was not asked about.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { makeDirectory } from "../shell/make-directory.ts";

/** Folder of the token files: `CAPSTAN_HOME`, else `~/.capstan`, with `/run` behind it. */
export function runDirectory(): string {
  return join(process.env.CAPSTAN_HOME ?? join(homedir(), ".capstan"), "run");
}

/** The token file of the cluster that listens at `url`. */
export function tokenFileOf(url: string): string {
  const { hostname, port } = new URL(url);
  const host = isLoopback(hostname) ? "localhost" : hostname.replaceAll(/[^\w.-]/g, "_");
  return join(runDirectory(), `${host}-${port === "" ? "80" : port}.token`);
}

/** The token that a cluster of this user left for `url`, or undefined. */
export function findToken(url: string): string | undefined {
  const file = tokenFileOf(url);
  return existsSync(file) ? readFileSync(file, "utf8").trim() : undefined;
}

/** Writes the token file of `url` (mode 0600) and returns its path. */
export function writeTokenFile(file: string, token: string): string {
  makeDirectory(dirname(file), "the directory of the token");
  writeFileSync(file, `${token}\n`, { mode: 0o600 });
  chmodSync(file, 0o600); // An older file keeps its mode when it is written again.
  return file;
}

/** Removes the token file if it still holds `token`: a later cluster may have the port by now. */
export function removeTokenFile(file: string, token: string): void {
  if (existsSync(file) && readFileSync(file, "utf8").trim() === token) rmSync(file);
}

/** A token of this data directory: the one that it has, else a new one that it keeps. */
export function tokenOfDataDirectory(dataDir: string): string {
  const file = join(dataDir, "token");
  if (existsSync(file)) return readFileSync(file, "utf8").trim();
  makeDirectory(dataDir, "the data directory");
  const token = newToken();
  writeTokenFile(file, token);
  return token;
}

/** 192 random bits, in characters that need no quoting. */
export function newToken(): string {
  return randomBytes(24).toString("base64url");
}

/** Whether a host name of a URL means this machine only. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
