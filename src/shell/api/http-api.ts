/**
 * The HTTP side of the one port: pages, health, metrics, API calls and bundles. It turns requests
 * into calls of its backend and answers or errors into responses; it knows nothing of the kernel.
 *
 * Every route passes three doors: host and origin, the token, and the table of who may use it. A
 * route that is not in the table is refused to everybody.
 *
 * @module
 */

import { createServer, type IncomingMessage, type Server } from "node:http";
import { getRequestListener, type HttpBindings } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { CapstanError } from "../../model/errors.ts";
import type { Principal } from "../../model/job.ts";
import type { Logger } from "../logging/logger.ts";
import type { Dump } from "../past/make-dump.ts";
import type { PastAnswer } from "../past/past-reader.ts";
import { boundConnections } from "../transport/bound-connections.ts";
import { checkHostAndOrigin } from "../transport/http-guard.ts";
import { serveBundle, storeBundle } from "./bundle-routes.ts";
import type { BundleStore } from "./bundle-store.ts";
import type { DashboardFiles, FileRequest } from "./dashboard-files.ts";
import { serveDump } from "./dump-route.ts";
import { answerError, answerJson, answerText } from "./http-answers.ts";
import { metricsContentType } from "./metrics.ts";
import { openApiText } from "./openapi.ts";
import { readJson } from "./read-json.ts";
import { routeAccess } from "./route-access.ts";
import { statusPage } from "./status-page.ts";

/** What `/readyz` says. */
export interface Readiness {
  readonly ready: boolean;
  /** Why not, as sentences; empty when ready. */
  readonly reasons: readonly string[];
  /** What does not work as it should although the controller serves. */
  readonly degraded: readonly string[];
}

/** A call of the API, by whom. */
export interface CallOrder {
  readonly principal: Principal;
  readonly method: string;
  readonly request: unknown;
  /** Told the CPU time, in ms, that the call took after `call` returned, each time. */
  readonly onWork?: (tookMs: number) => void;
}

/** A read of the past, by whom. */
export interface PastOrder {
  readonly principal: Principal;
  readonly method: string;
  readonly request: unknown;
  /** A sequence of the journal, or RFC 3339. */
  readonly at: number | string;
}

/** What came of it. `sequence` is how far the journal was that it reflects. */
export type CallOutcome =
  | { readonly result: unknown; readonly error: null; readonly sequence: number }
  | { readonly result: null; readonly error: CapstanError; readonly sequence: number };

export interface ApiBackend {
  /** Names by which clients may call it, `host` or `host:port`, besides its own address. */
  readonly hosts: readonly string[];
  readonly bundles: BundleStore;
  readonly logger: Logger;
  /** Without one, or until it is built, `/` is the plain status page. */
  readonly dashboard?: DashboardFiles | undefined;
  /** Of the controller: said with each answer of the API. */
  readonly epoch: number;
  readiness(): Readiness;
  /** Why nothing is taken at present that needs room on the disk, or null. */
  overload(): CapstanError | null;
  /** In the format of Prometheus. */
  metrics(): string;
  /** Who sends a request, or why nobody who is known. */
  identify(request: IncomingMessage): { readonly principal: Principal } | CapstanError;
  /** The answer of a read method at an instant of the past. Rejects with CapstanError. */
  past(order: PastOrder, signal: AbortSignal): Promise<PastAnswer>;
  /** Makes a file of everything, without secrets. Rejects with CapstanError. */
  dump(): Promise<Dump>;
  /** Carries a call out and answers when that is durable; what it returns drops the answer. */
  call(order: CallOrder, answer: (outcome: CallOutcome) => void): () => void;
}

type Exchange = Context<{ Bindings: HttpBindings }>;
type Handler = (exchange: Exchange, principal: Principal) => Response | Promise<Response>;

/** Whoever needs no token and presents none. */
const nobody: Principal = { user: "", role: "viewer", jobId: "" };

/** A server that is not listening yet. */
export function createApiServer(backend: ApiBackend): Server {
  const app = createApiApp(backend);
  const listener = getRequestListener(app.fetch, {
    // An embedding program keeps its own Request and Response.
    overrideGlobalObjects: false,
    errorHandler: (error) => answerError(notHttp(error), backend.logger),
  });
  const server = createServer((request, response) => void listener(request, response));
  boundConnections(server);
  return server;
}

/** The routes, for the server and for the test that compares them with the table. */
export function createApiApp(backend: ApiBackend): Hono<{ Bindings: HttpBindings }> {
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.use("*", async ({ env }, next) => {
    const denied = checkHostAndOrigin(env.incoming, backend.hosts);
    if (denied !== null) throw denied;
    await next();
  });
  for (const [route, handler] of Object.entries(handlersOf(backend))) {
    const [method, path] = route.split(" ");
    app.on(method, path, async (exchange) => {
      return await handler(exchange, admit(route, exchange.env.incoming, backend));
    });
  }
  app.notFound((exchange) => {
    const file = dashboardFile(exchange, backend);
    if (file !== null) return file;
    authenticate(exchange.env.incoming, backend);
    throw notFound(exchange.req.path);
  });
  app.onError((error) => answerError(error, backend.logger));
  return app;
}

/** By HTTP method and path, as in the table of who may use them. */
function handlersOf(backend: ApiBackend): { readonly [route: string]: Handler } {
  const { bundles } = backend;
  return {
    "GET /": (exchange) => {
      const page = backend.dashboard?.page(fileRequestOf(exchange)) ?? null;
      if (page !== null) return page;
      const headers = { "Content-Security-Policy": statusPage.contentSecurityPolicy };
      return answerText(200, "text/html; charset=utf-8", statusPage.html, headers);
    },
    "GET /healthz": ({ env }) => {
      const authenticated = !(backend.identify(env.incoming) instanceof CapstanError);
      return answerJson(200, { ok: true, authenticated });
    },
    "GET /readyz": () => {
      const readiness = backend.readiness();
      return answerJson(readiness.ready ? 200 : 503, readiness);
    },
    "GET /v1/openapi.json": () => answerText(200, "application/json", openApiText()),
    "GET /metrics": () => answerText(200, metricsContentType, backend.metrics()),
    "POST /v1/rpc/:method": (exchange, principal) => serveCall(exchange, principal, backend),
    "GET /v1/events": () => {
      throw new CapstanError("INVALID_ARGUMENT", "/v1/events is a WebSocket: ask for an upgrade");
    },
    "GET /v1/bundles/:hash": ({ env, req }) => {
      return serveBundle(bundles, hashOf(req.param("hash")), env.outgoing, req.method === "HEAD");
    },
    "GET /v1/dump": async ({ env }, { jobId }) => {
      if (jobId !== "") throw new CapstanError("FORBIDDEN", "a dump is not for a job's token");
      return serveDump(await backend.dump(), env.outgoing);
    },
    "PUT /v1/bundles/:hash": ({ env, req }) => {
      const overload = backend.overload();
      if (overload !== null) throw overload;
      return storeBundle(bundles, hashOf(req.param("hash")), env.incoming);
    },
  };
}

/** A file of the dashboard, or its page: every view of it has an address of its own. */
function dashboardFile(exchange: Exchange, { dashboard }: ApiBackend): Response | null {
  const { req } = exchange;
  if (dashboard === undefined || req.method !== "GET" || req.path.startsWith("/v1/")) return null;
  const request = fileRequestOf(exchange);
  const file = dashboard.file(request);
  if (file !== null) return file;
  const wantsPage = req.header("accept")?.includes("text/html") === true;
  return wantsPage && !req.path.startsWith("/assets/") ? dashboard.page(request) : null;
}

function fileRequestOf({ req }: Exchange): FileRequest {
  const acceptsGzip = /\bgzip\b/.test(req.header("accept-encoding") ?? "");
  return { path: req.path, acceptsGzip, knownTag: req.header("if-none-match") ?? "" };
}

/** Who may go on to the route; throws UNAUTHENTICATED or FORBIDDEN. */
function admit(route: string, request: IncomingMessage, backend: ApiBackend): Principal {
  const access = Object.hasOwn(routeAccess, route) ? routeAccess[route] : undefined;
  if (access === undefined) throw new CapstanError("FORBIDDEN", `${route}: nobody may use it`);
  if (access === "everybody") return nobody;
  const principal = authenticate(request, backend);
  if (access.includes(principal.role)) return principal;
  const needed = access.join(" or ");
  throw new CapstanError(
    "FORBIDDEN",
    `${route}: needs role ${needed}; this token has role ${principal.role}`,
    { details: { role: principal.role, needed: access } },
  );
}

function authenticate(request: IncomingMessage, backend: ApiBackend): Principal {
  const caller = backend.identify(request);
  if (caller instanceof CapstanError) throw caller;
  return caller.principal;
}

async function serveCall(
  { env, req }: Exchange,
  principal: Principal,
  backend: ApiBackend,
): Promise<Response> {
  const request = await readJson(env.incoming);
  const method = req.param("method") ?? "";
  const at = req.query("at");
  if (at !== undefined) return servePast(env.outgoing, { principal, method, request, at }, backend);
  const outcome = await new Promise<CallOutcome>((resolve) => {
    const drop = backend.call({ principal, method, request }, resolve);
    env.outgoing.once("close", drop);
  });
  if (outcome.error !== null) throw outcome.error;
  return answerJson(200, outcome.result, {
    "X-Capstan-Epoch": String(backend.epoch),
    "X-Capstan-Sequence": String(outcome.sequence),
  });
}

async function servePast(
  response: HttpBindings["outgoing"],
  order: PastOrder & { readonly at: string },
  backend: ApiBackend,
): Promise<Response> {
  const leaving = new AbortController();
  response.once("close", () => leaving.abort());
  const at = /^\d+$/.test(order.at) ? Number(order.at) : order.at;
  const answer = await backend.past({ ...order, at }, leaving.signal);
  return answerText(200, "application/json", answer.text, {
    "X-Capstan-At": answer.at,
    "X-Capstan-Sequence": String(answer.sequence),
  });
}

function hashOf(text: string | undefined): string {
  if (text !== undefined && /^[0-9a-f]{64}$/.test(text)) return text;
  throw new CapstanError(
    "INVALID_ARGUMENT",
    "hash: expected the SHA-256 of the bundle in lower-case hex: /v1/bundles/<hash>",
  );
}

function notFound(path: string): CapstanError {
  if (path.startsWith("/v1/rpc/")) {
    return new CapstanError("NOT_FOUND", "methods are called with POST /v1/rpc/<Method>");
  }
  if (path.startsWith("/v1/bundles/")) {
    return new CapstanError("NOT_FOUND", "bundles are used with GET, HEAD and PUT");
  }
  const shown = JSON.stringify(path.slice(0, 200));
  return new CapstanError("NOT_FOUND", `there is no page ${shown}; GET /v1/openapi.json lists all`);
}

/** What is no request to anybody: its address or its host cannot be read. */
function notHttp(error: unknown): CapstanError {
  const why = error instanceof Error ? error.message : String(error);
  return new CapstanError("INVALID_ARGUMENT", `the request cannot be read: ${why}`);
}
