/**
 * Options of the programs of this folder. The usage of each is the head of its own file.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { type ParseArgsConfig, parseArgs } from "node:util";

const helpOption = { help: { type: "boolean", short: "h", default: false } } as const;

type WithHelp<T extends ParseArgsConfig> = T & {
  readonly options: T["options"] & typeof helpOption;
};

/**
 * What a program was called with. `--help` prints the head of its file, `url`, and ends it with 0;
 * what is not known ends it with 2 and a sentence.
 */
export function readOptions<T extends ParseArgsConfig>(
  url: string,
  config: T,
): ReturnType<typeof parseArgs<WithHelp<T>>> {
  const options = { ...config.options, ...helpOption };
  let parsed: ReturnType<typeof parseArgs<WithHelp<T>>>;
  try {
    parsed = parseArgs({ ...config, options } as WithHelp<T>);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    // Its later sentences are about positional arguments.
    return refuse(
      `${error.message.split(/\. |\n/)[0].replace(/\.$/, "")}; --help tells what there is`,
    );
  }
  if ((parsed.values as { help?: boolean }).help === true) {
    console.log(usageOf(readFileSync(new URL(url), "utf8")));
    process.exit(0);
  }
  return parsed;
}

/** The comment at the head of a file, as text. */
export function usageOf(source: string): string {
  const [head = ""] = source.split("*/");
  const lines = head.split("\n").slice(1);
  const text = lines.map((line) => line.replace(/^ \* ?/, "")).join("\n");
  return text.split("@module")[0].trim();
}

/** Ends the program: it was called in a wrong way. */
export function refuse(message: string): never {
  console.error(message);
  process.exit(2);
}

/** A whole number of at least `least`; without a text, `otherwise`. */
export function countOption(
  name: string,
  text: string | undefined,
  { least, otherwise, most = Number.MAX_SAFE_INTEGER }: CountBounds,
): number {
  if (text === undefined) return otherwise;
  const count = Number(text);
  if (text !== "" && Number.isSafeInteger(count) && count >= least && count <= most) return count;
  const bounds = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `${least} to ${most}`;
  return refuse(`--${name}: expected a whole number ${bounds}, not ${JSON.stringify(text)}`);
}

interface CountBounds {
  readonly least: number;
  readonly otherwise: number;
  readonly most?: number;
}
