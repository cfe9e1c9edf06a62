/**
 * What the killed worker cost, as the controller tells it.
 *
 * @module
 */

import type { Client } from "capstan";

/** What a killed worker left behind. */
export interface Aftermath {
  readonly killedPid: number;
  /** Executions that were done again. */
  readonly recomputed: number;
  readonly doctorOk: boolean;
  /** The verdict of the audit, for people. */
  readonly doctor: string;
}

/** How many executions the controller had done again. */
export async function countRecomputed(client: Client): Promise<number> {
  const info = (await client.call("GetClusterInfo", {})) as { readonly recomputedCount: number };
  return info.recomputedCount;
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
