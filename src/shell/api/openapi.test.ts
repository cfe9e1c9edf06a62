/**
 * The description of the API has every method and every route, and holds together.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openApiDocument, openApiText } from "./openapi.ts";
import { routeAccess } from "./route-access.ts";
import { methodNames } from "./schemas.ts";

type Json = { readonly [name: string]: unknown };

const document = JSON.parse(openApiText());

/** Every object of the document, with its path. */
function* objectsOf(value: unknown, path = "#"): Generator<readonly [string, Json]> {
  if (typeof value !== "object" || value === null) return;
  if (!Array.isArray(value)) yield [path, value as Json];
  for (const [name, inner] of Object.entries(value)) yield* objectsOf(inner, `${path}/${name}`);
}

describe("the description of the API", () => {
  it("is OpenAPI 3.1 with a title, a version and the way to present a token", () => {
    assert.equal(document.openapi, "3.1.0");
    assert.match(document.info.version, /^\d+\.\d+\.\d+/);
    assert.deepEqual(document.components.securitySchemes.token, { type: "http", scheme: "bearer" });
  });

  it("has each method once, as it is called, with its request, answer and error", () => {
    const described = Object.keys(document.paths).filter((path) => path.startsWith("/v1/rpc/"));
    assert.deepEqual(new Set(described), new Set(methodNames.map((name) => `/v1/rpc/${name}`)));
    for (const name of methodNames) {
      const { post } = document.paths[`/v1/rpc/${name}`];
      assert.equal(post.operationId, name);
      assert.match(post.summary, /^[A-Z].*\.$/);
      const schemas = [
        post.requestBody.content["application/json"].schema.$ref,
        post.responses[200].content["application/json"].schema.$ref,
        post.responses.default.content["application/json"].schema.$ref,
      ];
      assert.deepEqual(
        schemas.map((ref: string) => ref.split("/").at(-1)),
        [`${name}Request`, `${name}Response`, "Error"],
      );
    }
  });

  it("has each route that is no method", () => {
    for (const route of Object.keys(routeAccess)) {
      const [method, path] = route.replace(":hash", "{hash}").split(" ");
      if (path === "/v1/rpc/:method") continue;
      assert.ok(document.paths[path]?.[method.toLowerCase()] !== undefined, route);
    }
  });

  it("refers to nothing that it does not have, and has nothing that is not referred to", () => {
    const referred = new Set<string>();
    for (const [path, object] of objectsOf(document)) {
      if (!("$ref" in object)) continue;
      assert.match(String(object.$ref), /^#\/components\/schemas\/\w+$/, path);
      referred.add(String(object.$ref).split("/").at(-1) ?? "");
    }
    assert.deepEqual(referred, new Set(Object.keys(document.components.schemas)));
  });

  it("makes every object closed, and each required field one that it has", () => {
    for (const [path, object] of objectsOf(document.components.schemas)) {
      if (object.type !== "object" || object.properties === undefined) continue;
      assert.equal(object.additionalProperties, false, path);
      const names = Object.keys(object.properties as Json);
      for (const required of (object.required ?? []) as string[]) {
        assert.ok(names.includes(required), `${path}: ${required}`);
      }
    }
  });

  it("demands every field of a response, and states the defaults of a request", () => {
    const { ListJobsRequest, ListJobsResponse, LaunchJobRequest } = document.components.schemas;
    assert.deepEqual(ListJobsResponse.required, ["jobs", "totalCount", "nextPageToken"]);
    assert.equal(ListJobsRequest.required, undefined);
    assert.equal(ListJobsRequest.properties.pageSize.default, 50);
    assert.deepEqual(LaunchJobRequest.required, ["name"]);
    assert.equal(LaunchJobRequest.properties.maxRetriesPreemption.default, 100);
  });

  it("is the same each time", () => {
    assert.deepEqual(JSON.parse(JSON.stringify(openApiDocument())), document);
  });
});
