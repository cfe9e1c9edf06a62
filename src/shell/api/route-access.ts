/**
 * Who may use which route, and who may speak on a stream as what. Whatever is not here is refused
 * to everybody.
 *
 * @module
 */

import { type Role, roles } from "../../model/job.ts";

/** `everybody` needs no token: what is there says nothing about anybody's work. */
export type RouteAccess = "everybody" | readonly Role[];

const readers: readonly Role[] = ["admin", "user", "viewer"];

/** By HTTP method and path, as they are registered. */
export const routeAccess: { readonly [route: string]: RouteAccess } = {
  "GET /": "everybody",
  "GET /healthz": "everybody",
  "GET /readyz": "everybody",
  "GET /v1/openapi.json": "everybody",
  "GET /metrics": readers,
  "GET /v1/events": readers,
  // The table of methods says who may call which.
  "POST /v1/rpc/:method": roles,
  "GET /v1/bundles/:hash": ["admin", "user", "worker"],
  "PUT /v1/bundles/:hash": ["admin", "user"],
  "GET /v1/dump": ["admin"],
};

/** By the role that the hello of a stream names. */
export const streamAccess: { readonly [peer in "client" | "worker"]: readonly Role[] } = {
  client: ["admin", "user"],
  worker: ["admin", "worker"],
};
