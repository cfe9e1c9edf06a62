/**
 * `capstan token create`: a secret with which somebody may call. It is shown once.
 *
 * @module
 */

import { buildCommand } from "@stricli/core";
import { CapstanError } from "../../model/errors.ts";
import { roles } from "../../model/job.ts";
import { callApi } from "../api.ts";
import { type CliContext, command, exitCodes, type Terminal } from "../context.ts";
import { type GlobalFlags, globalFlags, parseName, parseText, targetOf } from "../global-flags.ts";
import { parseDurationText } from "../parse-job-flags.ts";
import { printJson, printLines } from "../print.ts";

interface CreateFlags extends GlobalFlags {
  readonly user: string;
  readonly role: (typeof roles)[number];
  readonly note?: string;
  readonly expiresIn?: string;
}

async function createToken(terminal: Terminal, flags: CreateFlags): Promise<number> {
  const { user, role, note, expiresIn } = flags;
  const response = await callApi(targetOf(flags, terminal), "CreateToken", {
    ...{ user, role },
    ...(note === undefined ? {} : { note }),
    ...(expiresIn === undefined ? {} : { expiresIn: parseLife(expiresIn) }),
  });
  if (flags.json) {
    printJson(terminal, response);
    return exitCodes.ok;
  }
  printLines(terminal, [response.token]);
  const next = `capstan token revoke ${response.tokenId} ends it`;
  terminal.stderr.write(`capstan: token ${response.tokenId}, shown this once. ${next}\n`);
  return exitCodes.ok;
}

/** The API's 0 is a token that never expires, which nobody means who says how long it lives. */
function parseLife(text: string): number {
  const lifeMs = parseDurationText("--expires-in", text);
  if (lifeMs > 0) return lifeMs;
  const what = "--expires-in must be above 0; without it the token does not expire";
  throw new CapstanError("INVALID_ARGUMENT", what);
}

const text = { kind: "parsed", parse: parseText } as const;

export const tokenCreateCommand = buildCommand<CreateFlags, [], CliContext>({
  func: command(createToken),
  parameters: {
    flags: {
      ...globalFlags,
      user: { ...text, parse: parseName, brief: "Whose token it is" },
      role: { kind: "enum", values: roles, default: "user", brief: "What it may do" },
      note: { ...text, optional: true, placeholder: "TEXT", brief: "What it is for" },
      expiresIn: {
        ...text,
        optional: true,
        placeholder: "DURATION",
        brief: 'How long it works, such as "30d" [for ever]',
      },
    },
  },
  docs: { brief: "Make a token; its secret is printed once, alone on stdout" },
});
