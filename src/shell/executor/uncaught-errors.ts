/**
 * Where functions run: errors that nobody caught, and calls of `process.exit`. The engine runs them
 * in the async context of what began them, so it is known whose they are.
 *
 *     of what runs, or of nobody   the thread or process ends, and they are told to be the reason
 *     of what has ended            told, not charged to whoever runs now; it is not used again
 *
 * The thread of an actor is its own: there what is left of a call is charged to the actor.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";
import type { ErrorRecord } from "../../model/failure.ts";
import { runningTask } from "./context.ts";
import { errorRecordOf } from "./error-record.ts";
import { ExecutionContext } from "./execution-context.ts";
import { FlowLimit } from "./flow-limit.ts";
import { leftoverErrorsBurstMax, leftoverErrorsPerSecondMax } from "./limits.ts";

export interface UncaughtErrorsOptions {
  /** Before the end: of whom it is the fault, if anybody's, and what was thrown, if anything. */
  readonly blame: (sequence: number | null, error: ErrorRecord | null) => void;
  readonly leftover: (message: string, fields: { readonly [name: string]: unknown }) => void;
  /** The actor whose thread this is, once it runs; null in a thread that tasks share. */
  readonly actor: () => number | null;
}

/** Whose an error is. */
type Owner =
  | { readonly type: "running"; readonly sequence: number }
  | { readonly type: "ended"; readonly functionName: string; readonly fields: object }
  | { readonly type: "nobody" };

interface ModuleLoad {
  readonly functionName: string;
  isOver: boolean;
}

const loads = new AsyncLocalStorage<ModuleLoad>();

/** Runs `load`; what it begins and leaves behind is of the module of this function. */
export async function loadFor<T>(functionName: string, load: () => Promise<T>): Promise<T> {
  const moduleLoad = { functionName, isOver: false };
  try {
    return await loads.run(moduleLoad, load);
  } finally {
    moduleLoad.isOver = true;
  }
}

/** Thrown at what calls `process.exit` when its task has ended. */
class ExitRefused extends Error {
  override readonly name = "ExitRefused";

  constructor(code: unknown) {
    super(`process.exit(${code ?? ""}) would have ended what runs there now`);
  }
}

export class UncaughtErrors {
  readonly #options: UncaughtErrorsOptions;
  readonly #flow = new FlowLimit({
    burst: leftoverErrorsBurstMax,
    perSecond: leftoverErrorsPerSecondMax,
  });
  readonly #exit = process.exit.bind(process);
  #untold = 0;

  constructor(options: UncaughtErrorsOptions) {
    this.#options = options;
  }

  /** From now on errors and exits of this thread or process come here. */
  takeOver(): void {
    process.on("uncaughtException", (error: unknown) => {
      // A module that listens too has taken this on itself, as it could without us.
      if (process.listenerCount("uncaughtException") > 1 || error instanceof ExitRefused) return;
      this.#onUncaught(error);
    });
    process.exit = (code) => this.#onExit(code);
  }

  #onUncaught(thrown: unknown): void {
    const owner = this.#owner();
    const error = errorRecordOf(thrown);
    if (owner.type === "ended") return this.#tellLeftover(owner, error);
    this.#tellBlame(owner, error);
    this.#exit(1);
  }

  #onExit(code: Parameters<typeof process.exit>[0]): never {
    const owner = this.#owner();
    if (owner.type !== "ended") {
      this.#tellBlame(owner, null);
      return this.#exit(code);
    }
    const refused = new ExitRefused(code);
    this.#tellLeftover(owner, errorRecordOf(refused));
    throw refused;
  }

  #owner(): Owner {
    const context = runningTask();
    if (context instanceof ExecutionContext) return this.#ownerOf(context);
    const load = loads.getStore();
    if (load?.isOver !== true) return { type: "nobody" };
    return this.#leftBy(`the module of ${load.functionName}`, {});
  }

  #ownerOf(context: ExecutionContext): Owner {
    const { sequence, functionName, taskId, attempt } = context;
    if (!context.isEnded) return { type: "running", sequence };
    return this.#leftBy(`${functionName}, which has ended`, { taskId, attempt });
  }

  #leftBy(functionName: string, fields: object): Owner {
    const actor = this.#options.actor();
    if (actor === null) return { type: "ended", functionName, fields };
    return { type: "running", sequence: actor };
  }

  #tellBlame(owner: Owner, error: ErrorRecord | null): void {
    const sequence = owner.type === "running" ? owner.sequence : null;
    this.#options.blame(sequence, error);
  }

  #tellLeftover({ functionName, fields }: Extract<Owner, { type: "ended" }>, error: ErrorRecord) {
    if (this.#flow.take(1) === 0) return void this.#untold++;
    const { name, message, stack } = error;
    const untoldBefore = this.#untold;
    this.#untold = 0;
    this.#options.leftover(`left behind by ${functionName}: ${name}: ${message}`, {
      ...{ ...fields, stack },
      ...(untoldBefore === 0 ? {} : { untoldBefore }),
    });
  }
}
