/**
 * The kinds of fields that requests and responses are made of. What a person may get wrong says
 * what was expected; `parse-request.ts` adds the path of the field.
 *
 * @module
 */

import { z } from "zod";
import { CapstanError } from "../../../model/errors.ts";
import { hintOf, nearestName } from "../../../model/nearest-name.ts";
import { showValue } from "../../../model/parse-fields.ts";
import { parseDurationMs } from "../../../model/parse-quantities.ts";
import {
  idCharactersMax,
  pageSizeMax,
  pageTokenCharactersMax,
  textCharactersMax,
} from "../limits.ts";

/** The object of a request: a name that it does not have is refused with the known ones. */
export function requestOf<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== "unrecognized_keys") return undefined;
      const name = issue.keys[0];
      if (known.length === 0) return `unknown name ${showValue(name)}; it takes no fields`;
      const meant = `${hintOf(nearestName(name, known))}Known: ${known.join(", ")}`;
      return `unknown name ${showValue(name)}; ${meant}`;
    },
  });
}

/** The object of a response: every field is always there, and no other. */
export const responseOf = z.strictObject;

/** A field that the kernel or the parser of jobs fills in when it is absent, as `fallback`. */
export function withDefault<T extends z.ZodType>(schema: T, fallback: unknown) {
  return schema.optional().meta({ default: fallback });
}

/** An id or a name: not empty, bounded. */
export const idField = z.string().min(1).max(idCharactersMax);

/** Free text, bounded. */
export const textField = z.string().max(textCharactersMax);

/** `"5s"` or milliseconds; milliseconds when parsed. */
export const durationField = z
  .union([z.string(), z.number()])
  .transform((value, context) => {
    try {
      return parseDurationMs("duration", value);
    } catch (error) {
      if (!(error instanceof CapstanError)) throw error;
      context.addIssue({ code: "custom", message: String(error.details.expected) });
      return z.NEVER;
    }
  })
  .meta({ description: 'A duration: "250ms", "90s", "5m", "12h", "1d", or milliseconds.' });

/** One of a closed set of lower-case names, written in any case. */
export function anyCase<const Names extends readonly string[]>(names: Names) {
  return z
    .string()
    .transform((value) => value.toLowerCase())
    .pipe(z.enum(names))
    .meta({ description: `One of ${names.join(", ")}; case does not matter.` });
}

/** RFC 3339; microseconds since 1970 when parsed. */
export const timeField = z.iso
  .datetime({ offset: true })
  .transform((text) => Date.parse(text) * 1000)
  .meta({ description: "A time as in RFC 3339." });

/** A whole number of at least 0. */
export const countField = z.int().min(0);

/** A duration whose meaning somebody else gives it. */
export const durationText = z.union([z.string(), z.number()]).meta({
  description: durationField.description,
});

/** The two fields by which each list is read in pages. */
export const pageFields = {
  pageSize: withDefault(z.int().min(1).max(pageSizeMax), 50),
  pageToken: withDefault(z.string().max(pageTokenCharactersMax), ""),
};

/** `orderBy` of a list: one of `names`, upward, or downward with ` desc`. */
export function orderField(names: readonly string[], fallback: string) {
  const orderings = names.flatMap((name) => [name, `${name} desc`]);
  return withDefault(z.enum(orderings), fallback);
}

/** Ends a list: `""` on its last page. */
export const nextPageToken = z.string();

/** RFC 3339, or null for a moment that has not come. */
export const timeOrNull = z.string().nullable();

const deviceRequest = requestOf({
  kind: z.string(),
  variant: withDefault(z.string(), "auto"),
  countMilli: withDefault(z.number(), 1_000),
  indices: withDefault(z.array(z.number()), []),
});

/** Resources in a request: their form only; `parse-job-resources.ts` gives them meaning. */
export const resourcesRequest = requestOf({
  cpuMilli: z.number().optional(),
  memoryBytes: z.number().optional(),
  diskBytes: z.number().optional(),
  devices: z.array(deviceRequest).optional(),
  custom: z.record(z.string(), z.number()).optional(),
}).meta({
  id: "ResourcesRequest",
  description: "CPU, devices and custom counters in thousandths, memory and disk in bytes.",
});

/** Resources in a response. */
export const resources = responseOf({
  cpuMilli: z.number(),
  memoryBytes: z.number(),
  diskBytes: z.number(),
  devices: z.array(
    responseOf({
      kind: z.string(),
      variant: z.string(),
      countMilli: z.number(),
      indices: z.array(z.int()),
    }),
  ),
  custom: z.record(z.string(), z.number()),
}).meta({
  id: "Resources",
  description: "CPU, devices and custom counters in thousandths, memory and disk in bytes.",
});
