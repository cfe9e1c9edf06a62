/**
 * What a step decided, as lines of a transcript: each fact with the fields that say something.
 *
 *     . attempts-assigned tasks a b, workers w1 w2, prefetched 0 1
 *
 * Tasks and attempts are named by labels, moments by how far they are away.
 *
 * @module
 */

import { charge, type Fact } from "../../src/controller/facts.ts";
import type { ControllerState } from "../../src/controller/state.ts";
import { noSlot } from "../../src/controller/tables/task-table.ts";
import type { TaskRef } from "../../src/model/ids.ts";
import { attemptCauses, bands, taskStates } from "../../src/model/states.ts";

/** What a transcript knows of the state after the step. */
export interface FactNames {
  readonly state: ControllerState;
  readonly at: number;
  labelOf(ref: TaskRef): string;
}

/** Said by the command itself, or by what is sent. */
const leftOut = [
  ...["type", "at", "submit", "definition", "spec", "token", "tokenHash", "values", "hello"],
  ...["message", "memory", "bytes", "failures"],
];
/** Nothing but a clock, or a look. */
const clocks = ["time-passed", "worker-heard", "placement-passed", "silence-checked"];

const chargeNames = Object.keys(charge);

/** Who was there before a step: what it has ended or forgotten has no name afterwards. */
interface Rows {
  readonly tasks: ReadonlyMap<number, string>;
  readonly attempts: ReadonlyMap<number, string>;
}

export class FactLines {
  #before: Rows = { tasks: new Map(), attempts: new Map() };

  linesOf(facts: readonly Fact[], names: FactNames): string[] {
    const after = rowsOf(names);
    const words = new Words(names, this.#before, after);
    this.#before = after;
    return facts.filter(({ type }) => !clocks.includes(type)).map((fact) => words.lineOf(fact));
  }
}

type Word = (value: number) => string;

function rowsOf(names: FactNames): Rows {
  const { tasks, attempts } = names.state;
  const labelAt = (task: number) => names.labelOf(tasks.ref(task));
  return {
    tasks: new Map([...tasks.rows()].map((task) => [task, labelAt(task)])),
    attempts: new Map([...attempts.rows()].map((row) => [row, labelAt(attempts.task[row])])),
  };
}

class Words {
  readonly #names: FactNames;
  readonly #before: Rows;
  readonly #after: Rows;
  /** Rows whose attempt has ended in this step: who comes next has the name of after. */
  readonly #ended = new Set<number>();

  constructor(names: FactNames, before: Rows, after: Rows) {
    this.#names = names;
    this.#before = before;
    this.#after = after;
  }

  lineOf(fact: Fact): string {
    const isRef = fact.type === "value-kept";
    const said = this.#saidBy(fact, isRef ? { task: this.#ref } : {});
    if (fact.type === "attempts-ended") for (const row of fact.attempts) this.#ended.add(row);
    return `. ${fact.type} ${said}`.trimEnd();
  }

  /** `tasks a b, workers w1 w1`: whatever is not empty. */
  #saidBy(of: object, words: { readonly [field: string]: Word }): string {
    const said = Object.entries(of).flatMap(([name, value]) => {
      if (leftOut.includes(name)) return [];
      const text = this.#textOf(value, words[name] ?? this.#wordOf(name));
      return text === "" ? [] : [`${name} ${text}`];
    });
    return said.join(", ");
  }

  #textOf(value: unknown, word: Word): string {
    if (typeof value === "number") return word(value);
    if (typeof value !== "object" || value === null) return String(value ?? "");
    if (ArrayBuffer.isView(value)) return Array.from(value as Float64Array, word).join(" ");
    if (Array.isArray(value)) return value.map((one) => this.#textOf(one, word)).join(" ");
    const said = this.#saidBy(value, { attempts: String });
    return said === "" ? "" : `(${said})`;
  }

  readonly #ref: Word = (ref) => this.#names.labelOf(ref as TaskRef);

  readonly #task: Word = (row) =>
    row === noSlot ? "-" : (this.#before.tasks.get(row) ?? this.#after.tasks.get(row) ?? "gone");

  readonly #attempt: Word = (row) => {
    if (row === noSlot) return "-";
    const before = this.#ended.has(row) ? undefined : this.#before.attempts.get(row);
    return before ?? this.#after.attempts.get(row) ?? "gone";
  };

  readonly #worker: Word = (index) => this.#names.state.workers[index]?.workerId ?? "-";

  /** Microseconds, from now on. */
  readonly #moment: Word = (at) => {
    if (at === 0) return "-";
    if (at === Number.POSITIVE_INFINITY) return "never";
    return `${at < this.#names.at ? "" : "+"}${(at - this.#names.at) / 1000}ms`;
  };

  #wordOf(field: string): Word {
    const { state } = this.#names;
    const words: { readonly [field: string]: Word } = {
      ...{ task: this.#task, tasks: this.#task, lacking: this.#task, settled: this.#task },
      ...{ again: this.#task, attempt: this.#attempt, attempts: this.#attempt },
      ...{ successors: this.#attempt, worker: this.#worker, workers: this.#worker },
      ...{ holders: this.#worker, notBefore: this.#moment, drainBy: this.#moment },
      ...{ by: this.#moment, until: this.#moment, nextAt: this.#moment },
      ...{ expiresAt: this.#moment, expectedAt: this.#moment, since: this.#moment },
      causes: (code) => attemptCauses[code],
      states: (code) => taskStates[code],
      charges: (code) => chargeNames[code],
      bands: (code) => bands[code],
      reason: (code) => attemptCauses[code],
      job: (index) => state.jobs[index].id,
      jobs: (index) => state.jobs[index].id,
      client: (index) => state.clients[index]?.clientId ?? "gone",
    };
    return words[field] ?? String;
  }
}
