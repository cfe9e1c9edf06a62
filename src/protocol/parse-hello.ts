/**
 * The first frame of each side. The version is looked at before anything else, so that another
 * version is told which one is spoken here, whatever else it sends.
 *
 * @module
 */

import { CapstanError, type ErrorCode, errorRegistry } from "../model/errors.ts";
import { Fields, requireText } from "./fields.ts";
import { protocolError } from "./frame-format.ts";
import { idCharsMax, workerSlotsMax } from "./limits.ts";
import {
  type ClientHello,
  type ControllerHello,
  type HelloRefused,
  protocolVersion,
  type WorkerHello,
} from "./messages.ts";
import { parseResourceVector } from "./parse-specs.ts";

/** A client's hello. Throws VERSION_MISMATCH, or PROTOCOL_ERROR naming the field. */
export function parseClientHello(value: unknown): ClientHello {
  const fields = helloFields(value);
  return {
    role: fields.oneOf("role", ["client"]),
    protocolVersion,
    clientId: fields.boundedText("clientId", idCharsMax),
    user: fields.boundedText("user", idCharsMax),
    clusterId: fields.boundedText("clusterId", idCharsMax, true),
  };
}

/** A worker's hello. Throws VERSION_MISMATCH, or PROTOCOL_ERROR naming the field. */
export function parseWorkerHello(value: unknown): WorkerHello {
  const fields = helloFields(value);
  return {
    role: fields.oneOf("role", ["worker"]),
    protocolVersion,
    workerId: fields.boundedText("workerId", idCharsMax),
    incarnation: fields.boundedText("incarnation", idCharsMax),
    clusterId: fields.boundedText("clusterId", idCharsMax, true),
    epoch: fields.count("epoch"),
    address: fields.boundedText("address", idCharsMax),
    pid: fields.count("pid"),
    capacity: parseResourceVector(fields.child("capacity")),
    slots: fields.count("slots", workerSlotsMax),
    commandSlots: fields.count("commandSlots", workerSlotsMax),
    attributes: fields.dictionary("attributes", requireText),
  };
}

/** Either hello that a controller may meet. Throws as the two above do. */
export function parsePeerHello(value: unknown): ClientHello | WorkerHello {
  const role = helloFields(value).oneOf("role", ["client", "worker"]);
  return role === "client" ? parseClientHello(value) : parseWorkerHello(value);
}

/**
 * The controller's answer. Throws what the controller refused with, VERSION_MISMATCH, or
 * PROTOCOL_ERROR naming the field.
 */
export function parseControllerHello(value: unknown): ControllerHello {
  const raw = new Fields(value, "hello");
  if (raw.raw("role") === "refused") throw refusalOf(raw.child("error"));
  const fields = helloFields(value);
  return {
    role: fields.oneOf("role", ["controller"]),
    protocolVersion,
    clusterId: fields.boundedText("clusterId", idCharsMax),
    epoch: fields.count("epoch"),
    index: fields.count("index", 0xffffffff),
    jobId: fields.text("jobId"),
    sequence: fields.count("sequence", 0xffffffff),
    heartbeatMs: fields.count("heartbeatMs"),
    dataToken: fields.boundedText("dataToken", idCharsMax, true),
    logToken: fields.boundedText("logToken", idCharsMax, true),
  };
}

/** The hello that refuses a peer. */
export function helloRefusal(error: CapstanError): HelloRefused {
  const { code, message, details } = error;
  return { role: "refused", error: { code, message, details } };
}

/** The error that a peer named; one of a code that is not known here is PROTOCOL_ERROR. */
export function errorFromWire(
  code: string,
  message: string,
  details: { readonly [name: string]: unknown } = {},
): CapstanError {
  if (Object.hasOwn(errorRegistry, code)) {
    return new CapstanError(code as ErrorCode, message, { details });
  }
  return protocolError(`the peer refused with the unknown code ${code}: ${message}`, { details });
}

function refusalOf(error: Fields): CapstanError {
  const details = error.raw("details");
  const isObject = typeof details === "object" && details !== null;
  return errorFromWire(error.text("code"), error.text("message"), isObject ? { ...details } : {});
}

function helloFields(value: unknown): Fields {
  const fields = new Fields(value, "hello");
  const version = fields.count("protocolVersion");
  if (version === protocolVersion) return fields;
  throw versionMismatch(String(fields.raw("role")), version);
}

/** Names whom to upgrade: the older one. Of those who meet, one is always the controller. */
function versionMismatch(role: string, version: number): CapstanError {
  const isController = role === "controller";
  const theirs = ["client", "worker", "controller"].includes(role) ? `the ${role}` : "the peer";
  const ours = isController ? "this program" : "the controller";
  const older = version < protocolVersion ? theirs : ours;
  return new CapstanError(
    "VERSION_MISMATCH",
    `${theirs} speaks version ${version} of the protocol, ${ours} version ${protocolVersion}: ` +
      `upgrade ${older}`,
    { details: { theirs: version, ours: protocolVersion, upgrade: older } },
  );
}
