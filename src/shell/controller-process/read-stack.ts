/**
 * GetTaskStack: asks the worker where the attempt of a task is. A worker that does not answer, or
 * answers nonsense, is a reason and not an error.
 *
 * @module
 */

import { z } from "zod";
import type { StackTarget } from "../../controller/stack-target.ts";
import type { Responses } from "../api/schemas.ts";
import type { StackView } from "../data-plane/stack-route.ts";
import type { WorkerHttp } from "./worker-http.ts";

type Response = Responses["GetTaskStack"];

const viewSchema: z.ZodType<StackView> = z.object({
  summary: z.string(),
  frames: z.array(
    z.object({ function: z.string(), file: z.string(), line: z.int(), column: z.int() }),
  ),
  waitsFor: z.array(z.string()),
  processes: z.array(
    z.object({
      ...{ pid: z.int(), parentPid: z.int(), command: z.string(), state: z.string() },
      ...{ waitsIn: z.string(), threads: z.int(), cpuMs: z.number(), rssBytes: z.number() },
    }),
  ),
  lastOutputAtMs: z.number().nullable(),
  output: z.array(
    z.object({ atMs: z.number(), stream: z.enum(["stdout", "stderr"]), text: z.string() }),
  ),
});

export async function readStack(http: WorkerHttp, target: StackTarget): Promise<Response> {
  const { attemptId, workerId, reason } = target;
  if (reason !== "" || attemptId === null || workerId === null) return unseen(target, reason);
  try {
    const worker = { workerId, address: target.address };
    const { status, body } = await http.get(worker, `/v1/stacks/${attemptId}`);
    if (status === 404) return unseen(target, `worker ${workerId} does not run it any more`);
    if (status !== 200) return unseen(target, `worker ${workerId} answered ${status}`);
    return seen(target, viewSchema.parse(JSON.parse(body)));
  } catch (error) {
    const isNonsense = error instanceof z.ZodError || error instanceof SyntaxError;
    const why = error instanceof Error ? error.message : String(error);
    const what = isNonsense ? "answered what is no stack" : `failed: ${why}`;
    return unseen(target, `worker ${workerId} ${what}`);
  }
}

function seen(target: StackTarget, { lastOutputAtMs, output, ...view }: StackView): Response {
  return {
    ...aboutOf(target),
    ...view,
    available: true,
    lastOutputAt: lastOutputAtMs === null ? null : timeOf(lastOutputAtMs),
    output: output.map(({ atMs, ...line }) => ({ ...line, at: timeOf(atMs) })),
  };
}

/** The answer where nobody can look, with why. */
export function unseen(target: StackTarget, summary: string): Response {
  const nothing = { frames: [], waitsFor: [], processes: [], output: [] };
  return { ...aboutOf(target), ...nothing, available: false, summary, lastOutputAt: null };
}

function aboutOf({ address: _, reason: __, ...about }: StackTarget) {
  return about;
}

function timeOf(unixMs: number): string {
  return new Date(unixMs).toISOString();
}
