/**
 * Moves in words: each is unique among the moves of its state, so that a scenario can name it.
 *
 * @module
 */

import { slot } from "./layout.ts";
import { type Kind, kindOf, type Move, whichOf, whoOf } from "./move-kinds.ts";
import type { RunChoice } from "./worker-node.ts";
import type { Tuple, World } from "./world.ts";

/** The move in words, with what it is about: unique among the moves of a state. */
export function describe(world: World, tuple: Tuple, move: Move): string {
  const kind = kindOf(move);
  const who = whoOf(move);
  const which = whichOf(move);
  const { workers, programs, launchers } = world.configuration;
  const worker =
    workers[who]?.workerId === workers[0].workerId && who > 0
      ? `${workers[who].workerId} (process ${who + 1})`
      : workers[who]?.workerId;
  const client = programs[who]?.clientId;
  switch (kind) {
    case "run":
      return `${worker}: ${describeChoice(world, tuple, who, which)}`;
    case "fetch":
    case "fetch fails": {
      const { transfer } = world.workerOf(tuple, who).fetches[which];
      return `${worker}: transfer ${transfer} ${kind === "fetch" ? "comes to its end" : "fails"}`;
    }
    case "controller crashes": {
      const pending = world.queues.items(tuple[slot.pending]).length;
      const rest = pending > 0 ? `, with ${which} of ${pending} unsynced batches on the disk` : "";
      return `the controller crashes${rest}`;
    }
    case "crashes":
      return `${worker} crashes${launchers[which] ? ", its launcher lives" : ""}`;
    case "client asks":
      return `${client} ${world.clientOf(tuple, who).next}`;
    default:
      return sentenceOf(kind, worker, client);
  }
}

function sentenceOf(kind: Kind, worker = "", client = ""): string {
  switch (kind) {
    case "controller hears":
    case "controller notices the loss of":
    case "controller learns the end of":
      return `the ${kind} ${worker}`;
    case "controller hears client":
      return `the controller hears ${client}`;
    case "client hears the controller":
      return `${client} hears the controller`;
    case "client connects":
    case "client loses its connection":
      return `${client} ${kind.slice("client ".length)}`;
    case "client repeats":
      return `${client} says its oldest request again`;
    case "worker timer":
      return `the timer of ${worker} fires`;
    case "controller timer":
      return "the timer of the controller fires";
    case "controller starts":
      return "the controller starts";
    case "controller clock jumps":
      return "the clock of the controller jumps";
    case "sync":
      return "the journal is synced";
    case "process starts":
      return `${worker} starts`;
    default:
      return `${worker} ${kind}`;
  }
}

function describeChoice(world: World, tuple: Tuple, who: number, which: number): string {
  const choice = world.workerOf(tuple, who).choices[which];
  const subject =
    "execution" in choice
      ? `execution ${choice.execution}`
      : `the command of attempt ${choice.attempt % 2 ** 36}`;
  const verbs: Record<RunChoice["type"], string> = {
    start: "begins",
    finish: "finishes",
    fail: "throws",
    obey: "ends as it was told to",
    prepare: "is prepared",
    break: "cannot be prepared",
    run: "runs",
    exit: "exits with 0",
    "exit-failing": "exits with 1",
    die: "is ended as was ordered",
  };
  return `${subject} ${verbs[choice.type]}`;
}
