/**
 * The task that a program was started as, as its environment tells it: the cluster that it belongs
 * to, and its job.
 *
 * @module
 */

/** What a command finds in its environment. */
export interface SurroundingTask {
  readonly url: string;
  /** Speaks for the job and what is below it. */
  readonly token: string;
  readonly jobId: string;
}

/** The task around this program; null for a program that nobody's job started. */
export function surroundingTask(env: {
  readonly [name: string]: string | undefined;
}): SurroundingTask | null {
  const { CAPSTAN_CONTROLLER_URL: url, CAPSTAN_TOKEN: token, CAPSTAN_JOB_ID: jobId } = env;
  return url && token && jobId ? { url, token, jobId } : null;
}

/**
 * The job below which a program names jobs that have no leading slash: its own, if it calls its own
 * cluster with the token that it was given; else "".
 */
export function jobAround(
  env: { readonly [name: string]: string | undefined },
  { url, token }: { readonly url: string; readonly token: string | undefined },
): string {
  const task = surroundingTask(env);
  return task !== null && task.url === url && task.token === token ? task.jobId : "";
}
