/**
 * Runs commands: any program, in a process group of its own, started and watched by the launcher.
 *
 *     building ─▶ (prepared) ─▶ launched ─▶ ending ─▶ (gone)
 *
 * Until it is launched a command can be taken back at once. From then on it ends when the launcher
 * says that its whole tree is gone, however it was asked to.
 *
 * Must not decide what an end means for the task, and must not start a process itself.
 *
 * @module
 */

import { present } from "../../base/assert.ts";
import { CapstanError } from "../../model/errors.ts";
import { formatAttemptId } from "../../model/ids.ts";
import type { GangMember } from "../../protocol/messages.ts";
import type { ExecutionId } from "../../worker/events.ts";
import type { ExitRecord } from "../launcher/exit-record.ts";
import { isShortage } from "../launcher/shortage.ts";
import type { Logger } from "../logging/logger.ts";
import { BuildSlots, buildCommand } from "./command-build.ts";
import { parseAttemptContext } from "./command-context.ts";
import { AttemptDirectories, defaultRetention } from "./command-directories.ts";
import { launchOrderOf } from "./command-launch.ts";
import { LauncherHold, type LauncherUser } from "./command-launcher.ts";
import {
  buildFailure,
  type CommandOutcome,
  endedByLauncher,
  judgeExit,
  lostFailure,
  usageOf,
} from "./command-outcome.ts";
import { type NamedPorts, PortBook } from "./command-ports.ts";
import {
  type AdmittedCommand,
  type Command,
  type CommandOrder,
  type CommandSink,
  type CommandStage,
  isUnlaunched,
} from "./command-record.ts";
import { findLeftovers, type Leftovers, type RecoveredCommand } from "./command-recovery.ts";
import type { CommandTag } from "./command-tag.ts";
import { buildingNoticeMs, launcherAccountMs, workspaceBuildsMax } from "./limits.ts";
import { isProcessId } from "./process-launch.ts";

export interface CommandExecutorOptions {
  /** Of the launcher's own state; the next agent finds the launcher by it. */
  readonly launcherDirectory: string;
  /** One directory for each attempt is made in it. */
  readonly attemptsDirectory: string;
  readonly workerId: string;
  readonly controllerUrl: string;
  /** Under which members of a gang reach this worker. */
  readonly host: string;
  /** The file of a workspace's archive; throws CapstanError when it cannot be had. */
  readonly fetchWorkspace: (hash: string) => Promise<string>;
  readonly logger: Logger;
}

export class CommandExecutor implements LauncherUser {
  readonly directories: AttemptDirectories;
  readonly #options: CommandExecutorOptions;
  readonly #launcher: LauncherHold;
  readonly #leftovers: Leftovers;
  readonly #ports = new PortBook();
  readonly #buildSlots = new BuildSlots(workspaceBuildsMax);
  readonly #byExecution = new Map<ExecutionId, Command>();
  readonly #byAttempt = new Map<string, Command>();
  #sink: CommandSink | null = null;
  #clusterId: string;
  #launcherLosses = 0;
  #isBatchEnding = false;

  /**
   * Connects to the launcher, starting one if there is none, and finds what an earlier agent left.
   *
   * @throws CapstanError as `openLauncher` does; failures of the disk as they are.
   */
  static async open(options: CommandExecutorOptions): Promise<CommandExecutor> {
    const { launcherDirectory: stateDirectory, attemptsDirectory: root, logger } = options;
    const onTrouble = (path: string, error: unknown) =>
      logger.warn({ path, err: error }, "what an attempt left could not be removed");
    const directories = new AttemptDirectories({ root, retention: defaultRetention, onTrouble });
    const launcher = await LauncherHold.open({ stateDirectory, logger });
    const survivors = launcher.survivors.filter(({ attemptId }) => !isProcessId(attemptId));
    const { workerId } = options;
    const leftovers = await findLeftovers({ workerId, directories, survivors });
    return new CommandExecutor(options, directories, launcher, leftovers);
  }

  private constructor(
    options: CommandExecutorOptions,
    directories: AttemptDirectories,
    launcher: LauncherHold,
    leftovers: Leftovers,
  ) {
    this.#options = options;
    this.directories = directories;
    this.#launcher = launcher;
    this.#leftovers = leftovers;
    this.#clusterId = leftovers.clusterId;
  }

  /** The cluster of what runs here; "" if nothing was found and none was named yet. */
  get clusterId(): string {
    return this.#clusterId;
  }

  /** Whose orders follow. */
  set clusterId(clusterId: string) {
    this.#clusterId = clusterId;
  }

  /** Shared with whoever else has processes started. */
  get launcher(): LauncherHold {
    return this.#launcher;
  }

  /** Shared with whoever else has ports chosen. */
  get ports(): PortBook {
    return this.#ports;
  }

  /** Under which members of a gang reach this worker. */
  get host(): string {
    return this.#options.host;
  }

  /** "" while commands can be run, else why not, as a sentence. */
  get trouble(): string {
    return this.#launcher.trouble;
  }

  /** True from its order until its end has been told. */
  has(execution: ExecutionId): boolean {
    return this.#byExecution.has(execution);
  }

  /** Where a command works that was launched; null for any other attempt. */
  workDirectoryOf(attemptId: string): string | null {
    const command = this.#byAttempt.get(attemptId);
    return command?.stage === "launched" ? command.paths.work : null;
  }

  /**
   * Called once, before anything else: takes over what an earlier agent left, and numbers it from
   * `firstExecution`. `announce` must tell the kernel of it before it returns; how those of them
   * ended that have is told behind it.
   */
  recover(
    sink: CommandSink,
    firstExecution: ExecutionId,
    announce: (recovered: readonly RecoveredCommand[]) => void,
  ): void {
    this.#sink = sink;
    const { recovered, strangers, stillborn } = this.#leftovers;
    recovered.forEach((command, i) => {
      this.#adopt(command, firstExecution + i);
    });
    for (const stranger of strangers) this.#dismiss(stranger);
    for (const attemptId of stillborn) this.directories.discard(attemptId);
    announce(recovered);
    for (const { record } of recovered) if (record !== null) this.ended(record);
    this.#launcher.addUser(this);
  }

  /** Runs a command; how it goes on and ends is told to the sink. */
  start(order: CommandOrder): void {
    this.#begin(order, false);
  }

  /** Makes everything ready for a member of a gang; `release` starts it. */
  prepare(order: CommandOrder): void {
    this.#begin(order, true);
  }

  /** Starts what was prepared; all of `members`, in rank order. */
  release(execution: ExecutionId, members: readonly GangMember[]): void {
    const command = this.#byExecution.get(execution);
    if (command?.stage === "prepared") this.#launch(command, members);
  }

  /** True if it was not launched yet: then nothing more is told of it. */
  revoke(execution: ExecutionId): boolean {
    const command = this.#byExecution.get(execution);
    if (command === undefined || !isUnlaunched(command)) return false;
    this.#withdraw(command);
    return true;
  }

  /** Ends it: SIGTERM, and SIGKILL after the grace. Answered by any end. */
  abort(execution: ExecutionId, reason: "stopped" | "timeout", graceMs: number): void {
    const command = this.#byExecution.get(execution);
    if (command === undefined) return; // Its end is on its way.
    if (isUnlaunched(command)) {
      this.#withdraw(command);
      this.#sink?.aborted(execution);
      return;
    }
    command.stopping ??= reason;
    if (command.stage === "launched") this.#launcher.stop(command.attemptId, graceMs);
  }

  /** Ends everything within `graceMs`, and the launcher too. The sink hears nothing more. */
  async close(graceMs = 0): Promise<void> {
    this.#sink = null;
    for (const command of [...this.#byExecution.values()]) {
      if (isUnlaunched(command)) this.#withdraw(command);
      else this.#launcher.stop(command.attemptId, graceMs);
    }
    await this.#launcher.shutdown();
    for (const command of [...this.#byExecution.values()]) this.#forget(command);
    await this.directories.settled();
  }

  // What the launcher tells.

  owns(attemptId: string): boolean {
    return !isProcessId(attemptId);
  }

  started(attemptId: string): void {
    const command = this.#byAttempt.get(attemptId);
    if (command?.stage !== "launched") return;
    this.#sink?.started(command.execution);
    this.#endBatch();
  }

  ended(record: ExitRecord): void {
    const command = this.#byAttempt.get(record.attemptId);
    if (command === undefined) {
      this.#launcher.acknowledge(record.attemptId);
      this.directories.end(record.attemptId);
    } else if (command.stage === "launched") {
      command.stage = "ending";
      void this.#finish(command, record);
    }
  }

  launcherLost(): void {
    this.#launcherLosses++;
    for (const command of this.#byExecution.values()) {
      command.isInDoubt = command.stage === "launched";
    }
  }

  launcherReplaced(running: ReadonlySet<string>): void {
    for (const command of this.#byExecution.values()) {
      if (running.has(command.attemptId)) command.isInDoubt = false;
    }
    const losses = this.#launcherLosses;
    // What has ended is told by the new launcher; what it has never heard of is not.
    const account = () => {
      if (losses === this.#launcherLosses) this.#giveUpDoubted();
    };
    setTimeout(account, launcherAccountMs).unref();
  }

  // The stages.

  #begin(order: CommandOrder, isMember: boolean): void {
    const command = this.#admit(order, isMember);
    if (command === null) return;
    const build = () => this.#build(command);
    const hasWorkspace = command.definition.run.workspace !== "";
    void (hasWorkspace ? this.#buildSlots.run(build) : build()).then(
      () => {
        this.#built(command);
        this.#endBatch();
      },
      (error: unknown) => {
        this.#buildFailed(command, error);
        this.#endBatch();
      },
    );
  }

  async #build(command: Command): Promise<void> {
    command.abort.signal.throwIfAborted(); // It may have been stopped while it waited its turn.
    const notice = this.#announceBuilding(command);
    const { fetchWorkspace } = this.#options;
    const parts = { directories: this.directories, portBook: this.#ports, fetchWorkspace };
    try {
      await buildCommand(command, parts);
    } finally {
      clearTimeout(notice);
    }
  }

  /** Makes the record; null if that cannot be, which has been told then. */
  #admit(order: CommandOrder, isMember: boolean): Command | null {
    const { execution, attempt, task } = order;
    const attemptId = formatAttemptId(attempt);
    if (this.#byAttempt.has(attemptId)) {
      const error = new Error("another cluster's attempt of that number is still being stopped");
      this.#sink?.failed(execution, "killed", buildFailure(error));
      return null;
    }
    try {
      const parsedContext = parseAttemptContext(order.context, attempt, task);
      const paths = this.directories.pathsOf(attemptId);
      return this.#enter({ ...order, attemptId, isMember, parsedContext, paths }, {}, "building");
    } catch (error) {
      this.#sink?.failed(execution, "build-failed", buildFailure(error));
      return null;
    }
  }

  #enter(admitted: AdmittedCommand, ports: NamedPorts, stage: CommandStage): Command {
    const flags = { stopping: null, isInDoubt: false };
    const command: Command = { ...admitted, ...flags, abort: new AbortController(), ports, stage };
    this.#byExecution.set(command.execution, command);
    this.#byAttempt.set(command.attemptId, command);
    return command;
  }

  /** At once if there is a workspace, else only if it takes long. */
  #announceBuilding({ execution, definition }: Command): NodeJS.Timeout | undefined {
    if (definition.run.workspace !== "") {
      this.#sink?.building(execution);
      this.#endBatch();
      return undefined;
    }
    return setTimeout(() => {
      this.#sink?.building(execution);
      this.#endBatch();
    }, buildingNoticeMs);
  }

  #built(command: Command): void {
    if (command.stage === "gone") return this.#clear(command);
    if (!command.isMember) return this.#launch(command, []);
    command.stage = "prepared";
    this.#sink?.prepared(command.execution, this.#memberOf(command));
  }

  #buildFailed(command: Command, error: unknown): void {
    if (command.stage === "gone") return this.#clear(command);
    this.#options.logger.warn({ attempt: command.attemptId, err: error }, "a build failed");
    this.#leave(command);
    this.#clear(command);
    if (isShortage(error)) this.#handBack(command, String(error));
    else this.#sink?.failed(command.execution, "build-failed", buildFailure(error));
  }

  #launch(command: Command, members: readonly GangMember[]): void {
    const { attemptId, paths } = command;
    const { controllerUrl } = this.#options;
    const tag = this.#tagOf(command);
    const context = present(command.parsedContext, "what was adopted is not launched again");
    try {
      const order = launchOrderOf({ attemptId, tag, context, paths, members, controllerUrl });
      this.#launcher.launch(order);
      command.stage = "launched";
    } catch (error) {
      if (!(error instanceof CapstanError)) throw error;
      this.#buildFailed(command, error); // The launcher would not take such an order.
    }
  }

  async #finish(command: Command, record: ExitRecord): Promise<void> {
    const { execution, definition, paths, attemptId } = command;
    let outcome = await judgeExit(record, definition.run, paths.work);
    if (outcome.type === "aborted" && command.stopping === null) {
      this.#sink?.overdue(); // The kernel may be about to stop it: then that is what happened.
    }
    // Of what was too slow the last words are worth knowing; of what nobody wants any more not.
    if (outcome.type === "aborted" && command.stopping !== "stopped") {
      outcome = endedByLauncher(record);
    }
    this.#sink?.measured(execution, usageOf(record));
    this.#tell(command, outcome);
    this.#leave(command);
    this.#endBatch();
    // Only now: until the kernel has it, a new agent must hear of it too.
    this.#launcher.acknowledge(attemptId);
    this.#forget(command, wroteNothing(record));
  }

  /** What happens in one turn of the loop is one batch: one message, to one peer that wakes. */
  #endBatch(): void {
    if (this.#isBatchEnding) return;
    this.#isBatchEnding = true;
    setImmediate(() => {
      this.#isBatchEnding = false;
      this.#sink?.batchEnded();
    });
  }

  #tell(command: Command, outcome: CommandOutcome): void {
    const { execution } = command;
    if (outcome.type === "refused") this.#handBack(command, outcome.message);
    else if (outcome.type === "aborted") this.#sink?.aborted(execution);
    else if (outcome.type === "failed") {
      this.#sink?.failed(execution, outcome.cause, outcome.failure);
    } else this.#sink?.finished(execution, outcome.value, outcome.durationUs);
  }

  /** It has not begun, and it is not its fault: the kernel gives it back, uncharged. */
  #handBack({ execution, attemptId }: Command, reason: string): void {
    this.#options.logger.warn({ attempt: attemptId, reason }, "a start is put off");
    this.#sink?.aborted(execution);
  }

  #giveUpDoubted(): void {
    const doubted = [...this.#byExecution.values()].filter(({ isInDoubt }) => isInDoubt);
    for (const command of doubted) this.#giveUp(command);
    if (doubted.length > 0) this.#endBatch();
  }

  /** It was launched, and no launcher knows of it. */
  #giveUp(command: Command): void {
    if (command.stage !== "launched") return;
    this.#leave(command);
    if (command.stopping !== null) this.#sink?.aborted(command.execution);
    else this.#sink?.failed(command.execution, "killed", lostFailure());
    this.#forget(command);
  }

  /** Takes it back before it was launched. What still builds clears up when that has ended. */
  #withdraw(command: Command): void {
    const isBuilding = command.stage === "building";
    this.#leave(command);
    command.abort.abort(new Error("the command was taken back"));
    if (!isBuilding) this.#clear(command);
  }

  #leave(command: Command): void {
    command.stage = "gone";
    this.#byExecution.delete(command.execution);
    this.#byAttempt.delete(command.attemptId);
  }

  /** Nothing of it is kept: it never ran. */
  #clear(command: Command): void {
    this.#ports.release(command.ports);
    this.directories.discard(command.attemptId);
  }

  /** Its logs and output are kept for a while. */
  #forget(command: Command, isSilent = false): void {
    this.#leave(command);
    this.#ports.release(command.ports);
    if (isSilent) this.directories.endSilent(command.attemptId);
    else this.directories.end(command.attemptId);
  }

  // What an earlier agent left.

  #adopt({ attemptId, tag }: RecoveredCommand, execution: ExecutionId): void {
    const { attempt, task, spec, definition, shape, context, ports, member } = tag;
    this.#ports.hold(ports);
    const order = { execution, attempt, task, spec, definition, shape, context };
    const paths = this.directories.pathsOf(attemptId);
    const isMember = member !== null;
    this.#enter({ ...order, attemptId, isMember, parsedContext: null, paths }, ports, "launched");
  }

  #dismiss({ attemptId, isRunning }: Leftovers["strangers"][number]): void {
    this.#options.logger.warn({ attempt: attemptId, isRunning }, "a command is none of ours");
    // Of what runs the end is told by the launcher, and belongs to nobody then.
    if (isRunning) this.#launcher.stop(attemptId, 0);
    else this.directories.end(attemptId);
  }

  #memberOf({ ports }: Command): GangMember {
    return { host: this.#options.host, ports };
  }

  #tagOf(command: Command): CommandTag {
    const { attempt, task, spec, definition, shape, context, ports, isMember } = command;
    const { workerId } = this.#options;
    const member = isMember ? this.#memberOf(command) : null;
    const identity = { clusterId: this.#clusterId, workerId };
    return { ...identity, attempt, task, spec, definition, shape, context, ports, member };
  }
}

function wroteNothing({ kind, stdoutBytes, stderrBytes }: ExitRecord): boolean {
  return kind === "exited" && stdoutBytes + stderrBytes === 0;
}
