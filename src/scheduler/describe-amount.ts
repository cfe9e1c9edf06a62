/**
 * Dimensions and their amounts as sentences name them: `memory`, `112 GiB`; `gpu h100`, `2`.
 *
 * @module
 */

import { formatMemory, formatMilli } from "../model/format-quantities.ts";

/** What people call a dimension: a device by kind and variant, a counter by its name. */
export function titleOf(name: string): string {
  const [family, ...words] = name.split(":");
  return words.length === 0 ? family : words.join(" ").trimEnd();
}

/** An amount of it: memory and disk are bytes, slots are counted, all else is in thousandths. */
export function describeAmount(name: string, amount: number): string {
  if (name === "memory" || name === "disk") return formatMemory(amount);
  return name === "slots" || name === "command slots" ? String(amount) : formatMilli(amount);
}
