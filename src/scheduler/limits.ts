/**
 * Bounds of placement. Each is listed in docs/limits.md.
 *
 * @module
 */

/** Microseconds of work that a worker may hold ahead, per granted attempt. */
export const prefetchWindowUs = 20_000;

/** Attempts of one shape that a worker may hold ahead. */
export const prefetchPerShapeMax = 2_048;

/** Requests for devices, the most frequent ones, that the score of a worker looks at. */
export const demandClassesMax = 48;

/** Requests for devices after which it is first computed what is usual. */
export const demandCountMin = 1;

/** It is computed anew when that many times as many have come. Each time all scores are new. */
export const demandGrowth = 2;

/** A shape whose attempts run longer than this on average is never prefetched. */
export const prefetchMeanUsMax = 1_000_000;

/**
 * Microseconds for which the first hold of a gang that waits keeps free capacity idle. A hold that
 * expires unused frees it; the next one is twice as long.
 */
export const holdUsMin = 10_000_000;

/**
 * Microseconds for which capacity is kept for the first of a queue under a policy that keeps turns;
 * then it is looked at anew where that is best.
 */
export const turnHoldUs = 3_600_000_000;

/** Under the policy `slowdown`: who has waited longer, microseconds, goes before all others. */
export const agedAfterUs = 21_600_000_000;

/**
 * Under the policy `fair`: who has waited longer, microseconds, may have capacity kept. Less: more
 * idles for what is wide; more: that starves for longer under load.
 */
export const lateAfterUs = 7_200_000_000;

/** Such a turn goes to another one at most this often, microseconds. */
export const lateTurnRestUs = 1_000_000;

/** For such a turn so many workers are compared, those that lack the least. */
export const lateTurnWorkersMax = 256;

/** Of those, who has waited longer than this goes before all others, the oldest first. */
export const lateAgedAfterUs = 18_000_000_000;

/** Under the policy `slowdown`: what is expected to run shorter counts as this, microseconds. */
export const expectedUsMin = 60_000_000;

/** Longest hold in microseconds; doubling stops here. */
export const holdUsMax = 600_000_000;

/**
 * Exchanges of one victim for a cheaper one that are tried per host and plan. Past it the set of
 * victims stays as it is: sufficient, none of them needless, but perhaps not the cheapest.
 */
export const victimExchangesMax = 1_024;

/** Changes of workers that are remembered for indexes to catch up, per worker. */
export const changesPerWorkerMax = 4;

/**
 * Places in all lines of workers together that are kept between passes, one for each queue and
 * worker at most; past it the line that was made first goes, and is made anew when it is needed.
 */
export const linePlacesMax = 16_777_216;

/** Queues for which it is kept what evictions on each worker would cost; the oldest go. */
export const evictionOffersMax = 64;

/**
 * Units of placement in one turn of the loop, of half a microsecond or so each: a look at a worker
 * is one. Past it the rest waits for the next turn. More: fewer turns until a cluster is full, and
 * longer pauses of the loop.
 */
export const turnUnitsMax = 32_768;

/** Attribute keys by whose values workers are listed; past it the lists are made anew. */
export const indexedKeysMax = 64;

/** Bytes per second of transfers between workers, until some have been measured. */
export const transferRateDefault = 100_000_000;

/** Transfers of fewer bytes tell nothing of that rate. */
export const transferBytesMin = 1_048_576;

/** A transfer counts as no slower than this, bytes per second: it may have stood in a line. */
export const transferRateMin = 1_000_000;

/** A transfer counts as no faster than this, bytes per second. */
export const transferRateMax = 10_000_000_000;
