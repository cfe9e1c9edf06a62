/**
 * What resources are worth, in one number: to compare users' spending and the harm of evictions.
 * It never decides whether something fits.
 *
 * @module
 */

import type { Resources } from "../model/resources.ts";

const gibibyte = 1024 * 1024 * 1024;

/** 1000 for each device, or its part of that; 1 for each full GiB; 5 for each full core. */
export function resourceValue(resources: Resources): number {
  const devices = resources.devices.reduce((sum, { countMilli }) => sum + countMilli, 0);
  const gibibytes = Math.floor(resources.memoryBytes / gibibyte);
  return devices + gibibytes + 5 * Math.floor(resources.cpuMilli / 1000);
}
