/**
 * A study: parameter sets, each simulated many times and aggregated, with a record on this
 * machine's disk that survives everything. The name is the key: what was finished under it is never
 * computed again.
 *
 * @module
 */

import { CapstanError } from "../../model/errors.ts";
import type { Session } from "../session.ts";
import { identityOfTask, type Model, modelOf } from "./model.ts";
import type { SetProgress } from "./set-progress.ts";
import { contentId, parameterSetId } from "./study-ids.ts";
import { parseStudyOptions, type StudyOptions, type StudyPlan } from "./study-options.ts";
import { StudyRecord } from "./study-record.ts";
import type { SetResult, StudyProgress } from "./study-results.ts";
import { StudyRun } from "./study-run.ts";

interface Prepared {
  readonly run: StudyRun;
  readonly record: StudyRecord;
}

interface Waiter {
  readonly sets: readonly SetProgress[];
  left: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const nothingYet: StudyProgress = {
  ...{ sets: 0, setsSucceeded: 0, setsPartial: 0, setsFailed: 0 },
  ...{ replicates: 0, replicatesSucceeded: 0, replicatesFailed: 0 },
  ...{ replicatesReused: 0, replicatesOpen: 0 },
  ...{ aggregations: 0, aggregationsSucceeded: 0, aggregationsFailed: 0, refusal: "" },
};

/**
 * Starts or resumes a study. What is wrong with the options is thrown; what goes wrong later
 * rejects `results` and `evaluate`.
 */
export function startStudy<P, V>(
  session: Session,
  options: StudyOptions<never, never, unknown>,
): Study<P, V> {
  const plan = parseStudyOptions(options);
  const parameterSets = [...((options.parameterSets ?? []) as Iterable<P>)];
  return new Study<P, V>(session, plan, parameterSets);
}

/** A study at work. Made by `client.study`. */
export class Study<P = unknown, V = unknown> {
  readonly name: string;
  /** Where its record is. */
  readonly directory: string;
  readonly #prepared: Promise<Prepared>;
  #run: StudyRun | null = null;
  #record: StudyRecord | null = null;
  readonly #byId = new Map<string, SetProgress>();
  readonly #ended: SetProgress[] = [];
  /** Who waits for a set, by its index. */
  readonly #waiters = new Map<number, Waiter[]>();
  #wakeIterators: (() => void)[] = [];
  #stopped: { readonly error: unknown } | null = null;

  constructor(session: Session, plan: StudyPlan, first: readonly P[]) {
    this.name = plan.name;
    this.directory = plan.directory;
    const ids = idsOf(first, "parameterSets");
    this.#prepared = this.#prepare(session, plan).then((prepared) => {
      this.#add(prepared, first, ids);
      return prepared;
    });
    this.#prepared.catch((error: unknown) => this.#onStopped(error));
  }

  /** How far it is, now. */
  get progress(): StudyProgress {
    return this.#run?.progress ?? nothingYet;
  }

  /** Every set as far as it is, now: also the values of those that are done. */
  get sets(): readonly SetResult<P, V>[] {
    return (this.#run?.sets ?? []).map(resultOf<P, V>);
  }

  /**
   * Resolves when every set given so far has ended, to all of them in their order; those that
   * failed too. Rejects if the study cannot go on: DISK_FAILED, DATA_DIRECTORY_IN_USE,
   * TASK_MODULE_UNLOADABLE, CLIENT_CLOSED, what the controller refuses.
   */
  async results(): Promise<readonly SetResult<P, V>[]> {
    const { run, record } = await this.#prepared;
    await this.#untilEnded(run.sets);
    if (this.#stopped === null && record.endedAt === "") record.end(new Date().toISOString());
    return run.sets.map(resultOf<P, V>);
  }

  /**
   * Adds sets and resolves when they have ended, in the order given: one wave of a search. A set
   * that the study has already is not computed again. Rejects as `results`, and with
   * INVALID_ARGUMENT for parameters that are not JSON.
   */
  async evaluate(parameterSets: Iterable<P>): Promise<readonly SetResult<P, V>[]> {
    const given = [...parameterSets];
    const ids = given.map((parameters, i) => parameterSetId(parameters, `parameterSets[${i}]`));
    const prepared = await this.#prepared;
    if (this.#stopped !== null) throw this.#stopped.error;
    this.#add(prepared, given, ids);
    const sets = ids.map((id) => this.#setOf(id));
    await this.#untilEnded([...new Set(sets)]);
    return sets.map(resultOf<P, V>);
  }

  /** Sets in the order in which they end, until all that were given have. Rejects as `results`. */
  async *[Symbol.asyncIterator](): AsyncGenerator<SetResult<P, V>> {
    const { run } = await this.#prepared;
    for (let at = 0; at < run.sets.length; at++) {
      while (at >= this.#ended.length) {
        if (this.#stopped !== null) throw this.#stopped.error;
        await new Promise<void>((wake) => void this.#wakeIterators.push(wake));
      }
      yield resultOf<P, V>(this.#ended[at]);
    }
  }

  /** Stops: open replicates are cancelled, what is recorded stays. Its name can be used again. */
  async close(): Promise<void> {
    this.#onStopped(new CapstanError("CLIENT_CLOSED", `The study ${this.name} was closed.`));
    await this.#prepared.catch(() => undefined);
    this.#run?.stop("the study was closed");
    this.#record?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #prepare(session: Session, plan: StudyPlan): Promise<Prepared> {
    const model = await modelOf(session, plan.simulate, plan.replicateOptions);
    const identities = await Promise.all(
      plan.targets.map(({ task }) => identityOfTask(session, task)),
    );
    if (this.#stopped !== null) throw this.#stopped.error;
    const record = new StudyRecord(plan.directory, "write");
    this.#record = record;
    const seriesKey = contentId({ model: model.identity, seed: plan.seed });
    const series = record.seriesOf(seriesKey);
    const aggregateKeys = identities.map((identity) =>
      contentId({ series: seriesKey, aggregate: identity, replicates: plan.replicates }),
    );
    record.begin({ ...headOf(plan, model), series, aggregateKeys, file: plan.file });
    const run = new StudyRun({
      ...{ session, plan, record, model, series, aggregateKeys },
      onSetEnded: (set) => this.#onSetEnded(set),
      onStopped: (error) => this.#onStopped(error),
    });
    this.#run = run;
    return { run, record };
  }

  #add({ run, record }: Prepared, parameterSets: readonly P[], ids: readonly string[]): void {
    for (const [i, parameters] of parameterSets.entries()) {
      if (this.#byId.has(ids[i])) continue;
      this.#byId.set(ids[i], run.add(record.use(ids[i], parameters)));
    }
    run.pump();
  }

  #setOf(id: string): SetProgress {
    const set = this.#byId.get(id);
    if (set === undefined) throw new RangeError(`no set ${id}`);
    return set;
  }

  #untilEnded(sets: readonly SetProgress[]): Promise<void> {
    if (this.#stopped !== null) return Promise.reject(this.#stopped.error);
    const open = sets.filter((set) => !hasEnded(set));
    if (open.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter = { sets: open, left: open.length, resolve, reject };
      for (const { index } of open) {
        this.#waiters.set(index, [...(this.#waiters.get(index) ?? []), waiter]);
      }
    });
  }

  #onSetEnded(set: SetProgress): void {
    this.#ended.push(set);
    for (const waiter of this.#waiters.get(set.index) ?? []) {
      if (--waiter.left === 0) waiter.resolve();
    }
    this.#waiters.delete(set.index);
    this.#wake();
  }

  #onStopped(error: unknown): void {
    if (this.#stopped !== null) return;
    this.#stopped = { error };
    for (const waiters of this.#waiters.values()) {
      for (const { reject } of waiters) reject(error);
    }
    this.#waiters.clear();
    this.#wake();
  }

  #wake(): void {
    const wakes = this.#wakeIterators;
    this.#wakeIterators = [];
    for (const wake of wakes) wake();
  }
}

function hasEnded({ state }: SetProgress): boolean {
  return state === "SUCCEEDED" || state === "PARTIAL" || state === "FAILED";
}

function resultOf<P, V>(set: SetProgress): SetResult<P, V> {
  return set.snapshot() as SetResult<P, V>;
}

function headOf(
  { name, seed, replicates, quorum, targets }: StudyPlan,
  model: Model,
): {
  readonly at: string;
  readonly name: string;
  readonly seed: number;
  readonly replicates: number;
  readonly quorum: number;
  readonly targets: readonly string[];
  readonly model: string;
} {
  return {
    ...{ name, seed, replicates, quorum, model: model.name },
    at: new Date().toISOString(),
    targets: targets.map((target) => target.name),
  };
}

/** The ids of sets, no two of which may be the same. Throws INVALID_ARGUMENT. */
function idsOf(parameterSets: readonly unknown[], field: string): readonly string[] {
  const seen = new Map<string, number>();
  return parameterSets.map((parameters, i) => {
    const id = parameterSetId(parameters, `${field}[${i}]`);
    const first = seen.get(id);
    if (first !== undefined) {
      const message = `${field}[${i}] is the same as ${field}[${first}]`;
      throw new CapstanError("INVALID_ARGUMENT", message);
    }
    seen.set(id, i);
    return id;
  });
}
