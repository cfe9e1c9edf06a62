/**
 * Scenarios as text. A file is a rule, then steps: commands, `----`, and everything that they sent.
 *
 *     # a cancelled task that is queued never starts
 *
 *     worker
 *     client
 *     c1 submit a b(a) c:retries=2
 *     ----
 *     c1 < accepted 1
 *     w1 < compute a
 *
 * A task is `label(inputs):option=value…`; the options are those of `draftOf`. A job that is
 * launched is `name:option=value…`, those of `jobOf`, and its tasks are `name/0`, `name/1`, and so
 * on. `machine`, `request`, `run` and `limit` are the same for workers, tasks, jobs and users in
 * the words of cluster scenarios, which know every resource and option. `ask METHOD field=value…`
 * prints the answer of the API, less the fields that say nothing; `show` those too. `do CHANGE
 * field=value…` makes a change through it and prints the answer. `as bob:viewer` before these, or
 * `as bob:user:/bob/train` (the token of a job), says who asks; `may METHOD field=value…` behind it
 * says whether that is allowed. `tries a` says what `a` was charged, when it goes on, and how it
 * failed. What is sent comes in the order in which the kernel sent it; a step that sends nothing
 * has no lines. From `facts` on each step shows what it decided too,
 * `. attempts-started attempts a`; from `messages` on each message is shown with all that it says,
 * `w1 : stop attempts 1.1, tasks a`; `due` says when somebody must look again.
 * `api TYPE field=value…` asks for a change as an administrator.
 *
 * @module
 */

import assert from "node:assert/strict";
import { nextDeadline } from "../../src/controller/deadlines.ts";
import type { ApiRequest } from "../../src/controller/events.ts";
import type { AttemptUsage } from "../../src/model/failure.ts";
import { type Principal, roles } from "../../src/model/job.ts";
import { attemptCauses, bands } from "../../src/model/states.ts";
import type { AttemptFailed, WorkerMemory } from "../../src/protocol/messages.ts";
import { queuePolicies } from "../../src/scheduler/queue-policy.ts";
import {
  parseBudget,
  parseJob,
  parseMachine,
  parseTask,
} from "../../src/simulator/scenario-words.ts";
import { answerOf, changeOf, fieldsOf, permissionOf, triesOf } from "./answer-lines.ts";
import { anAdmin, ControllerHarness, type JobOverrides } from "./controller-builders.ts";
import { FactLines } from "./fact-lines.ts";
import type { FakeClient, ScatterDraft, TaskDraft } from "./fake-client.ts";
import {
  type FakeWorker,
  handedBack,
  type Saying,
  someFailure,
  type WorkerOptions,
} from "./fake-worker.ts";
import { plugged, setupFailed } from "./plugged.ts";

const separator = "----";

/** What is in quotes is of one word. */
const wordPattern = /(?:[^\s"]|"[^"]*")+/g;

/** The same text with what the commands really sent. */
export function playScenario(text: string, harness = new ControllerHarness()): string {
  return text
    .trimEnd()
    .split(/\n{2,}/)
    .map((step) => playStep(harness, step))
    .join("\n\n")
    .concat("\n");
}

function playStep(harness: ControllerHarness, step: string): string {
  if (step.startsWith("#")) return step;
  const [commands] = step.split(`\n${separator}`);
  const lines = commands.split("\n").flatMap((command) => playCommand(harness, command));
  return [commands, separator, ...lines].join("\n");
}

function playCommand(harness: ControllerHarness, command: string): readonly string[] {
  const [subject = "", ...words] = command.match(wordPattern) ?? [];
  const client = harness.clients.find((one) => one.clientId === subject);
  if (client !== undefined) return playClient(client, words);
  const worker = harness.workers.find((one) => one.workerId === subject);
  if (worker !== undefined) return playWorker(worker, words);
  switch (subject) {
    case "worker":
      return harness.joins(workerOf(words));
    case "client":
      return harness.opens(words[0]);
    case "ask":
      return answerOf(harness, words);
    case "show":
      return answerOf(harness, words, { whole: true });
    case "do":
      return changeOf(harness, words, anAdmin);
    case "as":
      return playAs(harness, principalOf(words[0]), words.slice(1));
    case "after":
      return harness.after(Number(words[0]), { silent: words[1] === "silent" });
    case "restart":
      return harness.restarts(words[0] === "snapshot" ? "snapshot" : "facts");
    case "states":
      return words.map((label) => `${label} is ${harness.stateOf(label)}`);
    case "tries":
      return words.map((label) => triesOf(harness, label));
    case "launch":
      return words.flatMap((word) => harness.launch(...jobOf(word)).filter(isNoReply));
    case "cancel":
      return words.flatMap((name) => harness.cancel(`/ann/${name}`).filter(isNoReply));
    case "job":
      return words.map((name) => `${name} is ${harness.jobState(name)}`);
    case "used":
      return harness.workers.map((worker) => `${worker.workerId} uses ${usageOf(harness, worker)}`);
    default:
      return playInFull(harness, subject, words);
  }
}

/** What somebody asks of the API. */
function playAs(
  harness: ControllerHarness,
  principal: Principal,
  [verb, ...words]: readonly string[],
): readonly string[] {
  switch (verb) {
    case "ask":
      return answerOf(harness, words, { principal });
    case "do":
      return changeOf(harness, words, principal);
    case "may":
      return [permissionOf(harness, words, principal)];
    default:
      assert.fail(`nobody does ${verb} through the API`);
  }
}

/** `bob:viewer`; `bob:user:/bob/train` is the token of that job. */
function principalOf(text: string): Principal {
  const [user, name, jobId = ""] = text.split(":");
  const role = roles.find((one) => one === name) ?? assert.fail(`no such role: ${name}`);
  return { user, role, jobId };
}

/** Commands in the words of cluster scenarios; each shows what was replied. */
function playInFull(
  harness: ControllerHarness,
  verb: string,
  words: readonly string[],
): readonly string[] {
  const [name] = words;
  switch (verb) {
    case "machine":
      return harness.joins(parseMachine("", words));
    case "run":
      return words.flatMap((word) => runJob(harness, word));
    case "limit":
      return harness.limits(name, parseBudget(name, words.slice(1)));
    case "cordon":
    case "uncordon":
      return harness.asks({ type: "cordon-worker", workerId: name, cordon: verb === "cordon" });
    case "api":
      return harness.asks({ type: name, ...fieldsOf(words.slice(1)) } as ApiRequest);
    case "policy":
      harness.state.policy = queuePolicies.find((one) => one === name) ?? "fair";
      return [];
    case "turn":
      harness.state.fleet.turnUnits = Number(name);
      return [];
    case "handles-end":
      harness.state.closing.handlesPerStep = Number(name);
      return [];
    case "pause":
      return harness.pauses(Number(name));
    case "facts":
      harness.factLines = new FactLines();
      return [];
    case "messages":
      harness.showsMessages = true;
      return [];
    case "due":
      return [dueIn(harness)];
    case "restarts-end":
      harness.state.shared.endsPerStep = Number(name);
      return [];
    case "restart-cluster":
      return harness.asks({ type: "restart-cluster", reason: words.join(" ") });
    case "drain":
    case "undrain":
      return harness.asks({
        type: "drain-worker",
        workerId: name,
        drain: verb === "drain",
        deadlineMs: Number(words[1] ?? 0),
      });
    default:
      assert.fail(`no such command: ${verb} ${words.join(" ")}`);
  }
}

/** When somebody must look again: `due in 2000 ms`. */
function dueIn({ state, at }: ControllerHarness): string {
  const next = nextDeadline(state);
  if (next === null) return "due never";
  return next <= at ? "due at once" : `due in ${(next - at) / 1000} ms`;
}

function isNoReply(line: string): boolean {
  return !line.startsWith("reply ");
}

function runJob(harness: ControllerHarness, text: string): readonly string[] {
  const { spec } = parseJob(text);
  const token = `secret-of-${spec.jobId}`;
  return harness.asks({ type: "launch-job", spec, token, tokenHash: spec.jobId });
}

/** `2 slice=a host=1`: two slots, attributes; `host` is the place among the hosts of a slice. */
function workerOf([slots = "1", ...pairs]: readonly string[]): WorkerOptions {
  const attributes = pairs.map((pair) => {
    const [key, value] = pair.split("=");
    return [key === "host" ? "tpu-worker-id" : key, value];
  });
  return { slots: Number(slots), attributes: Object.fromEntries(attributes) };
}

/** What a worker is charged: `cpu 1000, command slots 1`, or `nothing`. */
function usageOf(harness: ControllerHarness, worker: FakeWorker): string {
  const amounts = Object.entries(harness.usedBy(worker));
  return amounts.map(([name, amount]) => `${name} ${amount}`).join(", ") || "nothing";
}

/** `name:replicas=2:group=slice:band=batch:retries=1:losses=0`. */
function jobOf(text: string): [string, JobOverrides] {
  const [name, ...options] = text.split(":");
  const values = new Map(options.map((one) => one.split("=") as [string, string]));
  const band = values.get("band");
  return [
    name,
    {
      replicas: Number(values.get("replicas") ?? 1),
      groupBy: values.get("group") ?? "",
      band: bands.find((one) => one === band) ?? "interactive",
      maxRetriesFailure: Number(values.get("retries") ?? 0),
      maxRetriesPreemption: Number(values.get("losses") ?? 100),
    },
  ];
}

function playClient(client: FakeClient, [verb, ...labels]: readonly string[]): string[] {
  switch (verb) {
    case "submit":
      return client.submits(Object.fromEntries(labels.map(draftOf)));
    case "request":
      return client.submits(Object.fromEntries(labels.map(requestOf)));
    case "release":
      return client.releases(...labels);
    case "want":
      return client.wants(...labels);
    case "cancel":
      return client.cancels(labels);
    case "retry":
      return client.retries(...labels);
    case "close":
      return client.closes();
    case "connect":
      return client.connects();
    case "disconnect":
      return client.disconnects();
    case "scatter":
      return labels.flatMap((text) => client.scatters(...scatteredOf(text)));
    case "lock":
      return client.locks(Number(labels[0]), labels[1], Number(labels[2] ?? 30_000));
    case "unlock":
      return client.unlocks(Number(labels[0]));
    case "renew":
      return client.renews(...labels.map(Number));
    case "restart":
      return client.restarts(labels.join(" "));
    default:
      return playValues(client, verb, labels);
  }
}

/** What clients do with values besides waiting for them. */
function playValues(client: FakeClient, verb: string, labels: readonly string[]): string[] {
  switch (verb) {
    case "publish":
      return client.publishes(labels[0], labels[1]);
    case "fetch":
      return client.fetches(labels[0], labels[1]);
    case "detach":
      return client.detaches(...labels);
    case "replicate":
      return client.replicates(Number(labels[0]), ...labels.slice(1));
    default:
      assert.fail(`clients do not ${verb}`);
  }
}

function playWorker(worker: FakeWorker, [verb, ...words]: readonly string[]): string[] {
  switch (verb) {
    case "orders":
      return [`${worker.workerId} has ${worker.orders || "nothing"}`];
    case "fail":
      return worker.fails(words[0], failureOf(words.slice(1)));
    case "fail-setup":
      return worker.fails(words[0], setupFailed);
    case "need-unreachable":
      return worker.reports(...words.map((label) => unreachable(label)));
    case "tell":
      return worker.tells(words[0], Number(words[1]), words.slice(2).join(" "));
    case "traffic":
      return worker.fetched(Number(words[0].slice(1)) - 1, Number(words[1]), Number(words[2]));
    case "feel":
      return worker.feels(words.join(" "));
    case "measure":
      return worker.measures(words[0], { cpuMs: 70, peakRssBytes: 8192, ...endOf(words.slice(1)) });
    case "prepare":
      return worker.prepares(...words);
    case "connect":
      return worker.connects();
    case "disconnect":
      return worker.disconnects();
    case "restart":
      return worker.restarts();
    case "exit":
      return worker.exits("SIGKILL", { launcherLives: words[0] === "launcher-lives" });
    case "leave":
      return worker.leaves();
    case "empty":
      return worker.empties(Number(words[0]));
    case "obey":
      return worker.obeys();
    case "adopt":
      return worker.adopts();
    case "heartbeat":
      return worker.heartbeats(memoryOf(words));
    case "forgets-all":
      worker.attempts.clear();
      worker.values.clear();
      return [];
    case "say":
      return worker.reports(...words.join(" ").split(", ").flatMap(sayingsOf));
    default:
      return worker.reports(...sayingsOf([verb, ...words].join(" ")));
  }
}

/** `failed exit=3 signal=SIGTERM oom`: a cause, and how its process ended. */
function failureOf([name = "failed", ...pairs]: readonly string[]): Partial<AttemptFailed> {
  const cause = attemptCauses.find((one) => one === name) ?? assert.fail(`no such cause: ${name}`);
  return { cause: cause as AttemptFailed["cause"], failure: { ...someFailure, ...endOf(pairs) } };
}

/** `exit=3 signal=SIGTERM oom`. */
function endOf(pairs: readonly string[]): Partial<AttemptUsage> {
  const values = new Map(pairs.map((one) => one.split("=") as [string, string]));
  const [exit, signal] = [values.get("exit"), values.get("signal")];
  return {
    ...(exit === undefined ? {} : { exitCode: Number(exit) }),
    ...(signal === undefined ? {} : { signal }),
    ...(values.has("oom") ? { oom: true } : {}),
  };
}

/** `rssBytes=5 spilledBytes=3`. */
function memoryOf(pairs: readonly string[]): Partial<WorkerMemory> {
  return Object.fromEntries(
    pairs.map((one) => one.split("=")).map(([name, n]) => [name, Number(n)]),
  );
}

/** `finish a b`, `hand-back a refused`: of several, each is one line of the same message. */
function sayingsOf(text: string): Saying[] {
  const [verb, ...words] = text.split(" ");
  if (verb !== "hand-back") return words.map((word) => sayingOf(verb, word));
  return [handedBack(words[0], { reason: reasonOf(words[1]), other: words[2] ?? words[0] })];
}

const kinds: { readonly [verb: string]: Saying["kind"] } = {
  start: "started",
  finish: "finished",
  abandon: "abandoned",
  have: "have",
  lose: "lost",
  keep: "kept",
  need: "needsSources",
  build: "building",
  yield: "yielded",
  rejoin: "rejoined",
  "not-copied": "notCopied",
  "refuse-retract": "retractRefused",
};

/**
 * `a`, `a>b` (b takes the grant over), `a!` (a value too large to travel), `a!9000` (of so many
 * bytes), `a~9000` (ran 9 ms).
 */
function sayingOf(verb: string, word: string): Saying {
  const kind = kinds[verb];
  assert.ok(kind !== undefined, `workers do not ${verb}`);
  const [, label, large, durationUs, successor] =
    /^([\w/-]+)(!\d*)?(?:~(\d+))?(?:>([\w/-]+))?$/.exec(word) ?? assert.fail(`unclear: ${word}`);
  return {
    kind,
    label,
    ...(large === undefined ? {} : { value: null }),
    ...(large === undefined || large === "!" ? {} : { sizeBytes: Number(large.slice(1)) }),
    ...(durationUs === undefined ? {} : { durationUs: Number(durationUs) }),
    ...(successor === undefined ? {} : { successor }),
  };
}

/** Its holders cannot be reached from where it is needed. */
function unreachable(label: string): Saying {
  return { kind: "needsSources", label, reason: "unreachable" };
}

/** `v`, `v:key=k:copies=2`. */
function scatteredOf(text: string): [string, ScatterDraft] {
  const [label, ...options] = text.split(":");
  const values = new Map(options.map((one) => one.split("=") as [string, string]));
  const key = values.get("key");
  const copies = Number(values.get("copies") ?? 1);
  return [label, key === undefined ? { copies } : { copies, key, args: key }];
}

const reasons = ["retracted", "dependencyFailed", "dependencyLost", "refused", "shutdown"] as const;

function reasonOf(word: string | undefined): (typeof reasons)[number] {
  return reasons.find((reason) => reason === word) ?? "retracted";
}

function requestOf(text: string): [string, TaskDraft] {
  const { label, inputs, spec, key } = parseTask(text);
  const draft: TaskDraft = { on: inputs, spec };
  return [label, key === "" ? draft : { ...draft, key, args: key }];
}

function draftOf(text: string): [string, TaskDraft] {
  const [, label, inputs, options] =
    /^([\w-]+)(?:\(([^)]*)\))?((?::\w+=\w+)*)$/.exec(text) ?? assert.fail(`unclear: ${text}`);
  const values = new Map(
    options
      .split(":")
      .filter(Boolean)
      .map((one) => one.split("=") as [string, string]),
  );
  const number = (name: string) => Number(values.get(name) ?? 0);
  const backoffMs = number("backoff");
  const key = values.get("key");
  const draft: TaskDraft = {
    on: inputs === undefined ? [] : inputs.split(","),
    spec: {
      ...(values.has("plugins") ? plugged(values.get("plugins")) : {}),
      maxRetriesFailure: number("retries"),
      maxRetriesPreemption: values.has("losses") ? number("losses") : 3,
      priority: number("priority"),
      schedulingTimeoutMs: number("within"),
      retryBackoff: { initialMs: backoffMs, maxMs: backoffMs },
    },
  };
  if (key === undefined) return [label, draft];
  return [label, { ...draft, key, args: values.get("args") ?? key }];
}
