/**
 * A journal at any of its instants: the state folded up to one fact, kept where it is, so that the
 * next instant costs the facts between. Backwards it begins anew from the nearest snapshot.
 *
 * It only reads, on a connection of its own. Who was connected is in no journal: workers that were
 * not lost are shown as if they were there and well.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import type { Micros } from "../../base/time.ts";
import type { Fact } from "../../controller/facts.ts";
import { presumeConnected } from "../../controller/presumed.ts";
import { answerCall } from "../../controller/queries.ts";
import type { ControllerState } from "../../controller/state.ts";
import { CapstanError } from "../../model/errors.ts";
import type { Principal } from "../../model/job.ts";
import { foldKernel } from "../controller-process/controller-fold.ts";
import { controllerKernel } from "../controller-process/controller-kernel.ts";
import {
  clusterInfoOf,
  doctorReportOf,
  type KernelOverview,
  type KernelReport,
  overviewOf,
} from "../controller-process/shell-methods.ts";
import { Throughput } from "../controller-process/throughput.ts";
import { damaged } from "../journal/damage.ts";
import {
  type JournalInstant,
  newestInstant,
  oldestInstant,
  readCommitsOver,
  readMeta,
  readSnapshotUpTo,
} from "../journal/database.ts";
import { decodePlain, decodeTurns } from "../journal/fact-codec.ts";

/** An instant that somebody asks for: a sequence, RFC 3339, or null for the last that there is. */
export type Instant = number | string | null;

/** A read method that was checked, at an instant. */
export interface PastCall {
  readonly at: Instant;
  readonly method: string;
  readonly request: unknown;
  readonly principal: Principal;
}

/** The answer, and the instant that it shows. */
export interface PastResult {
  readonly result: unknown;
  readonly sequence: number;
  /** Microseconds. */
  readonly at: Micros;
}

export class PastFold {
  readonly #database: DatabaseSync;
  #state: ControllerState = foldKernel.newState();
  #throughput = new Throughput();
  /** The last fact that is folded, and its time. */
  #sequence = -1;
  #at: Micros = 0;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Answers as the controller would have. Throws CapstanError. */
  answer({ at, method, request, principal }: PastCall): PastResult {
    const target = this.#resolve(at);
    this.#seek(target);
    presumeConnected(this.#state, this.#at);
    const result = this.#read(method, request, principal);
    return { result, sequence: this.#sequence, at: this.#at };
  }

  close(): void {
    this.#database.close();
  }

  /** The sequence that is meant. Throws INVALID_ARGUMENT for what is no instant of this journal. */
  #resolve(at: Instant): number {
    const oldest = oldestInstant(this.#database);
    const newest = newestInstant(this.#database);
    if (at === null) return newest.sequence;
    const target = typeof at === "number" ? at : this.#sequenceAt(microsOf(at), oldest);
    if (!Number.isSafeInteger(target) || target < oldest.sequence) throw tooOld(at, oldest);
    return Math.min(target, newest.sequence);
  }

  /** The end of the last commit of that time or before. */
  #sequenceAt(at: Micros, oldest: JournalInstant): number {
    if (at < oldest.at) return -1;
    const commit = this.#database
      .prepare("SELECT last FROM commits WHERE at <= ? ORDER BY last DESC LIMIT 1")
      .get(at);
    return Math.max(oldest.sequence, Number(commit?.last ?? 0));
  }

  #seek(target: number): void {
    if (this.#sequence < 0 || target < this.#sequence) this.#restart(target);
    try {
      this.#goOn(target);
    } catch (error) {
      // A newer snapshot has taken the place of the commits that it would have gone on with.
      if (!(error instanceof CapstanError)) throw error;
      this.#restart(target);
      this.#goOn(target);
    }
  }

  #restart(target: number): void {
    const snapshot = readSnapshotUpTo(this.#database, target);
    if (snapshot !== null) {
      const hash = createHash("sha256").update(snapshot.bytes).digest("hex");
      const { sequence } = snapshot;
      if (hash !== snapshot.hash) throw damaged(`snapshot ${sequence} is not its hash`, sequence);
    }
    this.#state =
      snapshot === null ? foldKernel.newState() : foldKernel.stateOf(decodePlain(snapshot.bytes));
    this.#sequence = snapshot?.sequence ?? 0;
    this.#at = snapshot?.at ?? oldestInstant(this.#database).at;
    this.#throughput = new Throughput();
    this.#observe();
  }

  #goOn(target: number): void {
    for (const commit of readCommitsOver(this.#database, this.#sequence, target)) {
      let sequence = commit.first - 1;
      for (const turn of decodeTurns<Fact>(commit.blob)) {
        for (const fact of turn.facts) {
          if (++sequence <= this.#sequence) continue;
          if (sequence > target) return;
          foldKernel.apply(this.#state, fact);
          this.#sequence = sequence;
          this.#at = turn.at;
        }
        this.#observe();
      }
    }
  }

  #observe(): void {
    this.#throughput.observe(this.#at / 1000, controllerKernel.endedTasks(this.#state));
  }

  #read(method: string, request: unknown, principal: Principal): unknown {
    const answer = () => answerCall(this.#state, method, request, principal);
    switch (method) {
      case "GetOverview":
        return overviewOf(answer() as KernelOverview, {
          clusterId: this.#clusterId(),
          startedAt: null,
          series: this.#throughput.series(this.#at / 1000),
          problems: [],
        });
      case "GetDoctorReport":
        return doctorReportOf(answer() as KernelReport, { journalSeq: this.#sequence, loops: [] });
      case "GetClusterInfo":
        return this.#clusterInfo();
      case "FetchLogs":
        throw new CapstanError("INVALID_ARGUMENT", "FetchLogs: logs are not in the journal");
      default:
        return answer();
    }
  }

  #clusterId(): string {
    return readMeta(this.#database, "clusterId") ?? "";
  }

  #clusterInfo(): unknown {
    const sequence = this.#sequence;
    return clusterInfoOf(controllerKernel.summaryOf(this.#state), {
      journal: {
        clusterId: this.#clusterId(),
        ...{ epoch: this.#state.epoch, sequence, durableSequence: sequence },
      },
      url: "",
      startedAt: 0,
      durable: true,
      clientCount: 0,
      readiness: { ready: true, reasons: [], degraded: [] },
    });
  }
}

/** RFC 3339 as microseconds. Throws INVALID_ARGUMENT. */
function microsOf(text: string): Micros {
  const ms = Date.parse(text);
  if (!Number.isNaN(ms)) return ms * 1000;
  throw new CapstanError("INVALID_ARGUMENT", "at: expected a sequence, or a time as in RFC 3339");
}

function tooOld(at: Instant, oldest: JournalInstant): CapstanError {
  const since = new Date(oldest.at / 1000).toISOString();
  return new CapstanError(
    "INVALID_ARGUMENT",
    `at: ${at} is before this journal begins: at sequence ${oldest.sequence}, ${since}`,
    { details: { oldestSequence: oldest.sequence, oldestAt: since } },
  );
}
