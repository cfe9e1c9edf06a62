/**
 * A worker: the kernel, its executors, its values, its listener and its stream, put together. It
 * looks for its controller only when it could run what it is told to.
 *
 *     starting ─▶ listening ─▶ (connected ⇄ disconnected) ─▶ leaving ─▶ ended
 *
 * It decides nothing: events go to the kernel and the kernel's orders to who can carry them out.
 *
 * @module
 */

import { randomUUID } from "node:crypto";
import { assertNever } from "../../base/assert.ts";
import type { CapstanError } from "../../model/errors.ts";
import type { TaskRef, WorkerIndex } from "../../model/ids.ts";
import {
  type ControllerHello,
  protocolVersion,
  type ToWorkerMessage,
} from "../../protocol/messages.ts";
import type { WorkerSend } from "../../worker/events.ts";
import { type DataListener, startDataListener } from "../data-plane/data-listener.ts";
import { parseAddress } from "../data-plane/peer-connection.ts";
import { UploadRoute, type UploadSink } from "../data-plane/upload-route.ts";
import { CommandExecutor } from "../executor/command-executor.ts";
import { CommandLogs } from "../executor/command-logs.ts";
import { processAgeMaxMs, processRssBytesMax } from "../executor/limits.ts";
import type { Logger } from "../logging/logger.ts";
import { makeDirectory } from "../make-directory.ts";
import { SpillFiles } from "../store/spill-files.ts";
import { ValueStore } from "../store/value-store.ts";
import { AttemptStacks } from "./attempt-stacks.ts";
import { BundleStore, moduleBundles, workspaceBundles } from "./bundle-store.ts";
import { ControllerLink } from "./controller-link.ts";
import { DataSecrets } from "./data-secrets.ts";
import { Executions } from "./executions.ts";
import { HealthWatch } from "./health-watch.ts";
import { type Carrier, KernelLoop } from "./kernel-loop.ts";
import { commandSlotsDefault, drainTimeoutMsDefault, housekeepingMs } from "./limits.ts";
import { excessOf, probeAttributes } from "./machine.ts";
import { MemoryWatch } from "./memory-watch.ts";
import { Spills } from "./spills.ts";
import { Transfers } from "./transfers.ts";
import {
  attemptsDirectoryOf,
  bundlesDirectoryOf,
  launcherDirectoryOf,
  processesDirectoryOf,
  spilledDirectoryOf,
  workspacesDirectoryOf,
} from "./work-directory.ts";
import { memoryBoundsOf, type WorkerOptions } from "./worker-options.ts";

/** A worker that listens and looks for its controller. */
export interface RunningWorker {
  readonly workerId: string;
  readonly incarnation: string;
  /** `host:port` of the data listener, as others see it. */
  readonly address: string;
  /**
   * Hands back what has not started, stops the rest, waits for at most `drainTimeoutMs` until
   * others have what only it holds, and says goodbye. Resolves when all has ended.
   */
  leave(): Promise<void>;
  /**
   * Ends at once, without a word to the controller. Commands, which would survive this process,
   * are ended too: within `graceMs`, default 0.
   */
  close(graceMs?: number): Promise<void>;
  /** Settles when it has left. */
  readonly left: Promise<void>;
  /** Settles with the lane whose thread cannot be ended: the process must be. */
  readonly stuck: Promise<number>;
  /** Settles when the controller refuses this worker for good, with why. */
  readonly rejected: Promise<CapstanError>;
}

/**
 * @throws CapstanError ADDRESS_IN_USE, INVALID_ARGUMENT, or UNREACHABLE if no launcher can be
 * started; failures of the disk as they are.
 */
export async function runWorker(options: WorkerOptions, logger: Logger): Promise<RunningWorker> {
  for (const excess of excessOf(options.capacity)) logger.warn(`${excess}: it is believed`);
  const attemptsDirectory = attemptsDirectoryOf(options.workDir);
  makeDirectory(attemptsDirectory, "the work directory");
  const files = new SpillFiles(spilledDirectoryOf(options.workDir));
  const store = new ValueStore(files);
  const listen = parseAddress(options.listen ?? "127.0.0.1:0");
  const { advertise } = options;
  const names = advertise === undefined ? [] : [advertise];
  const logs = new CommandLogs(attemptsDirectory);
  const secrets = new DataSecrets(options.token);
  const tokens = () => secrets.accepted;
  const logTokens = () => secrets.acceptedForLogs;
  const guard = { tokens, logTokens, names };
  const stacks = new AttemptStacks(logs);
  const uploads = new UploadRoute();
  const routes = { logs, stacks, uploads };
  const listener = await startDataListener({ ...listen, ...guard, source: store, ...routes });
  const host = listen.host.includes(":") ? `[${listen.host}]` : listen.host;
  const address = advertise ?? `${host}:${listener.port}`;
  try {
    const stores = storesOf(options);
    const commands = await openCommands(options, { address, attemptsDirectory, stores, logger });
    logs.attempts = commands.directories;
    stacks.commands = commands;
    const worker = new WorkerProcess(options, {
      ...{ logger, store, files, listener, address, commands, secrets, uploads, stacks },
      ...stores,
    });
    await worker.begin();
    return worker;
  } catch (error) {
    await listener.close();
    throw error;
  }
}

/** What comes from the controller by its hash; `closing` ends fetches under way. */
interface BundleStores {
  readonly bundles: BundleStore;
  readonly workspaces: BundleStore;
  readonly closing: AbortController;
}

function storesOf({ controllerUrl, token, workDir }: WorkerOptions): BundleStores {
  const closing = new AbortController();
  const { signal } = closing;
  const common = { controllerUrl, token, signal };
  const ofModules = { directory: bundlesDirectoryOf(workDir), kind: moduleBundles };
  const ofWorkspaces = { directory: workspacesDirectoryOf(workDir), kind: workspaceBundles };
  return {
    bundles: new BundleStore({ ...common, ...ofModules }),
    workspaces: new BundleStore({ ...common, ...ofWorkspaces }),
    closing,
  };
}

interface CommandParts {
  readonly address: string;
  readonly attemptsDirectory: string;
  readonly stores: BundleStores;
  readonly logger: Logger;
}

function openCommands(
  { workDir, workerId, controllerUrl }: WorkerOptions,
  { address, attemptsDirectory, stores, logger }: CommandParts,
): Promise<CommandExecutor> {
  return CommandExecutor.open({
    launcherDirectory: launcherDirectoryOf(workDir),
    attemptsDirectory,
    workerId,
    controllerUrl,
    host: parseAddress(address).host,
    fetchWorkspace: (hash) => stores.workspaces.fetch(hash),
    logger,
  });
}

interface WorkerParts {
  readonly logger: Logger;
  readonly store: ValueStore;
  readonly files: SpillFiles;
  readonly listener: DataListener;
  readonly address: string;
  readonly commands: CommandExecutor;
  readonly secrets: DataSecrets;
  readonly uploads: UploadRoute;
  readonly stacks: AttemptStacks;
  readonly bundles: BundleStore;
  readonly closing: AbortController;
}

class WorkerProcess implements RunningWorker, Carrier, UploadSink {
  readonly workerId: string;
  readonly incarnation = randomUUID();
  readonly address: string;
  readonly left: Promise<void>;
  readonly stuck: Promise<number>;
  readonly rejected: Promise<CapstanError>;
  readonly #parts: WorkerParts;
  readonly #loop: KernelLoop;
  readonly #executions: Executions;
  readonly #transfers: Transfers;
  readonly #spills: Spills;
  readonly #memory: MemoryWatch;
  readonly #link: ControllerLink;
  readonly #health: HealthWatch;
  readonly #housekeeping: NodeJS.Timeout;
  #closed: Promise<void> | null = null;
  #fence = 0;
  #uploadCount = 0;
  #isMuted = false;
  readonly #drainTimeoutMs: number;
  #resolveLeft: () => void = () => {};
  #resolveStuck: (lane: number) => void = () => {};
  #resolveRejected: (error: CapstanError) => void = () => {};

  constructor(options: WorkerOptions, parts: WorkerParts) {
    const { workerId, slots, commandSlots = commandSlotsDefault, capacity } = options;
    const { logger, store, files, bundles, commands, secrets } = parts;
    this.#drainTimeoutMs = options.drainTimeoutMs ?? drainTimeoutMsDefault;
    this.workerId = workerId;
    this.address = parts.address;
    this.#parts = parts;
    this.left = new Promise((resolve) => {
      this.#resolveLeft = resolve;
    });
    this.stuck = new Promise((resolve) => {
      this.#resolveStuck = resolve;
    });
    this.rejected = new Promise((resolve) => {
      this.#resolveRejected = resolve;
    });
    const bounds = memoryBoundsOf(options);
    const loop = new KernelLoop({ slots, commandSlots, capacity, ...bounds });
    this.#loop = loop;
    const spills = new Spills({ loop, store, files, logger });
    this.#spills = spills;
    const { heapLimitMib } = options;
    const onStuck = (lane: number) => this.#resolveStuck(lane);
    const processes = {
      directory: processesDirectoryOf(options.workDir),
      attemptsDirectory: attemptsDirectoryOf(options.workDir),
      ageMaxMs: options.processAgeMaxMs ?? processAgeMaxMs,
      rssBytesMax: options.processRssBytesMax ?? processRssBytesMax,
    };
    this.#executions = new Executions({
      ...{ loop, store, spills, bundles, commands, logger, slots, workerId, heapLimitMib, onStuck },
      processes,
      controller: { url: options.controllerUrl, token: options.token },
    });
    parts.stacks.executions = this.#executions;
    this.#transfers = new Transfers({ loop, store, logger, secrets });
    this.#health = this.#newHealthWatch(options.workDir);
    this.#memory = this.#newMemoryWatch(bounds.memoryPauseBytes);
    this.#link = this.#openLink(options);
    this.#housekeeping = setInterval(() => this.#keepHouse(), housekeepingMs);
    this.#housekeeping.unref();
    loop.carrier = this;
    parts.uploads.sink = this;
  }

  /** The cluster that this worker serves. */
  get clusterId(): string {
    return this.#parts.commands.clusterId;
  }

  /** A client has brought the value of a task. */
  brought(task: TaskRef, bytes: Uint8Array): void {
    const upload = ++this.#uploadCount;
    this.#parts.store.addUpload(upload, bytes);
    this.#loop.post({ type: "value-brought", upload, task, sizeBytes: bytes.length });
    this.#loop.pump();
  }

  /** Takes over what an earlier agent left, checks itself, and looks for its controller. */
  async begin(): Promise<void> {
    await this.#executions.open();
    this.#executions.recover();
    await this.#health.start();
    void this.#link.run();
  }

  leave(): Promise<void> {
    this.#loop.post({ type: "leave-requested", emptyMs: this.#drainTimeoutMs });
    this.#loop.pump();
    return this.left;
  }

  close(graceMs = 0): Promise<void> {
    this.#closed ??= this.#end(graceMs);
    return this.#closed;
  }

  async #end(graceMs: number): Promise<void> {
    clearInterval(this.#housekeeping);
    this.#parts.closing.abort();
    this.#health.close();
    this.#memory.close();
    this.#loop.close();
    this.#link.close();
    this.#transfers.close();
    await Promise.all([this.#executions.close(graceMs), this.#parts.listener.close()]);
    this.#parts.files.close();
  }

  turnEnded(): void {
    this.#executions.flush();
  }

  perform(send: WorkerSend): void {
    const { store } = this.#parts;
    switch (send.type) {
      case "send-message":
        return this.#send(send);
      case "start-execution":
        return this.#executions.start(send);
      case "prepare-execution":
        return this.#executions.prepare(send);
      case "release-execution":
        return this.#executions.release(send);
      case "revoke-execution":
        return this.#executions.revoke(send.execution);
      case "yield-execution":
        return this.#executions.yield(send.execution);
      case "abort-execution":
        return this.#executions.abort(send);
      case "renew-executors":
        return this.#executions.renew();
      case "store-result":
        return this.#checkStored(store.storeResult(send.execution, send.task), send);
      case "discard-result":
        return store.discardResult(send.execution);
      case "start-fetch":
        return this.#transfers.start(send);
      case "abort-fetch":
        return this.#transfers.abort(send.transfer);
      case "store-fetched":
        return this.#checkStored(store.storeFetched(send.transfer, send.task), send);
      case "discard-fetched":
        return store.discardFetched(send.transfer, send.task);
      case "store-upload":
        return this.#checkStored(store.storeUpload(send.upload, send.task), send);
      case "discard-upload":
        return store.discardUpload(send.upload);
      case "drop-value":
        return this.#spills.drop(send.task);
      case "spill-value":
        return this.#spills.spill(send);
      case "abandon-spill":
        return this.#spills.abandon(send.file);
      case "unload-value":
        return this.#spills.unload(send);
      case "load-value":
        return this.#spills.load(send);
      case "leave":
        return this.#resolveLeft();
      default:
        return assertNever(send);
    }
  }

  #keepHouse(): void {
    this.#executions.pruneSpecs();
    this.#parts.commands.directories.sweep();
  }

  #newHealthWatch(workDir: string): HealthWatch {
    const { commands, logger } = this.#parts;
    return new HealthWatch({
      workDir,
      executorTrouble: () => commands.trouble,
      onChange: (trouble) => {
        logger.warn({ trouble }, trouble === "" ? "well again" : "in trouble: takes nothing new");
        this.#loop.post({ type: "health-checked", trouble });
        this.#loop.pump();
      },
    });
  }

  #newMemoryWatch(pauseBytes: number): MemoryWatch {
    return new MemoryWatch({
      pauseBytes,
      processBytes: () => this.#executions.processUse().processBytes,
      collect: () => this.#executions.collect(),
      onMeasured: (rssBytes) => {
        this.#loop.post({ type: "memory-measured", rssBytes });
        this.#loop.pump();
      },
    });
  }

  #openLink(options: WorkerOptions): ControllerLink {
    const { controllerUrl: url, token, workerId, slots, capacity } = options;
    const { commandSlots = commandSlotsDefault } = options;
    const { incarnation, address } = this;
    const { commands, logger } = this.#parts;
    const identity = { workerId, incarnation, address, pid: process.pid };
    const attributes = { ...probeAttributes(), ...options.attributes };
    const offer = { capacity, slots, commandSlots, attributes };
    return new ControllerLink({
      ...{ url, token, logger, clusterId: commands.clusterId },
      hello: { role: "worker", protocolVersion, ...identity, ...offer },
      onConnected: (hello, isOtherCluster) => this.#onConnected(hello, isOtherCluster),
      onMessages: (messages) => this.#onMessages(messages),
      onRejected: (error) => this.#resolveRejected(error),
      onDisconnected: () => {
        this.#loop.post({ type: "disconnected" });
        this.#loop.pump();
      },
    });
  }

  #onConnected(
    { clusterId, epoch, index, dataToken, logToken }: ControllerHello,
    isOtherCluster: boolean,
  ): void {
    this.#parts.secrets.learn({ dataToken, logToken });
    if (isOtherCluster) this.#forgetCluster(index);
    this.#parts.commands.clusterId = clusterId;
    // The kernel's own fence compares epochs, also of two clusters: keep it from falling.
    this.#fence = Math.max(this.#fence, epoch);
    this.#loop.post({ type: "connected", epoch: this.#fence, index });
    this.#loop.pump();
  }

  /**
   * What this worker has goes by numbers that mean something else in the other cluster. The kernel
   * takes orders from a stream only, so it gets one on which nothing it says is heard.
   */
  #forgetCluster(index: WorkerIndex): void {
    this.#isMuted = true;
    this.#loop.post({ type: "connected", epoch: this.#fence, index });
    this.#loop.post({ type: "ordered", message: { type: "reset" } });
    this.#loop.post({ type: "disconnected" });
    this.#loop.pump();
    this.#isMuted = false;
  }

  #onMessages(messages: readonly ToWorkerMessage[]): void {
    for (const message of messages) {
      if (message.type === "define-spec") {
        this.#executions.defineSpec(message);
      } else if (message.type === "drop-spec") this.#executions.dropSpec(message.spec);
      else if (message.type === "peer") this.#transfers.setPeer(message);
      else if (message.type === "peer-gone") this.#transfers.removePeer(message.index);
      else if (message.type === "emptied") this.#onEmptied(message.leftCount);
      this.#loop.post({ type: "ordered", message });
    }
    this.#loop.pump();
  }

  #onEmptied(leftCount: number): void {
    const { logger } = this.#parts;
    if (leftCount === 0) logger.info("others have what somebody wants of its values");
    else logger.warn({ leftCount }, "nobody can take some of its values: they go with it");
  }

  #send({ message }: Extract<WorkerSend, { type: "send-message" }>): void {
    if (this.#isMuted) return;
    if (message.type === "emptying") {
      const { limitMs } = message;
      this.#parts.logger.info({ limitMs }, "waits until others have what only this worker has");
    }
    if (message.type !== "heartbeat") return this.#link.send(message);
    // What is true of the process, not of the kernel.
    const { store } = this.#parts;
    const valueBytes = store.valueBytes + store.spilledBytes + store.pendingBytes;
    const use = this.#executions.processUse();
    const rssBytes = process.memoryUsage.rss() + use.processBytes;
    this.#link.send({ ...message, rssBytes, valueBytes, ...use });
  }

  #checkStored(stored: boolean, send: Extract<WorkerSend, { readonly task: number }>): void {
    if (stored) return;
    this.#parts.logger.error({ send: send.type, task: send.task }, "a value to keep is not here");
    this.#loop.post({ type: "value-lost", task: send.task });
  }
}
