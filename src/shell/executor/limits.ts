/**
 * Bounds of the thread executor. `docs/limits.md` lists each with what happens past it.
 *
 * @module
 */

/** Executions that one lane's thread may have before it, done or not yet collected; more wait. */
export const laneSlotCount = 1024;

/** Bytes of one lane's ring of small results. A full ring makes the thread wait for the reader. */
export const resultRingBytes = 1 << 20;

/** How often a lane that may hide something (a result, a start) is looked at, in milliseconds. */
export const lanePollMs = 2;

/** A thread tells of its results at least this often while it has work, in milliseconds. */
export const resultNotifyMs = 1;

/** What is kept of a lane's stderr for a failure, in bytes; older output falls off. */
export const stderrTailBytes = 8 * 1024;

/**
 * Characters that the functions of one thread may write at once, and in each second after that;
 * more is counted and not kept: the loop that writes the worker's log hears heartbeats too.
 */
export const outputBurstCharacters = 1024 * 1024;
export const outputCharactersPerSecond = 64 * 1024;

/** In so many milliseconds so many pieces of a thread's output pass; more of them go together. */
export const outputWindowMs = 100;
export const outputPiecesMax = 32;

/** Log messages that one thread or process may send at once, and in a second; more are counted. */
export const logBurstMax = 1_000;
export const logsPerSecondMax = 100;

/** Errors left behind by ended tasks that one thread tells of at once, and in a second. */
export const leftoverErrorsBurstMax = 16;
export const leftoverErrorsPerSecondMax = 1;

/** Threads of actors that are told to collect their garbage at one look at the memory. */
export const actorCollectsMax = 4;

/** How often a function's word of its progress is passed on, in milliseconds: the latest wins. */
export const progressIntervalMs = 250;

/** Causes of an error that travel with it; deeper ones are dropped. */
export const errorCausesMax = 8;

/** Characters of an error's message or stack that travel; the rest is cut. */
export const errorTextMax = 64 * 1024;

/** Exits of a thread in a row without any work done, before its next execution is failed. */
export const idleExitsMax = 3;

/** Threads and processes of a worker that start at the same time, if it has fewer cores. */
export const startsMin = 2;

/** How long a start may keep the next one waiting, in milliseconds; it goes on beside it then. */
export const startTurnMsMax = 2_000;

/** First and longest pause before a thread that did no work is started again, in milliseconds. */
export const restartDelayInitialMs = 50;
export const restartDelayMaxMs = 2_000;

/** How long a terminated thread may take to exit before the worker is recycled, in milliseconds. */
export const terminateWaitMs = 10_000;

/** A file that becomes a command's value, in bytes. A larger one fails the command. */
export const commandFileBytesMax = 256 * 1024 * 1024;

/** Characters of an output that is not JSON which the error quotes; the rest is cut. */
export const quotedOutputMax = 200;

/** A command that is not under way after so long is reported as being built, in milliseconds. */
export const buildingNoticeMs = 50;

/** Workspaces that one worker unpacks at once; further attempts stay ASSIGNED until their turn. */
export const workspaceBuildsMax = 8;

/** Tries to find a port that no other command here has; then its build has failed. */
export const portTriesMax = 100;

/** What the launcher allows past a timeout, in ms: the worker itself stops the command first. */
export const launcherTimeoutMarginMs = 5_000;

/**
 * How long commands go on while their worker's agent is gone, in ms; then they are ended. The
 * controller places them elsewhere after 10 s: from then on they run twice.
 */
export const agentAbsenceMaxMs = 60_000;

/**
 * Processes and threads of one command that has a limit of memory, where the machine lets us count
 * them. Past it the program's own fork fails (EAGAIN).
 */
export const commandProcessesMax = 4_096;

/** Pause between two tries to start a launcher again after one was lost, in milliseconds. */
export const launcherRetryMs = 1_000;

/** How long a new launcher may take to tell of what ended under the last one, in milliseconds. */
export const launcherAccountMs = 5_000;

/** Files, folders and links in one workspace. One with more is refused: its build has failed. */
export const workspaceEntriesMax = 100_000;

/** What one workspace unpacks to, in bytes. A larger one is refused: its build has failed. */
export const workspaceBytesMax = 8 * 1024 * 1024 * 1024;

/** Ended attempts whose logs and output are kept on a worker; the oldest go first. */
export const keptAttemptsMax = 1_000;

/** Bytes of logs and output of ended attempts that a worker keeps; the oldest go first. */
export const keptAttemptBytesMax = 2 * 1024 * 1024 * 1024;

/** How long a worker keeps the logs and the output of an ended attempt, in ms: seven days. */
export const keptAttemptMs = 604_800_000;

/** Empty directories of ended attempts that wait for the next ones; further ones are removed. */
export const spareDirectoriesMax = 64;

/** How long the plugins of a thread may take to tear down when it ends, milliseconds. */
export const teardownMaxMs = 10_000;

/** Runs of one function process; then another one takes its place. */
export const processRunsMax = 1_000;

/** Age at which a function process is not used again, in milliseconds: ten minutes. */
export const processAgeMaxMs = 600_000;

/** Memory at which a function process is not used again, in bytes; half of its limit if less. */
export const processRssBytesMax = 1024 * 1024 * 1024;

/** A function process that has had nothing to do for this long, up to twice, ends. In ms. */
export const processIdleMs = 30_000;

/** Idle function processes that are kept for each slot of a worker; the longest idle end. */
export const idleProcessesPerSlotMax = 1;

/** How long a function process may take until it speaks; then its attempt has failed. In ms. */
export const processStartMsMax = 60_000;

/** How long who connects to the door of function processes may take to say its key, in ms. */
export const processHelloMs = 10_000;

/** How long a process may live on after it was let go or has hung up; then it is killed. In ms. */
export const processLingerMs = 2_000;

/** An execution in a process is told to have started when it runs for this long, in ms. */
export const processStartNoticeMs = 5;

/** What a process writes so long after its last run is nobody's, in milliseconds. */
export const processSectionEndMs = 100;

/** How long a new agent waits for the function processes of the one before to end, in ms. */
export const processOrphanWaitMs = 10_000;

/** How long after the end of a run its log may still grow, in milliseconds. */
export const processLogSettleMs = 1_000;

/** Part of a limit of memory that JavaScript's heap may take; the rest is for all else. */
export const processHeapFraction = 0.75;

/** The head of one message between a worker and a function process, in bytes; past it: killed. */
export const frameHeadBytesMax = 16 * 1024 * 1024;

/** Arguments and inputs of one call of a function in a process; more are refused. */
export const framePartsMax = 200_001;

/** How long a thread may take to come to a statement when its stack is read, in ms. */
export const stackPauseMs = 2_000;

/** Kinds of what the event loop of a function's process waits for that are told. More are not. */
export const waitsForMax = 100;

/** Calls of a thread's stack that are shown, the innermost first. */
export const stackFramesMax = 64;

/** Characters of each text of a stack: a name, a file, a command. The rest is cut off. */
export const stackTextCharactersMax = 400;

/** Processes of a command that are shown with its stack. */
export const stackProcessesMax = 64;

/** The last lines of a command that are shown with its stack. */
export const stackOutputLines = 20;
