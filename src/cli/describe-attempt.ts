/**
 * How an attempt ended, for people: what its exit code or signal means, and whose doing it was.
 *
 * @module
 */

import { constants } from "node:os";
import type { AttemptCause } from "../model/states.ts";
import type { AttemptView } from "./responses.ts";

const signalNumbers: ReadonlyMap<string, number> = new Map(Object.entries(constants.signals));
const signalNames: ReadonlyMap<number, string> = new Map(
  [...signalNumbers].reverse().map(([name, number]) => [number, name]),
);

/** A shell reports a program that a signal ended as 128 and the signal's number. */
const shellSignalBase = 128;

/** Sentences for causes that no exit code tells. */
const causeSentences: { readonly [C in AttemptCause]?: string } = {
  timeout: "ran longer than its timeout",
  "worker-lost": "its worker was lost",
  "never-had-it": "never arrived at its worker",
  "input-unloadable": "an input could not be read",
  "module-unloadable": "its module could not be loaded",
  "dependency-lost": "an input was lost",
  "setup-failed": "a plugin could not be set up there",
  "actor-lost": "its actor ended",
  "build-failed": "its work directory or program could not be started",
  killed: "killed from outside",
  stopped: "cancelled",
  preempted: "preempted",
  "cosched-failed": "stopped, because another member of its gang failed",
  "start-timeout": "did not start in time",
  drained: "stopped, because its worker was drained or left",
  "gang-returned": "given back, because its gang could not start together",
  refused: "refused by its worker",
  retracted: "taken back before it started",
  rescheduled: "asked to run later, or elsewhere",
  superseded: "continued by the next attempt",
};

/** `"exit code 3"`, `"exit code 137 (128 + SIGKILL)"`, `"SIGSEGV (signal 11)"`; "" if unknown. */
export function describeExit(attempt: Pick<AttemptView, "exitCode" | "signal" | "oom">): string {
  const { exitCode, signal, oom } = attempt;
  const parts = [
    oom ? "out of memory" : "",
    signal === null ? "" : describeSignal(signal),
    exitCode === null ? "" : describeCode(exitCode),
  ];
  return parts.filter((part) => part !== "").join(", ");
}

function describeSignal(signal: string): string {
  const number = signalNumbers.get(signal);
  return number === undefined ? signal : `${signal} (signal ${number})`;
}

function describeCode(exitCode: number): string {
  const signal = signalNames.get(exitCode - shellSignalBase);
  const meaning = signal === undefined ? "" : ` (${shellSignalBase} + ${signal})`;
  return `exit code ${exitCode}${meaning}`;
}

/** Why it ended and how, in one phrase; "" while it goes on and when it simply finished. */
export function describeEnd(attempt: AttemptView): string {
  const { cause } = attempt;
  if (cause === null || cause === "finished") return "";
  const sentence = (causeSentences as { readonly [cause: string]: string })[cause] ?? "";
  const exit = describeExit(attempt);
  const parts = [sentence, exit].filter((part) => part !== "");
  return parts.length === 0 ? cause : parts.join(", ");
}

/** The last `count` lines of a text, without empty ones at its end. */
export function lastLines(text: string, count: number): readonly string[] {
  const trimmed = text.trimEnd();
  return trimmed === "" ? [] : trimmed.split("\n").slice(-count);
}
