/**
 * What the API answers, as builders with overrides: for tests of whoever reads it.
 *
 * @module
 */

import type {
  AttemptView,
  JobView,
  LogLine,
  LogPage,
  Responses,
  TaskView,
  WorkerView,
} from "../../src/cli/responses.ts";

import { noMemory } from "../../src/protocol/messages.ts";

export const oneCpu = {
  ...{ cpuMilli: 1_000, memoryBytes: 0, diskBytes: 0, devices: [], custom: {} },
};

export function anAttempt(overrides: Partial<AttemptView> = {}): AttemptView {
  return {
    ...{ attemptId: "1.1", workerId: "w-1", incarnation: "i-1", state: "ENDED" },
    ...{ cause: "failed", exitCode: null, signal: null, oom: false, stderrTail: "" },
    ...{ startedAt: "2026-01-01T00:00:01.000Z", endedAt: "2026-01-01T00:00:03.000Z" },
    ...{ assignedAt: null, peakRssBytes: 0, cpuMs: 0, granted: oneCpu },
    ...overrides,
  };
}

export function aTask(overrides: Partial<TaskView> = {}): TaskView {
  return {
    ...{ taskId: "/ann/x/0", jobId: "/ann/x", key: "", name: "x", index: 0, state: "SUCCEEDED" },
    ...{ workerId: null, attempts: [], inputs: [], error: null, pendingReason: null },
    ...{ progress: null, retryRefusal: null, part: null, calls: null },
    ...overrides,
  };
}

export function aJob(overrides: Partial<JobView> = {}): JobView {
  return {
    ...{ jobId: "/ann/x", user: "ann", state: "SUCCEEDED", error: null, band: "INTERACTIVE" },
    ...{ replicas: 1, taskStateCounts: { SUCCEEDED: 1 }, failureCount: 0, preemptionCount: 0 },
    ...{ failedTaskCount: 0, submittedAt: "2026-01-01T00:00:00.000Z", pendingReason: null },
    ...{ startedAt: "2026-01-01T00:00:01.000Z", finishedAt: "2026-01-01T00:01:05.000Z" },
    ...{ parentJobId: null, childJobIds: [], stoppingAttempts: 0, spec: null },
    ...overrides,
  };
}

export function aWorker(overrides: Partial<WorkerView> = {}): WorkerView {
  return {
    ...{ workerId: "w-1", incarnation: "a", address: "127.0.0.1:9", state: "HEALTHY" },
    ...{ pid: 1, slots: 1, commandSlots: 256 },
    ...{ stateReason: "", lastHeartbeatAt: null, attributes: {}, total: oneCpu },
    ...{ committed: oneCpu, held: oneCpu, available: oneCpu, runningTaskIds: ["t"] },
    ...{ runningJobIds: [], stoppingAttemptIds: [], heldValueBytes: 0, ...noMemory },
    ...overrides,
  };
}

export function aLine(text: string, overrides: Partial<LogLine> = {}): LogLine {
  return {
    ...{ taskId: "/ann/x/0", attemptId: "1.1", at: "2026-01-01T00:00:02.000Z" },
    ...{ stream: "stdout", text },
    ...overrides,
  };
}

export function aLogPage(lines: LogLine[], overrides: Partial<LogPage> = {}): LogPage {
  return { lines, cursor: "c", droppedBytes: 0, complete: true, unavailable: [], ...overrides };
}

export function anExplanation(overrides: Partial<Responses["Explain"]> = {}): Responses["Explain"] {
  return {
    ...{ id: "/ann/x", kind: "JOB", state: "PENDING", summary: "no worker has a gpu" },
    ...{ canRunNow: false, canEverRun: false, reasons: [], wakers: [], aheadCount: 0, ahead: [] },
    ...{ holders: [], change: null, deadlineAt: null },
    ...overrides,
  };
}
