/**
 * Which known name a person meant: the closest by edit distance, or one that other systems use for
 * the same thing. Only for messages; nothing is ever accepted because it is close.
 *
 * @module
 */

const comparedCharactersMax = 64;

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

/** The closest of `known` to `name`; of equals the one that begins alike, then the first. */
export function nearestName(name: string, known: readonly string[]): string {
  const synonym = Object.hasOwn(synonyms, name) ? synonyms[name] : name;
  if (known.includes(synonym)) return synonym;
  const written = name.slice(0, comparedCharactersMax).toLowerCase();
  let nearest = known[0];
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const other = candidate.toLowerCase();
    const distance = editDistance(written, other) - commonPrefix(written, other) / 100;
    if (distance >= least) continue;
    nearest = candidate;
    least = distance;
  }
  return nearest;
}

/** Insertions, deletions and replacements that turn `a` into `b` (Levenshtein). */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, replaced));
    }
    row = next;
  }
  return row[b.length];
}

function commonPrefix(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}
