/**
 * What the launcher keeps about a command for the agent that finds it after a restart.
 *
 * It lies on the disk, so secrets stay out of it: neither the environment, nor the standard input,
 * nor the job's token is needed once the command runs.
 *
 * @module
 */

import { CapstanError } from "../../model/errors.ts";
import type { AttemptId, TaskRef } from "../../model/ids.ts";
import type { CommandRun, TaskSpec } from "../../model/spec.ts";
import { Fields, requireCount } from "../../protocol/fields.ts";
import type { GangMember } from "../../protocol/messages.ts";
import { parseTaskSpec } from "../../protocol/parse-specs.ts";
import type { NamedPorts } from "./command-ports.ts";

/** A spec whose run is a command. */
export type CommandSpec = TaskSpec & { readonly run: CommandRun };

export interface CommandTag {
  /** The cluster that ordered it: its numbers mean nothing in another. */
  readonly clusterId: string;
  readonly workerId: string;
  readonly attempt: AttemptId;
  readonly task: TaskRef;
  readonly spec: number;
  readonly definition: CommandSpec;
  readonly shape: number;
  /** The `AttemptContext` as JSON, or "". */
  readonly context: string;
  readonly ports: NamedPorts;
  /** Its address as a member of a gang; null for others. */
  readonly member: GangMember | null;
}

/** Raised when a field changes its meaning: a launcher may outlive the release that started it. */
const tagVersion = 1;

/** The tag as it is handed to the launcher. */
export function newTag(tag: CommandTag): object {
  const run: CommandRun = { ...tag.definition.run, env: {}, stdin: "" };
  const definition = { ...tag.definition, run };
  return { ...tag, version: tagVersion, definition, context: withoutToken(tag.context) };
}

/** The tag that a launcher gave back; null if it is none of this release. */
export function parseTag(value: unknown): CommandTag | null {
  try {
    return readTag(new Fields(value, "tag"));
  } catch (error) {
    if (error instanceof CapstanError) return null;
    throw error;
  }
}

function readTag(fields: Fields): CommandTag | null {
  const definition = parseTaskSpec(fields.child("definition"));
  if (fields.count("version") !== tagVersion || !isCommandSpec(definition)) return null;
  return {
    clusterId: fields.text("clusterId"),
    workerId: fields.text("workerId"),
    attempt: fields.count("attempt"),
    task: fields.count("task"),
    spec: fields.count("spec"),
    definition,
    shape: fields.count("shape"),
    context: fields.text("context"),
    ports: readPorts(fields),
    member: fields.raw("member") === null ? null : readMember(fields.child("member")),
  };
}

export function isCommandSpec(spec: TaskSpec): spec is CommandSpec {
  return spec.run.kind === "command";
}

function readMember(fields: Fields): GangMember {
  return { host: fields.text("host"), ports: readPorts(fields) };
}

function readPorts(fields: Fields): NamedPorts {
  return fields.dictionary("ports", (port, path) => requireCount(port, path, 65_535));
}

function withoutToken(context: string): string {
  return context === "" ? "" : JSON.stringify({ ...JSON.parse(context), token: "" });
}
