/**
 * Where the bytes of each value are, and what that adds up to.
 *
 *     memory ─▶ writing ─▶ disk ─▶ reading ─▶ memory
 *       ▲ └────────┘ the disk refused, or somebody came to read it
 *
 * Bytes that are being written are in memory still, and bytes that are being read are there
 * already: so each value counts once, as resident or as spilled. Only appliers call what changes
 * anything here.
 *
 * @module
 */

import { assert, present } from "../base/assert.ts";
import type { Micros } from "../base/time.ts";
import type { FileId } from "./events.ts";
import { spillBytesMin } from "./limits.ts";
import type { Value } from "./state.ts";

export type Place = "memory" | "writing" | "disk" | "reading";

/** The number of no file. */
export const noFile: FileId = 0;

/** What was done since the process began. */
export interface MoveCounts {
  spillCount: number;
  loadCount: number;
  /** Writes that the disk refused, and files that could not be read again. */
  spillFailureCount: number;
  /** From peers. */
  fetchCount: number;
  fetchedBytes: number;
}

export interface Residence {
  /** Resident bytes above which values go to the disk; infinity: none ever does. */
  readonly targetBytes: number;
  /** Bytes, resident or of the process, above which nothing starts; infinity: never. */
  readonly pauseBytes: number;
  /** What the process took when it was measured last. */
  rssBytes: number;
  /** No spill begins before, because the disk refused one; 0 while it takes them. */
  restUntil: Micros;
  nextFile: FileId;
  readonly counts: MoveCounts;

  // Derived; each can be rebuilt from the values, and the invariants do.
  residentBytes: number;
  /** What transfers under way are said to bring. */
  arrivingBytes: number;
  /** Of the resident ones, what is on its way to the disk. */
  writingBytes: number;
  writingCount: number;
  /** What is not simply in memory, by the number of its file. */
  readonly files: Map<FileId, Value>;
  /** What may go to the disk, the least recently used first. */
  readonly spillable: Set<Value>;
}

export function newResidence(targetBytes: number, pauseBytes: number): Residence {
  return {
    targetBytes,
    pauseBytes,
    rssBytes: 0,
    restUntil: 0,
    nextFile: 1,
    counts: { spillCount: 0, loadCount: 0, spillFailureCount: 0, fetchCount: 0, fetchedBytes: 0 },
    residentBytes: 0,
    arrivingBytes: 0,
    writingBytes: 0,
    writingCount: 0,
    files: new Map(),
    spillable: new Set(),
  };
}

/** Whether the bytes are in memory and stay there while they are read. */
export function isAtHand({ place }: Value): boolean {
  return place === "memory";
}

/** Small ones stay: a file costs more than they take. What is read stays, too. */
export function isSpillable({ place, pins, gone, sizeBytes }: Value): boolean {
  return sizeBytes >= spillBytesMin && place === "memory" && pins === 0 && !gone;
}

/** Puts a value where the picker finds it, as the latest used, or takes it out. */
function refile({ spillable }: Residence, value: Value): void {
  spillable.delete(value);
  if (isSpillable(value)) spillable.add(value);
}

/** A value came into the store. */
export function admitValue(residence: Residence, value: Value): void {
  residence.residentBytes += value.sizeBytes;
  if (value.copied) {
    residence.counts.fetchCount++;
    residence.counts.fetchedBytes += value.sizeBytes;
  }
  if (value.sizeBytes >= spillBytesMin) refile(residence, value);
}

/** A value left the store, wherever its bytes were. */
export function dismissValue(residence: Residence, value: Value): void {
  leavePlace(residence, value);
  if (value.file !== noFile) residence.files.delete(value.file);
  residence.spillable.delete(value);
}

/** An execution reads it. */
export function pinValue(residence: Residence, value: Value): void {
  value.pins++;
  if (value.sizeBytes >= spillBytesMin) refile(residence, value);
}

export function unpinValue(residence: Residence, value: Value): void {
  value.pins--;
  if (value.sizeBytes >= spillBytesMin) refile(residence, value);
}

/** Somebody elsewhere has read it. */
export function useValue({ spillable }: Residence, value: Value): void {
  if (spillable.delete(value)) spillable.add(value);
}

function leavePlace(residence: Residence, { place, sizeBytes }: Value): void {
  if (place !== "disk") residence.residentBytes -= sizeBytes;
  if (place !== "writing") return;
  residence.writingBytes -= sizeBytes;
  residence.writingCount--;
}

function enterPlace(residence: Residence, { place, sizeBytes }: Value): void {
  if (place !== "disk") residence.residentBytes += sizeBytes;
  if (place !== "writing") return;
  residence.writingBytes += sizeBytes;
  residence.writingCount++;
}

const before: { readonly [P in Place]: readonly Place[] } = {
  memory: ["writing", "reading"],
  writing: ["memory"],
  disk: ["writing"],
  reading: ["disk"],
};

/** The one door between two places. A value in memory has no file. */
export function moveValue(residence: Residence, value: Value, place: Place, file: FileId): void {
  assert(before[place].includes(value.place), "bytes go from place to place in their order");
  leavePlace(residence, value);
  residence.files.delete(value.file);
  value.place = place;
  value.file = place === "memory" ? noFile : file;
  if (value.file !== noFile) residence.files.set(file, value);
  enterPlace(residence, value);
  refile(residence, value);
}

export function valueIn({ files }: Residence, file: FileId): Value {
  return present(files.get(file), "the file has a value");
}

/** Nothing is held any more. */
export function emptyResidence(residence: Residence): void {
  residence.residentBytes = 0;
  residence.arrivingBytes = 0;
  residence.writingBytes = 0;
  residence.writingCount = 0;
  residence.files.clear();
  residence.spillable.clear();
}
