/**
 * The description of the API, OpenAPI 3.1, made of the schemas that validate.
 *
 * @module
 */

import { z } from "zod";
import { errorRegistry } from "../../model/errors.ts";
import { packageVersion } from "../controller-process/version.ts";
import { isReadMethod, type Method, methods } from "./schemas.ts";

type Json = { readonly [name: string]: unknown };

const refPrefix = "#/components/schemas/";

let text: string | null = null;

/** The document as JSON; made once. */
export function openApiText(): string {
  text ??= JSON.stringify(openApiDocument());
  return text;
}

/** The document. */
export function openApiDocument(): Json {
  const schemas: { [name: string]: unknown } = { Error: errorSchema() };
  const paths: { [path: string]: Json } = { ...plainPaths() };
  for (const [name, method] of Object.entries<Method>(methods)) {
    schemas[`${name}Request`] = lifted(method.request, "input", schemas);
    schemas[`${name}Response`] = lifted(method.response, "output", schemas);
    paths[`/v1/rpc/${name}`] = { post: operationOf(name, method) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Capstan",
      version: packageVersion,
      description:
        "Durations in requests are milliseconds or texts such as `90s`; times are RFC 3339.",
    },
    jsonSchemaDialect: "https://json-schema.org/draft/2020-12/schema",
    security: [{ token: [] }, {}],
    paths,
    components: {
      schemas,
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
    },
  };
}

/** A schema whose named parts move to the components of the document. */
function lifted(
  schema: z.ZodType,
  io: "input" | "output",
  schemas: { [name: string]: unknown },
): Json {
  const {
    $schema: _,
    $defs = {},
    ...own
  } = z.toJSONSchema(schema, { io }) as {
    $schema?: string;
    $defs?: Json;
  };
  for (const [name, part] of Object.entries($defs)) schemas[name] = withRefs(part);
  return withRefs(own) as Json;
}

function withRefs(schema: unknown): unknown {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/$defs/', `"${refPrefix}`));
}

function operationOf(name: string, { summary, access }: Method): Json {
  return {
    operationId: name,
    summary,
    description: `For role ${access.join(", ")}.`,
    ...(isReadMethod(name) ? { parameters: [atParameter] } : {}),
    requestBody: { content: jsonOf(`${name}Request`) },
    responses: {
      200: { description: "The answer; it is durable.", content: jsonOf(`${name}Response`) },
      default: { description: "Why not.", content: jsonOf("Error") },
    },
  };
}

const atParameter: Json = {
  name: "at",
  in: "query",
  required: false,
  description: "An instant of the past: a sequence of the journal, or RFC 3339.",
  schema: { type: "string" },
};

function jsonOf(schema: string): Json {
  return { "application/json": { schema: { $ref: `${refPrefix}${schema}` } } };
}

function errorSchema(): Json {
  const error = z.strictObject({
    error: z.strictObject({
      code: z.enum(Object.keys(errorRegistry) as [string, ...string[]]),
      message: z.string(),
      details: z.record(z.string(), z.unknown()),
      retryable: z.boolean(),
    }),
  });
  const { $schema: _, ...own } = z.toJSONSchema(error);
  return own as Json;
}

/** Routes that are no methods. */
function plainPaths(): { readonly [path: string]: Json } {
  const said = (description: string) => ({ responses: { 200: { description } } });
  const hash = { name: "hash", in: "path", required: true, schema: { type: "string" } };
  return {
    "/": { get: { summary: "The dashboard.", ...said("HTML.") } },
    "/v1/events": {
      get: {
        summary: "Live queries over a WebSocket: see docs/reference/live.md.",
        responses: { 101: { description: "The subprotocol `capstan.events.1`." } },
      },
    },
    "/healthz": {
      get: {
        summary: "Whether the process answers, and knows who asks.",
        ...said("`ok`: it does; `authenticated`: calls would not be refused for their token."),
      },
    },
    "/readyz": {
      get: {
        summary: "Whether it serves and has the workers that it waits for.",
        responses: { 200: { description: "Ready." }, 503: { description: "Not yet, and why." } },
      },
    },
    "/metrics": { get: { summary: "Numbers for Prometheus.", ...said("Text.") } },
    "/v1/openapi.json": { get: { summary: "This document.", ...said("OpenAPI 3.1.") } },
    "/v1/dump": {
      get: {
        summary: "Everything that the cluster knows as a journal's file, without secrets.",
        ...said("A file that `capstan replay` opens."),
      },
    },
    "/v1/bundles/{hash}": {
      parameters: [hash],
      get: { summary: "The bytes of a bundle or workspace.", ...said("The bytes.") },
      put: {
        summary: "Uploads one; its SHA-256 must be the hash.",
        responses: { 200: { description: "It was here." }, 201: { description: "It is new." } },
      },
    },
  };
}
