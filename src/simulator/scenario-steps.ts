/**
 * What happens in a scenario: each line that is no sentence about the world changes it.
 *
 * @module
 */

import type { ApiRequest } from "../controller/events.ts";
import { parseDurationMs } from "../model/parse-quantities.ts";
import {
  ends,
  parseAct,
  parseBudget,
  parseJob,
  parseMachine,
  parseScattered,
  parseTask,
  parseUs,
  ScenarioError,
} from "./scenario-words.ts";
import type { ScenarioWorld } from "./scenario-world.ts";
import type { Act } from "./scripted-behaviour.ts";
import type { ScriptedClient, TaskDraft } from "./scripted-client.ts";
import { type Boundary, boundaries } from "./simulated-controller.ts";

/** Something to do, once. */
export type Step = (world: ScenarioWorld) => void;

interface Form {
  readonly pattern: RegExp;
  /** How it is written, for people. */
  readonly usage: string;
  play(world: ScenarioWorld, ...groups: string[]): void;
}

const name = "([a-z][\\w-]*(?:/[\\w-]+)*)";
const rest = "(?: (.+))?";

const forms: readonly Form[] = [
  {
    pattern: new RegExp(`^client ${name}(?: of ${name})?$`),
    usage: "client c of ann",
    play: (world, clientId, user = "sim") => world.addClient(clientId, user),
  },
  {
    pattern: new RegExp(`^${name} (does|goes on to) (.+)$`),
    usage: "a does hold, fail, finish",
    play: (world, label, _, acts) => world.behaviour.plan(label, acts.split(/,\s*/).map(parseAct)),
  },
  {
    pattern: new RegExp(`^${name} stops after (\\S+)$`),
    usage: "a stops after 200ms",
    play: (world, label, duration) => world.behaviour.stopsAfter(label, parseUs(duration)),
  },
  {
    pattern: new RegExp(`^${name} (waits|goes on)$`),
    usage: "a waits: for tasks of its own; a goes on",
    play: (world, label, word) => {
      for (const run of liveRuns(world, label)) run.news.waits(word === "waits");
    },
  },
  {
    pattern: /^crash controller$/,
    usage: "crash controller",
    play: (world) => world.cluster.crashController(),
  },
  {
    pattern: new RegExp(`^(${ends.join("|")}) ${name}(?: on ${name})?(?: with code (\\d+))?$`),
    usage: "finish a; fail a on w1 with code 3; kill g/0; crash a",
    play: (world, end, label, workerId, code) => {
      const runs = liveRuns(world, label, workerId);
      for (const run of runs) {
        const exitCode = code === undefined ? null : Number(code);
        world.behaviour.endAs(run, end as Act["end"], { ...run.act, exitCode });
      }
    },
  },
  {
    pattern: /^launch (.+)$/,
    usage: "launch g:replicas=3:group=slice",
    play: (world, texts) => {
      for (const text of texts.split(/\s+/)) {
        const { name, spec } = parseJob(text);
        world.launch(name, spec);
      }
    },
  },
  {
    pattern: new RegExp(`^cancel job ${name}$`),
    usage: "cancel job g",
    play: (world, job) => {
      const jobId = world.jobIds.get(job) ?? unknown("job", job);
      world.call({ type: "terminate-job", jobId, reason: "played" });
    },
  },
  {
    pattern: new RegExp(`^retry job ${name}$`),
    usage: "retry job g",
    play: (world, job) => {
      const jobId = world.jobIds.get(job) ?? unknown("job", job);
      world.retryJob(jobId);
    },
  },
  {
    pattern: new RegExp(`^retry task ${name}$`),
    usage: "retry task g/0",
    play: (world, label) => {
      const taskId = world.idOf(label) ?? unknown("task", label);
      world.call({ type: "retry-task", taskId });
    },
  },
  {
    pattern: new RegExp(`^(cordon|uncordon|undrain) ${name}$`),
    usage: "cordon w1; uncordon w1; undrain w1",
    play: (world, what, workerId) => {
      const request: ApiRequest =
        what === "undrain"
          ? { type: "drain-worker", workerId, drain: false, deadlineMs: 0 }
          : { type: "cordon-worker", workerId, cordon: what === "cordon" };
      world.call(request);
    },
  },
  {
    pattern: new RegExp(`^drain ${name}(?: within (\\S+))?$`),
    usage: "drain w1 within 20ms",
    play: (world, workerId, within) => {
      const deadlineMs = within === undefined ? 0 : parseDurationMs("within", within);
      world.call({ type: "drain-worker", workerId, drain: true, deadlineMs });
    },
  },
  {
    pattern: new RegExp(`^budget ${name} (.+)$`),
    usage: "budget ann cap=2 weight=3",
    play: (world, user, texts) =>
      world.call({ type: "set-user-budget", budget: parseBudget(user, texts.split(/\s+/)) }),
  },
  {
    pattern: /^restart cluster$/,
    usage: "restart cluster: all that sessions have submitted ends",
    play: (world) => world.call({ type: "restart-cluster", reason: "played" }),
  },
  {
    pattern: /^start controller$/,
    usage: "start controller",
    play: (world) => world.cluster.startController(),
  },
  {
    pattern: new RegExp(`^crash agent of ${name}$`),
    usage: "crash agent of w1: its launcher and the commands that it runs live on",
    play: (world, workerId) => world.crash(workerId, { launcherLives: true }),
  },
  {
    pattern: new RegExp(`^crash machine ${name}$`),
    usage: "crash machine w1: nobody says so, and nobody starts it again",
    play: (world, workerId) => world.crash(workerId, { launcherLives: false }),
  },
  {
    pattern: new RegExp(`^crash and replace ${name}$`),
    usage: "crash and replace w1: its end is proven, and it starts anew at once",
    play: (world, workerId) => world.crashAndReplace(workerId),
  },
  {
    pattern: new RegExp(`^(lose|disconnect) ${name}$`),
    usage: "disconnect w1; disconnect c: it connects again by itself",
    play: (world, _, peer) => {
      const client = world.clients.get(peer);
      if (client !== undefined) world.cluster.loseClient(client);
      else world.cluster.loseConnectionOf(agentOf(world, peer));
    },
  },
  {
    pattern: new RegExp(`^${name} leaves(?: within (\\S+))?$`),
    usage:
      "w1 leaves: it hands back what it has, and another process comes in its place; w1 leaves " +
      "within 10s: for so long at most it waits until what only it holds is copied",
    play: (world, workerId, within) => {
      agentOf(world, workerId).leave(within === undefined ? 0 : parseUs(within) / 1_000);
    },
  },
  {
    pattern: new RegExp(`^cut ${name}(?: (there|back))? for (\\S+)$`),
    usage: "cut w1 for 5s; cut w1 there for 5s; cut c back for 5s",
    play: (world, peer, way, duration) => {
      if (!world.machines.has(peer)) clientOf(world, peer);
      const path = world.cluster.sessions.pathTo(peer);
      const until = world.cluster.timeline.now + parseUs(duration);
      if (way !== "back") path.stall("there", until);
      if (way !== "there") path.stall("back", until);
    },
  },
  {
    pattern: new RegExp(`^pause ${name} for (\\S+)$`),
    usage: "pause w1 for 5s; pause controller for 5s: its loop stands still, what runs goes on",
    play: (world, who, duration) => {
      const { controller } = world.cluster;
      const paused = who === "controller" ? controller : agentOf(world, who);
      paused.pause(parseUs(duration));
    },
  },
  {
    pattern: new RegExp(`^crash controller (${boundaries.join("|")})$`),
    usage: "crash controller before-sync: when it next gets there, and starts again by itself",
    play: (world, boundary) => world.cluster.controller.dieAt(boundary as Boundary),
  },
  {
    pattern: new RegExp(`^${name} loses the value of ${name}$`),
    usage: "w1 loses the value of a",
    play: (world, workerId, task) => {
      const ref = world.refOf(task) ?? unknown("task", task);
      agentOf(world, workerId).loseValue(ref);
    },
  },
  {
    pattern: /^(fetches|builds) (fail|work)$/,
    usage: "fetches fail; fetches work; builds fail; builds work",
    play: (world, what, how) =>
      world.fail(what === "fetches" ? "fetchFailure" : "buildFailure", how === "fail"),
  },
  {
    pattern: new RegExp(`^fetches from ${name} are refused for (\\S+)$`),
    usage: "fetches from w1 are refused for 2s: whoever fetches hears that it is busy",
    play: (world, workerId, duration) => {
      const { mishaps } = agentOf(world, workerId);
      mishaps.busyUntil = world.cluster.timeline.now + parseUs(duration);
    },
  },
  {
    pattern: new RegExp(`^the next fetch from ${name} fails$`),
    usage: "the next fetch from w1 fails: the first one that begins from now on, at its end",
    play: (world, workerId) => {
      agentOf(world, workerId).mishaps.fetchFailuresLeft++;
    },
  },
  {
    pattern: /^(fetches|turns) take (\S+)$/,
    usage: "fetches take 5s; turns take 400ms: each up to so long",
    play: (world, what, duration) =>
      world.slow(what === "fetches" ? "fetchUsMax" : "turnUsMax", parseUs(duration)),
  },
  {
    pattern: new RegExp(`^${name} vanishes$`),
    usage: "c vanishes",
    play: (world, clientId) => {
      const client = clientOf(world, clientId);
      client.gone = true;
      world.cluster.loseClient(client);
    },
  },
  {
    pattern: new RegExp(`^${name} feels "([^"]*)"$`),
    usage: 'w1 feels "its disk is full"; w1 feels "": it is well again',
    play: (world, workerId, trouble) => agentOf(world, workerId).feels(trouble),
  },
  {
    pattern: new RegExp(`^${name} wants (.+) on (\\d+) workers?$`),
    usage: "c wants a b on 2 workers",
    play: (world, clientId, texts, copies) => {
      const client = clientOf(world, clientId);
      const words = texts.split(/\s+/);
      for (const word of words) client.numberOf(word) ?? unknown("task", word);
      client.replicate(words, Number(copies));
    },
  },
  {
    pattern: new RegExp(`^${name} locks ${name} for (\\S+)$`),
    usage: "c locks l for 3s: so long is its lease, which begins again when it renews its locks",
    play: (world, clientId, lock, lease) =>
      clientOf(world, clientId).lock(lock, parseDurationMs("lease", lease)),
  },
  {
    pattern: new RegExp(`^${name} unlocks ${name}$`),
    usage: "c unlocks l",
    play: (world, clientId, lock) => {
      const client = clientOf(world, clientId);
      client.locks.numberOf(lock) ?? unknown("lock", lock);
      client.unlock(lock);
    },
  },
  {
    pattern: new RegExp(`^${name} renews its locks$`),
    usage: "c renews its locks",
    play: (world, clientId) => clientOf(world, clientId).renewLocks(),
  },
  {
    pattern: new RegExp(
      `^${name} (submits|scatters|cancels|releases|retries|closes|restarts)${rest}$`,
    ),
    usage:
      "c submits a b(a):retries=1; c scatters v:key=k; c cancels a; c releases a; " +
      "c retries a; c closes; c restarts",
    play: (world, clientId, verb, texts = "") => {
      const client = clientOf(world, clientId);
      const words = texts.split(/\s+/).filter(Boolean);
      if (verb === "submits") return submit(world, client, words.map(parseTask));
      if (verb === "scatters") return submit(world, client, words.map(parseScattered));
      if (verb === "restarts") return client.restart();
      if (verb === "closes") {
        client.gone = true;
        return client.close();
      }
      for (const word of words) client.numberOf(word) ?? unknown("task", word);
      if (verb === "cancels") client.cancel(words);
      else if (verb === "retries") client.retry(words);
      else client.release(words);
    },
  },
];

/** Reads a step; null if it has no known form. */
export function parseStep(text: string): Step | null {
  for (const { pattern, play } of forms) {
    const match = pattern.exec(text);
    if (match !== null) return (world) => play(world, ...match.slice(1));
  }
  return null;
}

/** Every form of a step, for people. */
export function stepUsages(): readonly string[] {
  return forms.map(({ usage }) => usage);
}

/** Starts a machine of the script, or one that died, with the same resources or others. */
export function startMachine(world: ScenarioWorld, workerId: string, texts: string): void {
  if (world.agentOf(workerId) !== undefined) throw new ScenarioError(`${workerId} lives`);
  const words = texts.split(/\s+/).filter(Boolean);
  const known = words.length === 0 ? world.machines.get(workerId) : undefined;
  world.startWorker(known ?? parseMachine(workerId, words));
}

function submit(world: ScenarioWorld, client: ScriptedClient, drafts: readonly TaskDraft[]): void {
  for (const { label, key } of drafts) {
    if (world.isTask(label)) throw new ScenarioError(`${label} is the name of a task already`);
    world.setArgs(label, key || label);
  }
  client.submit(drafts);
}

function liveRuns(world: ScenarioWorld, label: string, workerId?: string) {
  if (!world.isTask(label)) unknown("task", label);
  const live = world.behaviour.live(world.ownLabel(label));
  const runs = live.filter((run) => workerId === undefined || run.workerId === workerId);
  if (runs.length === 0) throw new ScenarioError(`no execution of ${label} runs`);
  return runs;
}

function clientOf(world: ScenarioWorld, clientId: string): ScriptedClient {
  return world.clients.get(clientId) ?? unknown("client", clientId);
}

function agentOf(world: ScenarioWorld, workerId: string) {
  return world.agentOf(workerId) ?? unknown("live worker", workerId);
}

function unknown(kind: string, name: string): never {
  throw new ScenarioError(`no ${kind} is called ${name}`);
}
