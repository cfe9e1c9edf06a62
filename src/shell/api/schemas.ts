/**
 * Every method of the API: who may call it, what it takes and what it answers. What validates a
 * request, what `GET /v1/openapi.json` describes and what clients are typed by are this one table.
 *
 * A method that is not here does not exist.
 *
 * @module
 */

import type { z } from "zod";
import type { Role } from "../../model/job.ts";
import { accessMethods } from "./schemas/access.ts";
import { clusterMethods } from "./schemas/cluster.ts";
import { dashboardMethods } from "./schemas/dashboard.ts";
import { jobMethods } from "./schemas/jobs.ts";
import { sharedMethods } from "./schemas/shared.ts";
import { taskMethods } from "./schemas/tasks.ts";
import { workerMethods } from "./schemas/workers.ts";

/** One method. */
export interface Method {
  /** One sentence. */
  readonly summary: string;
  /** The roles that may call it; on what, the kernel decides. */
  readonly access: readonly Role[];
  readonly request: z.ZodType;
  readonly response: z.ZodType;
}

export const methods = {
  ...jobMethods,
  ...taskMethods,
  ...workerMethods,
  ...clusterMethods,
  ...accessMethods,
  ...sharedMethods,
  ...dashboardMethods,
} satisfies { readonly [name: string]: Method };

export type MethodName = keyof typeof methods;

/** Nothing in it is to be written. */
type Frozen<T> = T extends readonly (infer Entry)[]
  ? readonly Frozen<Entry>[]
  : T extends object
    ? { readonly [Field in keyof T]: Frozen<T[Field]> }
    : T;

/** What each method takes, as it is written. */
export type Requests = {
  readonly [Name in MethodName]: Frozen<z.input<(typeof methods)[Name]["request"]>>;
};

/** What each method takes, as it is when it was parsed: durations in ms, defaults filled in. */
export type ParsedRequests = {
  readonly [Name in MethodName]: Frozen<z.output<(typeof methods)[Name]["request"]>>;
};

/** What each method answers. */
export type Responses = {
  readonly [Name in MethodName]: Frozen<z.output<(typeof methods)[Name]["response"]>>;
};

export const methodNames = Object.keys(methods) as readonly MethodName[];

/** Whether it is a method that changes nothing: those are what a viewer may call. */
export function isReadMethod(name: string): name is MethodName {
  return isMethodName(name) && (methods[name].access as readonly Role[]).includes("viewer");
}

/** Whether there is such a method. */
export function isMethodName(name: string): name is MethodName {
  return Object.hasOwn(methods, name);
}
