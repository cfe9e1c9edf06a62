/**
 * Assertions: always on, in production too. A failed one is a bug of ours, never a peer's doing.
 *
 * @module
 */

/** A broken promise inside a kernel. The process that meets one stops and says how to replay it. */
export class InvariantError extends Error {
  /** The ids involved and what is known of each, oldest first. */
  readonly story: readonly string[];

  constructor(message: string, story: readonly string[] = []) {
    super(story.length === 0 ? message : `${message}\n  ${story.join("\n  ")}`);
    this.name = "InvariantError";
    this.story = story;
  }
}

/** Throws InvariantError unless `condition` holds. `message` says the rule as a sentence. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** Ends every `switch` over a union: the compiler proves that no member was forgotten. */
export function assertNever(value: never): never {
  throw new InvariantError(`unexpected member of a closed union: ${String(value)}`);
}

/** The value, which a rule of the caller says is there. */
export function present<T>(value: T | undefined | null, message: string): T {
  if (value === undefined || value === null) throw new InvariantError(message);
  return value;
}
