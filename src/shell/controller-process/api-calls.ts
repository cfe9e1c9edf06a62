/**
 * Every call of the API, from HTTP and from streams, takes one way:
 *
 *     known method ─▶ role ─▶ form of the request ─▶ the kernel's own refusals
 *       ─▶ a read of the state, an event for the kernel, or something about the process
 *       ─▶ (durable) the answer
 *
 * A method that has no entry in the table of methods does not exist, and a caller whose role its
 * entry does not name is refused.
 *
 * @module
 */

import type { Micros } from "../../base/time.ts";
import type { ControllerEvent, ControllerSend } from "../../controller/events.ts";
import type { LogQuestion, LogSelection } from "../../controller/log-sources.ts";
import { CapstanError } from "../../model/errors.ts";
import type { Principal, UserBudget } from "../../model/job.ts";
import { nearestName } from "../../model/nearest-name.ts";
import { reportBug } from "../api/http-answers.ts";
import type { CallOrder, CallOutcome } from "../api/http-api.ts";
import { cpuMsSince } from "../api/live-queries.ts";
import { parseRequest } from "../api/parse-request.ts";
import {
  isMethodName,
  isReadMethod,
  type MethodName,
  methodNames,
  methods,
  type ParsedRequests,
} from "../api/schemas.ts";
import type { Logger } from "../logging/logger.ts";
import { type ChangeName, changeOf, isChange } from "./api-changes.ts";
import { refusalOfBug } from "./errors-on-wire.ts";
import { openChangesMax, openReadsMax, readSliceMs } from "./limits.ts";

/** Called once, when everything that the outcome reflects is durable. */
export type AnswerCall = (outcome: CallOutcome) => void;

type Fields = { readonly [field: string]: unknown };

/** What calls need of the process around them. */
export interface ApiContext {
  readonly logger: Logger;
  at(): Micros;
  /** Steps the kernel, unless the event is one that is known to stop it: then false. */
  handle(event: ControllerEvent): boolean;
  /** Runs `act` when everything decided so far is durable. */
  hold(act: (sequence: number) => void): void;
  /** Why no new work is taken at present, or null. */
  overload(): CapstanError | null;
  authorise(principal: Principal, method: string, request: Fields): CapstanError | null;
  budgetOf(user: string): UserBudget;
  logSources(question: LogQuestion, principal: Principal): LogSelection;
  /** Answers a method that changes nothing of the cluster, in steps. Throws CapstanError. */
  read(method: MethodName, request: ParsedRequests[MethodName], principal: Principal): ReadSteps;
  fetchLogs(request: ParsedRequests["FetchLogs"], selection: LogSelection): Promise<unknown>;
  /** Where a task is that runs: whom to ask is settled now. Throws CapstanError. */
  readStack(request: ParsedRequests["GetTaskStack"], principal: Principal): () => Promise<unknown>;
  /** Counts an answer: the method, `OK` or the code of the error, and how long it took. */
  count(method: string, code: string, seconds: number): void;
}

type LogRequest = ParsedRequests["FetchLogs"];
type StackRequest = ParsedRequests["GetTaskStack"];
type ChangeRequest = ParsedRequests[ChangeName];

interface OpenChange {
  readonly finish: (result: unknown) => unknown;
  readonly answer: Answer;
}

type Answered = { readonly result: unknown } | { readonly error: CapstanError };
type Answer = (answered: Answered, sequence: number) => void;

/** A read: it yields where the loop may do other things. */
export type ReadSteps = Generator<void, unknown, void>;

const nothing = (): void => undefined;

/** Refused while no new work is taken. */
const addsWork: ReadonlySet<MethodName> = new Set(["LaunchJob", "RetryJob", "RetryTask"]);

/** Some steps, until they took their time. */
function runSlice(steps: ReadSteps): IteratorResult<void, unknown> {
  const endMs = performance.now() + readSliceMs;
  for (;;) {
    const step = steps.next();
    if (step.done === true || performance.now() >= endMs) return step;
  }
}

export class ApiCalls {
  readonly #context: ApiContext;
  readonly #changes = new Map<number, OpenChange>();
  #lastCall = 0;
  #openReads = 0;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  /** Changes that the kernel has not answered, or whose answer is not durable. */
  get openCount(): number {
    return this.#changes.size;
  }

  /** Carries a call out. What it returns drops the answer: nobody waits for it any more. */
  call(order: CallOrder, answerCall: AnswerCall): () => void {
    const { method } = order;
    const startedMs = performance.now();
    const answer: Answer = (answered, sequence) => {
      const isError = "error" in answered;
      const known = isMethodName(method) ? method : "unknown";
      const seconds = (performance.now() - startedMs) / 1_000;
      const code = isError ? answered.error.code : "OK";
      // A live query is one question, however often it is read: those are counted where they are.
      if (order.onWork === undefined) this.#context.count(known, code, seconds);
      answerCall(
        isError
          ? { result: null, error: answered.error, sequence }
          : { result: answered.result, error: null, sequence },
      );
    };
    try {
      return this.#carryOut(order, answer);
    } catch (thrown) {
      const error = this.#asError(thrown, method);
      this.#context.hold((sequence) => answer({ error }, sequence));
      return nothing;
    }
  }

  /** The request of a read method, parsed, that the caller may make. Throws CapstanError. */
  checkRead({ principal, method, request }: Omit<CallOrder, "onWork">): unknown {
    const parsed = this.#check({ principal, method, request });
    if (isReadMethod(method)) return parsed;
    const why = `${method}: changes something: leave "at" out`;
    throw new CapstanError("INVALID_ARGUMENT", why);
  }

  /** The kernel's answer to a change, which is durable. */
  deliver(
    { call, result, error }: Extract<ControllerSend, { type: "reply-to-call" }>,
    sequence: number,
  ): void {
    const change = this.#changes.get(call);
    if (change === undefined) return; // Whoever asked has gone.
    this.#changes.delete(call);
    change.answer(error === null ? { result: change.finish(result) } : { error }, sequence);
  }

  /** Everything that waits is refused: the process ends. */
  refuseAll(error: CapstanError, sequence: number): void {
    for (const change of this.#changes.values()) change.answer({ error }, sequence);
    this.#changes.clear();
  }

  #carryOut(order: CallOrder, answer: Answer): () => void {
    const { principal } = order;
    const parsed = this.#check(order);
    const method = order.method as MethodName; // Or it would have been refused.
    if (isChange(method)) return this.#change(method, parsed as ChangeRequest, principal, answer);
    if (method === "FetchLogs") return this.#fetchLogs(parsed as LogRequest, principal, answer);
    if (method === "GetTaskStack") {
      const ask = this.#context.readStack(parsed as StackRequest, principal);
      return this.#askWorkers(method, ask, answer);
    }
    return this.#read(this.#context.read(method, parsed, principal), order, answer);
  }

  #check({ principal, method, request }: CallOrder): ParsedRequests[MethodName] {
    if (!isMethodName(method)) throw unknownMethod(method);
    const refusal = checkRole(method, principal);
    if (refusal !== null) throw refusal;
    const parsed: ParsedRequests[MethodName] = parseRequest(method, request);
    const denied = this.#context.authorise(principal, method, parsed);
    if (denied !== null) throw denied;
    return parsed;
  }

  /** What takes long is done in slices, between which the loop goes on. */
  #read(steps: ReadSteps, order: CallOrder, answer: Answer): () => void {
    const first = runSlice(steps);
    if (first.done === true) {
      this.#context.hold((sequence) => answer({ result: first.value }, sequence));
      return nothing;
    }
    if (this.#openReads >= openReadsMax) {
      throw new CapstanError("OVERLOADED", `${openReadsMax} long reads are open: try again`);
    }
    this.#openReads++;
    let next: NodeJS.Immediate | null = null;
    const goOn = (): void => {
      const before = process.threadCpuUsage();
      const answered = this.#goOn(steps, order.method);
      order.onWork?.(cpuMsSince(before));
      if (answered === null) {
        next = setImmediate(goOn);
        return;
      }
      next = null;
      this.#openReads--;
      this.#context.hold((sequence) => answer(answered, sequence));
    };
    next = setImmediate(goOn);
    return () => {
      if (next === null) return;
      clearImmediate(next);
      this.#openReads--;
    };
  }

  /** One more slice; null if that was not the last. */
  #goOn(steps: ReadSteps, method: string): Answered | null {
    try {
      const slice = runSlice(steps);
      return slice.done === true ? { result: slice.value } : null;
    } catch (thrown) {
      return { error: this.#asError(thrown, method) };
    }
  }

  #change(
    method: ChangeName,
    parsed: ChangeRequest,
    principal: Principal,
    answer: Answer,
  ): () => void {
    const context = this.#context;
    const overload = addsWork.has(method) ? context.overload() : null;
    if (overload !== null) throw overload;
    if (this.#changes.size >= openChangesMax) {
      throw new CapstanError(
        "OVERLOADED",
        `${openChangesMax} changes wait for the disk: try again`,
      );
    }
    const at = context.at();
    const budgetOf = (user: string): UserBudget => context.budgetOf(user);
    const { request, finish } = changeOf(method, parsed as never, { principal, at, budgetOf });
    const call = ++this.#lastCall;
    this.#changes.set(call, { finish, answer });
    const drop = (): void => void this.#changes.delete(call);
    if (context.handle({ type: "api-called", at, call, principal, request })) return drop;
    drop();
    throw refusalOfBug();
  }

  #fetchLogs(request: LogRequest, principal: Principal, answer: Answer): () => void {
    const { fetchLogs, logSources } = this.#context;
    const selection = logSources(request, principal);
    return this.#askWorkers("FetchLogs", () => fetchLogs(request, selection), answer);
  }

  /** What workers know: they are asked once what we know of them is durable. */
  #askWorkers(method: MethodName, ask: () => Promise<unknown>, answer: Answer): () => void {
    this.#context.hold((sequence) => {
      ask().then(
        (result) => answer({ result }, sequence),
        (thrown: unknown) => answer({ error: this.#asError(thrown, method) }, sequence),
      );
    });
    return nothing;
  }

  /** What went wrong in a way that it should not is told by an id that the log has too. */
  #asError(thrown: unknown, method: string): CapstanError {
    if (thrown instanceof CapstanError) return thrown;
    return reportBug(this.#context.logger, thrown, method);
  }
}

const shownCharactersMax = 80;

function unknownMethod(method: string): CapstanError {
  const shown = method.slice(0, shownCharactersMax);
  const nearest = nearestName(shown, methodNames);
  const hint = nearest === null ? "" : `did you mean ${nearest}? `;
  return new CapstanError(
    "NOT_FOUND",
    `there is no method ${JSON.stringify(shown)}; ${hint}GET /v1/openapi.json lists them`,
  );
}

function checkRole(method: MethodName, principal: Principal): CapstanError | null {
  const { access } = methods[method];
  if (access.includes(principal.role)) return null;
  return new CapstanError(
    "FORBIDDEN",
    `${method}: needs role ${access.join(" or ")}; this token has role ${principal.role}`,
    { details: { role: principal.role, needed: access } },
  );
}
