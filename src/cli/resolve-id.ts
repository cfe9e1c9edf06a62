/**
 * Names without a leading slash: what `run --name train` launched is found as `train` too. Below
 * the user, or, in a program that is a task itself, below its job.
 *
 * @module
 */

import { CapstanError } from "../model/errors.ts";
import { callApi } from "./api.ts";
import type { Target } from "./global-flags.ts";

/**
 * The whole path of a job, `/ada/train` of `train`, or of one of its tasks: `/ada/train/0` of
 * `train/0`. Asks the controller which job is meant, if it must: one of this user, else the only
 * one that has the name.
 *
 * @throws CapstanError NOT_FOUND if there is none, and what else the API answers; UNREACHABLE
 */
export async function resolveJobId(target: Target, id: string): Promise<string> {
  if (id.startsWith("/")) return id;
  if (target.jobId !== "") return `${target.jobId}/${id}`;
  const index = /\/\d+$/.exec(id)?.[0] ?? "";
  const name = id.slice(0, id.length - index.length);
  const { job } = await callApi(target, "GetJobStatus", { jobId: name });
  return `${job.jobId}${index}`;
}

/**
 * Asks about what may also be the key of a task, which needs no slash: about `id` as it is, which
 * the controller understands also as a name, and if there is no such thing, in a program that is a
 * task, about the job or task of that name below its job.
 *
 * @throws CapstanError what `ask` throws about the id as it is
 */
export async function askAbout<R>(
  target: Target,
  id: string,
  ask: (id: string) => Promise<R>,
): Promise<R> {
  try {
    return await ask(id);
  } catch (error) {
    const isUnknown = error instanceof CapstanError && error.code === "NOT_FOUND";
    if (!isUnknown || id.startsWith("/") || target.jobId === "") throw error;
    const path = await resolveJobId(target, id);
    return ask(path).catch((second: unknown) => {
      throw second instanceof CapstanError && second.code === "NOT_FOUND" ? error : second;
    });
  }
}
