/**
 * The bounds of the vocabulary: what one specification may hold. `docs/limits.md` says the same; a
 * test keeps the two equal.
 *
 * @module
 */

/** Characters in the name of a task. */
export const taskNameCharactersMax = 500;

/** Characters in the key of a task. */
export const taskKeyCharactersMax = 1_000;

/** Characters of the reason that is given for a restart of a session or of the cluster. */
export const restartReasonCharactersMax = 1_000;

/** Characters in an attribute, a resource, a device kind or a device variant. */
export const nameCharactersMax = 200;

/** Constraints of one specification. */
export const constraintCountMax = 100;

/** Values of one constraint, and workers named by one specification. */
export const constraintValueCountMax = 1_000;

/** Entries of `devices`, and counters of `custom`, in one request or capacity. */
export const resourceEntryCountMax = 100;

/** How often one task may fail and be tried again. */
export const retryCountMax = 1_000_000;

/** The longest duration that may be asked for: 100 years of 365 days. */
export const durationMsMax = 3_153_600_000_000;

/** Characters in the name of a job: the whole path. */
export const jobPathCharactersMax = 500;

/** Components of a job's name below its user: a root job has one. */
export const jobDepthMax = 16;

/** Tasks of one launched job. */
export const replicasMax = 10_000;

/** The longest grace of a stop: one day; more would keep a cancelled job's capacity for longer. */
export const graceMsMax = 86_400_000;

/** Arguments of one command, its program included. */
export const argvCountMax = 10_000;

/** Environment variables of one command. */
export const environmentCountMax = 1_000;

/**
 * Bytes of the arguments and the environment of one command, as UTF-8 with an end for each; Linux
 * takes a quarter of the stack limit, most often 2 MiB, for both and what the worker adds.
 */
export const commandBytesMax = 1024 * 1024;

/** Bytes of one argument or environment variable, as UTF-8 with its end; Linux takes no longer. */
export const commandStringBytesMax = 128 * 1024;

/** UTF-8 bytes of the standard input of one command; more is refused, and goes in its workspace. */
export const stdinBytesMax = 1024 * 1024;

/** Ports that one command may name. */
export const portCountMax = 64;

/** Characters in the name of a port. */
export const portNameCharactersMax = 64;

/** Characters in a path: where a command starts, or the file that is its value. */
export const pathCharactersMax = 4_096;

/** Encoded arguments of a job of functions; the journal keeps them, and each attempt gets them. */
export const jobArgumentsBytesMax = 4 * 1024 * 1024;

/** Characters of the name of a published value or of a lock. A longer one is refused. */
export const sharedNameCharactersMax = 200;

/** Characters (UTF-16 units) of the note beside a task's progress. A longer one is refused. */
export const progressNoteCharactersMax = 256;

/** Plugins of one client. One more is refused. */
export const pluginsMax = 32;
