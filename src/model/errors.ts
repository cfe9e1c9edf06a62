/**
 * The closed registry of errors at a boundary: HTTP status, CLI exit code, whether a second try can
 * help. `docs/reference/errors.md` says the same; a test keeps the two equal.
 *
 * @module
 */

/** One registry entry. */
interface ErrorClass {
  readonly httpStatus: number;
  readonly exitCode: number;
  readonly retryable: boolean;
  readonly meaning: string;
}

export const errorRegistry = {
  INVALID_ARGUMENT: {
    httpStatus: 400,
    exitCode: 2,
    retryable: false,
    meaning: "A field of the request has the wrong type or value; the message names it.",
  },
  INVALID_SPEC: {
    httpStatus: 400,
    exitCode: 4,
    retryable: false,
    meaning: "A task or job specification contradicts itself or asks for what cannot exist.",
  },
  UNSERIALISABLE: {
    httpStatus: 400,
    exitCode: 4,
    retryable: false,
    meaning:
      "An argument holds something that cannot travel; the message has its path. A result that " +
      "does fails its task (TASK_FAILED) with the same message.",
  },
  GRAPH_CYCLE: {
    httpStatus: 400,
    exitCode: 4,
    retryable: false,
    meaning: "The submitted tasks depend on each other in a circle. Nothing was created.",
  },
  UNKNOWN_DEPENDENCY: {
    httpStatus: 400,
    exitCode: 4,
    retryable: false,
    meaning: "A submitted task depends on one that does not exist. Nothing was created.",
  },
  KEY_CONFLICT: {
    httpStatus: 409,
    exitCode: 4,
    retryable: false,
    meaning: "The key is bound to another specification that somebody still wants.",
  },
  ALREADY_EXISTS: {
    httpStatus: 409,
    exitCode: 4,
    retryable: false,
    meaning: "An open job has that name, or that is being created already.",
  },
  CONFLICT: {
    httpStatus: 409,
    exitCode: 4,
    retryable: false,
    meaning: "What is asked for does not go with the state that it meets; the message says why.",
  },
  QUOTA_EXCEEDED: {
    httpStatus: 403,
    exitCode: 4,
    retryable: false,
    meaning: "The user's limits do not allow it; nothing was created.",
  },
  UNAUTHENTICATED: {
    httpStatus: 401,
    exitCode: 4,
    retryable: false,
    meaning: "A token is needed, or the one given is not known.",
  },
  FORBIDDEN: {
    httpStatus: 403,
    exitCode: 4,
    retryable: false,
    meaning: "The host, origin or token may not do this.",
  },
  NOT_FOUND: {
    httpStatus: 404,
    exitCode: 3,
    retryable: false,
    meaning: "No such task, worker, method or page, or it was forgotten.",
  },
  WORKER_ID_IN_USE: {
    httpStatus: 409,
    exitCode: 4,
    retryable: true,
    meaning: "A live worker already has this id.",
  },
  STALE_EPOCH: {
    httpStatus: 409,
    exitCode: 4,
    retryable: true,
    meaning: "The sender speaks for a controller that has been replaced.",
  },
  PROTOCOL_ERROR: {
    httpStatus: 400,
    exitCode: 4,
    retryable: false,
    meaning:
      "A frame was truncated, too large, malformed or out of place; the connection is closed.",
  },
  VERSION_MISMATCH: {
    httpStatus: 426,
    exitCode: 4,
    retryable: false,
    meaning: "The two sides speak different versions of the protocol.",
  },
  OVERLOADED: {
    httpStatus: 503,
    exitCode: 4,
    retryable: true,
    meaning: "A bound was reached; nothing was accepted. Try again later.",
  },
  UNREACHABLE: {
    httpStatus: 503,
    exitCode: 5,
    retryable: true,
    meaning: "The controller does not answer.",
  },
  ADDRESS_IN_USE: {
    httpStatus: 500,
    exitCode: 4,
    retryable: false,
    meaning: "Another program listens on that port.",
  },
  DATA_DIRECTORY_IN_USE: {
    httpStatus: 500,
    exitCode: 4,
    retryable: false,
    meaning: "Another controller has this data directory open.",
  },
  DISK_FAILED: {
    httpStatus: 500,
    exitCode: 74,
    retryable: false,
    meaning: "The journal could not be written or read. Nothing unacknowledged was kept.",
  },
  TIMED_OUT: {
    httpStatus: 504,
    exitCode: 124,
    retryable: true,
    meaning: "The wait was longer than asked for; the work goes on.",
  },
  CLIENT_CLOSED: {
    httpStatus: 499,
    exitCode: 4,
    retryable: false,
    meaning: "The client was closed while a call was open.",
  },
  TASK_FAILED: {
    httpStatus: 500,
    exitCode: 1,
    retryable: false,
    meaning: "The task's function threw.",
  },
  TASK_CANCELLED: {
    httpStatus: 409,
    exitCode: 1,
    retryable: false,
    meaning: "Somebody cancelled the task, or one that it depends on.",
  },
  TASK_TIMED_OUT: {
    httpStatus: 500,
    exitCode: 1,
    retryable: false,
    meaning: "The task ran longer than its timeout.",
  },
  TASK_UNSCHEDULABLE: {
    httpStatus: 500,
    exitCode: 1,
    retryable: false,
    meaning: "The task found no worker within its scheduling timeout.",
  },
  TASK_EXITED: {
    httpStatus: 500,
    exitCode: 1,
    retryable: false,
    meaning: "The task ended its executor instead of returning.",
  },
  TASK_OUT_OF_MEMORY: {
    httpStatus: 500,
    exitCode: 1,
    retryable: false,
    meaning: "The task's executor ran out of memory.",
  },
  TASK_BUILD_FAILED: {
    httpStatus: 500,
    exitCode: 1,
    retryable: false,
    meaning: "The task's work directory could not be made, or its program could not be started.",
  },
  TASK_KILLED: {
    httpStatus: 500,
    exitCode: 1,
    retryable: false,
    meaning: "The task's process was killed by somebody else more often than its limit.",
  },
  TASK_PREEMPTED: {
    httpStatus: 500,
    exitCode: 1,
    retryable: false,
    meaning: "The task was taken away for more important work more often than its limit.",
  },
  TASK_NOT_STARTED: {
    httpStatus: 500,
    exitCode: 1,
    retryable: false,
    meaning: "Workers took the task and did not start it in time, more often than its limit.",
  },
  MAY_HAVE_RUN: {
    httpStatus: 500,
    exitCode: 1,
    retryable: false,
    meaning: "An exclusive task lost its worker, or was taken away, and it may have run.",
  },
  RESCHEDULE_LIMIT: {
    httpStatus: 500,
    exitCode: 1,
    retryable: false,
    meaning: "The task asked to run later more often than it may.",
  },
  GANG_MEMBER_FAILED: {
    httpStatus: 500,
    exitCode: 1,
    retryable: false,
    meaning: "Another task of its gang ended, and a gang runs whole or not at all.",
  },
  TASK_MODULE_UNLOADABLE: {
    httpStatus: 500,
    exitCode: 1,
    retryable: false,
    meaning: "The task's module could not be bundled, loaded or has no such function.",
  },
  TASK_MODULE_RUNS_PROGRAM: {
    httpStatus: 400,
    exitCode: 1,
    retryable: false,
    meaning:
      "A task's module connects or starts a cluster while it is imported on a worker: it is " +
      "thrown there, and the task fails with TASK_MODULE_UNLOADABLE.",
  },
  INPUT_UNLOADABLE: {
    httpStatus: 500,
    exitCode: 1,
    retryable: false,
    meaning: "An input of the task could not be read on any worker that was tried.",
  },
  VALUE_LOST: {
    httpStatus: 500,
    exitCode: 1,
    retryable: false,
    meaning:
      "The value of a scattered task, or of a call of an actor, is gone with its last holder: " +
      "nothing can compute it again. Or what a task of a job returned was not kept.",
  },
  LOCK_LOST: {
    httpStatus: 409,
    exitCode: 4,
    retryable: true,
    meaning: "The lease of a lock ran out, or its session ended, while it was held or waited for.",
  },
  WORKER_DIED: {
    httpStatus: 500,
    exitCode: 1,
    retryable: false,
    meaning: "Workers died under the task more often than its limit.",
  },
  ACTOR_LOST: {
    httpStatus: 500,
    exitCode: 1,
    retryable: false,
    meaning: "The actor ended, and its object with it, or a call that may have run ended with it.",
  },
  BUG: {
    httpStatus: 500,
    exitCode: 70,
    retryable: false,
    meaning: "A promise inside Capstan was broken. Please report it with the journal.",
  },
} as const satisfies { readonly [code: string]: ErrorClass };

export type ErrorCode = keyof typeof errorRegistry;

/** A failure at a boundary. `details` is for programs; `message` names the field and what to do. */
export class CapstanError extends Error {
  readonly code: ErrorCode;
  readonly details: { readonly [name: string]: unknown };

  constructor(
    code: ErrorCode,
    message: string,
    options: { details?: { readonly [name: string]: unknown }; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = "CapstanError";
    this.code = code;
    this.details = options.details ?? {};
  }

  get retryable(): boolean {
    return errorRegistry[this.code].retryable;
  }

  /** The body of an HTTP error and what the CLI prints with `--json`. */
  toJSON(): { error: { code: string; message: string; details: unknown; retryable: boolean } } {
    return {
      error: {
        code: this.code,
        message: this.message,
        details: this.details,
        retryable: this.retryable,
      },
    };
  }
}
