/**
 * Which of two releases is the older one.
 *
 * @module
 */

/** Below 0 if `a` is older than `b`: by the numbers of `1.4.2`; what follows them is not read. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [numbersOf(a), numbersOf(b)];
  for (const [place, number] of left.entries()) {
    if (number !== right[place]) return number - right[place];
  }
  return 0;
}

/** Whom to upgrade, as a sentence; "" if both are of one release. */
export function adviseUpgrade(
  theirs: { readonly name: string; readonly version: string },
  ours: { readonly name: string; readonly version: string },
): string {
  if (theirs.version === ours.version) return "";
  const order = compareVersions(theirs.version, ours.version);
  const what = `${theirs.name} is of release ${theirs.version}, ${ours.name} of ${ours.version}`;
  if (order === 0) return `${what}: run the same release on both`;
  return `${what}: upgrade ${order < 0 ? theirs.name : ours.name}`;
}

function numbersOf(version: string): readonly number[] {
  const [, major = 0, minor = 0, patch = 0] =
    /^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?/.exec(version) ?? [];
  return [Number(major), Number(minor), Number(patch)];
}
