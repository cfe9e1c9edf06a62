/**
 * Bounds of the controller process.
 *
 * @module
 */

/** A loop that stood still this long tells the kernel, so that silence then proves nothing. */
export const pauseNoticedMs = 2_000;

/** How often the loop looks at the clock when nothing else happens. */
export const loopCheckIntervalMs = 500;

/** The deadline timer never sleeps longer than this, nor shorter than a millisecond. */
export const deadlineTimerMaxMs = 60_000;

/** A client is not read from while more than this waits to be written to it. */
export const clientBufferedBytesMax = 8 * 1024 * 1024;

/**
 * A client that leaves more than this unread is cut off: what it missed is sent again, or located,
 * when it has come back.
 */
export const clientUnreadBytesMax = 512 * 1024 * 1024;

/** Calls of one client that are answered at once; others wait, and the client is not read from. */
export const openCallsMax = 16;

/** A client is not read from while more than this many of its submits wait for the disk. */
export const unacknowledgedSubmitsMax = 256;

/** A worker that was greeted must send its inventory within this time. */
export const inventoryTimeoutMs = 10_000;

/** The same while other new workers wait for their turn. One that is late comes again. */
export const crowdedInventoryTimeoutMs = 1_000;

/** New workers that wait for their turn to register. A further one is told OVERLOADED. */
export const waitingStrangersMax = 1_024;

/** What a worker is told: its beats come this often. */
export const heartbeatMs = 1_000;

/** A clean shutdown waits this long for what was sent to be written out. */
export const shutdownFlushMs = 2_000;

/** An event that stopped the controller this often is refused at the next start. */
export const quarantineStopsMax = 2;

/** Of a quarantined event, larger columns are cut to this many bytes. */
export const quarantineEventBytesMax = 16 * 1024 * 1024;

/** Characters of a user's name in `x-capstan-user`. A longer one is refused. */
export const userCharactersMax = 100;

/** Changes of all callers that wait for their answer. A further one is told OVERLOADED. */
export const openChangesMax = 4_096;

/** For how long the token of a running task opens connections, microseconds: it asks anew. */
export const taskTokenUs = 600_000_000;

/** How often it is looked whether the tokens of open streams still work. Others are cut. */
export const tokenCheckMs = 2_000;

/** Calls of FetchLogs that are carried out at once. A further one is told OVERLOADED. */
export const logCallsMax = 64;

/** Workers that one call of FetchLogs asks at once; of each, one log at a time. */
export const logWorkersMax = 32;

/** Logs that one call of FetchLogs may be about. More are refused: ask for one task. */
export const logSourcesMax = 20_000;

/** Lines that all workers together are asked for in one call that wants the tail of each log. */
export const tailLinesMax = 200_000;

/** How long a worker may take to answer for one log. Then its logs are unavailable for the call. */
export const logReadTimeoutMs = 5_000;

/** Bytes of one worker's answer for one log. A longer answer is unavailable. */
export const logAnswerBytesMax = 32 * 1024 * 1024;

/** Budget of one pause of the controller's event loop. A longer one is logged and counted. */
export const loopLateMsMax = 50;

/** Steps of each series of the overview; what is older is forgotten. */
export const throughputSteps = 60;

/** The last minute is told by steps so long, in ms. */
export const throughputRecentStepMs = 1_000;

/** The last 15 minutes are told by steps so long, in ms. */
export const throughputHistoryStepMs = 15_000;

/** How often it is looked how many tasks have ended, in ms. */
export const throughputLookMs = 250;

/** A read that looks at all tasks keeps the loop so long in one go, in ms; others come between. */
export const readSliceMs = 3;

/** Reads that have not come to their end. A further one is told OVERLOADED. */
export const openReadsMax = 64;

/** The overview tells of a late loop for so long, in ms. */
export const lateShownMs = 60_000;
