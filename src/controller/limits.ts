/**
 * Bounds and periods of the controller kernel. Each is listed in docs/limits.md.
 *
 * @module
 */

/** What placing one command costs of the units of a turn (`turnUnitsMax`). */
export const commandUnits = 16;

/** What placing one function costs of them. */
export const functionUnits = 2;

/** A worker that was silent this long gets no new work, microseconds. */
export const suspectAfterUs = 3_000_000;

/** A worker that was silent this long is lost, microseconds; at least three heartbeats. */
export const lostAfterUs = 10_000_000;

/** How often silence is looked at, microseconds. */
export const silenceCheckUs = 500_000;

/** How long a client may be away before its wants end, microseconds. */
export const clientGraceUs = 60_000_000;

/** Handles of a session that ends that one step lets go of. */
export const handlesPerStepMax = 16_384;

/** Tasks that one step of a restart ends. */
export const restartedPerStepMax = 1_024;

/** Small values kept here besides with their holders, bytes; the oldest leave. */
export const inlineCacheBytesMax = 256 * 1024 * 1024;

/**
 * What functions of launched jobs have returned, bytes, that is kept in the journal; the oldest
 * leave. With more, more memory and longer snapshots; with less, results leave before their jobs.
 */
export const resultsBytesMax = 64 * 1024 * 1024;

/** What each result counts for besides its bytes. */
export const resultOverheadBytes = 256;

/** A page of results is closed when it passes this, characters of base64. */
export const resultsPageBytesMax = 1024 * 1024;

/** How much more than the mean a worker may hold before a rebalance takes from it. */
export const rebalanceSlack = 0.1;

/** Smaller values stay where they are in a rebalance, bytes. */
export const movedValueBytesMin = 16 * 1024;

/** Values that one rebalance moves; who wants more asks again. */
export const movesMax = 4_096;

/** Bytes of inputs that travel inside one order; past it the worker fetches the rest. */
export const inlineInputBytesMax = 4 * 1024 * 1024;

/** A message is closed when its payload passes this, bytes. */
export const messageBytesMax = 4 * 1024 * 1024;

/** Dependencies of one task. A submit with more is refused. */
export const dependenciesPerTaskMax = 100_000;

/** Calls that are on their way to one actor, or wait there for those before them. */
export const callsSentMax = 64;

/** Entries of tasks that left a queue, past as many as it has, after which it is swept. */
export const queueDeadEntriesMax = 64;

/** How often attempts of a task may be handed back for inputs that cannot be loaded. */
export const inputFailuresMax = 4;

/** How long a healthy holder that cannot be reached is asked again, microseconds. */
export const unreachableMaxUs = 30_000_000;

/** Transitions that the story remembers, all tasks together; the oldest leave. */
export const storyEntriesMax = 262_144;

/** Executions that have ended and are remembered, all workers together; the oldest leave. */
export const runsMax = 131_072;

/** Ways of values that are remembered, all workers together; the oldest leave. */
export const trafficMax = 16_384;

/** Ways of values that one answer shows, the latest; further ones are counted. */
export const trafficShownMax = 4_000;

/** Workers whose executions one answer shows; the runs of others are counted only. */
export const streamWorkersMax = 1_000;

/** How often one task may ask to run later; the next time it fails with RESCHEDULE_LIMIT. */
export const reschedulesMax = 10;

/** What ran so many times as long as 95 in 100 of its kind is named as hung. */
export const hangFactor = 10;

/** What ran for less is never named so, microseconds. */
export const hangMinUs = 30_000_000;

/** So many of a kind must have finished before one of them can be named so. */
export const hangSamplesMin = 8;

/** Run times of a kind that count in full; past them what was before counts half. */
export const runTimesMax = 4_096;

/** Attempts that one look for what hangs goes over; the next one goes on behind them. */
export const hangLookRows = 8_192;

/** What may hang that one report lists. */
export const hungListedMax = 100;

/** The overview tells of what failed or was lost so long ago, microseconds: an hour. */
export const overviewFailedUs = 3_600_000_000;

/** Queues of which the overview asks whether any worker could ever run them. */
export const overviewQueuesMax = 100;

/** Events about the cluster that are remembered; a quarter leaves when they are more. */
export const eventsMax = 8_192;

/** Reasons, tasks ahead and holders that an explanation lists. */
export const explainEntriesMax = 16;

/** Rows of one page of a list. */
export const pageSizeMax = 1_000;

/** By then an attempt of a launched job must run, microseconds; past it it is moved, charged. */
export const startMaxUs = 600_000_000;

/** By then all members of a gang must run, microseconds; past it the round is returned, free. */
export const gangStartMaxUs = 60_000_000;

/** The wait after a returned round, microseconds; doubles with each in a row, to the maximum. */
export const gangReturnDelayUs = 1_000_000;
export const gangReturnDelayMaxUs = 60_000_000;

/** The wait after a worker has refused an attempt of a launched job, microseconds. */
export const refusalDelayUs = 1_000_000;

/** How long a bounced gang keeps its hosts, microseconds. */
export const bouncedHoldUs = 30_000_000;

/** Between two holds of a gang that did not help, microseconds: others get their turn. */
export const holdRestUs = 10_000_000;

/** What a preemption frees is kept for its beneficiary so long, microseconds. */
export const preemptionHoldUs = 60_000_000;

/** Workers from which one queue that grew takes back what was sent ahead of it, in one pass. */
export const rivalRetractsMax = 256;

/** Preemptions that one placement pass orders; more wait until something changes again. */
export const preemptionsPerPassMax = 16;

/** Ended attempts that a task of a launched job remembers; the oldest leave. */
export const attemptRecordsMax = 100;

/** Ended jobs and their tasks are remembered so long, microseconds: seven days. */
export const jobRetentionUs = 604_800_000_000;

/** Tasks of ended launched jobs that are remembered; the oldest jobs leave. */
export const endedTasksMax = 200_000;

/** Ended jobs that are remembered; the oldest leave. */
export const endedJobsMax = 20_000;

/** Replicas of one job. A launch with more is refused. */
export const replicasMax = 10_000;

/** How deep jobs may be nested. A launch below that is refused. */
export const jobDepthMax = 16;

/** Values that one user may have published. One more is refused. */
export const publishedPerUserMax = 1_000;

/** Locks that one client may hold or wait for. One more is refused. */
export const locksPerClientMax = 1_000;

/** The shortest lease of a lock, milliseconds. A shorter one is refused. */
export const lockLeaseMinMs = 1_000;

/** The longest lease of a lock, milliseconds: an hour. A longer one is refused. */
export const lockLeaseMaxMs = 3_600_000;

/** Sets of plugins that a worker is remembered to have failed; the oldest is tried again. */
export const setupFailuresMax = 64;

/** Characters of the reason for which plugins failed on a worker; the rest is cut. */
export const setupReasonCharactersMax = 500;

/** Copies that one worker is told to make at a time; further ones wait until it has answered. */
export const copyOrdersMax = 64;

/** Copies of one value on their way for each worker that has it: what has come is a source. */
export const copiesPerSourceMax = 2;

/** Workers in a row that could not copy a value; then it waits for its next look. */
export const copyTriesMax = 8;

/** How long a copy that may be too many is left, microseconds: more work may read it. */
export const surplusRestUs = 5_000_000;

/** Looks at copies are on multiples of this, microseconds: many values are one wake-up. */
export const surplusLookUs = 1_000_000;

/** After the deadline of a drain its values are copied for so long yet, microseconds. */
export const drainCopyUs = 60_000_000;

/**
 * Nobody waits for a worker because of inputs that come in less, microseconds. Lower: work stands
 * in line for little. Higher: more is moved.
 */
export const dataWaitUsMin = 10_000;

/** An attempt is left in line where its inputs are for at most so long, microseconds. */
export const dataWaitUsMax = 30_000_000;

/**
 * A wait that was expected to be short ends after so many times that and `dataWaitLateUsMin`
 * microseconds, although the move would take longer. Higher: wrong estimates cost more.
 */
export const dataWaitLateFactor = 4;
export const dataWaitLateUsMin = 1_000_000;

/** Holders of a task's inputs that one placement of it compares, in the order of the inputs. */
export const dataHoldersMax = 16;

/** Attempts that stay for their inputs' sake, past which one search for others ends. */
export const leftInLineMax = 64;

/** Queues with work on a worker that the estimate of when it has room looks at. */
export const queuesInLineMax = 8;
