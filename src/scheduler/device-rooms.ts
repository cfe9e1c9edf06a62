/**
 * The columns of the tree of rooms, those of devices among them. An amount that is free in sum may
 * lie in parts on several devices; so for each device dimension the tree also knows how many devices
 * nobody uses, and the most that is free of one. A kind of device has such columns too, for requests
 * that leave the variant open.
 *
 * @module
 */

import { type DeviceUse, freeMilli } from "./devices.ts";
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
  for (const free of freeMilli(use, capacityMilli)) {
    if (free === 1000) unusedMilli += free;
    largestMilli = Math.max(largestMilli, free);
  }
  return { unusedMilli, largestMilli };
}

interface DevicePlace {
  readonly dimension: number;
  /** Place of its kind. */
  readonly kind: number;
}

/** The dimensions that are devices, and places for their kinds. */
export class DevicePlaces {
  readonly #kinds = new Map<string, number>();
  readonly #places: DevicePlace[] = [];
  /** Dimensions that were looked at: they are named once and for ever. */
  #seen = 0;

  placesIn({ names }: Dimensions): readonly DevicePlace[] {
    for (; this.#seen < names.length; this.#seen++) {
      const [family, kind] = names[this.#seen].split(":");
      if (family !== "device") continue;
      this.#places.push({ dimension: this.#seen, kind: this.placeOfKind(kind) });
    }
    return this.#places;
  }

  /** Below zero. */
  placeOfKind(kind: string): number {
    const known = this.#kinds.get(kind);
    if (known !== undefined) return known;
    const place = -1 - this.#kinds.size;
    this.#kinds.set(kind, place);
    return place;
  }
}
