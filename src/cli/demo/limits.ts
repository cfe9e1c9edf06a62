/**
 * The bounds of the demos.
 *
 * @module
 */

/** How long a demo waits for what it claims, in milliseconds; then the claim does not hold. */
export const demoPatienceMs = 30_000;

/** Pause between two looks of a demo at its cluster, in milliseconds. */
export const demoPollMs = 20;

/** Holders of capacity that a demo prints; further ones are counted. */
export const shownHoldersMax = 2;

/** Jobs and graphs that the chaos has open at a time; the users wait while there are so many. */
export const chaosOpenMax = 16;

/** Shortest pause between two kills, in milliseconds. */
export const chaosPauseMsMin = 400;

/** Longest pause between two kills, in milliseconds. */
export const chaosPauseMsMax = 1_600;

/** How long what is still open when the kills end may take, in milliseconds. */
export const chaosSettleMsMax = 60_000;

/** Pause between two lines of progress where there is no terminal, in milliseconds. */
export const chaosProgressMs = 5_000;
