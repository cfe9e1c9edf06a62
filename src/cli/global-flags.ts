/**
 * The flags that every command takes, and the address of the cluster that they name.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import type { TypedCommandFlagParameters } from "@stricli/core";
import { jobAround } from "../backends/surrounding-task.ts";
import { findToken } from "../backends/token-file.ts";
import { CapstanError } from "../model/errors.ts";
import type { CliContext, Terminal } from "./context.ts";

/** Flags of every command. */
export interface GlobalFlags {
  /** Print exactly the API's response. */
  readonly json: boolean;
  readonly url?: string;
  readonly token?: string;
  readonly config?: string;
}

/** What stricli wants to know of the flags of a command. */
export type FlagsOf<F extends object> = TypedCommandFlagParameters<
  Readonly<Record<keyof F & string, unknown>> & F,
  CliContext
>["flags"];

/** Text, as it was typed. */
export const parseText = (text: string): string => text;

/** A name: an empty one would mean none, or everybody. Throws RangeError for that. */
export function parseName(text: string): string {
  if (text !== "") return text;
  throw new RangeError('expected a name, not ""');
}

/** The definitions of the global flags, to be spread into those of a command. */
export const globalFlags = {
  json: { kind: "boolean", brief: "Print JSON, one object", default: false },
  url: {
    kind: "parsed",
    parse: parseText,
    brief: "Address of the controller (or CAPSTAN_URL) [http://127.0.0.1:7070]",
    placeholder: "URL",
    optional: true,
  },
  token: {
    kind: "parsed",
    parse: parseText,
    brief: "Token (or CAPSTAN_TOKEN) [the file that `capstan up` wrote]",
    optional: true,
  },
  config: {
    kind: "parsed",
    parse: parseText,
    brief: 'JSON file with "url" and "token"',
    placeholder: "FILE",
    optional: true,
  },
} as const satisfies FlagsOf<GlobalFlags>;

/** Names of the global flags that take a value. */
export const valuedGlobalFlags: readonly string[] = ["--url", "--token", "--config"];

/** Where the controller is, and the token that it wants. */
export interface Target {
  readonly url: string;
  readonly token: string | undefined;
  /** The job whose task this program is, of the same cluster; "" outside of one. */
  readonly jobId: string;
}

/** Where `up` listens and what every other command talks to, unless it is told otherwise. */
export const defaultUrl = "http://127.0.0.1:7070";

/**
 * The controller that a command talks to: flags win over the environment, that over the
 * configuration file, that over the cluster that this program is a task of, and that over the
 * default and the token file of a local cluster.
 *
 * Throws CapstanError INVALID_ARGUMENT for a URL or a configuration file that cannot be read.
 */
export function targetOf(flags: GlobalFlags, { env }: Terminal): Target {
  const config = flags.config === undefined ? {} : readConfig(flags.config);
  const own = nonEmpty(env.CAPSTAN_CONTROLLER_URL);
  const url = flags.url ?? nonEmpty(env.CAPSTAN_URL) ?? config.url ?? own ?? defaultUrl;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new CapstanError("INVALID_ARGUMENT", `--url must be an http address, not "${url}"`);
  }
  const { pathname, search, hash, origin } = new URL(url);
  if (pathname !== "/" || search !== "" || hash !== "") {
    const what = `--url must be the controller's address alone, such as ${origin}, not "${url}"`;
    throw new CapstanError("INVALID_ARGUMENT", what);
  }
  const token = flags.token ?? nonEmpty(env.CAPSTAN_TOKEN) ?? config.token ?? findToken(url);
  return { url, token, jobId: jobAround(env, { url, token }) };
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === "" ? undefined : value;
}

interface Config {
  readonly url?: string;
  readonly token?: string;
}

const configFields: readonly string[] = ["url", "token"];

function readConfig(file: string): Config {
  const config = parseJson(file, readText(file));
  if (typeof config !== "object" || config === null || Array.isArray(config)) {
    throw new CapstanError("INVALID_ARGUMENT", `${file} must hold a JSON object`);
  }
  for (const [field, value] of Object.entries(config)) {
    if (!configFields.includes(field)) {
      throw new CapstanError("INVALID_ARGUMENT", `${file}: unknown field "${field}"`);
    }
    if (typeof value !== "string") {
      throw new CapstanError("INVALID_ARGUMENT", `${file}: "${field}" must be a string`);
    }
  }
  return config;
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CapstanError("INVALID_ARGUMENT", `--config cannot be read: ${reason}`);
  }
}

/** JSON that a person wrote. Throws CapstanError INVALID_ARGUMENT naming `what`. */
export function parseJson(what: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CapstanError("INVALID_ARGUMENT", `${what} is not JSON: ${reason}`);
  }
}
