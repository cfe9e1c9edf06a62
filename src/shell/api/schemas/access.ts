/**
 * Methods of administration: users, tokens, endpoints, and who asks.
 *
 * @module
 */

import { z } from "zod";
import { type Role, roles } from "../../../model/job.ts";
import { bands } from "../../../model/states.ts";
import {
  anyCase,
  countField,
  durationField,
  idField,
  nextPageToken,
  orderField,
  pageFields,
  requestOf,
  resources,
  resourcesRequest,
  responseOf,
  textField,
  timeOrNull,
  withDefault,
} from "./fields.ts";
import { bandNames } from "./jobs.ts";

const readers: readonly Role[] = ["admin", "user", "viewer"];
const writers: readonly Role[] = ["admin", "user"];
const administrators: readonly Role[] = ["admin"];

const budgetShape = {
  user: z.string(),
  weight: z.number(),
  budget: z.number(),
  bandMax: z.enum(bandNames),
  cap: resources.nullable(),
  activeTasksMax: z.int(),
};

const user = responseOf({
  ...budgetShape,
  spend: z.number(),
  dominantShare: z.number(),
  overBudget: z.boolean(),
  runningTaskCount: z.int(),
  pendingTaskCount: z.int(),
}).meta({ id: "User", description: "What a user may use, and uses." });

const userOrders = [
  "user",
  "spend",
  "dominantShare",
  "runningTaskCount",
  "pendingTaskCount",
] as const;

const token = responseOf({
  tokenId: z.string(),
  user: z.string(),
  role: z.enum(roles),
  note: z.string(),
  active: z.boolean(),
  createdAt: timeOrNull,
  expiresAt: timeOrNull,
  revokedAt: timeOrNull,
}).meta({ id: "Token", description: "Never the secret itself." });

const endpoint = responseOf({
  endpointId: z.string(),
  name: z.string(),
  address: z.string(),
  taskId: z.string(),
  attemptId: z.string(),
  metadata: z.record(z.string(), z.string()),
  leaseMs: z.int(),
  registeredAt: timeOrNull,
  expiresAt: timeOrNull,
}).meta({ id: "Endpoint", description: "Where the current attempt of a task can be reached." });

export const accessMethods = {
  ListUsers: {
    summary: "Users: what they may use, and what they use.",
    access: readers,
    request: requestOf({
      ...pageFields,
      filter: requestOf({
        user: withDefault(textField, "").meta({ description: "A part of the name." }),
      }).optional(),
      orderBy: orderField(userOrders, "user"),
    }),
    response: responseOf({ users: z.array(user), totalCount: z.int(), nextPageToken }),
  },
  SetUserBudget: {
    summary: "Sets what a user may use; what is left out keeps its value.",
    access: administrators,
    request: requestOf({
      user: idField,
      weight: z.number().optional(),
      budget: z.number().optional(),
      bandMax: anyCase(bands).optional(),
      cap: resourcesRequest.nullable().optional(),
      activeTasksMax: countField.optional(),
    }),
    response: responseOf({ budget: responseOf(budgetShape) }),
  },
  CreateToken: {
    summary: "Makes a token. Its secret is in this answer and nowhere else.",
    access: writers,
    request: requestOf({
      user: idField,
      role: anyCase(roles),
      note: textField.default(""),
      expiresIn: durationField.default(0).meta({ description: "Default 0: never." }),
    }),
    response: responseOf({ tokenId: z.string(), token: z.string() }),
  },
  RevokeToken: {
    summary: "Ends a token for ever.",
    access: writers,
    request: requestOf({ tokenId: idField }),
    response: responseOf({ tokenId: z.string() }),
  },
  ListTokens: {
    summary: "One's own tokens; all of them for an administrator.",
    access: readers,
    request: requestOf({
      ...pageFields,
      filter: requestOf({
        user: withDefault(textField, "").meta({ description: "A part of the name." }),
        role: anyCase(roles).optional(),
        active: z.boolean().optional().meta({ description: "Whether it works now." }),
      }).optional(),
      orderBy: orderField(["createdAt", "expiresAt", "user", "role"], "createdAt"),
    }),
    response: responseOf({ tokens: z.array(token), totalCount: z.int(), nextPageToken }),
  },
  WhoAmI: {
    summary: "Whom the presented token speaks for.",
    access: roles as readonly Role[],
    request: requestOf({}),
    response: responseOf({ user: z.string(), role: z.enum(roles), jobId: z.string() }),
  },
  RegisterEndpoint: {
    summary: "Says where the current attempt of a task can be reached, or renews that.",
    access: writers,
    request: requestOf({
      endpointId: idField,
      name: idField,
      address: idField,
      taskId: idField,
      attemptId: idField,
      lease: durationField.default(0).meta({ description: "Default 0: as long as may be." }),
      metadata: z.record(z.string(), z.string()).default({}),
    }),
    response: responseOf({ endpoint, renewed: z.boolean() }),
  },
  UnregisterEndpoint: {
    summary: "Ends an endpoint.",
    access: writers,
    request: requestOf({ endpointId: idField }),
    response: responseOf({ endpointId: z.string(), unregistered: z.boolean() }),
  },
  ListEndpoints: {
    summary: "Endpoints that can be used now, by name or by prefix.",
    access: readers,
    request: requestOf({
      name: withDefault(z.string(), ""),
      prefix: withDefault(z.string(), ""),
      ...pageFields,
      filter: requestOf({ taskId: withDefault(textField, "") }).optional(),
      orderBy: orderField(["name", "taskId", "registeredAt", "expiresAt"], "name"),
    }),
    response: responseOf({ endpoints: z.array(endpoint), totalCount: z.int(), nextPageToken }),
  },
};
