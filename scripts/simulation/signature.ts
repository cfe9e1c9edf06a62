/**
 * The signature of the kernels: a digest of all that drawn clusters decide, and of all that the API
 * answers about them. A change that is not meant to change a decision leaves it as it is.
 *
 * The idea is that of chess engines, whose every commit carries the count of positions that a fixed
 * search has looked at: it tells a change of speed from a change of play.
 *
 * @module
 */

import { createHash, type Hash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ControllerEvent } from "../../src/controller/events.ts";
import type { Output } from "../../src/controller/outbox.ts";
import { CapstanError } from "../../src/model/errors.ts";
import { type Ask, askOf } from "../../src/simulator/answer-rules.ts";
import { SimulatedCluster } from "../../src/simulator/cluster.ts";
import type { Observer } from "../../src/simulator/observer.ts";
import type { Profile } from "../../src/simulator/profiles.ts";
import type { SimulatedController } from "../../src/simulator/simulated-controller.ts";
import type { SimulatedWorker } from "../../src/simulator/simulated-worker.ts";
import type { WorkerEvent } from "../../src/worker/events.ts";
import type { WorkerStep } from "../../src/worker/step.ts";

/** One drawn cluster; what it does is a function of these and of the code. */
export interface SignedRun {
  readonly profile: Profile;
  readonly seed: number;
}

/** Which seeds of each profile are signed. */
const seedsOf: readonly (readonly [profile: Profile, first: number, count: number])[] = [
  ["swarm", 1, 48],
  ["gangs", 101, 20],
  ["graphs", 201, 10],
  ["network", 301, 4],
  ["crash", 401, 4],
  ["storm", 501, 4],
  ["slow", 601, 4],
  ["calm", 701, 4],
];

export const signedRuns: readonly SignedRun[] = seedsOf.flatMap(([profile, first, count]) =>
  Array.from({ length: count }, (_, index) => ({ profile, seed: first + index })),
);

/** `gangs 107` */
export function nameOf({ profile, seed }: SignedRun): string {
  return `${profile} ${seed}`;
}

const actionCount = 40;

/** Events of the controller between two times that everything is asked. */
const askEvery = 97;

/** Hexadecimal digits of a digest that are kept. */
const digitCount = 12;

/** `gangs 107  1204 steps  decisions 5c1d…  answers 90ab…`; `onLine` sees what is digested. */
export function signatureOf(run: SignedRun, onLine?: (line: string) => void): string {
  const signing = new Signing(onLine);
  const { profile, seed } = run;
  const cluster = new SimulatedCluster({ seed, profile, checks: false, observers: [signing] });
  const { events } = cluster.run(actionCount);
  const { decisions, answers } = signing.digests();
  return `${nameOf(run)}  ${events} steps  decisions ${decisions}  answers ${answers}`;
}

class Signing implements Observer {
  readonly #decisions = createHash("sha256");
  readonly #answers = createHash("sha256");
  readonly #onLine: (line: string) => void;
  #events = 0;

  constructor(onLine: (line: string) => void = () => {}) {
    this.#onLine = onLine;
  }

  onControllerStep(
    { state }: SimulatedController,
    { type, at }: ControllerEvent,
    { facts, sends }: Output,
  ): void {
    this.#add(this.#decisions, { at, controller: type, facts, sends });
    if (++this.#events % askEvery !== 0) return;
    for (const [question, answer] of everything(withRefusals(askOf(state)))) {
      this.#add(this.#answers, { ask: question, answer });
    }
  }

  onWorkerStep(
    { workerId }: SimulatedWorker,
    events: readonly WorkerEvent[],
    { facts, sends }: WorkerStep,
  ): void {
    this.#add(this.#decisions, { worker: workerId, events: events.map(typeOf), facts, sends });
  }

  digests(): { readonly decisions: string; readonly answers: string } {
    const digitsOf = (hash: Hash) => hash.digest("hex").slice(0, digitCount);
    return { decisions: digitsOf(this.#decisions), answers: digitsOf(this.#answers) };
  }

  #add(hash: Hash, value: object): void {
    const line = JSON.stringify(value, plain);
    hash.update(line);
    this.#onLine(line);
  }
}

function typeOf({ type }: WorkerEvent): string {
  return type;
}

/** How many rules the doctor knows is no answer about a cluster. */
const uncounted = "invariantsChecked";

/** Columns, maps and sets as arrays. */
function plain(key: string, value: unknown): unknown {
  if (key === uncounted) return undefined;
  if (ArrayBuffer.isView(value)) return Array.from(value as Uint8Array);
  if (value instanceof Map || value instanceof Set) return [...value];
  return value;
}

/** A refusal is an answer too. */
function withRefusals(ask: Ask): Ask {
  return (method, request) => {
    try {
      return ask(method, request);
    } catch (error) {
      if (error instanceof CapstanError) return `refused ${error.code}: ${error.message}`;
      throw error;
    }
  };
}

/** Every question that reads the cluster as a whole, and those about each thing in it. */
function* everything(ask: Ask): Generator<readonly [question: string, answer: unknown]> {
  for (const [method, request] of wholeQuestions) {
    yield [`${method} ${JSON.stringify(request)}`, ask(method, request)];
  }
  for (const [list, field, idField, questions] of questionsAbout) {
    const listed = ask(list, {}) as { readonly [field: string]: readonly object[] };
    for (const row of listed[field]) {
      const id = (row as { readonly [field: string]: unknown })[idField];
      for (const [method, name] of questions)
        yield [`${method} ${id}`, ask(method, { [name]: id })];
    }
  }
}

const wholeQuestions: readonly (readonly [
  method: string,
  request: { [field: string]: unknown },
])[] = [
  ...["GetOverview", "GetQueue", "GetSchedulerState", "GetDoctorReport"].map(alone),
  ...["ListJobs", "ListUsers", "ListTokens", "ListEndpoints"].map(alone),
  ...["ListPublishedValues", "ListLocks", "ListWorkers", "ListTasks"].map(alone),
  ...["name", "state", "failureCount", "valueBytes", "startedAt desc"].map(
    (orderBy) => ["ListTasks", { orderBy, pageSize: 5 }] as const,
  ),
  ...["name", "state", "failureCount", "preemptionCount desc"].map(
    (orderBy) => ["ListJobs", { orderBy, pageSize: 3 }] as const,
  ),
  ...["state", "cpu desc", "memory", "attempts desc", "heldValueBytes"].map(
    (orderBy) => ["ListWorkers", { orderBy }] as const,
  ),
  ["GetTaskStream", { last: 10_000 }],
  ["GetTaskStream", { last: 60_000, runsMax: 6 }],
  ["ListEvents", { orderBy: "sequence desc", pageSize: 20 }],
];

function alone(method: string): readonly [method: string, request: { [field: string]: unknown }] {
  return [method, {}];
}

const questionsAbout = [
  [
    "ListTasks",
    "tasks",
    "taskId",
    [
      ["Explain", "id"],
      ["GetStory", "id"],
      ["LogSources", "taskId"],
      ["GetGraph", "around"],
    ],
  ],
  [
    "ListJobs",
    "jobs",
    "jobId",
    [
      ["Explain", "id"],
      ["GetJobResults", "jobId"],
      ["GetTaskGrid", "jobId"],
      ["GetGraph", "jobId"],
    ],
  ],
] as const;

const signaturePath = join(import.meta.dirname, "../../test/simulation/signature.txt");

/** What the signature was said to be: a line for each run, by its name. */
export function expectedSignatures(): ReadonlyMap<string, string> {
  const lines = readFileSync(signaturePath, "utf8").split("\n").filter(Boolean);
  return new Map(lines.map((line) => [line.split("  ")[0], line]));
}

/** Says what it is from now on. */
export function writeSignatures(lines: readonly string[]): void {
  writeFileSync(signaturePath, `${lines.join("\n")}\n`);
}
