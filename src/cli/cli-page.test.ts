/**
 * The page about the command line names every command and every flag.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { runCli } from "./app.ts";

const page = readFileSync(new URL("../../docs/reference/cli.md", import.meta.url), "utf8");

async function helpOf(command: readonly string[]): Promise<string> {
  const chunks: string[] = [];
  const stdout = { write: (chunk: string) => void chunks.push(chunk) };
  await runCli([...command, "--help"], { stdout, stderr: stdout, env: {} });
  return chunks.join("");
}

/** The names under the heading COMMANDS. */
function commandsIn(help: string): string[] {
  const [, list = ""] = help.split("\nCOMMANDS\n");
  return [...list.matchAll(/^ {2}(\S+)/gm)].map(([, name]) => name);
}

/** Every command that does something, as its words, with its help. */
async function allCommands(words: readonly string[] = []): Promise<[string, string][]> {
  const help = await helpOf(words);
  const names = commandsIn(help);
  if (names.length === 0) return [[words.join(" "), help]];
  const found: [string, string][] = [];
  for (const name of names) found.push(...(await allCommands([...words, name])));
  return found;
}

test("docs/reference/cli.md names every command and every flag", async () => {
  const commands = await allCommands();
  assert.ok(commands.length >= 12, "commands are found");
  for (const [words, help] of commands) {
    assert.ok(page.includes(`capstan ${words}`), `capstan ${words} is missing`);
    const flags = [...help.matchAll(/\[?(--[a-z-]+)/g)].map(([, flag]) => flag);
    for (const flag of new Set(flags)) {
      assert.ok(page.includes(flag), `${flag} of capstan ${words} is missing`);
    }
  }
});
