/**
 * What the API takes and answers, as types, by the names under which the commands speak of it. The
 * schemas of the API are the one definition; nothing is described here a second time.
 *
 * @module
 */

import type { Requests, Responses } from "../shell/api/schemas.ts";

export type { Requests, Responses };

export type JobView = Responses["GetJobStatus"]["job"];
export type TaskView = Responses["GetTaskStatus"]["task"];
export type AttemptView = TaskView["attempts"][number];
export type WorkerView = Responses["GetWorkerStatus"]["worker"];
export type Explanation = Responses["Explain"];
export type DoctorReport = Responses["GetDoctorReport"];
export type LogPage = Responses["FetchLogs"];
export type LogLine = LogPage["lines"][number];
export type UserView = Responses["ListUsers"]["users"][number];

/** One line of a story or of the log of events; further fields differ from kind to kind. */
export interface EventView {
  readonly at: string;
  readonly type: string;
  readonly message?: string;
  readonly [field: string]: unknown;
}

/** The same, all the way down as something that nobody changes. */
export type Unchanging<T> = T extends (infer E)[]
  ? readonly Unchanging<E>[]
  : T extends object
    ? { readonly [K in keyof T]: Unchanging<T[K]> }
    : T;
