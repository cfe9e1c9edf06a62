/**
 * What the killed worker cost, as the controller tells it.
 *
 * @module
 */

import type { Client } from "capstan";

/** What a killed worker left behind. */
export interface Aftermath {
  readonly killedPid: number;
  /** Attempts beyond one per task. */
  readonly recomputed: number;
  readonly doctorOk: boolean;
  /** The verdict of the audit, for people. */
  readonly doctor: string;
}

interface TaskPage {
  readonly tasks: readonly { readonly attempts: readonly unknown[] }[];
  readonly nextPageToken: string;
}

/** Counts the attempts beyond one per task, over all tasks that the controller knows. */
export async function countRecomputed(client: Client): Promise<number> {
  let recomputed = 0;
  let pageToken = "";
  do {
    const page = (await client.call("ListTasks", { pageSize: 500, pageToken })) as TaskPage;
    for (const { attempts } of page.tasks) recomputed += Math.max(0, attempts.length - 1);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return recomputed;
}

interface DoctorReport {
  readonly ok: boolean;
  readonly invariantsChecked: number;
  readonly violations: readonly { readonly rule: string; readonly message: string }[];
}

/** Asks the controller to audit itself. */
export async function examine(
  client: Client,
): Promise<{ readonly doctorOk: boolean; readonly doctor: string }> {
  const report = (await client.call("GetDoctorReport", {})) as DoctorReport;
  const doctor = report.ok
    ? `healthy, ${report.invariantsChecked} invariants checked`
    : `found ${JSON.stringify(report)}`;
  return { doctorOk: report.ok, doctor };
}
