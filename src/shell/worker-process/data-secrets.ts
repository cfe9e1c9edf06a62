/**
 * The secrets of the data plane, as one worker knows them: its own token, which may be none of its
 * peers', and the one that the controller tells to all. Must not be logged or written to the disk.
 *
 * @module
 */

/** What a worker demands and presents where values and logs are fetched. */
export class DataSecrets {
  readonly #own: string | undefined;
  #told = "";
  #toldForLogs = "";

  /** `own`: the token that the worker was started with, if any. */
  constructor(own: string | undefined) {
    this.#own = own;
  }

  /** What a controller has said in its hello; "" if it has no secret to share. */
  learn({ dataToken, logToken }: { readonly dataToken: string; readonly logToken: string }): void {
    this.#told = dataToken;
    this.#toldForLogs = logToken;
  }

  /** Whoever fetches values must present one of these; nothing is demanded if there are none. */
  get accepted(): readonly string[] {
    return this.#with(this.#told);
  }

  /** The same for logs: what clients are told is not among them. */
  get acceptedForLogs(): readonly string[] {
    return this.#with(this.#toldForLogs);
  }

  /** What is shown to peers: the shared secret, so that no peer ever sees this worker's token. */
  get presented(): string | undefined {
    return this.#told === "" ? this.#own : this.#told;
  }

  #with(told: string): readonly string[] {
    const known = new Set([this.#own ?? "", told]);
    known.delete("");
    return [...known];
  }
}
