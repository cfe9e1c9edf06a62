/**
 * A controller process: the journal, the loop, the peers and the one port, put together. It owns
 * everything that can fail on the outside, and decides nothing.
 *
 * @module
 */

import { mkdtempSync, rmSync } from "node:fs";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CapstanError } from "../../model/errors.ts";
import { BundleStore } from "../api/bundle-store.ts";
import type { DashboardFiles } from "../api/dashboard-files.ts";
import { createApiServer } from "../api/http-api.ts";
import { attachLiveServer, type LiveServer, livePath } from "../api/live-server.ts";
import { journalPath } from "../journal/database.ts";
import { type Journal, openJournal } from "../journal/journal.ts";
import { createLogger, type Logger } from "../logging/logger.ts";
import { checkHostAndOrigin } from "../transport/http-guard.ts";
import { attachStreamServer } from "../transport/stream-server.ts";
import type { Caller } from "./authentication.ts";
import { Clock } from "./clock.ts";
import { ControllerService } from "./controller-service.ts";
import type { Kernel } from "./kernel.ts";
import { listen } from "./listen.ts";
import { type ControllerOptions, formatAddress, isLoopback, parseListen } from "./options.ts";
import { Quarantine } from "./quarantine.ts";

/** A running controller. */
export interface ControllerProcess {
  /** `http://host:port`: what clients and workers are given. */
  readonly url: string;
  readonly epoch: number;
  readonly clusterId: string;
  /** Resolves when everything accepted is durable, peers are closed and the port is free. */
  close(): Promise<void>;
}

/** What ends the process from the inside; the caller exits with the code. */
export interface FatalEnd {
  readonly exitCode: number;
  readonly error: unknown;
}

export interface ControllerRun<State, Fact> {
  readonly kernel: Kernel<State, Fact>;
  /** The module that exports the kernel's `foldKernel`, for the snapshot thread. */
  readonly foldModule: URL;
  /** Called once; nothing is sent or acknowledged afterwards. */
  readonly onFatal: (end: FatalEnd) => void;
  readonly logger?: Logger;
  /** Default: none, and `/` is the plain status page. */
  readonly dashboard?: DashboardFiles;
}

/**
 * Restores, listens, serves. Throws ADDRESS_IN_USE, DATA_DIRECTORY_IN_USE, DISK_FAILED, or
 * INVALID_ARGUMENT for options that cannot be.
 */
export async function startController<State, Fact>(
  options: ControllerOptions,
  run: ControllerRun<State, Fact>,
): Promise<ControllerProcess> {
  const address = parseListen(options);
  const logger =
    run.logger ?? createLogger({ name: "controller", level: options.logLevel ?? "info" });
  const { dataDir = null } = options;
  const journal = await openJournal<Fact>({ dataDir, foldModule: run.foldModule });
  try {
    const service = serviceOf(options, run, journal, logger);
    const bundles = openBundles(dataDir);
    const hosts = hostsOf(options);
    const server = createApiServer({
      hosts,
      epoch: journal.epoch,
      bundles: bundles.store,
      logger,
      dashboard: run.dashboard,
      readiness: () => service.readiness(),
      overload: () => service.overload(),
      identify: (request) => service.identify(request),
      call: (order, answer) => service.call(order, answer),
      past: (order, signal) => service.past(order, signal),
      dump: () => service.dump(),
      metrics: () => service.metrics(),
    });
    const streams = attachStreamServer(server, {
      authorise: (request) => {
        const denied = checkHostAndOrigin(request, hosts);
        if (denied !== null) return denied;
        const caller = service.identify(request);
        return caller instanceof CapstanError ? caller : null;
      },
      onHello: (hello, accept, refuse, request) =>
        service.onHello(hello, { accept, refuse }, request),
      otherPaths: [livePath],
      onRejected: ({ code, message }) =>
        logger.warn({ code }, `a peer was turned away: ${message}`),
    });
    const live = liveServerOf(server, hosts, service);
    const port = await listen(server, address);
    const url = urlOf(options, { ...address, port });
    service.start(url);
    logger.info({ url, epoch: journal.epoch, clusterId: journal.clusterId }, "serving");
    const close = async (): Promise<void> => {
      streams.close();
      live.close();
      await service.close();
      await closeServer(server);
      await journal.close();
      bundles.close();
      logger.info("closed");
    };
    let closed: Promise<void> | null = null;
    return {
      url,
      epoch: journal.epoch,
      clusterId: journal.clusterId,
      close: () => {
        closed ??= close();
        return closed;
      },
    };
  } catch (error) {
    await journal.close();
    throw error;
  }
}

function liveServerOf<State, Fact>(
  server: Server,
  hosts: readonly string[],
  service: ControllerService<State, Fact>,
): LiveServer {
  const live = attachLiveServer<Caller>(server, {
    hosts,
    backend: service.liveBackend(),
    identify: (request) => service.identify(request),
    renew: (caller) => service.renew(caller),
  });
  service.liveCounts = () => ({
    connectionCount: live.connectionCount,
    ...{ queryCount: live.queries.queryCount, readCount: live.queries.readCount },
    busyMs: live.queries.busyMs,
  });
  return live;
}

function serviceOf<State, Fact>(
  options: ControllerOptions,
  run: ControllerRun<State, Fact>,
  journal: Journal<Fact>,
  logger: Logger,
): ControllerService<State, Fact> {
  const startedMs = performance.now();
  const restored = journal.restore(run.kernel);
  const { facts, snapshotSequence } = restored;
  const ms = Math.round(performance.now() - startedMs);
  if (journal.sequence > 0) {
    logger.info({ sequence: journal.sequence, snapshotSequence, facts, ms }, "journal restored");
  }
  return new ControllerService({
    kernel: run.kernel,
    state: restored.state,
    clock: new Clock(restored.at),
    quarantine: new Quarantine(options.dataDir ?? null),
    durable: options.dataDir !== undefined,
    journalFile: options.dataDir === undefined ? null : journalPath(options.dataDir),
    token: options.token,
    expectWorkers: options.expectWorkers ?? 0,
    policy: options.policy ?? "fair",
    onFatal: run.onFatal,
    journal,
    logger,
  });
}

/** Bundles live beside the journal, or as long as this process. */
function openBundles(dataDir: string | null): { store: BundleStore; close: () => void } {
  if (dataDir !== null) {
    return { store: new BundleStore(join(dataDir, "bundles")), close: () => undefined };
  }
  const directory = mkdtempSync(join(tmpdir(), "capstan-bundles-"));
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  process.once("exit", remove); // Also when something fatal ends the process.
  const close = (): void => {
    process.off("exit", remove);
    remove();
  };
  return { store: new BundleStore(directory), close };
}

/** Names besides the socket's own address under which a request may ask for this listener. */
function hostsOf({ advertise }: ControllerOptions): string[] {
  return advertise === undefined ? [] : [advertise];
}

function urlOf(options: ControllerOptions, address: { host: string; port: number }): string {
  if (options.advertise !== undefined) return `http://${options.advertise}`;
  const isEveryAddress = address.host === "0.0.0.0" || address.host === "::";
  if (!isEveryAddress || isLoopback(address.host)) return `http://${formatAddress(address)}`;
  return `http://127.0.0.1:${address.port}`;
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}
