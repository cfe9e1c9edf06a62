/**
 * The bounds of the worker kernel. Each says its unit and what gets worse in each direction.
 *
 * @module
 */

/** Milliseconds between heartbeats. Lower: more traffic. Higher: a lost delta heals later. */
export const heartbeatMsDefault = 1_000;

/** Commands at once. Higher: more processes beside each other. Lower: granted ones wait longer. */
export const commandSlotsDefault = 256;

/** Microseconds of expected work queued on one lane. Higher: fewer idle gaps, later retracts. */
export const laneWindowUs = 2_000;

/** Executions queued behind the running one of a lane. Beyond it they stay ready. */
export const laneDepthMax = 256;

/** Only functions whose mean is at most this many microseconds are queued on a lane. */
export const laneMeanUsMax = 1_000;

/** A lane head that ran this many microseconds is long: what is queued behind it is taken back. */
export const longHeadUs = 4 * laneWindowUs;

/** Transfers at once from one peer. Higher: a large value delays small ones less. */
export const transfersPerPeerMax = 2;

/** Transfers at once from all peers. Beyond it fetches wait their turn. */
export const transfersMax = 50;

/** Values asked of a peer in one transfer. Beyond it they go into the next. */
export const tasksPerTransferMax = 64;

/** Bytes asked of a peer in one transfer, unless one value alone has more. Beyond: the next one. */
export const transferBytesMax = 64 * 1024 * 1024;

/**
 * Bytes on their way from all peers, and at most as many as may stay in memory. Beyond it fetches
 * wait their turn; one is always under way. Higher: more memory that no target bounds.
 */
export const fetchBytesMax = 256 * 1024 * 1024;

/** Bytes below which the ways of values are told only if they took long. */
export const trafficBytesMin = 64 * 1024;

/** Microseconds from which the ways of values are told however small they are. */
export const trafficUsMin = 10_000;

/** Milliseconds that a busy or failing peer is left alone, doubling from the first to the last. */
export const peerBackoffMsMin = 50;
export const peerBackoffMsMax = 2_000;

/** Milliseconds after which sources that did not come are asked for again. */
export const askSourcesAgainMs = 5_000;

/** Bytes below which a value stays in memory: a file of its own would cost more than it frees. */
export const spillBytesMin = 16 * 1024;

/** Values on their way to the disk at once. Higher: a disk that seeks is slower in total. */
export const spillsMax = 2;

/** Milliseconds for which a disk that refused a value is left alone; then it is tried again. */
export const spillRestMs = 10_000;

/** Milliseconds that unstarted runs wait on a worker that is short of memory; then they go back. */
export const pauseBoundMs = 10_000;

/** Part of the pause bound below which a worker goes on. Higher: it pauses again sooner. */
export const resumeShare = 0.9;

/** Microseconds after a stop in which a compute of the same task may still adopt what runs. */
export const adoptionWindowUs = 2_000;

/** Milliseconds beyond the longest grace after which a leaving worker goes, whatever is owed. */
export const leaveBoundMs = 5_000;
