/**
 * Finds the processes of attempts where there are no control groups: by session and group, by a
 * mark in the environment that children inherit, and by parents. One look at all processes serves
 * every attempt that waits for one, and between two looks there is a pause of ten times the first.
 *
 * @module
 */

import { scanPauseMsMin, scanPausePerLook } from "./limits.ts";
import {
  listPids,
  type ProcessIdentity,
  type ProcessSight,
  readEnvironment,
  sightProcess,
} from "./process-table.ts";

/** Which processes are an attempt's. */
export interface TreeMark {
  /** Of the attempt's session and group; it need not live. */
  readonly leader: ProcessIdentity;
  /** The value of `CAPSTAN_LAUNCH` in the environment; in the whole world only this attempt's. */
  readonly nonce: string;
}

/** The variable that every process of an attempt inherits. */
export const markVariable = "CAPSTAN_LAUNCH";

const markPattern = new RegExp(`(?:^|\\0)${markVariable}=([^\\0]*)`);

interface Waiting {
  readonly mark: TreeMark;
  readonly answer: (members: readonly ProcessIdentity[]) => void;
}

export class TreeScanner {
  #waiting: Waiting[] = [];
  #nextAt = Number.NEGATIVE_INFINITY;
  /** What each process is marked with, by pid and start: an environment is read once. */
  #nonces = new Map<string, string>();

  /** The living processes of an attempt, at a moment after the call. */
  membersOf(mark: TreeMark): Promise<readonly ProcessIdentity[]> {
    return new Promise((answer) => {
      this.#waiting.push({ mark, answer });
      if (this.#waiting.length > 1) return;
      setTimeout(() => this.#look(), Math.max(0, this.#nextAt - performance.now()));
    });
  }

  #look(): void {
    const beganAt = performance.now();
    const waiting = this.#waiting;
    this.#waiting = [];
    const sights = listPids()
      .map(sightProcess)
      .filter((sight) => sight !== null);
    const nonces = this.#readNonces(sights);
    const children = groupByParent(sights);
    for (const { mark, answer } of waiting) answer(findMembers(sights, children, nonces, mark));
    const endedAt = performance.now();
    this.#nextAt = endedAt + Math.max(scanPauseMsMin, scanPausePerLook * (endedAt - beganAt));
  }

  #readNonces(sights: readonly ProcessSight[]): ReadonlyMap<string, string> {
    const nonces = new Map<string, string>();
    for (const { pid, startTicks, isAlive } of sights) {
      if (!isAlive) continue;
      const key = `${pid}:${startTicks}`;
      const environment = this.#nonces.has(key) ? "" : readEnvironment(pid);
      const nonce = this.#nonces.get(key) ?? markPattern.exec(environment)?.[1];
      if (nonce !== undefined) nonces.set(key, nonce);
      else if (environment !== "") nonces.set(key, ""); // An empty one may be about to be filled.
    }
    this.#nonces = nonces;
    return nonces;
  }
}

function groupByParent(sights: readonly ProcessSight[]): ReadonlyMap<number, ProcessSight[]> {
  const children = new Map<number, ProcessSight[]>();
  for (const sight of sights) {
    const siblings = children.get(sight.parentPid);
    if (siblings === undefined) children.set(sight.parentPid, [sight]);
    else siblings.push(sight);
  }
  return children;
}

function findMembers(
  sights: readonly ProcessSight[],
  children: ReadonlyMap<number, readonly ProcessSight[]>,
  nonces: ReadonlyMap<string, string>,
  { leader, nonce }: TreeMark,
): readonly ProcessIdentity[] {
  const sighted = sights.find(({ pid }) => pid === leader.pid);
  // The number of a session is not given away while the session has members; if it has another
  // leader now, then the session is over and its members are strangers.
  const isOurs = sighted === undefined || sighted.startTicks === leader.startTicks;
  const found = new Map<number, ProcessSight>();
  const open = sights.filter(
    ({ pid, startTicks, sessionId, groupId }) =>
      (isOurs && leader.pid > 0 && (sessionId === leader.pid || groupId === leader.pid)) ||
      nonces.get(`${pid}:${startTicks}`) === nonce,
  );
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (next.pid === process.pid || found.has(next.pid)) continue;
    found.set(next.pid, next);
    open.push(...(children.get(next.pid) ?? []));
  }
  return [...found.values()].filter(({ isAlive }) => isAlive);
}
