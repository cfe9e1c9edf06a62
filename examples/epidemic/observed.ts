/**
 * The data: influenza in a boarding school in the north of England, January and February 1978.
 *
 * 763 boys were at risk; between one and three boys came back ill from the holidays. The numbers
 * are of boys confined to bed on each of 14 days, from 22 January on.
 *
 * Source: "Influenza in a boarding school", British Medical Journal, 4 March 1978, page 587
 * (Communicable Disease Surveillance Centre). The deterministic SIR fit to it that textbooks quote
 * has beta = 1.67 and gamma = 0.44 per day and R0 = 3.76 (from the numbers before rounding).
 *
 * @module
 */

/** Boys in the school. */
export const populationCount = 763;

/** Boys in bed on each day, the first on 22 January 1978. */
export const observedInBed: readonly number[] = [
  3, 8, 26, 76, 225, 298, 258, 233, 189, 128, 68, 29, 14, 4,
];

/** Days of the record. */
export const dayCount = observedInBed.length;
