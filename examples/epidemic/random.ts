/**
 * Random numbers that are the same on every machine: a simulation is a function of its seed.
 *
 * @module
 */

/** A stream of random numbers in [0, 1): sfc32, seeded with splitmix32. */
export type RandomStream = () => number;

/** The stream that belongs to a seed (any safe integer). */
export function randomStream(seed: number): RandomStream {
  let state = (seed ^ (Math.floor(seed / 2 ** 32) * 0x85ebca6b)) | 0;
  const next = () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return mixed ^ (mixed >>> 15);
  };
  return shuffledCounter(next(), next(), next());
}

function shuffledCounter(first: number, second: number, third: number): RandomStream {
  let a = first;
  let b = second;
  let c = third;
  let counter = 1;
  return () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
}

/**
 * How many of `trials` happen when each happens with `probability`: exact, by inversion. Its cost
 * grows with the expected number, which small time steps keep small.
 */
export function binomial(random: RandomStream, trials: number, probability: number): number {
  if (trials <= 0 || probability <= 0) return 0;
  if (probability >= 1) return trials;
  const odds = probability / (1 - probability);
  let term = (1 - probability) ** trials;
  let rest = random();
  let successes = 0;
  while (rest > term && successes < trials) {
    rest -= term;
    successes++;
    term *= (odds * (trials - successes + 1)) / successes;
  }
  return successes;
}
