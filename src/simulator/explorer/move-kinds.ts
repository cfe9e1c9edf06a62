/**
 * The kinds of moves, and a move as a number: its kind, who it is about, and which of several.
 *
 * @module
 */

const kinds = [
  "controller notices the loss of",
  "controller hears",
  "hears the controller",
  "controller hears client",
  "client hears the controller",
  "run",
  "fetch",
  "fetch fails",
  "sync",
  "process starts",
  "controller starts",
  "connects",
  "client connects",
  "controller learns the end of",
  "worker timer",
  "controller timer",
  "client asks",
  "loses its connection",
  "client loses its connection",
  "crashes",
  "controller crashes",
  "client repeats",
  "controller clock jumps",
] as const;

export type Kind = (typeof kinds)[number];

/** A move as a number: its kind, who, and which. */
export type Move = number;

const codeOf = Object.fromEntries(kinds.map((kind, code) => [kind, code])) as Record<Kind, number>;

export function pack(kind: Kind, who = 0, which = 0): Move {
  return codeOf[kind] | (who << 8) | (which << 16);
}

export function kindOf(move: Move): Kind {
  return kinds[move & 255];
}

export function whoOf(move: Move): number {
  return (move >> 8) & 255;
}

export function whichOf(move: Move): number {
  return move >> 16;
}

const ownMoves: ReadonlySet<Kind> = new Set(["run", "hears the controller", "worker timer"]);
const clientMoves: ReadonlySet<Kind> = new Set(["client hears the controller", "client asks"]);

/** The node that a move touches, and no other but by appending to its queues; else "". */
export function nodeOfMove(move: Move): string {
  const kind = kindOf(move);
  const who = whoOf(move);
  if (ownMoves.has(kind)) return `worker ${who}`;
  return clientMoves.has(kind) ? `client ${who}` : "";
}
