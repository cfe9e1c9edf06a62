/**
 * Scenarios as text, played against both real kernels in a simulated cluster. A scenario is a rule:
 * its head comment says which; then come steps, and sentences that must hold.
 *
 *     # a cancelled task that is queued never starts
 *
 *     worker w1
 *     client c
 *     a does hold
 *     c submits a b
 *     until a runs
 *     c cancels b
 *     never b runs
 *     rest
 *     c has the value of a
 *     c has TASK_CANCELLED for b
 *
 * A sentence must hold when the play comes to it. `until S` lets time pass until it holds, within
 * a minute of virtual time or `within 5s`; `never S` and `always S` are checked after everything
 * that happens from there on; `after 50ms` lets time pass. `rest` ends all faults: what holds goes
 * on, and everything that is owed must arrive. At the end of every scenario the cluster rests, the
 * sessions close, and nothing may be held by anybody.
 *
 * One seed is one play, bit for bit. A rule must hold under any delays, so that a scenario is
 * played again with delays that the seed draws.
 *
 * @module
 */

import { Prng } from "../base/prng.ts";
import type { RunReport } from "./cluster.ts";
import { type Faults, noFaults } from "./faults.ts";
import { type Condition, parseCondition } from "./scenario-conditions.ts";
import { parseStep, startMachine, stepUsages } from "./scenario-steps.ts";
import { parseUs, ScenarioError } from "./scenario-words.ts";
import { ScenarioWorld } from "./scenario-world.ts";

export { ScenarioError } from "./scenario-words.ts";

export interface PlayOptions {
  /** One seed, one play. */
  readonly seed: number;
  /** Draw how long messages and disks may take, up to a second; else both are quick. */
  readonly delays?: boolean;
}

/** How long `until` waits, microseconds of virtual time. */
const untilUs = 60_000_000;

/**
 * Plays a scenario to its end.
 *
 * @throws {ScenarioError} that names the line: a word that is not known, or what was expected and
 * what is the case instead.
 */
export function playClusterScenario(
  text: string,
  { seed, delays = false }: PlayOptions,
): RunReport {
  const world = new ScenarioWorld(seed, delays ? drawDelays(seed) : { ...noFaults });
  const play = new Play(world);
  for (const [index, line] of text.split("\n").entries()) {
    const words = line.trim();
    if (words === "" || words.startsWith("#")) continue;
    atLine(index + 1, words, () => play.line(index + 1, words));
  }
  atLine(text.split("\n").length, "the end", () => play.end());
  return world.cluster.report();
}

/** The rule that a scenario plays: its head comment, up to where it comes from. */
export function ruleOf(text: string): string {
  const lines = text.split("\n");
  const end = lines.findIndex((line) => !line.startsWith("# ") || line.startsWith("# origin:"));
  return lines
    .slice(0, end)
    .map((line) => line.slice(2))
    .join(" ");
}

function drawDelays(seed: number): Faults {
  const prng = new Prng(seed ^ 0x5ca1ab1e);
  const delayUsMax = prng.pick([5_000, 50_000, 300_000, 1_000_000]);
  return { ...noFaults, delayUsMax, syncUsMax: prng.pick([1, 20_000, 300_000]) };
}

function atLine(line: number, words: string, action: () => void): void {
  try {
    action();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new ScenarioError(`line ${line}: ${words}\n  ${message}`, { cause });
  }
}

/** A sentence that is checked after everything that happens. */
interface Guard {
  readonly line: number;
  readonly condition: Condition;
  readonly wanted: boolean;
}

class Play {
  readonly #world: ScenarioWorld;
  readonly #guards: Guard[] = [];

  constructor(world: ScenarioWorld) {
    this.#world = world;
    world.cluster.timeline.watcher = () => {
      world.observe();
      this.#checkGuards();
    };
  }

  line(line: number, words: string): void {
    const [, first, others = ""] = /^(\S+)(?: (.*))?$/.exec(words) ?? [];
    switch (first) {
      case "worker":
      case "start":
        if (others !== "controller") return this.#start(others);
        break;
      case "until":
        return this.#until(others);
      case "after":
        return this.#pass(parseUs(others));
      case "never":
      case "always":
        this.#guards.push({ line, condition: parseCondition(others), wanted: first === "always" });
        return this.#checkGuards();
      case "rest":
        if (others === "") return this.#rest();
        break;
    }
    const step = parseStep(words);
    if (step === null) return this.#expect(words);
    step(this.#world);
    this.#world.observe();
    if (first === "client") this.#until(`${others.split(" ")[0]} is connected`);
    this.#checkGuards();
  }

  end(): void {
    const { cluster, clients } = this.#world;
    this.#rest();
    // Whoever vanished is given up a minute later.
    if ([...clients.values()].some(({ gone }) => gone)) this.#pass(untilUs + 5_000_000);
    cluster.finish();
  }

  #rest(): void {
    this.#world.heal();
    this.#world.cluster.settle();
  }

  /** A machine starts, and the play goes on when its agent is at work. */
  #start(words: string): void {
    const [, workerId, texts = ""] = /^(\S+)(?: (.*))?$/.exec(words) ?? [];
    startMachine(this.#world, workerId, texts);
    this.#until(`${workerId} is connected`);
  }

  #until(words: string): void {
    const [, text, within] = /^(.*?)(?: within (\S+))?$/.exec(words) ?? [];
    const condition = parseCondition(text);
    const { timeline } = this.#world.cluster;
    const end = timeline.now + (within === undefined ? untilUs : parseUs(within));
    while (!condition.holds(this.#world)) {
      if (timeline.now < end && timeline.runNext()) continue;
      throw new ScenarioError(`did not come true in time; ${condition.actual(this.#world)}`);
    }
  }

  #pass(durationUs: number): void {
    const { timeline } = this.#world.cluster;
    let isOver = false;
    timeline.after(durationUs, () => {
      isOver = true;
    });
    while (!isOver) timeline.runNext();
  }

  #expect(words: string): void {
    const condition = readSentence(words);
    if (condition.holds(this.#world)) return;
    throw new ScenarioError(`is not so: ${condition.actual(this.#world)}`);
  }

  #checkGuards(): void {
    for (const { line, condition, wanted } of this.#guards) {
      if (condition.holds(this.#world) === wanted) continue;
      const actual = condition.actual(this.#world);
      const word = wanted ? "always" : "never";
      throw new ScenarioError(`"${word} ${condition.text}" of line ${line} is broken: ${actual}`);
    }
  }
}

function readSentence(words: string): Condition {
  try {
    return parseCondition(words);
  } catch (cause) {
    const steps = stepUsages().join("\n  ");
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new ScenarioError(`${message}\nor a step like\n  ${steps}`, { cause });
  }
}
