/**
 * Errors as peers get them inside messages.
 *
 * @module
 */

import { CapstanError } from "../../model/errors.ts";

export interface WireError {
  readonly code: string;
  readonly message: string;
  readonly details: unknown;
}

export function wireError({ code, message, details }: CapstanError): WireError {
  return { code, message, details };
}

/** The answer to an event that stopped the controller twice and is in quarantine. */
export function refusalOfBug(): CapstanError {
  return new CapstanError(
    "BUG",
    "this request stopped the controller before and is refused; the controller's `quarantine` " +
      "directory has its record: please report it",
  );
}
