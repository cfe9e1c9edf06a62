/**
 * Which known name a person meant: the closest by edit distance, or one that other systems use for
 * the same thing. Only for messages; nothing is ever accepted because it is close.
 *
 * @module
 */

const comparedCharactersMax = 64;

/** The least that a name must begin another one with to stand for it: `cpu` for `cpuMilli`. */
const beginningCharactersMin = 3;

/** `did you mean "cpu"? `, to be followed by what else there is; "" if none was probably meant. */
export function hintOf(nearest: string | null): string {
  return nearest === null ? "" : `did you mean "${nearest}"? `;
}

/** What people write for our names, from the systems they know. */
const synonyms: { readonly [written: string]: string } = {
  gpu: "device",
  gpus: "device",
  tpu: "device",
  tpus: "device",
  accelerator: "device",
  cores: "cpu",
  threads: "cpu",
  mem: "memory",
  ram: "memory",
  storage: "disk",
  maxRetries: "retries",
  deadline: "timeout",
  type: "kind",
  model: "variant",
  amount: "count",
  operator: "op",
  argv: "command",
  cmd: "command",
  environment: "env",
  gang: "coscheduling",
  groupBy: "coscheduling",
  retries: "maxRetriesFailure",
};

/**
 * The closest of `known` to `name`; of equals the one that begins alike, then the first. Null if
 * none is so close that it was probably meant.
 */
export function nearestName(name: string, known: readonly string[]): string | null {
  const synonym = Object.hasOwn(synonyms, name) ? synonyms[name] : name;
  if (known.includes(synonym)) return synonym;
  const written = name.slice(0, comparedCharactersMax).toLowerCase();
  let nearest: string | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const other = candidate.toLowerCase();
    const typos = editDistance(written, other);
    const distance = typos - commonPrefix(written, other) / 100;
    if (distance >= least || !isLikely(written, other, typos)) continue;
    nearest = candidate;
    least = distance;
  }
  return nearest;
}

/** Up to a third of it is mistyped; or one goes on where the other ends; or over half is alike. */
function isLikely(written: string, other: string, typos: number): boolean {
  const longer = Math.max(written.length, other.length);
  if (typos <= Math.max(1, Math.floor(longer / 3))) return true;
  const alike = commonPrefix(written, other);
  const isBeginning = alike === Math.min(written.length, other.length);
  return (isBeginning && alike >= beginningCharactersMin) || alike > longer / 2;
}

/** Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`. */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = j > 1 && i > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwap ? before[j - 2] + 1 : replaced;
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, replaced, swapped));
    }
    before = row;
    row = next;
  }
  return row[b.length];
}

function commonPrefix(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}
