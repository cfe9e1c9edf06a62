/**
 * Lists of the API come in pages. A token is the place in the list where the next page begins.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import { pageSizeMax } from "./limits.ts";

const pageSizeDefault = 50;

/** A request of the API by field, its shape checked. */
export type ListRequest = { readonly [field: string]: unknown };

/**
 * The page that a request names by `pageSize` (default 50) and `pageToken` (default "": the first),
 * and the token of the one after it, "" at the end. Throws INVALID_ARGUMENT naming the field.
 */
export function paged<T>(
  items: readonly T[],
  request: ListRequest,
): { page: T[]; nextPageToken: string } {
  const { start, size } = pageOf(request);
  const end = start + size;
  return {
    page: items.slice(start, end),
    nextPageToken: end < items.length ? String(end) : "",
  };
}

/** Where the page of a request begins, and how long it may be. Throws INVALID_ARGUMENT. */
export function pageOf(request: ListRequest): { start: number; size: number } {
  const size = request.pageSize ?? pageSizeDefault;
  const token = request.pageToken ?? "";
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 1 || size > pageSizeMax) {
    throw new CapstanError(
      "INVALID_ARGUMENT",
      `pageSize: expected a whole number from 1 to ${pageSizeMax}`,
    );
  }
  if (typeof token !== "string" || !/^\d{0,15}$/.test(token)) {
    throw new CapstanError(
      "INVALID_ARGUMENT",
      "pageToken: expected the nextPageToken of a page before",
    );
  }
  return { start: Number(token), size };
}
