/**
 * Commands as a peer sent them: plain data to a typed run that could be handed to a system call.
 *
 * Whether the program exists, and what its ports or its file mean, is not judged here.
 *
 * @module
 */

import {
  argvCountMax,
  commandBytesMax,
  environmentCountMax,
  portCountMax,
  portNameCharactersMax,
  stdinBytesMax,
} from "../model/limits.ts";
import type { CommandResult, CommandRun } from "../model/spec.ts";
import { type Fields, requireText } from "./fields.ts";
import { protocolError } from "./frame-format.ts";
import { utf8Length } from "./utf8.ts";

const sha256Hex = /^[0-9a-f]{64}$/;
const portName = /^[A-Za-z_][A-Za-z0-9_-]*$/;

/** A SHA-256 in lower-case hex. Throws PROTOCOL_ERROR naming the field. */
export function requireSha256(fields: Fields, name: string): string {
  const hash = fields.text(name);
  if (!sha256Hex.test(hash)) throw fields.refuse(name, "a SHA-256 in lower-case hex", hash);
  return hash;
}

/** The run of a command. Throws PROTOCOL_ERROR naming the field. */
export function parseCommandRun(fields: Fields): CommandRun {
  const run: CommandRun = {
    kind: "command",
    argv: parseArgv(fields),
    env: parseEnv(fields),
    cwd: requireSystemText(fields.raw("cwd"), `${fields.path}.cwd`),
    workspace: fields.raw("workspace") === "" ? "" : requireSha256(fields, "workspace"),
    ports: fields.list("ports", requirePortName, portCountMax),
    stdin: parseStdin(fields),
    result: parseResult(fields.child("result")),
  };
  requireBytes(`${fields.path} (argv and env)`, commandBytes(run), commandBytesMax);
  return run;
}

/** A name under which a port is chosen. Throws PROTOCOL_ERROR naming `path`. */
export function requirePortName(value: unknown, path: string): string {
  const name = requireText(value, path);
  if (portName.test(name) && name.length <= portNameCharactersMax) return name;
  throw protocolError(
    `${path} must be a letter or _ followed by letters, digits, _ or -, ` +
      `at most ${portNameCharactersMax} in all`,
  );
}

function parseArgv(fields: Fields): string[] {
  const argv = fields.list("argv", requireSystemText, argvCountMax);
  if (argv.length > 0 && argv[0] !== "") return argv;
  throw protocolError(`${fields.path}.argv must begin with the name of a program`);
}

function parseEnv(fields: Fields): { readonly [name: string]: string } {
  const env = fields.dictionary("env", requireSystemText, environmentCountMax);
  for (const name of Object.keys(env)) {
    if (name !== "" && !name.includes("=") && !name.includes("\0")) continue;
    throw protocolError(`${fields.path}.env may not have a name that is empty or holds = or NUL`);
  }
  return env;
}

function parseStdin(fields: Fields): string {
  const stdin = fields.text("stdin");
  requireBytes(`${fields.path}.stdin`, utf8Length(stdin), stdinBytesMax);
  return stdin;
}

function parseResult(fields: Fields): CommandResult {
  const type = fields.oneOf("type", ["none", "json", "text", "file"]);
  if (type !== "file") return { type };
  const path = requireSystemText(fields.raw("path"), `${fields.path}.path`);
  if (path === "") throw fields.refuse("path", "the path of a file", path);
  return { type, path };
}

/** Text that a system call can take: it ends at the first NUL. */
function requireSystemText(value: unknown, path: string): string {
  const text = requireText(value, path);
  if (text.includes("\0")) throw protocolError(`${path} may not hold a NUL character`);
  return text;
}

function commandBytes({ argv, env }: CommandRun): number {
  let bytes = 0;
  for (const argument of argv) bytes += utf8Length(argument);
  for (const name of Object.keys(env)) bytes += utf8Length(name) + utf8Length(env[name]);
  return bytes;
}

function requireBytes(path: string, bytes: number, bytesMax: number): void {
  if (bytes <= bytesMax) return;
  throw protocolError(`${path} has ${bytes} bytes, at most ${bytesMax} are allowed`);
}
