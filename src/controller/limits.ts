/**
 * Bounds and periods of the controller kernel. Each is listed in docs/limits.md.
 *
 * @module
 */

/** A worker that was silent this long gets no new work, microseconds. */
export const suspectAfterUs = 3_000_000;

/** A worker that was silent this long is lost, microseconds; at least three heartbeats. */
export const lostAfterUs = 10_000_000;

/** How often silence is looked at, microseconds. */
export const silenceCheckUs = 500_000;

/** How long a client may be away before its wants end, microseconds. */
export const clientGraceUs = 60_000_000;

/** Small values kept here besides with their holders, bytes; the oldest leave. */
export const inlineCacheBytesMax = 256 * 1024 * 1024;

/** Bytes of inputs that travel inside one order; past it the worker fetches the rest. */
export const inlineInputBytesMax = 4 * 1024 * 1024;

/** A message is closed when its payload passes this, bytes. */
export const messageBytesMax = 4 * 1024 * 1024;

/** Dependencies of one task. A submit with more is refused. */
export const dependenciesPerTaskMax = 100_000;

/** Entries of tasks that left a queue, past as many as it has, after which it is swept. */
export const queueDeadEntriesMax = 64;

/** How often attempts of a task may be handed back for inputs that cannot be loaded. */
export const inputFailuresMax = 4;

/** Transitions that the story remembers, all tasks together; the oldest leave. */
export const storyEntriesMax = 262_144;

/** Events about the cluster that are remembered; a quarter leaves when they are more. */
export const eventsMax = 8_192;

/** Reasons, tasks ahead and holders that an explanation lists. */
export const explainEntriesMax = 16;

/** Rows of one page of a list. */
export const pageSizeMax = 1_000;
