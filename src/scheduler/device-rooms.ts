/**
 * The columns of the tree of rooms, those of devices among them. An amount that is free in sum may
 * lie in parts on several devices; so for each device dimension the tree also knows how many
 * devices nobody uses, and the most that is free of one. A kind of device has such columns too, for
 * requests that leave the variant open.
 *
 * @module
 */

import { type DeviceUse, freeOf } from "./devices.ts";
import type { Dimensions } from "./dimensions.ts";

/** Column numbers of a dimension, or of a kind of device: its place is below zero. */
export const roomColumn = {
  free: (place: number) => 3 * place,
  unused: (place: number) => 3 * place + 1,
  largest: (place: number) => 3 * place + 2,
} as const;

/** What one request could get of the devices of a dimension. */
export interface DeviceRoom {
  /** Of devices that nobody uses. */
  readonly unusedMilli: number;
  /** Of the device of which most is free. */
  readonly largestMilli: number;
}

export const noDevices: DeviceRoom = { unusedMilli: 0, largestMilli: 0 };

export function deviceRoom(use: DeviceUse, capacityMilli: number): DeviceRoom {
  let unusedMilli = 0;
  let largestMilli = 0;
  for (let index = 0; index < use.length; index++) {
    const free = freeOf(use, capacityMilli, index);
    if (free === 1000) unusedMilli += free;
    if (free > largestMilli) largestMilli = free;
  }
  return { unusedMilli, largestMilli };
}

/** A kind of device: its place, below zero, and the dimensions of its variants. */
export interface DeviceKind {
  readonly place: number;
  readonly dimensions: readonly number[];
}

interface GrowingKind extends DeviceKind {
  readonly dimensions: number[];
}

/** The kinds of devices among the dimensions, each with a place of its own. */
export class DeviceKinds {
  readonly #byName = new Map<string, GrowingKind>();
  readonly #all: GrowingKind[] = [];
  /** Dimensions that were looked at: they are named once and for ever. */
  #seen = 0;

  kindsIn({ kinds }: Dimensions): readonly DeviceKind[] {
    for (; this.#seen < kinds.length; this.#seen++) {
      const kind = kinds[this.#seen];
      if (kind !== "") this.#kind(kind).dimensions.push(this.#seen);
    }
    return this.#all;
  }

  placeOfKind(kind: string): number {
    return this.#kind(kind).place;
  }

  #kind(name: string): GrowingKind {
    let kind = this.#byName.get(name);
    if (kind === undefined) {
      kind = { place: -1 - this.#all.length, dimensions: [] };
      this.#byName.set(name, kind);
      this.#all.push(kind);
    }
    return kind;
  }
}
