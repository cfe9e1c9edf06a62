/**
 * What user code threw, as data.
 *
 * @module
 */

import { inspect } from "node:util";
import type { ErrorRecord } from "../../model/failure.ts";
import { errorCausesMax, errorTextMax } from "./limits.ts";

/** The record of anything that can be thrown. Reading it never throws, whatever its getters do. */
export function errorRecordOf(thrown: unknown): ErrorRecord {
  if (!(thrown instanceof Error)) return nonErrorRecord(thrown);
  return {
    name: textOf(() => thrown.name, "Error"),
    message: textOf(() => thrown.message, ""),
    stack: textOf(() => thrown.stack, ""),
    causes: causesOf(thrown),
  };
}

/** A record for a failure that no code threw. */
export function plainErrorRecord(name: string, message: string): ErrorRecord {
  return { name, message: message.slice(0, errorTextMax), stack: "", causes: [] };
}

function nonErrorRecord(thrown: unknown): ErrorRecord {
  return plainErrorRecord("NonError", readable(thrown));
}

function causesOf(error: Error): { name: string; message: string }[] {
  const causes: { name: string; message: string }[] = [];
  let cause = causeOf(error);
  while (cause !== undefined && causes.length < errorCausesMax) {
    const current = cause;
    if (!(current instanceof Error)) {
      causes.push({ name: "NonError", message: readable(current) });
      break;
    }
    const name = textOf(() => current.name, "Error");
    causes.push({ name, message: textOf(() => current.message, "") });
    cause = causeOf(current);
  }
  return causes;
}

function causeOf(error: Error): unknown {
  try {
    return error.cause;
  } catch (failure) {
    return `(the cause could not be read: ${readable(failure)})`;
  }
}

function textOf(read: () => unknown, absent: string): string {
  try {
    const text = read();
    return text === undefined ? absent : String(text).slice(0, errorTextMax);
  } catch (failure) {
    return `(unreadable: ${readable(failure)})`;
  }
}

/** `"text"` for a string, an inspection for anything else. */
export function readable(value: unknown): string {
  if (typeof value === "string") return value.slice(0, errorTextMax);
  try {
    return inspect(value, { depth: 4, maxArrayLength: 20 }).slice(0, errorTextMax);
  } catch {
    return `(a value of type ${typeof value} that cannot be shown)`;
  }
}
