/**
 * A journal's file behind the API of a controller: the same methods, the same stream, the same
 * dashboard, and nothing in it but the past. What is asked without an instant is asked at its end.
 *
 * @module
 */

import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CapstanError } from "../../model/errors.ts";
import type { Principal } from "../../model/job.ts";
import { BundleStore } from "../api/bundle-store.ts";
import type { DashboardFiles } from "../api/dashboard-files.ts";
import { reportBug } from "../api/http-answers.ts";
import { type CallOrder, type CallOutcome, createApiServer } from "../api/http-api.ts";
import { attachLiveServer } from "../api/live-server.ts";
import { parseRequest } from "../api/parse-request.ts";
import { isReadMethod } from "../api/schemas.ts";
import { Authentication, type Caller } from "../controller-process/authentication.ts";
import { listen } from "../controller-process/listen.ts";
import { formatAddress, parseListen } from "../controller-process/options.ts";
import {
  checkReadable,
  type JournalInstant,
  journalPath,
  newestInstant,
  oldestInstant,
  openFileForReading,
} from "../journal/database.ts";
import { createLogger } from "../logging/logger.ts";
import { type PastAnswer, PastReader } from "./past-reader.ts";

export interface ReplayOptions {
  /** The journal's file, or the directory of the controller that it is in. */
  readonly file: string;
  /** `host:port`; port 0 takes a free one. */
  readonly listen: string;
  /** What callers must present. Required off loopback. */
  readonly token?: string | undefined;
  readonly dashboard?: DashboardFiles | undefined;
}

export interface ReplayServer {
  readonly url: string;
  readonly oldest: JournalInstant;
  readonly newest: JournalInstant;
  close(): Promise<void>;
}

/** Throws NOT_FOUND, DISK_FAILED for what is no journal of this version, or as `listen`. */
export async function serveJournal(options: ReplayOptions): Promise<ReplayServer> {
  const { listen: address, token } = options;
  const file = journalFile(options.file);
  const { oldest, newest } = readExtent(file);
  const host = parseListen({ listen: address, ...(token === undefined ? {} : { token }) });
  const past = new PastReader(file);
  const logger = createLogger({ name: "replay", level: "warn" });
  const authentication = new Authentication({ token, principalOf: () => null, now: () => 0 });
  const bundles = mkdtempSync(join(tmpdir(), "capstan-replay-"));
  const read = async ({ principal, method, request }: CallOrder, at: number | string) => {
    if (!isReadMethod(method)) throw notNow(method);
    return await past.read({ principal, method, request: parseRequest(method, request), at });
  };
  const call = callAtEnd(read, newest, (thrown, method) => reportBug(logger, thrown, method));
  const server = createApiServer({
    ...{ hosts: [], epoch: 0, logger, dashboard: options.dashboard },
    bundles: new BundleStore(bundles),
    readiness: () => ({ ready: true, reasons: [], degraded: [] }),
    overload: () => notNow("an upload"),
    metrics: () => "",
    identify: (request) => authentication.identify(request),
    past: ({ at, ...order }) => read(order, at),
    dump: () => Promise.reject(notNow("a dump")),
    call,
  });
  const live = attachLiveServer<Caller>(server, {
    hosts: [],
    backend: {
      sequence: () => newest.sequence,
      at: () => timeOf(newest),
      clock: () => ({
        ...{ sequence: newest.sequence, at: timeOf(newest), live: false },
        ...{ oldestSequence: oldest.sequence, oldestAt: timeOf(oldest) },
      }),
      read: call,
      past: ({ at, ...order }) => read(order, at),
    },
    identify: (request) => authentication.identify(request),
    renew: ({ principal }): Principal => principal,
  });
  const port = await listen(server, host);
  return {
    url: `http://${formatAddress({ ...host, port })}`,
    ...{ oldest, newest },
    close: async () => {
      live.close();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await past.close();
      rmSync(bundles, { recursive: true, force: true });
    },
  };
}

type Read = (order: CallOrder, at: number) => Promise<PastAnswer>;

/** Every call is one of the last instant. */
function callAtEnd(
  read: Read,
  newest: JournalInstant,
  asError: (thrown: unknown, method: string) => CapstanError,
) {
  return (order: CallOrder, answer: (outcome: CallOutcome) => void): (() => void) => {
    let isDropped = false;
    const { sequence } = newest;
    read(order, sequence).then(
      ({ text }) => {
        if (!isDropped) answer({ result: JSON.parse(text), error: null, sequence });
      },
      (thrown: unknown) => {
        const error = thrown instanceof CapstanError ? thrown : asError(thrown, order.method);
        if (!isDropped) answer({ result: null, error, sequence });
      },
    );
    return () => {
      isDropped = true;
    };
  };
}

/** The file of a journal that is named by it or by its directory. Throws NOT_FOUND. */
export function journalFile(path: string): string {
  const file = existsSync(path) && statSync(path).isDirectory() ? journalPath(path) : path;
  if (existsSync(file)) return file;
  throw new CapstanError("NOT_FOUND", `there is no journal ${file}`);
}

/** Also whether it can be read at all. */
function readExtent(file: string): { oldest: JournalInstant; newest: JournalInstant } {
  const database = openFileForReading(file);
  try {
    checkReadable(database);
    return { oldest: oldestInstant(database), newest: newestInstant(database) };
  } catch (error) {
    if (error instanceof CapstanError) throw error;
    const message = `${file} is no journal: ${(error as Error).message}`;
    throw new CapstanError("DISK_FAILED", message);
  } finally {
    database.close();
  }
}

function timeOf({ at }: JournalInstant): string {
  return new Date(at / 1000).toISOString();
}

function notNow(what: string): CapstanError {
  return new CapstanError("INVALID_ARGUMENT", `${what}: a journal is shown, nothing can change`);
}
