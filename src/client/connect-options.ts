/**
 * The options of `connect`.
 *
 * @module
 */

import { invalidArgument, parseFields } from "../model/parse-fields.ts";

/** How to reach a cluster. */
export interface ConnectOptions {
  /**
   * Default: for a cluster that this program has started itself its own; else `CAPSTAN_TOKEN`, else
   * for a url of this machine the token that `capstan up` left there, else none.
   */
  readonly token?: string | undefined;
  /** Whose tasks these are. Default: the operating system's user. A token's user wins. */
  readonly user?: string | undefined;
  /** Told what the controller warns of. Default: a Node process warning. */
  readonly onWarning?: ((code: string, message: string) => void) | undefined;
}

const names = ["token", "user", "onWarning"] as const;

/** Throws INVALID_ARGUMENT naming the option. What a token or a user may be its reader says. */
export function checkConnectOptions(options: unknown): void {
  const { token, user, onWarning } = parseFields("", options, names);
  for (const [name, value] of Object.entries({ token, user })) {
    if (value !== undefined && typeof value !== "string") {
      throw invalidArgument(name, value, "a string");
    }
  }
  if (onWarning === undefined || typeof onWarning === "function") return;
  throw invalidArgument("onWarning", onWarning, "a function");
}
