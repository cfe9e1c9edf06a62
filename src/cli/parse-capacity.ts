/**
 * What a worker declares beyond CPU and memory: devices, counters and attributes, as typed on the
 * command line.
 *
 * @module
 */

import type { Attributes } from "../model/constraints.ts";
import { CapstanError } from "../model/errors.ts";
import { parseCountMilli } from "../model/parse-quantities.ts";
import type { DeviceAmount } from "../model/resources.ts";

/** `KIND:VARIANT:COUNT`, such as `gpu:h100:8`. Throws CapstanError INVALID_ARGUMENT. */
export function parseDevices(texts: readonly string[]): readonly DeviceAmount[] {
  return texts.map((text) => {
    const [kind, variant, count, rest] = text.toLowerCase().split(":");
    if (!kind || !variant || !count || rest !== undefined) {
      throw invalid("--device", "KIND:VARIANT:COUNT", text);
    }
    return { kind, variant, countMilli: parseCountMilli("--device", Number(count)), indices: [] };
  });
}

/** `NAME=N`, such as `license=4`. Throws CapstanError INVALID_ARGUMENT. */
export function parseCustom(texts: readonly string[]): { readonly [name: string]: number } {
  const pairs = texts.map((text) => splitPair("--resource", "NAME=N", text));
  return Object.fromEntries(
    pairs.map(([name, count]) => [
      name.toLowerCase(),
      parseCountMilli(`--resource ${name}`, Number(count)),
    ]),
  );
}

/** `K=V`, such as `region=eu-west4`. Throws CapstanError INVALID_ARGUMENT. */
export function parseAttributes(texts: readonly string[]): Attributes {
  return Object.fromEntries(texts.map((text) => splitPair("--attribute", "K=V", text)));
}

function splitPair(flag: string, form: string, text: string): readonly [string, string] {
  const at = text.indexOf("=");
  if (at < 1) throw invalid(flag, form, text);
  return [text.slice(0, at), text.slice(at + 1)];
}

function invalid(flag: string, form: string, text: string): CapstanError {
  return new CapstanError("INVALID_ARGUMENT", `${flag} must be ${form}, not "${text}"`);
}
