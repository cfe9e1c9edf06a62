/**
 * What clients share, as the API lists it.
 *
 * @module
 */

import { locksView } from "./locks.ts";
import { type ListRequest, paged } from "./pages.ts";
import { publishedView } from "./published.ts";
import type { ControllerState } from "./state.ts";

/** ListPublishedValues: by user and name; without `user` those of all. */
export function listPublished(state: ControllerState, request: ListRequest) {
  const all = publishedView(state).filter(ofUser(request));
  const { page, nextPageToken } = paged(all, request);
  return { values: page, totalCount: all.length, nextPageToken };
}

/** ListLocks: those that are held, by user and name; without `user` those of all. */
export function listLocks(state: ControllerState, request: ListRequest) {
  const all = locksView(state, state.at).filter(ofUser(request));
  const { page, nextPageToken } = paged(all, request);
  return { locks: page, totalCount: all.length, nextPageToken };
}

function ofUser({ user = "" }: ListRequest): (one: { readonly user: string }) => boolean {
  return (one) => user === "" || one.user === user;
}
