/**
 * What a restart was to end has ended when it is said to be over, and nothing else has.
 *
 * Looks at the tasks that were there when it was accepted. Whoever wants less, or tries a task
 * again, while it goes on may change what it ends: such a restart is not judged to its last task.
 *
 * @module
 */

import { InvariantError } from "../base/assert.ts";
import type { Fact } from "../controller/facts.ts";
import { everySession, type Restarting } from "../controller/restarts-state.ts";
import { type ControllerState, jobOf, orderOf, taskIdOf } from "../controller/state.ts";
import type { TaskRef } from "../model/ids.ts";
import { taskStateCode } from "../model/states.ts";

export class RestartRules {
  /** By session: what was there before. */
  readonly #before = new Map<number, Set<TaskRef>>();

  /** Those that this step has ended; what it did afterwards is seen in the state. */
  readonly #over = new Set<number>();

  /** Throws InvariantError if a restart is over and has not ended what it is about. */
  check(state: ControllerState, facts: readonly Fact[]): void {
    for (const fact of facts) this.#onFact(state, fact);
    for (const index of this.#over) this.#judge(state, index);
    this.#over.clear();
  }

  #onFact(state: ControllerState, fact: Fact): void {
    switch (fact.type) {
      case "restart-begun":
        this.#over.delete(fact.client);
        this.#before.set(fact.client, tasksOf(state, fact));
        return;
      case "tasks-revived":
        for (const before of this.#before.values()) {
          for (const task of fact.tasks) before.delete(state.tasks.ref(task));
        }
        return;
      case "value-unpublished":
      case "wants-dropped":
      case "client-closing":
      case "client-closed":
        for (const index of this.#before.keys()) {
          if (!("client" in fact) || fact.client !== index) this.#before.delete(index);
        }
        return;
      case "controller-started":
        return this.#forgetLost(state);
      case "cluster-restarted":
        this.#over.add(everySession);
        return;
      case "session-restarted":
        this.#over.add(fact.client);
        return;
    }
  }

  /** What was not durable has not happened: a restart, or that it began anew with more. */
  #forgetLost(state: ControllerState): void {
    for (const [index, before] of this.#before) {
      const restarting = state.shared.restarting.get(index);
      if (restarting === undefined) {
        this.#before.delete(index);
        continue;
      }
      for (const ref of before) {
        const task = state.tasks.find(ref); // Where there is none, another one may be later.
        if (task < 0 || orderOf(state, task) >= restarting.before) before.delete(ref);
      }
    }
  }

  #judge(state: ControllerState, index: number): void {
    const before = this.#before.get(index);
    this.#before.delete(index);
    if (before === undefined) return;
    const { tasks } = state;
    const stays = whatStays(state, index);
    for (const ref of before) {
      const task = tasks.find(ref);
      if (task < 0 || tasks.state[task] === taskStateCode.KILLED || stays.has(task)) continue;
      throw new InvariantError("what a restart is about has ended when it is over", [
        taskIdOf(state, task),
      ]);
    }
  }
}

function tasksOf(state: ControllerState, { client: index, before }: Restarting): Set<TaskRef> {
  const job = state.clients[index]?.job;
  const found = new Set<TaskRef>();
  for (const task of state.tasks.rows()) {
    const isIts = index === everySession || state.tasks.job[task] === job;
    if (!isIts || jobOf(state, task).launch !== null || orderOf(state, task) >= before) continue;
    found.add(state.tasks.ref(task));
  }
  return found;
}

/** What names want, or for a session what anybody else wants, and all that it is made of. */
function whatStays(state: ControllerState, index: number): Set<number> {
  const { tasks, shared, clients } = state;
  const stays = new Set(shared.publishedCounts.keys());
  for (const client of index === everySession ? [] : clients) {
    if (client === null || client.index === index) continue;
    client.handles.forEach((_, task) => {
      stays.add(task);
    });
  }
  for (const task of stays) {
    for (let position = 0; position < tasks.dependencyCount[task]; position++) {
      stays.add(tasks.dependency(task, position));
    }
  }
  return stays;
}
