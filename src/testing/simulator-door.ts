/**
 * The door of the simulator for whoever uses it by itself: what it is given is checked here, once,
 * and never inside, where it is ours.
 *
 * @module
 */

import {
  invalidArgument,
  parseArray,
  parseBoolean,
  parseFields,
  parseFunction,
  parseInteger,
  parseOneOf,
} from "../model/parse-fields.ts";
import {
  type ClusterOptions,
  type RunReport,
  SimulatedCluster as Simulator,
} from "../simulator/cluster.ts";
import { noFaults } from "../simulator/faults.ts";
import { profiles } from "../simulator/profiles.ts";
import { type PlayOptions, playClusterScenario as play } from "../simulator/scenario.ts";

type Checks = { readonly [name: string]: (field: string, value: unknown) => void };

const count = (field: string, value: unknown): void => checkCount(field, value, 0);
const entriesMax = Number.MAX_SAFE_INTEGER;

/** Each option of a run, and how it is checked. */
const clusterChecks: { readonly [O in keyof Required<ClusterOptions>]: Checks[string] } = {
  seed: count,
  workerCount: count,
  clientCount: count,
  slots: (field, value) => checkCount(field, value, 1),
  faults: checkFaults,
  profile: (field, value) => parseOneOf(field, value, profiles),
  without: checkFaultNames,
  skip: (field, value) => checkInstance(field, value, Set, "a Set of numbers of steps"),
  zeroed: (field, value) => parseArray(field, value, entriesMax),
  record: parseBoolean,
  tape: (field, value) => checkInstance(field, value, Map, "a Map, as randomness.tape() gives"),
  behaviour: parseFunction,
  observers: (field, value) => parseArray(field, value, entriesMax),
  checks: parseBoolean,
  watchdog: parseBoolean,
  foldChecks: parseBoolean,
};

const playChecks: { readonly [O in keyof Required<PlayOptions>]: Checks[string] } = {
  seed: count,
  delays: parseBoolean,
};

/**
 * A whole cluster in memory, with a workload and faults of its own: both real kernels, a journal
 * that can lose what was not synced, a network, clients. One seed, one run, bit for bit.
 *
 * Throws INVALID_ARGUMENT naming the option.
 */
export class SimulatedCluster extends Simulator {
  constructor(options: ClusterOptions) {
    checkOptions(options, clusterChecks);
    super(options);
  }

  /**
   * Runs `actions` steps of the workload, 0 or more, then without faults until all is settled.
   * Throws INVALID_ARGUMENT for no such number, and an `InvariantError` for a bug of Capstan.
   */
  override run(actions: number): RunReport {
    checkCount("actions", actions, 0);
    return super.run(actions);
  }
}

/**
 * Plays a scenario to its end. Throws INVALID_ARGUMENT naming the option.
 *
 * @throws {ScenarioError} that names the line: a word that is not known, or what was expected and
 * what is the case instead.
 */
export function playClusterScenario(text: string, options: PlayOptions): RunReport {
  if (typeof text !== "string") throw invalidArgument("text", text, "the text of a scenario");
  checkOptions(options, playChecks);
  return play(text, options);
}

/** What is absent has its default; the seed has none. */
function checkOptions(options: unknown, checks: Checks): void {
  const fields = parseFields("", options, Object.keys(checks));
  for (const [name, check] of Object.entries(checks)) {
    if (fields[name] !== undefined || name === "seed") check(name, fields[name]);
  }
}

function checkCount(field: string, value: unknown, least: number): void {
  parseInteger(field, value, least, Number.MAX_SAFE_INTEGER);
}

const faultNames = Object.keys(noFaults);

/** All of them, since what is missing would be no number. */
function checkFaults(field: string, value: unknown): void {
  const faults = parseFields(field, value, faultNames);
  for (const name of faultNames) {
    const rate = faults[name];
    const isRate = typeof rate === "number" && rate >= 0;
    if (!isRate) throw invalidArgument(`${field}.${name}`, rate, "a number, 0 or more");
  }
}

function checkFaultNames(field: string, value: unknown): void {
  for (const [index, name] of parseArray(field, value, entriesMax).entries()) {
    parseOneOf(`${field}[${index}]`, name, faultNames);
  }
}

function checkInstance(
  field: string,
  value: unknown,
  kind: new () => object,
  expected: string,
): void {
  if (!(value instanceof kind)) throw invalidArgument(field, value, expected);
}
