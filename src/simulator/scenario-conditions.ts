/**
 * What a scenario can say of its world: sentences that hold or do not, now. Each can also say what
 * is the case instead.
 *
 * @module
 */

import { explain } from "../controller/explain.ts";
import { jobState } from "../controller/job-state.ts";
import type { Worker } from "../controller/state.ts";
import { stage } from "../controller/tables/task-table.ts";
import { jobView, workerState, workerView } from "../controller/views.ts";
import { taskStates } from "../model/states.ts";
import { ScenarioError } from "./scenario-words.ts";
import type { ScenarioWorld } from "./scenario-world.ts";

/** A sentence about the world. */
export interface Condition {
  readonly text: string;
  holds(world: ScenarioWorld): boolean;
  /** What is the case, for people. */
  actual(world: ScenarioWorld): string;
}

/** A form of sentence: `read` is given the groups of `pattern`. */
interface Form {
  readonly pattern: RegExp;
  /** How it is written, for people. */
  readonly usage: string;
  read(
    world: ScenarioWorld,
    ...groups: string[]
  ): { readonly holds: boolean; readonly actual: string };
}

const name = "([a-z][\\w-]*(?:/[\\w-]+)*)";
const count = "(once|twice|\\d+ times)";
const bound = "(?:(at least|at most|exactly) )?";

const forms: readonly Form[] = [
  {
    pattern: /^nothing is used$/,
    usage: "nothing is used",
    read: (world) => {
      const used = world.cluster.state.workers.map(
        (worker) => `${worker.workerId} uses ${usageOf(world, worker)}`,
      );
      return { holds: used.every((text) => text.endsWith("nothing")), actual: used.join("; ") };
    },
  },
  {
    pattern: new RegExp(`^${bound}(\\d+) recomputed$`),
    usage: "0 recomputed",
    read: (world, how, wanted) => {
      const { recomputedCount } = world.cluster.state;
      return compared(recomputedCount, how, Number(wanted), "executions were done again");
    },
  },
  {
    pattern: new RegExp(`^job ${name} is ([A-Z_]+(?: or [A-Z_]+)*)$`),
    usage: "job g is SUCCEEDED or FAILED",
    read: (world, job, states) => {
      const actual = stateOfJob(world, job);
      return { holds: states.split(" or ").includes(actual), actual: `job ${job} is ${actual}` };
    },
  },
  {
    pattern: new RegExp(`^job ${name} has ${bound}(\\d+) (failures?|losses|loss)$`),
    usage: "job g has 1 loss",
    read: (world, job, how, wanted, what) => {
      const known = jobOf(world, job);
      const view = known === undefined ? undefined : jobView(world.cluster.state, known);
      const charged = what.startsWith("failure") ? view?.failureCount : view?.preemptionCount;
      return compared(charged ?? 0, how, Number(wanted), `${what} charged to ${job}`);
    },
  },
  {
    pattern: new RegExp(`^job ${name} failed with ([A-Z_]+)$`),
    usage: "job g failed with TASK_FAILED",
    read: (world, job, wanted) => {
      const code = jobOf(world, job)?.launch?.error?.code;
      return { holds: code === wanted, actual: `job ${job} ended with ${code ?? "no error"}` };
    },
  },
  {
    pattern: new RegExp(`^${name} is connected$`),
    usage: "c is connected; w1 is connected, as the process that lives now",
    read: (world, peer) => {
      const connected = world.machines.has(peer)
        ? isRegistered(world, peer)
        : clientOf(world, peer).connected;
      return { holds: connected, actual: `${peer} is ${connected ? "" : "not "}connected` };
    },
  },
  {
    pattern: new RegExp(`^${name} is ([\\w]+(?: or [\\w]+)*)$`),
    usage: "a is PENDING or RUNNING; w1 is LOST; a is queued; a is forgotten",
    read: (world, subject, states) => {
      const actual = world.machines.has(subject)
        ? [stateOfWorker(world, subject)]
        : statesOfTask(world, subject);
      const holds = states.split(" or ").some((state) => actual.includes(state));
      return { holds, actual: `${subject} is ${actual.join(" ")}` };
    },
  },
  {
    pattern: new RegExp(`^${name} runs(?: on ${name})?$`),
    usage: "a runs; a runs on w1",
    read: (world, task, worker) => {
      const live = world.behaviour.live(task_(world, task));
      const holds = live.some((run) => worker === undefined || run.workerId === worker);
      return { holds, actual: storyOf(world, task) };
    },
  },
  {
    pattern: new RegExp(`^${name} runs ${count} at once$`),
    usage: "a runs twice at once",
    read: (world, task, wanted) => {
      const { length } = world.behaviour.live(task_(world, task));
      return { holds: length >= countOf(wanted), actual: storyOf(world, task) };
    },
  },
  {
    pattern: new RegExp(`^${name} ran ${bound}${count}(?: on ${name})?$`),
    usage: "a ran once; a ran at most twice on w1",
    read: (world, task, how, wanted, worker) => {
      const runs = world.behaviour.runs.filter(
        (run) =>
          run.label === task_(world, task) && (worker === undefined || run.workerId === worker),
      );
      return {
        ...compared(runs.length, how, countOf(wanted), "executions"),
        actual: storyOf(world, task),
      };
    },
  },
  {
    pattern: new RegExp(`^${name} never ran$`),
    usage: "a never ran",
    read: (world, task) => {
      const ran = world.behaviour.runs.some((run) => run.label === task_(world, task));
      return { holds: !ran, actual: storyOf(world, task) };
    },
  },
  {
    pattern: new RegExp(`^${name} ran on ${name}$`),
    usage: "a ran on w1",
    read: (world, task, worker) => {
      const label = task_(world, task);
      const holds = world.behaviour.runs.some(
        (run) => run.label === label && run.workerId === worker,
      );
      return { holds, actual: storyOf(world, task) };
    },
  },
  {
    pattern: new RegExp(`^${name} began before ${name}$`),
    usage: "a began before b",
    read: (world, task, other) => {
      const labels = world.behaviour.runs.map(({ label }) => label);
      const first = labels.indexOf(task_(world, task));
      const second = labels.indexOf(task_(world, other));
      const holds = first >= 0 && (second < 0 || first < second);
      return { holds, actual: `they began in the order ${labels.join(" ")}` };
    },
  },
  {
    pattern: new RegExp(`^${name} has ${bound}(\\d+) (attempts?|failures?|losses|loss)$`),
    usage: "a has 2 attempts; a has 0 failures; a has at most 1 loss",
    read: (world, task, how, wanted, what) => {
      const actual = countOfTask(world, task_(world, task), what);
      return compared(actual, how, Number(wanted), `${what} of ${task}`);
    },
  },
  {
    pattern: new RegExp(`^${name} failed with ([A-Z_]+)(?: blaming ${name})?$`),
    usage: "a failed with TASK_FAILED blaming b",
    read: (world, task, code, blamed) => {
      const failure = world.cluster.state.failures.get(world.rowOf(task_(world, task)));
      const isBlamed = blamed === undefined || failure?.blame === world.idOf(blamed);
      const how = failure === undefined ? "without a failure" : `${failure.code}, ${failure.blame}`;
      const actual = `${task} ended: ${how}`;
      return { holds: failure?.code === code && isBlamed, actual };
    },
  },
  {
    pattern: new RegExp(`^why (job )?${name} is ([A-Z_]+(?: or [A-Z_]+)*)$`),
    usage: "why a is DEPENDENCY; why job g is USER_CAP",
    read: (world, job, subject, codes) => {
      const reasons = explanationOf(world, job, subject) ?? [];
      const holds = reasons.some(({ code }) => codes.split(" or ").includes(code));
      const found = reasons.map(({ code, message }) => `${code} (${message})`);
      return { holds, actual: `the reasons are ${found.join(", ") || "none"}` };
    },
  },
  {
    pattern: new RegExp(`^why (job )?${name} says "([^"]+)"$`),
    usage: 'why a says "its own parents"',
    read: (world, job, subject, words) => {
      const messages = explanationOf(world, job, subject)?.map(({ message }) => message) ?? [];
      const holds = messages.some((message) => message.includes(words));
      return { holds, actual: `the reasons are: ${messages.join("; ") || "none"}` };
    },
  },
  {
    pattern: new RegExp(`^${name} has the value of ${name}$`),
    usage: "c has the value of a",
    read: (world, client, task) => outcomeIs(world, client, task, "value"),
  },
  {
    pattern: new RegExp(`^${name} has ([A-Z_]+) for ${name}$`),
    usage: "c has TASK_CANCELLED for a",
    read: (world, client, code, task) => outcomeIs(world, client, task, code),
  },
  {
    pattern: new RegExp(`^${name} waits for ${name}$`),
    usage: "c waits for a",
    read: (world, client, task) => outcomeIs(world, client, task, "open"),
  },
  {
    pattern: new RegExp(`^${name} (waits for|holds|lost) the lock ${name}$`),
    usage: "c waits for the lock l; c holds the lock l; c lost the lock l",
    read: (world, client, how, lock) => {
      const found = clientOf(world, client).locks.stateOf(lock);
      const wanted = how === "waits for" ? "waits" : how;
      return { holds: found === wanted, actual: `of the lock ${lock}, ${client} says: ${found}` };
    },
  },
  {
    pattern: new RegExp(`^${name} has a higher token than ${name} for the lock ${name}$`),
    usage: "c has a higher token than d for the lock l",
    read: (world, client, other, lock) => {
      const [own, its] = [client, other].map((one) => clientOf(world, one).locks.tokenOf(lock));
      return { holds: own > its, actual: `they were told the tokens ${own} and ${its}` };
    },
  },
  {
    pattern: new RegExp(`^${name} was (refused|warned) ([A-Z_]+)$`),
    usage: "c was refused KEY_CONFLICT; c was warned TASK_UNPLACEABLE",
    read: (world, name, how, code) => {
      const client = clientOf(world, name);
      const codes = how === "refused" ? client.refusals : client.warnings;
      return { holds: codes.includes(code), actual: `${name} was ${how} ${codes.join(", ")}` };
    },
  },
  {
    pattern: /^a call was refused ([A-Z_]+)$/,
    usage: "a call was refused ALREADY_EXISTS",
    read: (world, code) => ({
      holds: world.refusals.includes(code),
      actual: `calls were refused: ${world.refusals.join(", ") || "none"}`,
    }),
  },
  {
    pattern: new RegExp(`^${name} uses nothing$`),
    usage: "w1 uses nothing",
    read: (world, workerId) => {
      const actual = usageOf(world, workerOf(world, workerId));
      return { holds: actual === "nothing", actual: `${workerId} uses ${actual}` };
    },
  },
  {
    pattern: new RegExp(`^${name} uses ${bound}(\\d+) (cpu|slots|command slots|[a-z][\\w.:-]*)$`),
    usage: "w1 uses 2000 cpu (in thousandths); w1 uses at most 1 slots",
    read: (world, workerId, how, wanted, resource) => {
      const { names } = world.cluster.state.dimensions;
      const used = workerOf(world, workerId).used[names.indexOf(resource)] ?? 0;
      return compared(used, how, Number(wanted), `${resource} used by ${workerId}`);
    },
  },
  {
    pattern: new RegExp(`^${name} runs ${bound}(\\d+) tasks?$`),
    usage: "w1 runs at most 2 tasks",
    read: (world, workerId, how, wanted) => {
      const live = world.behaviour.runs.filter((run) => !run.isOver && run.workerId === workerId);
      return compared(live.length, how, Number(wanted), `tasks run on ${workerId}`);
    },
  },
  {
    pattern: new RegExp(`^${name} is held by ${bound}(\\d+) workers?$`),
    usage: "a is held by at least 2 workers",
    read: (world, task, how, wanted) => {
      const ref = world.refOf(task_(world, task)) ?? -1;
      const agents = [...world.machines.keys()].map((id) => world.agentOf(id));
      const held = agents.filter((agent) => agent?.values.has(ref)).length;
      return compared(held, how, Number(wanted), `workers hold ${task}`);
    },
  },
  {
    pattern: new RegExp(`^${name} says "([^"]*)"$`),
    usage: 'w1 says "drained" (why it is in its state)',
    read: (world, workerId, words) => {
      const { stateReason } = workerView(world.cluster.state, workerOf(world, workerId));
      const actual = `${workerId} says "${stateReason}"`;
      return { holds: words === "" ? stateReason === "" : stateReason.includes(words), actual };
    },
  },
  {
    pattern: new RegExp(`^the executors of ${name} are new$`),
    usage: "the executors of w1 are new",
    read: (world, workerId) => {
      const { shared } = world.cluster.state;
      const { incarnation, restartsBefore } = workerOf(world, workerId);
      const agent = world.agentOf(workerId);
      const renewedFor = agent?.state.renewedFor ?? 0;
      const known = agent?.incarnation === incarnation ? restartsBefore : 0;
      const holds = Math.max(renewedFor, known) >= shared.restarts;
      return { holds, actual: `${workerId} renewed them for restart ${renewedFor}` };
    },
  },
  {
    pattern: new RegExp(`^${name} (fetches|is to fetch) ${name}$`),
    usage: "w2 fetches a; w2 is to fetch a",
    read: (world, workerId, how, task) => {
      const ref = world.refOf(task_(world, task)) ?? -1;
      const found = world.agentOf(workerId)?.state.tasks.get(ref)?.state.type ?? "unknown";
      const holds = found === (how === "fetches" ? "in-flight" : "to-fetch");
      return { holds, actual: `${task} is ${found} to ${workerId}` };
    },
  },
  {
    pattern: new RegExp(`^${name} holds the value of ${name}$`),
    usage: "w1 holds the value of a",
    read: (world, workerId, task) => {
      const ref = world.refOf(task_(world, task));
      const values = world.agentOf(workerId)?.values;
      const holds = ref !== undefined && values?.has(ref) === true;
      return { holds, actual: `${workerId} holds ${values?.size ?? 0} values` };
    },
  },
];

/** Reads a sentence. Throws {@link ScenarioError} if it has no known form. */
export function parseCondition(text: string): Condition {
  for (const { pattern, read } of forms) {
    const match = pattern.exec(text);
    if (match === null) continue;
    const groups = match.slice(1);
    return {
      text,
      holds: (world) => read(world, ...groups).holds,
      actual: (world) => read(world, ...groups).actual,
    };
  }
  const usages = conditionUsages().join("\n  ");
  throw new ScenarioError(`"${text}" is no sentence of a scenario; expected one like\n  ${usages}`);
}

/** Every form of a sentence, for people. */
export function conditionUsages(): readonly string[] {
  return forms.map(({ usage }) => usage);
}

function compared(actual: number, how: string | undefined, wanted: number, what: string) {
  const holds =
    how === "at least"
      ? actual >= wanted
      : how === "at most"
        ? actual <= wanted
        : actual === wanted;
  return { holds, actual: `${actual} ${what}` };
}

function countOf(text: string): number {
  return text === "once" ? 1 : text === "twice" ? 2 : Number.parseInt(text, 10);
}

/** The label under which the world keeps that task; throws if no such name was given. */
function task_(world: ScenarioWorld, label: string): string {
  if (!world.isTask(label)) throw new ScenarioError(`nothing is called ${label}`);
  return world.ownLabel(label);
}

const stageNames = new Map(Object.entries(stage).map(([name, code]) => [code as number, name]));

/** `PENDING queued`, `RUNNING`, `forgotten`, `unknown`. */
function statesOfTask(world: ScenarioWorld, label: string): string[] {
  const own = task_(world, label);
  const row = world.rowOf(own);
  if (row < 0) return [world.refOf(own) === undefined ? "unknown" : "forgotten"];
  const { tasks } = world.cluster.state;
  const state = taskStates[tasks.state[row]];
  return state === "PENDING" ? [state, stageNames.get(tasks.stage[row]) ?? "none"] : [state];
}

function stateOfWorker(world: ScenarioWorld, workerId: string): string {
  const { workers, workersById } = world.cluster.state;
  const worker = workers[workersById.get(workerId) ?? -1];
  return worker === undefined ? "unknown" : workerState(worker);
}

/** Whether the controller knows the agent that lives on that machine, and hears it. */
function isRegistered(world: ScenarioWorld, workerId: string): boolean {
  const { workers, workersById } = world.cluster.state;
  const worker = workers[workersById.get(workerId) ?? -1];
  if (worker?.incarnation !== world.agentOf(workerId)?.incarnation) return false;
  return worker?.connected === true && !worker.lost;
}

function workerOf(world: ScenarioWorld, workerId: string): Worker {
  const { workers, workersById } = world.cluster.state;
  const worker = workers[workersById.get(workerId) ?? -1];
  if (worker === undefined) throw new ScenarioError(`no worker ${workerId} is registered`);
  return worker;
}

function clientOf(world: ScenarioWorld, clientId: string) {
  const client = world.clients.get(clientId);
  if (client === undefined) throw new ScenarioError(`no client is called ${clientId}`);
  return client;
}

function jobOf(world: ScenarioWorld, job: string) {
  const { jobs, jobsById } = world.cluster.state;
  const jobId = world.jobIds.get(job);
  if (jobId === undefined) throw new ScenarioError(`no job is called ${job}`);
  return jobs[jobsById.get(jobId) ?? -1];
}

function stateOfJob(world: ScenarioWorld, name: string): string {
  const job = jobOf(world, name);
  return job === undefined ? "UNKNOWN" : jobState(job);
}

function countOfTask(world: ScenarioWorld, label: string, what: string): number {
  if (what.startsWith("attempt")) return world.attemptCount(label);
  const row = world.rowOf(label);
  if (row < 0) return 0;
  const { failureCount, lossCount } = world.cluster.state.tasks;
  return what.startsWith("failure") ? failureCount[row] : lossCount[row];
}

/** The reasons for which a task or a job waits; undefined for what is not known. */
function explanationOf(world: ScenarioWorld, job: string | undefined, subject: string) {
  const id = job === undefined ? world.idOf(task_(world, subject)) : world.jobIds.get(subject);
  return id === undefined ? undefined : explain(world.cluster.state, id).reasons;
}

function outcomeIs(world: ScenarioWorld, clientId: string, task: string, wanted: string) {
  const outcome = clientOf(world, clientId).outcomes.get(task) ?? "nothing, it let go";
  return { holds: outcome === wanted, actual: `${clientId} has ${outcome} for ${task}` };
}

function usageOf(world: ScenarioWorld, { used }: Worker): string {
  const { names } = world.cluster.state.dimensions;
  const amounts = [...used.entries()].filter(([, amount]) => amount !== 0);
  return amounts.map(([index, amount]) => `${amount} ${names[index]}`).join(", ") || "nothing";
}

/** Its state and where it ran: `a is RUNNING; it ran on w1, w2 (now)`. */
function storyOf(world: ScenarioWorld, label: string): string {
  const own = task_(world, label);
  const runs = world.behaviour.runs.filter((run) => run.label === own);
  const where = runs.map((run) => (run.isOver ? run.workerId : `${run.workerId} (now)`));
  const ran = where.length === 0 ? "it never ran" : `it ran on ${where.join(", ")}`;
  return `${label} is ${statesOfTask(world, label).join(" ")}; ${ran}`;
}
