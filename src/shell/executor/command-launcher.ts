/**
 * The agent's hold on its launcher: there is always one, or one is being started.
 *
 *     up ─▶ lost ─▶ (tries, with pauses) ─▶ up
 *
 * What is asked while there is none waits for the next one. Must not judge what an end means.
 *
 * @module
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { CapstanError } from "../../model/errors.ts";
import type { ExitRecord } from "../launcher/exit-record.ts";
import { type LaunchOrder, parseLaunchOrder } from "../launcher/launch-order.ts";
import { type Launcher, type LauncherSink, openLauncher } from "../launcher/launcher-client.ts";
import type { Logger } from "../logging/logger.ts";
import { agentAbsenceMaxMs, launcherRetryMs } from "./limits.ts";

/** Who has things started. */
export interface LauncherUser {
  /** True of what is its own, by its name. */
  owns(attemptId: string): boolean;
  started(attemptId: string, pid: number): void;
  /** Repeated until it is acknowledged. */
  ended(record: ExitRecord): void;
  /** Nobody knows now what has become of what was launched. */
  launcherLost(): void;
  /** Another launcher is up; these attempts run. What ended is told by `ended`. */
  launcherReplaced(running: ReadonlySet<string>): void;
}

export interface LauncherOptions {
  readonly stateDirectory: string;
  readonly logger: Logger;
}

export class LauncherHold implements LauncherSink {
  readonly #options: LauncherOptions;
  readonly #users: LauncherUser[] = [];
  #launcher: Launcher | null = null;
  #isClosed = false;
  /** What came before there was anybody to tell. */
  #early: ExitRecord[] = [];
  /** What waits for a launcher. */
  #waiting: ((launcher: Launcher) => void)[] = [];
  readonly #renewal: NodeJS.Timeout;

  /** @throws CapstanError as `openLauncher` does. */
  static async open(options: LauncherOptions): Promise<LauncherHold> {
    const hold = new LauncherHold(options);
    try {
      hold.#launcher = await openLauncher({ ...options, sink: hold });
    } catch (error) {
      clearInterval(hold.#renewal);
      throw error;
    }
    return hold;
  }

  private constructor(options: LauncherOptions) {
    this.#options = options;
    // Several renewals fit into a lease: one that comes late does no harm.
    this.#renewal = setInterval(() => this.#launcher?.renewLeases(), agentAbsenceMaxMs / 10);
    this.#renewal.unref();
  }

  /** It hears at once what came before. */
  addUser(user: LauncherUser): void {
    this.#users.push(user);
    for (const record of this.#early.splice(0)) this.ended(record);
  }

  /** What ran when the first connection was made. */
  get survivors(): Launcher["survivors"] {
    return this.#launcher?.survivors ?? [];
  }

  /** "" while there is a launcher, else what is wrong, as a sentence. */
  get trouble(): string {
    if (this.#launcher !== null) return "";
    return "The launcher has ended, and no other could be started yet.";
  }

  /** Throws CapstanError INVALID_ARGUMENT naming what the launcher would refuse. */
  launch(order: LaunchOrder): void {
    if (this.#launcher === null) parseLaunchOrder(order);
    this.#withLauncher((launcher) => launcher.launch(order));
  }

  stop(attemptId: string, graceMs: number): void {
    this.#withLauncher((launcher) => launcher.stop(attemptId, graceMs));
  }

  acknowledge(attemptId: string): void {
    this.#launcher?.acknowledge(attemptId); // Without one it is told again, and answered again.
  }

  /** Stops everything and ends the launcher. */
  async shutdown(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#renewal);
    const launcher = this.#launcher;
    this.#launcher = null;
    await launcher?.shutdown();
  }

  // What the launcher tells.

  started(attemptId: string, pid: number): void {
    if (!this.#isClosed) this.#userOf(attemptId)?.started(attemptId, pid);
  }

  ended(record: ExitRecord): void {
    if (this.#isClosed) return;
    const user = this.#userOf(record.attemptId);
    if (user === undefined) this.#early.push(record);
    else user.ended(record);
  }

  lost(error: CapstanError): void {
    this.#launcher = null;
    if (this.#isClosed) return;
    this.#options.logger.error({ err: error }, "the launcher was lost: starting another");
    for (const user of this.#users) user.launcherLost();
    void this.#replace();
  }

  #userOf(attemptId: string): LauncherUser | undefined {
    return this.#users.find((user) => user.owns(attemptId));
  }

  #withLauncher(use: (launcher: Launcher) => void): void {
    if (this.#launcher === null) this.#waiting.push(use);
    else use(this.#launcher);
  }

  async #replace(): Promise<void> {
    while (!this.#isClosed) {
      try {
        const launcher = await openLauncher({ ...this.#options, sink: this });
        return await this.#adopt(launcher);
      } catch (error) {
        this.#options.logger.error({ err: error }, "no launcher could be started: trying again");
      }
      await sleep(launcherRetryMs, undefined, { ref: false });
    }
  }

  async #adopt(launcher: Launcher): Promise<void> {
    if (this.#isClosed) return launcher.shutdown();
    this.#launcher = launcher;
    const running = new Set(launcher.survivors.map(({ attemptId }) => attemptId));
    for (const user of this.#users) user.launcherReplaced(running);
    for (const use of this.#waiting.splice(0)) use(launcher);
  }
}
