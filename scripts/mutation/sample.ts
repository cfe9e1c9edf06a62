/**
 * Mutants by place: their key, and whether a seeded sample has them. Both are functions of the
 * mutant alone, so that a process that starts anew, and the count at the end, agree.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Mutant } from "@stryker-mutator/api/core";

export type MutantPlace = Pick<Mutant, "fileName" | "location" | "mutatorName" | "replacement">;

export interface MutantSample {
  /** 0 to 1; 1 is every mutant. */
  readonly share: number;
  readonly seed: number;
}

/** `src/scheduler/fit.ts:10:4-12:5 BlockStatement {}` */
export function keyOfMutant({ fileName, location, mutatorName, replacement }: MutantPlace): string {
  const file = fileName.slice(fileName.lastIndexOf("src/"));
  const { start, end } = location;
  const range = `${start.line}:${start.column}-${end.line}:${end.column}`;
  return `${file}:${range} ${mutatorName} ${replacement}`;
}

export function isSampled(mutant: MutantPlace, { share, seed }: MutantSample): boolean {
  if (share >= 1) return true;
  const digest = createHash("sha256")
    .update(`${seed} ${keyOfMutant(mutant)}`)
    .digest();
  return digest.readUInt32BE(0) / 2 ** 32 < share;
}
