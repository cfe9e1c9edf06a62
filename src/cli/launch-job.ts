/**
 * `LaunchJob` for somebody at a terminal: one job, also when the reply to the launch is lost.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import { callApi } from "./api.ts";
import type { Target } from "./global-flags.ts";
import { PatientCalls } from "./patient-calls.ts";
import type { Requests, Responses, Unchanging } from "./responses.ts";

export interface Launch {
  readonly target: Target;
  readonly request: Unchanging<Requests["LaunchJob"]>;
  /** Nobody else can have chosen the name: an open job that has it is this one. */
  readonly isNameOurs: boolean;
  readonly notify: (message: string) => void;
}

/**
 * Launches a job, and asks again if nobody knows whether the launch arrived.
 *
 * @throws CapstanError what the API answers; UNREACHABLE when the controller does not listen, or
 * when it may have the job and asking again could launch a second one
 */
export async function launchJob(launch: Launch): Promise<Responses["LaunchJob"]> {
  const { target, request, isNameOurs, notify } = launch;
  try {
    return await callApi(target, "LaunchJob", request);
  } catch (error) {
    if (!(error instanceof CapstanError) || !mayHaveArrived(error)) throw error;
    if (!isNameOurs && request.onExisting !== "KEEP") throw uncertain(request.name, error);
    const calls = new PatientCalls({ target, notify });
    return await calls.call("LaunchJob", { ...request, onExisting: "KEEP" });
  }
}

function mayHaveArrived({ code, details }: CapstanError): boolean {
  return code === "TIMED_OUT" || (code === "UNREACHABLE" && details.reason !== "ECONNREFUSED");
}

function uncertain(name: string, cause: CapstanError): CapstanError {
  const what = `${cause.message} The job may have been launched: capstan job show ${name} tells`;
  return new CapstanError(cause.code, what, { details: cause.details, cause });
}
