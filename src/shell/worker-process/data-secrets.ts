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

  /** `own`: the token that the worker was started with, if any. */
  constructor(own: string | undefined) {
    this.#own = own;
  }

  /** What a controller has said in its hello; "" if it has no secret to share. */
  learn(dataToken: string): void {
    this.#told = dataToken;
  }

  /** Whoever fetches must present one of these; nothing is demanded if there are none. */
  get accepted(): readonly string[] {
    const { presented } = this;
    if (presented === undefined) return [];
    return this.#own === undefined || this.#own === presented
      ? [presented]
      : [this.#own, presented];
  }

  /** What is shown to peers: the shared secret, so that no peer ever sees this worker's token. */
  get presented(): string | undefined {
    return this.#told === "" ? this.#own : this.#told;
  }
}
