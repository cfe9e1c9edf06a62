/**
 * What must be true after every round of every fault: all work is over, the doctor finds nothing,
 * no worker is charged for anything, and no process of a command is left.
 *
 * @module
 */

import type { DoctorReport, WorkerView } from "../../../src/cli/responses.ts";
import type { Client } from "../../../src/client/index.ts";
import { isAlive, sightProcess } from "../../../src/shell/launcher/process-table.ts";
import { processesWith, untilNothing } from "./machine.ts";

const oracleMs = 30_000;

/** Throws with what is left of work that is over, if it does not go away by itself. */
export async function assertNothingIsLeft(
  client: Client,
  directory: string,
  ms = oracleMs,
): Promise<void> {
  await untilNothing("the work is over, but", () => findLeftovers(client, directory), ms);
}

async function findLeftovers(client: Client, directory: string): Promise<readonly string[]> {
  const doctor = (await client.call("GetDoctorReport")) as DoctorReport;
  const workers = (await client.workers()) as unknown as readonly WorkerView[];
  const healthy = doctor.ok && doctor.orphans.length === 0;
  return [
    ...(healthy ? [] : [`the doctor says ${JSON.stringify(doctor)}`]),
    ...workers.filter((worker) => !isAtZero(worker)).map(describeUsage),
    ...(await findOpenJobs(client)),
    ...findCommands(directory),
  ];
}

function isAtZero({ committed, runningTaskIds, stoppingAttemptIds }: WorkerView): boolean {
  const amounts = [committed.cpuMilli, committed.memoryBytes, committed.diskBytes];
  const ids = runningTaskIds.length + stoppingAttemptIds.length;
  return amounts.every((amount) => amount === 0) && ids === 0;
}

function describeUsage({ workerId, state, committed, runningTaskIds }: WorkerView): string {
  const charge = JSON.stringify(committed);
  return `${workerId}, ${state}, is charged ${charge} for ${runningTaskIds.join(", ")}`;
}

async function findOpenJobs(client: Client): Promise<readonly string[]> {
  const open: string[] = [];
  for (let pageToken = ""; ; ) {
    const page = (await client.call("ListJobs", { pageSize: 500, pageToken })) as JobPage;
    for (const { jobId, state } of page.jobs) {
      // The graph of a client is open as long as the client is.
      if (/^(?:PENDING|RUNNING)$/.test(state) && !/\/graph-\d+$/.test(jobId)) {
        open.push(`${jobId} is ${state}`);
      }
    }
    pageToken = page.nextPageToken;
    if (pageToken === "") return open;
  }
}

interface JobPage {
  readonly jobs: readonly { readonly jobId: string; readonly state: string }[];
  readonly nextPageToken: string;
}

/** Processes of commands: all in the cluster's directory that are not Capstan's own. */
export function findCommands(directory: string): readonly string[] {
  return processesWith(directory)
    .filter(({ command }) => !/\/(?:controller|worker|launcher)-entry\.ts /.test(command))
    .filter((each) => isAlive(each))
    .map(({ pid, command }) => {
      const parent = sightProcess(pid)?.parentPid ?? 0;
      return `process ${pid} of parent ${parent} lives: ${command}`;
    });
}
