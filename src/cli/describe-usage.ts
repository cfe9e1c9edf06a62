/**
 * What is wrong with a command line, in our words: which flag, what was expected, what to do.
 *
 * @module
 */

import { ArgumentScannerError, formatMessageForArgumentScannerError } from "@stricli/core";

/** One sentence about a command line, `argv`, that could not be read. */
export function describeUsage(exception: unknown, argv: readonly string[]): string {
  if (!(exception instanceof ArgumentScannerError)) return messageOf(exception);
  return formatMessageForArgumentScannerError(exception, {
    ArgumentParseError: ({ externalFlagNameOrPlaceholder: name, exception: why }) =>
      `${nameOf(name)}: ${messageOf(why)}`,
    EnumValidationError: ({ externalFlagName, input, values }) =>
      `${flagOf(externalFlagName)}: expected ${values.join(", ")}, not "${input}"`,
    FlagNotFoundError: ({ input, corrections }) => {
      const meant = corrections.map(flagOf).join(" or ");
      const hint = meant === "" ? "; --help lists all" : `: did you mean ${meant}?`;
      return `there is no flag ${flagOf(input)}${hint}`;
    },
    UnexpectedPositionalError: ({ input }) =>
      `"${input}" is one argument too many; --help shows how it is used`,
    UnsatisfiedPositionalError: ({ placeholder }) =>
      `${placeholder} is missing; --help shows how it is used`,
    UnsatisfiedFlagError: ({ externalFlagName }) => {
      const flag = flagOf(externalFlagName);
      const isGiven = argv.some((word) => word.startsWith("--") && flagOf(nameIn(word)) === flag);
      return `${flag} ${isGiven ? "needs a value" : "is missing; --help shows how it is used"}`;
    },
    UnexpectedFlagError: ({ externalFlagName, previousInput }) =>
      `${flagOf(externalFlagName)} was given twice; the first was "${previousInput}"`,
  });
}

/** `--user` of `--user=ada`. */
function nameIn(argument: string): string {
  return argument.split("=", 1)[0];
}

/** Placeholders of arguments are in capitals. */
function nameOf(name: string): string {
  return /^[A-Z]/.test(name) ? name : flagOf(name);
}

function flagOf(name: string): string {
  const kebab = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return `--${kebab.replace(/^-*/, "")}`;
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
